"""The command ``run parallels`` on two toy parallels: table, page, resumed, over processes, and its errors."""

import json
import pkgutil

import pandas as pd
import pytest
from typer.testing import CliRunner

from spinula.core.errors import InvalidInputError, UnknownNameError, UsageError
from spinula.faces.cli import app
from spinula.faces.parallels import drawing, figures
from spinula.studies.memory.study import Claim, Panel, curve
from spinula.studies.parallels import catalogue
from spinula.studies.parallels.parallel import Benefit, Limit, Parallel, judged

RUN = CliRunner()
RAN = []


def _cases(options):
    return [{"name": f"seed {seed}", "seed": seed} for seed in options.series(4, trial=3)]


def _run(case, keeper):
    RAN.append(case["seed"])
    return {"gain": 1.0 + 0.1 * case["seed"]}


def _conclude(results, sign=1.0, tolerance=1.0):
    gains = [sign * found["gain"] for _, found in results]
    panels = [
        Panel(title, "seed", "gain", pd.concat([curve("spines", [case["seed"] for case, _ in results], gains),
                                                curve("machine", [1, 3], [0.0, 0.1])]))
        for title in ("First <panel>", "Second panel", "Third panel")
    ]  # fmt: skip
    return judged(
        panels, [Claim("Gain is positive.", "by far", sign > 0), Claim("Without it nothing.", "0", True, control=True)],
        limits=[Limit("Both are one.", 0.5, tolerance)], benefits=[Benefit.of(gains, "gain", against="replay")],
    )  # fmt: skip


def _parallel(name, conclude=_conclude):
    return Parallel(
        name=name, title=f"The {name} parallel", question="Is it?", model="A model.\n\nAnother.", sources=("song2000",),
        cases=_cases, run=_run, conclude=conclude, biology="spines", learning="weights", link="they are alike",
        formula="a = b", exact="where a is b", breaks="where [b] is not", cost="nothing",
        budgets=(("spines", "4 settings [of 5]"), ("machine", "4 settings")),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    known = {"good": _parallel("good"), "bad": _parallel("bad", lambda results: _conclude(results, -1.0))}

    def parallel(name):
        if name not in known:
            raise UnknownNameError("parallel", name, known, see="spinula list")
        return known[name]

    monkeypatch.setattr(catalogue, "PARALLELS", tuple(known))
    monkeypatch.setattr(catalogue, "parallel", parallel)
    RAN.clear()


def _invoke(*parts):
    return RUN.invoke(app, ["run", "parallels", *map(str, parts)], catch_exceptions=False)


def test_all_are_run_told_and_drawn(tmp_path):
    result = _invoke("--report", "--out", tmp_path / "all")
    assert result.exit_code == 1  # a claim of the second fails
    assert "budget, spines: 4 settings [of 5]" in result.output
    verdicts = pd.read_csv(tmp_path / "all" / "verdicts.csv").set_index("parallel")
    assert verdicts["useful"].to_dict() == {"good": "yes", "bad": "no"}
    assert verdicts["failed"].to_dict() == {"good": 0, "bad": 1}
    page = (tmp_path / "all" / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "1 of 3 claims fail" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    points = pd.read_csv(tmp_path / "all" / "points.csv")
    assert set(points["parallel"]) == {"good", "bad"}


def test_one_is_run_by_name_and_a_fast_run_leaves_well(tmp_path):
    result = _invoke("bad", "--fast", "--out", tmp_path / "bad")
    assert result.exit_code == 0
    assert RAN == [1, 2, 3]
    assert not (tmp_path / "bad" / "report.html").exists()


def test_a_run_goes_on_with_what_is_missing_and_can_be_drawn_later(tmp_path):
    _invoke("good", "--out", tmp_path / "good")
    kept = sorted((tmp_path / "good" / "cases").glob("*.json"))
    assert len(kept) == 4
    kept[1].unlink()
    RAN.clear()
    assert _invoke("good", "--resume", "--report", "--out", tmp_path / "good").exit_code == 0
    assert RAN == [2]
    assert (tmp_path / "good" / "report.html").exists()
    with pytest.raises(InvalidInputError, match="another run"):
        _invoke("good", "--resume", "--seed", 5, "--out", tmp_path / "good")


def test_json_holds_verdicts_and_claims(tmp_path):
    result = _invoke("good", "--json", "--replicates", 2, "--out", tmp_path / "good")
    document = json.loads(result.stdout)
    assert document["parallels"][0]["useful"] == "yes"
    assert [claim["passed"] for claim in document["claims"]["good"]] == [True, True, True]
    assert RAN == [1, 2]


def test_one_seed_is_refused_before_anything_is_run(tmp_path):
    with pytest.raises(UsageError, match=r"too few(.|\n)*Give 2 or more"):
        _invoke("good", "--replicates", 1, "--out", tmp_path / "x")
    assert RAN == []
    assert not (tmp_path / "x").exists()


def test_every_module_of_figures_is_used():
    assert {module.name for module in pkgutil.iter_modules(figures.__path__)} == drawing.OWN


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="good"):
        _invoke("gool", "--out", tmp_path / "x")
    result = RUN.invoke(app, ["run", "discrimination", "--fast"])
    assert result.exit_code != 0
