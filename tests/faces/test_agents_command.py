"""``spinula train WORLD`` and ``spinula study agents``: files, resuming, refusals, the page."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.faces.cli import app
from spinula.studies.agents import comparison, reversal
from spinula.studies.agents.policies import load_policy
from spinula.studies.agents.training import train

pytest.importorskip("gymnasium")
RUN = CliRunner()
LAKE = ("train", "FrozenLake-v1", "--steps", 3000, "--seed", 1)


def _run(*parts):
    return RUN.invoke(app, [*map(str, parts)], catch_exceptions=False)


def test_an_agent_is_trained_and_its_policy_can_be_taken_up(tmp_path):
    done = _run(*LAKE, "--out", tmp_path / "a", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["best"] == pytest.approx(0.744, abs=0.01)
    assert 0 <= said["low"] <= said["mean"] <= said["high"] <= 1
    history = pd.read_csv(tmp_path / "a" / "history.csv")
    assert (history["d1"] > 0).all()
    assert history["steps"].is_monotonic_increasing
    page = (tmp_path / "a" / "report.html").read_text()
    assert "D2 (NoGo)" in page or page.count("<svg") == 1
    assert not (tmp_path / "a" / "partial").exists()
    agent, world = load_policy(tmp_path / "a" / "policy.npz")
    assert agent.steps == history["steps"].iloc[-1]
    assert world.actions == 4
    assert "nothing to do" in _run(*LAKE, "--out", tmp_path / "a", "--resume").output


def test_a_run_that_was_cut_goes_on_to_the_same_policy(tmp_path, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert _run(*LAKE, "--intrinsic", "--out", whole).exit_code == 0

    def killed(plan, **more):
        for number, latest in enumerate(train(plan, **more)):
            if number == 40:
                raise KeyboardInterrupt
            yield latest

    with monkeypatch.context() as patch:
        patch.setattr("spinula.studies.agents.training.train", killed)
        _run(*LAKE, "--intrinsic", "--out", cut)
    assert (cut / "partial" / "agent.npz").exists()
    assert not (cut / "report.html").exists()
    assert _run(*LAKE, "--intrinsic", "--out", cut, "--resume").exit_code == 0
    assert (whole / "history.csv").read_bytes() == (cut / "history.csv").read_bytes()
    with np.load(whole / "policy.npz") as one, np.load(cut / "policy.npz") as other:
        np.testing.assert_array_equal(one["sizes"], other["sizes"])


def test_episodes_end_a_training_too(tmp_path):
    done = _run("train", "CartPole-v1", "--episodes", 30, "--rule", "linear", "--seed", 1, "--out", tmp_path / "a")
    assert done.exit_code == 0, done.output
    assert pd.read_csv(tmp_path / "a" / "history.csv")["episodes"].iloc[-1] == 30


def test_what_does_not_belong_together_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="CartPole-v1"):
        _run("train", "CartPol-v1", "--out", tmp_path / "a")
    with pytest.raises(UnknownNameError, match="actor_rate"):
        _run(*LAKE, "--set", "actor_rat=1", "--out", tmp_path / "b")
    with pytest.raises(InvalidInputError, match="critic_rate"):
        _run(*LAKE, "--set", "critic_rate=9", "--out", tmp_path / "c")
    with pytest.raises(InvalidInputError, match="table of states"):
        _run("train", "CartPole-v1", "--rule", "q", "--out", tmp_path / "d")
    assert _run(*LAKE, "--density", 0.1, "--out", tmp_path / "e").exit_code == 2
    assert _run("train", "--steps", 100, "--out", tmp_path / "f").exit_code == 2
    (tmp_path / "no.npz").write_bytes(b"nothing")
    with pytest.raises(InvalidInputError, match=r"policy\.npz"):
        load_policy(tmp_path / "no.npz")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "room"), [("agents", comparison), ("agents-reversal", reversal)])
def test_a_trial_of_each_study_writes_a_table_and_a_page(name, room, tmp_path, monkeypatch):
    # One world is enough to see that the study runs from cases to page.
    keep = {world: found for world, found in room.WORLDS.items() if world.startswith("FrozenLake")}
    monkeypatch.setattr(room, "WORLDS", keep)
    done = _run("study", name, "--trial", "--seeds", 2, "--out", tmp_path / "s", "--json")
    assert done.exit_code == 0, done.output
    compared = json.loads(done.stdout)["compared"]
    assert all(row["low"] <= row["high"] for row in compared)
    page = (tmp_path / "s" / "report.html").read_text()
    assert page.count("<svg") >= 1
    assert "report.html" in _run("study", name, "--trial", "--seeds", 2, "--out", tmp_path / "s", "--resume").stdout
