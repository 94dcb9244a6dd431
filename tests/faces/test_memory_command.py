"""The command ``memory`` on a toy study: folder, report, resumed, interrupted, over processes, and its errors."""

import dataclasses
import io
import json
import re
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.console import Console
from typer.testing import CliRunner

from spinula.core.errors import InvalidInputError, OutputExistsError, UnknownNameError
from spinula.faces import console
from spinula.faces.cli import app
from spinula.faces.memory_figures import draw_panel, height
from spinula.studies.memory import catalogue
from spinula.studies.memory.assemblies import reactivation
from spinula.studies.memory.study import Claim, Finding, Options, Panel, RowText, Study, curve

RUN = CliRunner()


def _toy(*, passed=True, interrupt=False):
    def cases(options):
        return [{"name": f"seed {seed}", "seed": seed, "trial": options.trial} for seed in options.series(4)]

    def run(case, keeper):
        if interrupt and case["seed"] == 3:
            raise KeyboardInterrupt
        return {"value": 1.0 / case["seed"]}

    def conclude(pairs):
        seeds, values = [case["seed"] for case, _ in pairs], [result["value"] for _, result in pairs]
        panels = [
            Panel(
                "Value by seed & more", "seed", "value", curve("value", seeds, values, np.subtract(values, 0.1), 1.0)
            ),
            Panel("By name", "condition", "value", curve("", ["with", "without"], values[:2], 0.0, 1.0), kind="points"),
        ]
        claims = [
            Claim("The values fall.", f"{values[0]:.2f} to {values[-1]:.2f} [95 %]", passed, row=99),
            Claim("Nothing <b>rises</b>.", "0 of 4", True, control=True),
        ]
        return Finding(panels, claims)

    row = RowText(99, "toy", "value", "falls", "sign", "qualitative", "kasai2021")
    return Study("toy", "A toy study", "Does it fall?", "One over.", ("kasai2021",), cases, run, conclude, (row,))


@pytest.fixture
def toy(monkeypatch):
    def use(**settings):
        made = _toy(**settings)
        monkeypatch.setattr(catalogue, "study", lambda name: made)
        monkeypatch.setattr(catalogue, "STUDIES", ("toy",))

    use()
    return use


def _run(*parts):
    return RUN.invoke(app, ["memory", *map(str, parts)], catch_exceptions=False)


def _files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_study_leaves_a_report_points_claims_and_provenance(toy, tmp_path):
    done = _run("toy", "--out", tmp_path / "a", "--seed", 2)
    assert done.exit_code == 0, done.output
    assert sorted(_files(tmp_path / "a")) == ["claims.json", "points.csv", "report.html", "run.json"]
    run = json.loads((tmp_path / "a" / "run.json").read_text())
    assert (run["seed"], run["options"]["seed"], run["study"]) == (2, 2, "toy")
    claims = json.loads((tmp_path / "a" / "claims.json").read_text())
    assert [claim["passed"] for claim in claims] == [True, True]
    assert claims[0]["found"] == "0.50 to 0.20 [95 %]"
    points = pd.read_csv(tmp_path / "a" / "points.csv")
    assert points["panel"].value_counts().to_dict() == {"Value by seed & more": 4, "By name": 2}
    page = (tmp_path / "a" / "report.html").read_text()
    assert page.count("<svg") == 2
    assert "All 2 claims hold." in page
    assert page.index("The values fall.") < page.index("Negative controls") < page.index("Nothing &lt;b&gt;rises")
    assert "row 99" in page
    assert "A trial" not in page
    assert not re.search(r"(src|href)=\"http", page)
    assert "seed 2" in done.stderr
    assert "0.50 to 0.20 [95 %]" in done.stdout


def test_the_same_study_gives_the_same_bytes_over_processes(toy, tmp_path):
    _run("toy", "--out", tmp_path / "a")
    _run("toy", "--out", tmp_path / "b", "--jobs", 2)
    one, two = _files(tmp_path / "a"), _files(tmp_path / "b")
    assert [one[name] for name in ("claims.json", "points.csv")] == [
        two[name] for name in ("claims.json", "points.csv")
    ]


@pytest.mark.slow
def test_the_same_study_gives_the_same_bytes_on_a_cluster(toy, tmp_path):
    distributed = pytest.importorskip("distributed")
    _run("toy", "--out", tmp_path / "a")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", silence_logs=50
    ) as cluster:
        done = _run("toy", "--out", tmp_path / "b", "--cluster", cluster.scheduler_address)
    assert done.exit_code == 0
    assert _files(tmp_path / "a")["points.csv"] == _files(tmp_path / "b")["points.csv"]


def test_a_failed_claim_is_shown_and_leaves_with_1_but_not_in_a_trial(toy, tmp_path):
    toy(passed=False)
    done = _run("toy", "--out", tmp_path / "a")
    assert done.exit_code == 1
    assert "FAIL" in done.stdout
    page = (tmp_path / "a" / "report.html").read_text()
    assert "1 of 2 claims fail." in page
    assert _run("toy", "--out", tmp_path / "a", "--resume").exit_code == 1
    trial = _run("toy", "--out", tmp_path / "b", "--trial")
    assert trial.exit_code == 0
    assert "A trial" in (tmp_path / "b" / "report.html").read_text()
    assert _run("toy", "--out", tmp_path / "c", "--json").exit_code == 1


def test_what_was_finished_before_an_interrupt_is_kept_and_gone_on_with(toy, tmp_path):
    toy(interrupt=True)
    cut = _run("toy", "--out", tmp_path / "a")
    assert cut.exit_code == 130
    assert sorted(path.name for path in (tmp_path / "a" / "partial").iterdir()) == ["seed 1.json", "seed 2.json"]
    with pytest.raises(OutputExistsError):
        _run("toy", "--out", tmp_path / "a")
    toy()
    assert _run("toy", "--out", tmp_path / "a", "--resume").exit_code == 0
    _run("toy", "--out", tmp_path / "b")
    assert _files(tmp_path / "a")["points.csv"] == _files(tmp_path / "b")["points.csv"]
    again = _run("toy", "--out", tmp_path / "a", "--resume")
    assert "report.html" in again.stdout
    assert _run("toy", "--out", tmp_path / "a", "--force").exit_code == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_a_study_of_assemblies_that_was_cut_within_a_network_goes_on_to_the_same_bytes(monkeypatch, tmp_path):
    short = {"settling": 1, "learning": 2}
    chosen = [reactivation.case(1, rest=rest, days=0.25, neurons=120) | short for rest in (True, False)]
    hours = []

    def use(cut_at):
        def run(case, keeper):
            def tell(share):
                hours.append((case["name"], round(9 * share)))
                keeper.tell(share)
                if hours[-1] == cut_at:
                    raise KeyboardInterrupt

            return reactivation.run(case, dataclasses.replace(keeper, tell=tell))

        study = dataclasses.replace(reactivation.STUDY, cases=lambda options: chosen, run=run)
        monkeypatch.setattr(catalogue, "study", lambda name: study)

    use(None)
    _run("reactivation", "--out", tmp_path / "whole", "--trial")
    hours.clear()
    use(("no_rest_1", 8))
    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(console, "messages", screen)
    assert _run("reactivation", "--out", tmp_path / "cut", "--trial").exit_code == 130
    kept = sorted(path.name for path in (tmp_path / "cut" / "partial").iterdir())
    assert kept == ["no_rest_1.npz", "rest_1.json"]
    shown = screen.file.getvalue()
    assert "reactivation" in shown
    assert "\u2501" in shown  # the bar
    hours.clear()
    use(None)
    assert _run("reactivation", "--out", tmp_path / "cut", "--trial", "--resume").exit_code == 0
    assert hours == [("no_rest_1", hour) for hour in (7, 8, 9)]  # the last state kept is that of the sixth hour
    whole, cut = _files(tmp_path / "whole"), _files(tmp_path / "cut")
    assert [whole[name] for name in ("claims.json", "points.csv")] == [
        cut[name] for name in ("claims.json", "points.csv")
    ]


def test_the_bar_moves_within_a_case(toy, monkeypatch, tmp_path):
    moves = []

    @contextmanager
    def progress(total, title):
        yield lambda done, step="": moves.append((total, done))

    study = _toy()
    half = dataclasses.replace(study, run=lambda case, keeper: (keeper.tell(0.5), study.run(case, keeper))[1])
    monkeypatch.setattr(catalogue, "study", lambda name: half)
    monkeypatch.setattr(console, "progress", progress)
    _run("toy", "--out", tmp_path / "a")
    assert moves == [(4, done) for done in (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4)]


def test_json_holds_claims_and_points(toy, tmp_path):
    document = json.loads(_run("toy", "--out", tmp_path / "a", "--seeds", 3, "--json").stdout)
    assert (document["command"], document["study"], document["passed"], document["seed"]) == ("memory", "toy", True, 1)
    assert len(document["points"]) == 5
    assert document["claims"][0]["row"] == 99


def test_studies_are_listed(toy):
    assert "A toy study" in _run().stdout
    assert json.loads(_run("--json").stdout)["studies"][0]["name"] == "toy"
    listed = json.loads(RUN.invoke(app, ["list", "--json"], catch_exceptions=False).stdout)
    assert listed["memory"] == [{"name": "toy", "title": "A toy study", "question": "Does it fall?"}]
    assert "A toy study" in RUN.invoke(app, ["list"], catch_exceptions=False).stdout


def test_an_unknown_study_is_refused():
    with pytest.raises(UnknownNameError, match="no study called"):
        _run("nothing")


@pytest.mark.parametrize("kind", ["line", "points", "histogram"])
@pytest.mark.parametrize("logs", [False, True])
def test_every_kind_of_panel_shows_every_curve(kind, logs):
    x = np.geomspace(0.1, 10, 12)
    curves = pd.concat(
        [curve("alone", x, x**2), curve("with bands", x, x, 0.9 * x, 1.1 * x)]
        + [curve(f"one more curve, number {n}", x, x + n) for n in range(7)]
    )
    panel = Panel("A title", "time [day]", "size", curves, kind, log_x=logs, log_y=logs)
    figure = Figure(figsize=(5, height(panel)), layout="constrained")
    ax = draw_panel(figure.add_subplot(), panel)
    figure.draw_without_rendering()
    assert (ax.get_xscale(), ax.get_yscale()) == (("log", "log") if logs else ("linear", "linear"))
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 9
    place, axis = legend.get_window_extent(), ax.get_tightbbox()
    assert place.y1 <= axis.y0 + 1  # below the axis
    assert place.x0 >= 0
    assert place.x1 <= figure.bbox.width
    if kind == "histogram":
        assert ax.patches[0].get_data().edges[-1] == pytest.approx(x[-1] * x[1] / x[0])


def test_points_by_name_are_drawn_down_the_side():
    curves = pd.concat([curve("a", ["one", "two_words"], [1, 2], 0, 3), curve("b", ["two_words"], [5])])
    panel = Panel("Names", "condition", "found [1]", curves, "points")
    ax = draw_panel(Figure(layout="constrained").add_subplot(), panel)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["one", "two words"]
    assert ax.get_xlabel() == "found [1]"


def test_days_are_those_of_the_networks_that_rest_and_other_studies_refuse_them(toy, tmp_path):
    week = reactivation.cases(Options(days=7.0))
    assert {case["days"] for case in week if case["rest"]} == {7.0}
    assert {case["days"] for case in week if not case["rest"]} == {2.0}
    toy()
    result = RUN.invoke(app, ["memory", "toy", "--days", "7", "--out", str(tmp_path / "toy")])
    assert isinstance(result.exception, InvalidInputError)
    assert "Leave --days out" in str(result.exception)
    assert not (tmp_path / "toy").exists()
