"""Sites that come and go: the limits in which they are random masks, and what is counted while they move."""

import numpy as np
import pytest

from spinula.studies.parallels.contest import above, below, leader, tuned
from spinula.studies.parallels.pairs import rewiring
from spinula.studies.training.data import load_data


def test_dropconnect_of_a_linear_unit_is_weight_decay():
    assert max(rewiring.mask_gap(seed, keep=keep) for seed in range(5) for keep in (0.2, 0.5, 0.9)) < 1e-12


def test_blind_sites_are_masks_with_the_memory_of_a_two_state_chain():
    for drop, memory in ((0.5, 0.44), (1.0, 0.0)):
        worst, closed = rewiring.occupancy(drop, seed=2, steps=40)
        assert closed == pytest.approx(memory, abs=0.03)
        assert worst < 0.02


def test_blind_formation_explores_as_the_product_says_and_fixed_sites_do_not():
    data = load_data("digits")
    moved = rewiring.train("prune and regrow", 0.3, 0.3, data, epochs=4, seed=1, final=False)
    assert moved["explored"][-1] > 0.13
    assert np.abs(np.subtract(moved["explored"], moved["foretold"])).max() < 0.01
    fixed = rewiring.train("fixed sites", 0.3, 1e-3, data, epochs=4, seed=1, final=False)
    assert fixed["explored"] == pytest.approx([0.1] * len(fixed["explored"]), abs=1e-3)
    assert fixed["replaced"] == 0
    absent = rewiring.train("DropConnect", 0.1, 0.6, data, epochs=1, seed=1, final=False)
    assert absent["explored"][0] == pytest.approx(0.4, abs=0.02)
    assert absent["explored"][-1] == 1.0


def test_the_dense_network_has_the_weights_of_the_sparse_one_or_a_few_more():
    widths = np.array(rewiring.narrow())
    assert 1703 <= (widths[:-1] * widths[1:]).sum() <= 1.1 * 1703


def test_a_contest_never_chooses_what_diverged_and_compares_whole_intervals():
    assert tuned([1, 2, 3], lambda setting, seed: float("nan") if setting == 3 else setting)[0] == 2
    assert leader({"a": [1.0], "b": [2.0]}, ["a"]) == "a"
    assert above([1.0, 1.1, 0.9])
    assert not above([1.0, -1.0, 0.5])
    assert below([-1.0, -1.1, -0.9])
