"""The command `run` with experiments of cues and rewards: files, figures, claims, mistakes."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from spinula.studies.reinforcement import running
from spinula.studies.reinforcement.reading import load_experiment
from spinula.studies.reinforcement.running import run_experiment, run_variant

SMALL = """
[about]
title = "A small experiment"
study = "curves"
[[phase]]
name = "conditioning"
[[phase.trial]]
cue = "CS+"
reward = 1
count = 6
[[phase]]
name = "omission"
days = 2
[[phase.trial]]
cue = "CS-"
count = 6
[[condition]]
name = "control"
[[condition]]
name = "no dips"
set = { "dopamine.dip" = 0 }
"""


def _run(*arguments, check=0):
    command = [sys.executable, "-m", "spinula.faces.cli", "run", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == check, done.stderr
    return done


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rewards")
    path = folder / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    done = _run(path, "--out", folder / "out", "--replicates", 3, "--seed", 4, "--json")
    return folder, json.loads(done.stdout)


def test_an_experiment_writes_its_files(finished):
    folder, document = finished
    assert document["experiment"] == "small"
    assert sorted(os.listdir(folder / "out")) == ["changes.csv", "points.csv", "report.html", "run.json"]
    sources = json.loads((folder / "out" / "run.json").read_text())["sources"]
    assert {"urakubo2020"} <= set(sources)
    sessions = pd.read_csv(folder / "out" / "changes.csv")
    assert set(sessions["condition"]) == {"control", "no dips"}
    assert len(sessions) == 2 * 3 * 2


def test_the_report_shows_dopamine_spines_and_behaviour(finished):
    folder, _ = finished
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert 'aria-label="Dopamine, spine volumes and licks over days: control, no dips"' in page
    assert 'aria-label="Dopamine in a trial"' in page
    assert "readout.lick_half" in page
    assert "Claims" not in page


def test_the_same_seed_gives_the_same_bytes(finished):
    folder, _ = finished
    _run(folder / "small.toml", "--out", folder / "again", "--replicates", 3, "--seed", 4)
    for name in ("changes.csv", "points.csv"):
        assert (folder / "out" / name).read_bytes() == (folder / "again" / name).read_bytes()


def test_resume_tells_a_finished_run_from_another(finished):
    folder, _ = finished
    again = [folder / "small.toml", "--out", folder / "out", "--replicates", 3]
    assert "finished already" in _run(*again, "--resume").stderr
    assert "another run" in _run(*again, "--seed", 5, "--resume", check=3).stderr
    assert "exists already" in _run(*again, check=2).stderr


def test_a_part_of_an_experiment_goes_on_to_the_same_bytes(finished, monkeypatch):
    folder, _ = finished
    found = load_experiment(folder / "small.toml")
    whole = list(run_experiment(found, seed=4, animals=3))[-1][1]
    store = folder / "store"
    store.mkdir()
    next(iter(run_experiment(found, seed=4, animals=3, store=store)))
    ran = []
    monkeypatch.setattr(running, "run_variant", lambda *a, **k: ran.append(a[1].name) or run_variant(*a, **k))
    again = list(run_experiment(found, seed=4, animals=3, store=store))[-1][1]
    assert ran == ["no dips"]
    pd.testing.assert_frame_equal(again.sessions(), whole.sessions(), check_exact=True)
    pd.testing.assert_frame_equal(again.trials(), whole.trials(), check_exact=True)


@pytest.mark.slow
def test_claims_are_judged_when_asked_for(finished):
    folder, _ = finished
    done = _run(folder / "small.toml", "--out", folder / "claims", "--replicates", 3, "--seed", 4, "--claims", "--json")
    claims = json.loads(done.stdout)["claims"]
    assert len(claims) == 4
    page = (folder / "claims" / "report.html").read_text(encoding="utf-8")
    assert "Negative controls" in page
    assert "Spines against TD(0) on the same walk" in page


@pytest.mark.slow
@pytest.mark.parametrize("name", ["discrimination", "reversal", "dips"])
def test_shipped_experiments_run_by_name(tmp_path, name):
    done = _run(name, "--out", tmp_path / name, "--replicates", 2, "--seed", 1)
    assert "2 animals" in " ".join(done.stdout.split())
    assert (tmp_path / name / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["reversl"], 2, "Did you mean 'reversal'?"),
        (["iino2020", "--claims"], 2, "takes no --claims"),
    ],
)
def test_mistakes_say_what_to_do(tmp_path, arguments, code, message):
    assert message in _run(*arguments, "--out", tmp_path / "x", check=code).stderr


def test_a_mistake_in_a_file_names_the_line(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(SMALL.replace('cue = "CS-"', 'cue = "tone"'), encoding="utf-8")
    error = _run(path, "--out", tmp_path / "x", check=3).stderr
    assert "wrong.toml" in error
    assert "no cue is called 'tone'" in error
