"""Candidates and rejects: the limit in which D1 and D2 cells are two networks, and what it needs."""

import numpy as np

from spinula.studies.parallels.pairs import refinement
from spinula.studies.reinforcement.numbers import model_with


def test_d1_and_d2_cells_are_two_one_sided_networks_in_the_limit_and_only_there():
    assert refinement.limit_gap(3, trials=150) < 1e-4
    assert refinement.limit_gap(3, trials=150, model=model_with({"circuit.active": 40})) > 0.1


def test_two_networks_generalise_from_positives_and_refine():
    course = refinement.network("candidates, then rejects", 0.2, 1)
    answered = course > refinement.ANSWER
    assert answered[0].all()
    assert answered[-1][refinement.PLUS].all()
    assert not answered[-1][~refinement.PLUS].any()
    assert np.all(refinement.balanced(course)[[0, -1]] == [0.5, 1.0])


def test_mined_trials_show_what_is_answered_most():
    mined, plain = (refinement.network(f"candidates, then {kind}", 0.2, 1) for kind in ("mined rejects", "rejects"))
    worst = [course[:, ~refinement.PLUS].max(axis=1)[:60].mean() for course in (mined, plain)]
    assert worst[0] < worst[1]


def test_the_cues_are_those_of_the_striatum():
    x = refinement.features()
    assert np.allclose((x @ x.T)[0, :5], [1.0, 0.75, 0.5, 0.25, 0.0])
