"""Gates by context: the limit without interference, and what a context that is not known does."""

import numpy as np

from spinula.studies.parallels.pairs import gating
from spinula.studies.training.data import load_data

SIZE = {"tasks": 3, "epochs": 1, "seed": 2, "final": False}


def test_disjoint_gates_do_not_interfere_at_all_and_open_ones_do():
    data = load_data("digits")
    assert gating.disjoint_gap(1, data) == 0.0
    found = np.array([gating.run_tasks("dense", (0.1, 0.0), data, **SIZE)])
    assert gating.forgotten(found)[0] > 0.02


def test_contexts_overlap_as_the_square_of_their_share():
    assert gating.overlap_gap(3, pairs=1500) < 0.004


def test_gates_need_their_context():
    data = load_data("digits")
    known, unknown = (
        np.mean(gating.run_tasks(method, (0.1, 0.2), data, **SIZE)[-1])
        for method in ("context gates", "gates without context")
    )
    assert known > unknown + 0.15


def test_the_context_is_told_by_inputs_of_its_own():
    data = load_data("digits")
    told, plain = (gating.run_tasks(method, (0.1, 0.0), data, **SIZE) for method in ("dense, context told", "dense"))
    assert told != plain
    assert all(0.1 <= score <= 1 for row in told for score in row[:1])
