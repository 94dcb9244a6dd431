"""The command ``study``: every study on a trial, resumed, refused where it cannot be."""

import json

import pytest
from typer.testing import CliRunner

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.faces.cli import app
from spinula.studies.training.catalogue import STUDIES, Options, study
from spinula.studies.training.data import load_data

pytest.importorskip("sklearn")
RUN = CliRunner()


def _run(*parts):
    return RUN.invoke(app, ["study", *map(str, parts)], catch_exceptions=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rules", "ablation", "permuted", "split", "conditions"])
def test_a_trial_of_every_study_gives_points_with_intervals(name, tmp_path):
    done = _run(name, "--trial", "--epochs", 3, "--seeds", 2, "--density", 0.1, "--out", tmp_path / "s", "--json")
    assert done.exit_code == 0, done.output
    points = json.loads(done.stdout)["points"]
    assert len({point["label"] for point in points}) >= 2 or name == "conditions"
    assert all(point["low"] <= point["value"] <= point["high"] for point in points)
    page = (tmp_path / "s" / "report.html").read_text()
    assert page.count("<svg") == len({point["panel"] for point in points})
    assert "A trial" in page
    assert not (tmp_path / "s" / "partial").exists()
    again = _run(name, "--trial", "--epochs", 3, "--seeds", 2, "--density", 0.1, "--out", tmp_path / "s", "--resume")
    assert "report.html" in again.stdout


def test_what_cannot_be_asked_is_refused(tmp_path):
    data = load_data("digits")
    with pytest.raises(UnknownNameError, match="Did you mean 'rules'"):
        study("rule")
    with pytest.raises(InvalidInputError, match="--data mnist or fashion"):
        next(STUDIES["uncertainty"].run(data, Options(), tmp_path))
    with pytest.raises(InvalidInputError, match="--trial"):
        next(STUDIES["permuted"].run(data, Options(), tmp_path))
