"""``spinula train WORLD`` and ``spinula study agents``: files, resuming, refusals, the page."""

import json
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from spinula.core.errors import InvalidInputError, MissingExtraError, SpinulaError, UnknownNameError
from spinula.faces.cli import app
from spinula.studies.agents import comparison, reversal
from spinula.studies.agents.policies import load_policy, save_policy
from spinula.studies.agents.training import Plan, make_agent, train
from spinula.studies.agents.worlds import WORLDS, open_world
from spinula.studies.memory.study import Claim, Finding, Panel, curve

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
    # One figure with dopamine, volumes and the return, in this order of rows.
    assert page.count("<svg") == 1
    assert page.count('id="axes_') == 3
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


def test_policies_that_are_cut_or_of_other_plans_are_refused(tmp_path):
    plan = Plan("Bandit", 500, seed=1)
    save_policy(tmp_path / "policy.npz", plan, make_agent(plan, open_world("Bandit")))
    whole = (tmp_path / "policy.npz").read_bytes()
    for name, content in {"empty": b"", "head": whole[:60], "most": whole[:-30], "middle": whole[len(whole) // 2 :],
                          "broken": whole[:200] + bytes(20) + whole[220:]}.items():  # fmt: skip
        (tmp_path / f"{name}.npz").write_bytes(content)
        with pytest.raises(InvalidInputError, match=f"{name}.npz holds no policy"):
            load_policy(tmp_path / f"{name}.npz")
    np.savez(tmp_path / "other.npz", plan=np.array(json.dumps({**plan.as_dict(), "colour": 1})))
    with pytest.raises(InvalidInputError, match="colour"):
        load_policy(tmp_path / "other.npz")


def test_a_run_that_is_refused_leaves_the_last_one_as_it_was(tmp_path, monkeypatch):
    out = tmp_path / "a"
    bandit = ("train", "Bandit", "--steps", 500, "--seed", 1)
    assert _run(*bandit, "--out", out).exit_code == 0
    said = json.loads((out / "run.json").read_text())
    assert said["world_libraries"]["gymnasium"].startswith("1.")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for wrong in (("--set", "critic_rate=9"), ("--rule", "dqn"), ("--rule", "linear", "--intrinsic"),
                  ("--rule", "opal", "--set", "actor_gain=2")):  # fmt: skip
        with pytest.raises(SpinulaError):
            _run(*bandit, *wrong, "--out", out, "--force")
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    for command in (("train", "CartPole-v1"), ("study", "agents", "--trial")):
        with pytest.raises(MissingExtraError):
            _run(*command, "--out", out, "--force")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_run_goes_on_only_with_the_same_rule(tmp_path, monkeypatch):
    bandit = ("train", "Bandit", "--steps", 500, "--seed", 1, "--out", tmp_path / "a")
    assert _run(*bandit).exit_code == 0
    other = WORLDS["Bandit"].rule.model_copy(update={"actor_rate": 0.05})
    monkeypatch.setitem(WORLDS, "Bandit", replace(WORLDS["Bandit"], rule=other))
    with pytest.raises(InvalidInputError, match="another run"):
        _run(*bandit, "--resume")


def test_a_finished_study_tells_the_same_again_and_keeps_its_exit_code(tmp_path, monkeypatch):
    def small(options):
        kept = [case for case in reversal.cases(options) if case["world"] == "Bandit" and case["rule"] == "linear"]
        return [{**case, "before": 500, "plan": {**case["plan"], "steps": 500}} for case in kept]

    def judged(results):
        return Finding([Panel("t", "x", "y", curve("a", [1.0], [1.0]))], [Claim("It is so.", "it is not", False)])

    monkeypatch.setattr(reversal, "STUDY", replace(reversal.STUDY, cases=small, conclude=judged))
    monkeypatch.setattr(reversal, "WORLDS", {"Bandit": replace(reversal.WORLDS["Bandit"], rules=("linear",))})
    command = ("study", "agents-reversal", "--seeds", 2, "--out", tmp_path / "s", "--json")
    first, again = _run(*command), _run(*command, "--resume")
    assert (first.exit_code, again.exit_code) == (1, 1)
    assert json.loads(first.stdout) == json.loads(again.stdout)
    assert json.loads(first.stdout)["claims"][0]["passed"] is False
    other = WORLDS["Bandit"].rule.model_copy(update={"actor_rate": 0.05})
    monkeypatch.setitem(WORLDS, "Bandit", replace(WORLDS["Bandit"], rule=other))
    with pytest.raises(InvalidInputError, match="another run"):
        _run(*command, "--resume")


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
