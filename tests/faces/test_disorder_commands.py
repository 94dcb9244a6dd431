"""The commands on conditions: show, compare, disorder and atlas; plain warnings, JSON, reports, refusals."""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from spinula.core.errors import InvalidInputError, OutputExistsError, UnknownNameError, UsageError
from spinula.faces.cli import app
from spinula.faces.report.disorder_figures import atlas_figure, columns, shade
from spinula.presets.compose import NOT_FOR_DIAGNOSIS
from spinula.presets.condition import load_condition
from spinula.studies.disorders.atlas import Cell, Entry
from spinula.studies.disorders.exam import Answer
from spinula.studies.disorders.levels import MEASURES

RUN = CliRunner()


def _run(*words):
    done = RUN.invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_show_tells_what_moved_and_that_it_is_assumed():
    text = _run("show", "fragile_x+mmp9_inhibitor")
    assert NOT_FOR_DIAGNOSIS in " ".join(text.split())
    assert "assumed" in text
    (change,) = json.loads(_run("show", "fragile_x+mmp9_inhibitor", "--json"))["changes"]
    assert [edit.get("factor", edit.get("restore")) for edit in change["edits"]] == [1.25, 1.0]
    document = json.loads(_run("show", "fragile_x+juvenile", "--json"))
    assert document["changes"][0]["value"] == pytest.approx(0.325)
    assert "law.noise_slope" in document["assumed"]


def test_a_preset_is_still_shown_as_one():
    assert "two-photon in vivo" in _run("show", "fragile_x")


def test_list_has_the_conditions():
    document = json.loads(_run("list", "--json"))
    assert {"name": "ketamine", "title": "Ketamine, one dose", "kind": "treatment"} in document["conditions"]


@pytest.mark.slow
def test_compare_shows_the_treatment_beside_the_condition():
    document = json.loads(_run("compare", "wild_type", "fragile_x", "--treat", "mmp9_inhibitor", "--json"))
    assert document["note"] == NOT_FOR_DIAGNOSIS
    (turnover,) = [row for row in document["measures"] if row["measure"] == "turnover_ratio"]
    plain, treated = turnover["effects"]
    assert plain > 0.3
    assert treated == pytest.approx(0.0, abs=1e-9)
    assert any("Nagaoka" in said for said in turnover["published"])


def test_compare_refuses_what_is_no_treatment():
    with pytest.raises(UsageError, match="no treatment but a disorder"):
        RUN.invoke(app, ["compare", "wild_type", "fragile_x", "--treat", "cocaine"], catch_exceptions=False)
    with pytest.raises(InvalidInputError, match="cannot go with"):
        RUN.invoke(app, ["disorder", "small_spine_loss+large_spine_loss"], catch_exceptions=False)
    with pytest.raises(UnknownNameError, match="fragile_x"):
        RUN.invoke(app, ["disorder", "fragil_x"], catch_exceptions=False)


@pytest.mark.slow
def test_disorder_prints_levels_exam_and_misses():
    text = " ".join(_run("disorder", "large_spine_loss", "--animals", "3").split())
    assert NOT_FOR_DIAGNOSIS in text
    assert "2 of 2 published directions reproduced" in text
    assert "per group" in text


@pytest.mark.slow
def test_run_disorder_is_the_same_command():
    words = ("large_spine_loss", "--json")
    direct = json.loads(_run("disorder", *words, "--animals", "2"))
    assert json.loads(_run("run", "disorder", *words, "--replicates", "2")) == direct


def test_run_refuses_a_condition_elsewhere():
    with pytest.raises(UsageError, match="takes no second word"):
        RUN.invoke(app, ["run", "iino2020", "fragile_x"], catch_exceptions=False)
    with pytest.raises(UsageError, match="A condition follows"):
        RUN.invoke(app, ["run", "disorder"], catch_exceptions=False)
    with pytest.raises(UsageError, match="takes no --out"):
        RUN.invoke(app, ["run", "disorder", "fragile_x", "--out", "x"], catch_exceptions=False)


@pytest.mark.slow
def test_the_atlas_writes_figure_page_and_table(tmp_path):
    out = tmp_path / "atlas"
    words = ["atlas", "fragile_x", "fear_frontal", "--animals", "0", "--out", str(out)]
    text = " ".join(_run(*words).split())
    assert NOT_FOR_DIAGNOSIS in text
    assert "directions reproduced" in text
    frame = pd.read_csv(out / "points.csv")
    assert set(frame["verdict"]) == {"agrees", "contradicts", "no data"}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "it describes no patient" in page
    assert "Missed, with reasons" in page
    assert (out / "atlas.svg").read_text(encoding="utf-8").startswith("<?xml")
    with pytest.raises(OutputExistsError):
        RUN.invoke(app, words, catch_exceptions=False)


def _entry(name, effects):
    condition, cells = load_condition(name), {}
    for measure in MEASURES:
        size = effects.get(measure, float("nan"))
        told = [one for one in condition.findings if one.measure == measure]
        answers = tuple(Answer(name, one, "a", "b", 1.0, 1.0 + size, size, np.nan, np.nan) for one in told)
        cells[measure] = Cell(measure, 1.0, 1.0 + size, size, answers)
    return Entry(condition, (), "neocortex_adult", cells)


def test_the_figure_marks_what_agrees_and_what_contradicts():
    entries = [
        _entry("fragile_x", {"turnover_ratio": 0.7, "mean_size": 0.06, "spine_density": -0.4}),
        _entry("ketamine", {"turnover_ratio": 0.0}),
    ]
    assert columns(entries)[0] == "spine_density"
    figure = atlas_figure(entries, {"findings": 3, "reproduced": 1, "restated": 0, "assumed": 0})
    marks = [line.get_marker() for line in figure.axes[0].get_lines() if line.get_marker() in ("x", "o")]
    assert marks.count("x") >= 2
    assert marks.count("o") >= 1
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    assert re.search(r"<svg", buffer.getvalue())


def test_shades_are_symmetric_and_cut():
    assert shade("turnover_ratio", 1.0) == -shade("turnover_ratio", -0.5) == 1.0
    assert shade("turnover_ratio", 9.0) == 1.0
    assert shade("turnover_ratio", -1.0) == -1.0
    assert shade("onset_day", 14.0) == 0.5


_FITTED = """[about]
title = "fit"
status = "fitted"
[law]
family = "log_ou"
"""
_NUMBER = """[law.{}]
value = {}
unit = "{}"
range = [{}, {}]
how = "fitted"
source = "data.csv"
where = "here"
"""


def _fitted(path, log_mean, log_sd):
    numbers = (("log_mean", log_mean, "log(um3)"), ("log_sd", log_sd, "1"), ("recovery_rate", 0.05, "1/day"))
    rows = [_NUMBER.format(name, value, unit, value - 0.01, value + 0.01) for name, value, unit in numbers]
    path.write_text(_FITTED + "".join(rows), encoding="utf-8")
    return str(path)


def test_place_ranks_edits_for_two_fitted_laws(tmp_path):
    """A law that is wider alone is put down to a slope; the page of figures and the warning come with it."""
    words = ["place", _fitted(tmp_path / "wt.toml", -2.6, 0.65), _fitted(tmp_path / "ko.toml", -2.62, 0.72)]
    document = json.loads(_run(*words, "--out", str(tmp_path / "out"), "--json"))
    assert document["note"] == NOT_FOR_DIAGNOSIS
    assert sum(row["probability"] for row in document["candidates"]) == pytest.approx(1.0)
    assert "fragile_x" in document["candidates"][0]["names"] + document["candidates"][1]["names"]
    assert (tmp_path / "out" / "placement.svg").read_text(encoding="utf-8").startswith("<?xml")
    text = " ".join(_run(*words).split())
    assert NOT_FOR_DIAGNOSIS in text
    assert "runner-up" in text


def test_place_wants_two_tables():
    with pytest.raises(UsageError, match="two tables are wanted"):
        RUN.invoke(app, ["place", "one.csv"], catch_exceptions=False)


def test_place_keeps_the_last_run_until_the_new_one_is_there(tmp_path):
    """Bad input with --force removes nothing; without a run there, it leaves no empty folder."""
    good = _fitted(tmp_path / "wt.toml", -2.6, 0.65)
    bad = tmp_path / "bad.toml"
    bad.write_text(_FITTED, encoding="utf-8")
    out = tmp_path / "out"
    with pytest.raises(InvalidInputError):
        RUN.invoke(app, ["place", good, str(bad), "--out", str(out)], catch_exceptions=False)
    assert not out.exists()
    _run("place", good, good, "--out", str(out))
    before = {one.name: one.read_bytes() for one in out.iterdir()}
    with pytest.raises(InvalidInputError):
        RUN.invoke(app, ["place", good, str(bad), "--out", str(out), "--force"], catch_exceptions=False)
    assert {one.name: one.read_bytes() for one in out.iterdir()} == before
    with pytest.raises(OutputExistsError):
        RUN.invoke(app, ["place", good, good, "--out", str(out)], catch_exceptions=False)
    other = _fitted(tmp_path / "ko.toml", -2.62, 0.72)
    _run("place", good, other, "--out", str(out), "--force")
    assert (out / "points.csv").read_bytes() != before["points.csv"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--held-out", "3", "one.csv", "two.csv"], "reads no table, but here is one.csv"),
        (["--held-out", "3", "--mutant-rows", "genotype=KO"], "reads no table, but here is --mutant-rows"),
        (["--held-out", "3", "--size", "area"], "here is --size"),
        (["wt.toml", "ko.toml", "--control-rows", "genotype=WT", "--size", "area"], "--control-rows, --size chooses"),
    ],
)
def test_place_refuses_what_it_would_not_read(words, told):
    with pytest.raises(UsageError, match=told):
        RUN.invoke(app, ["place", *words], catch_exceptions=False)


@pytest.mark.parametrize("more", [["--held-out", "2"], ["wt.toml", "ko.toml"]])
def test_place_takes_the_base_that_was_given(more, tmp_path, monkeypatch):
    """A base without conditions that a population shows would have one answer only, and is refused."""
    monkeypatch.chdir(tmp_path)
    for name in ("wt.toml", "ko.toml"):
        _fitted(tmp_path / name, -2.6, 0.65)
    with pytest.raises(InvalidInputError, match="a population of ca1_slice shows: there is nothing to choose from"):
        RUN.invoke(app, ["place", *more, "--base", "ca1_slice"], catch_exceptions=False)
