"""The continual studies: measures by hand, equal budgets, resumed runs, and that a method does what it is there for."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.studies.training import load_data
from spinula.studies.training.continual import (
    Permuted,
    Split,
    average,
    forgetting,
    online_permuted,
    run_permuted,
    run_split,
    split,
    split_results,
    summary,
    windows,
)
from spinula.studies.training.continual_methods import ONLINE, SPLIT, Ground, Setting, learner

SMALL = Permuted(tasks=4, tuning_tasks=2, images=320, hidden=(20,))
PAIRS = Split(known=True, epochs=2, batch=16, hidden=(20,))


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    return load_data("digits")


def test_average_and_forgetting_by_hand():
    matrix = [[0.9, 0.1, 0.0], [0.7, 0.8, 0.0], [0.8, 0.5, 1.0]]
    assert average(matrix) == pytest.approx(2.3 / 3)
    assert forgetting(matrix) == pytest.approx((0.1 + 0.3) / 2)
    assert forgetting([[0.9, 0.0], [0.9, 0.9]]) == 0.0


def test_every_method_has_the_same_budget():
    for table in (ONLINE, SPLIT):
        for method, settings in table.items():
            assert len(settings) == len(set(settings)) == 6, method


def test_windows_and_intervals_by_hand():
    rows = [
        {"method": method, "seed": seed, "task": task, "accuracy": 0.5 + 0.01 * task + 0.1 * (method == "b") + shift}
        for method in "ab"
        for seed, shift in enumerate((0.0, 0.02, 0.04))
        for task in range(1, 7)
    ]
    found = windows(pd.DataFrame(rows), width=2)
    first = found[(found["method"] == "a") & (found["seed"] == 0)].iloc[0]
    assert first[["first", "middle", "last"]].tolist() == pytest.approx([0.515, 0.535, 0.555])
    table = summary(found, ["last"], against="b").set_index("method")
    assert table.loc["a", "mean"] == pytest.approx(57.5)
    assert table.loc["a", "sd"] == pytest.approx(2.0)
    assert table.loc["a", "high"] - table.loc["a", "mean"] == pytest.approx(4.303 * 2.0 / np.sqrt(3), rel=1e-3)
    # Seed by seed the difference is always the same: its interval is a point although the means' intervals overlap.
    assert table.loc["a", ["ahead", "ahead_low", "ahead_high"]].tolist() == pytest.approx([10.0, 10.0, 10.0])
    assert np.isnan(table.loc["b", "ahead"])


def test_all_methods_meet_the_same_tasks_and_a_run_repeats(digits):
    one = run_permuted("dense_l2", Setting(rate=0.05), digits, SMALL, seed=0)
    two = run_permuted("dense_l2", Setting(rate=0.05), digits, SMALL, seed=0)
    same = run_permuted("dense", Setting(rate=0.05), digits, SMALL, seed=0)
    other = run_permuted("dense", Setting(rate=0.05), digits, SMALL, seed=1)
    assert one["accuracy"] == two["accuracy"] == same["accuracy"] != other["accuracy"]
    assert len(one["accuracy"]) == 4
    assert all(0.1 < value < 1 for value in one["accuracy"])


def test_more_samples_than_there_are_are_refused(digits):
    with pytest.raises(InvalidInputError, match="cannot be drawn"):
        run_permuted("dense", Setting(), digits, Permuted(images=100_000), seed=0)
    with pytest.raises(UnknownNameError, match="ewc"):
        learner("ewk", Setting(), Ground([4, 3, 2], 4, (0.0, 1.0)), seed=0)


def test_results_are_kept_and_not_run_again(digits, tmp_path):
    course = Permuted(tasks=2, tuning_tasks=1, images=160, hidden=(10,))
    first = online_permuted(digits, tmp_path, course, methods=["dense_l2"], seeds=2)
    assert first.groupby("seed")["task"].max().tolist() == [2, 2]
    files = sorted(tmp_path.rglob("*.json"))
    assert len(files) == 6 + 2
    kept = json.loads(files[0].read_text())
    assert kept["setting"] != Setting()
    assert len(kept["accuracy"]) == 2
    # A result that is there is believed.
    files[0].write_text(json.dumps({**kept, "accuracy": [0.25, 0.75]}))
    again = online_permuted(digits, tmp_path, course, methods=["dense_l2"], seeds=2)
    assert again.loc[again["seed"] == 0, "accuracy"].tolist() == [0.25, 0.75]
    files[1].unlink()
    third = online_permuted(digits, tmp_path, course, methods=["dense_l2"], seeds=2)
    assert third.loc[third["seed"] == 1].equals(first.loc[first["seed"] == 1])


@pytest.mark.parametrize("known", [True, False])
def test_replay_forgets_less_than_naive_training(digits, known):
    course = Split(known=known, epochs=6, batch=16, hidden=(20,))
    kept = {}
    for method in ("dense", "replay"):
        made = run_split(method, Setting(rate=0.1), digits, course, seed=0)
        kept[method] = (average(made["matrix"]), forgetting(made["matrix"]))
        assert made["bytes"] <= 16 * (65 * 20 + 21 * 10)
    assert kept["replay"][0] > kept["dense"][0]
    assert kept["replay"][1] < 0.5 * kept["dense"][1]


def test_class_incremental_training_forgets_where_known_tasks_do_not(digits):
    found = [
        average(
            run_split("dense", Setting(rate=0.1), digits, Split(known=known, batch=16, hidden=(20,)), seed=0)["matrix"]
        )
        for known in (True, False)
    ]
    assert found[0] > 0.6 > 0.35 > found[1]


@pytest.mark.parametrize(("method", "setting"), [("ewc", Setting(strength=300.0)), ("si", Setting(strength=3.0))])
def test_stiffness_reduces_forgetting_of_known_tasks(digits, method, setting):
    course = Split(epochs=6, batch=16, hidden=(20,))
    found = {
        name: np.mean([forgetting(run_split(name, made, digits, course, seed=seed)["matrix"]) for seed in range(3)])
        for name, made in ((method, setting), ("dense", Setting()))
    }
    assert found[method] < 0.7 * found["dense"]


def test_all_methods_stay_within_the_room():
    for room in (40_000, 24_000):
        ground = Ground([64, 60, 30, 10], 16, (0.0, 1.0), np.arange(10) // 2, room)
        for method, settings in SPLIT.items():
            net = learner(method, settings[0], ground, seed=0)
            net.learn(np.zeros((32, 64), np.float32), np.arange(32) % 10) if method in ("ewc", "si") else None
            assert net.bytes <= room, method
            if method.endswith("replay"):
                assert net.bytes > room - 65
        assert learner("ewc", Setting(), ground, seed=0).widths[1] < 60


def test_a_narrow_dense_network_takes_the_bytes_of_the_sparse_one():
    ground = Ground([784, 60, 30, 10], 16, (0.0, 1.0))
    narrow, sparse, dense = (
        learner(name, Setting(), ground, seed=0) for name in ("dense_l2_narrow", "static_l2", "dense_l2")
    )
    assert 0.9 * sparse.bytes < narrow.bytes <= sparse.bytes < 0.75 * dense.bytes


def test_a_split_table_has_a_row_per_method_and_seed(digits, tmp_path):
    frame = split(digits, tmp_path, PAIRS, methods=["dense"], seeds=2)
    assert frame[["method", "seed"]].to_numpy().tolist() == [["dense", 0], ["dense", 1]]
    (row, _) = split_results(digits, tmp_path, PAIRS, methods=["dense"], seeds=2)
    assert np.shape(row["matrix"]) == (5, 5)
    assert frame["average"].iloc[0] == pytest.approx(average(row["matrix"]))


@pytest.mark.slow
def test_sparse_methods_run_on_both_courses(digits):
    longer = replace(SMALL, tasks=8)  # 160 steps: the periodic rules rewire every 100
    for method in ("static_l2", "sparse_evolutionary", "deep_r", "spine"):
        made = run_permuted(method, ONLINE[method][1], digits, longer, seed=0)
        assert (made["eliminated"] > 0) == (method != "static_l2"), method
        assert min(made["accuracy"]) > 0.0
    for method in ("static", "spine", "spine_plain", "spine_replay", "static_replay"):
        made = run_split(method, SPLIT[method][-1], digits, PAIRS, seed=0)
        assert average(made["matrix"]) > 0.5, method
