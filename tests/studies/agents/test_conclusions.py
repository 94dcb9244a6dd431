"""Claims of the studies of agents fail when they should."""

import numpy as np
import pytest

from spinula.studies.agents import comparison, reversal
from spinula.studies.memory.study import Options


def _found(value, **more):
    return {"return": value, "seconds": 1.0, "taken": 10, "steps": [5, 10], "returns": [0.0, value], **more}


def _compared(pole, lake, bricks):
    made = []
    for case in comparison.cases(Options()):
        number = {"CartPole-v1": pole, "FrozenLake-v1": lake, "Taxi-v4": 7.9, "MinAtar/Breakout-v1": bricks}
        value = number[case["world"]]
        value = value(case) if callable(value) else value
        best = {"FrozenLake-v1": 0.744, "Taxi-v4": 7.93}.get(case["world"])
        made.append((case, _found(value, **({} if best is None else {"earned": value, "best": best}))))
    return made


def test_goals_are_judged_seed_by_seed():
    good = _compared(480.0, 0.74, 5.0)
    finding = comparison.conclude(good)
    assert finding.passed
    assert len(finding.panels) == 4
    bad = _compared(
        lambda case: 480.0 if case["seed"] > 102 else 300.0, 0.69, lambda case: 5.0 - (case["kind"] == "spine")
    )
    verdicts = [claim.passed for claim in comparison.conclude(bad).claims]
    # Two poles of ten fall, the lake is 7 % below its best, spines clear fewer bricks; the taxi is as good as before.
    assert verdicts == [False, False, False, True, False]
    table = comparison.table(bad)
    assert table[(table["world"] == "CartPole-v1") & (table["agent"] == "spines")]["worst"].item() == 300.0


def test_one_seed_bears_nothing_out_and_three_have_students_interval():
    good = _compared(480.0, 0.74, 5.0)
    single = [(case, found) for case, found in good if case["seed"] == 101]
    for judged in comparison.conclude(single).claims:
        assert not judged.passed
        assert "too few seeds" in judged.found
    assert comparison.table(single)[["low", "high"]].isna().all(axis=None)
    # t interval of 5, 6, 7: the percentile bootstrap would give [5, 7].
    spread = _compared(480.0, 0.74, lambda case: float(case["seed"] - 96))
    row = comparison.table(spread).set_index(["world", "agent"]).loc[("MinAtar/Breakout-v1", "spines")]
    assert (row["low"], row["high"]) == (pytest.approx(3.516, abs=1e-3), pytest.approx(8.484, abs=1e-3))
    texts = [judged.text for judged in comparison.conclude(good).claims]
    assert "9 of 10 seeds" in texts[0]
    assert "3 of 3 seeds" in texts[1]


def test_a_reversal_is_judged_by_pairs_of_one_seed():
    made = []
    for case in reversal.cases(Options()):
        # Seeds differ by far more than what the drift gains in each of them; the lake gains nothing.
        gained = 2.0 if case["part"] in ("all of it", "drift alone") and case["world"] == "CartPole-v1" else 0.0
        value = 10.0 * case["seed"] + gained + 0.1 * np.sin(case["seed"] * len(case["part"]))
        made.append((case, {"before": 1.0, "recovered": value, "last": value, "d1": 0.2, "d2": 0.2, "eliminated": 0,
                            "steps": [5, 10], "returns": [0.0, value]}))  # fmt: skip
    finding = reversal.conclude(made)
    assert [claim.passed for claim in finding.claims] == [False, False, False, True]
    table = reversal.table(made).set_index(["world", "enlargement", "intrinsic"])
    assert table.loc[("CartPole-v1", "linear", "drift alone"), "low"] > 1.5
    assert abs(table.loc[("CartPole-v1", "linear", "fluctuation alone"), "gain"]) < 0.2
