"""Verdicts follow from numbers: limits fail as claims, benefits decide whether a parallel is useful."""

import math

import pytest

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.studies.memory.study import Claim
from spinula.studies.parallels import PARALLELS, Benefit, Limit, judged, parallel
from spinula.studies.parallels.parallel import Parallel

UP, DOWN, EITHER = [1.0, 1.1, 0.9], [-1.0, -1.1, -0.9], [1.0, -1.0, 0.1]


def _benefit(values, margin=0.0):
    return Benefit.of(values, "accuracy", against="weight decay", unit="points", margin=margin)


def test_a_limit_fails_above_its_tolerance_and_where_it_has_no_number():
    assert Limit("Both are equal.", 1e-9, 1e-6).claim().passed
    assert not Limit("Both are equal.", 1e-5, 1e-6).claim().passed
    assert not Limit("Both are equal.", math.nan, 1e-6).claim().passed


@pytest.mark.parametrize(("values", "margin", "useful"), [
    (UP, 0.0, "yes"), (DOWN, 0.0, "no"), (EITHER, 0.0, "not shown"), (UP, 2.0, "no"), (UP, 1.0, "not shown"),
])  # fmt: skip
def test_a_benefit_is_judged_by_its_whole_interval(values, margin, useful):
    assert _benefit(values, margin).useful == useful


def test_a_benefit_needs_seeds():
    with pytest.raises(InvalidInputError, match="two seeds or more"):
        _benefit([1.0])
    with pytest.raises(InvalidInputError, match="2 of them finite"):
        _benefit([1.0, 1.0, math.nan])


def test_a_parallel_is_useful_if_one_benefit_is_and_useless_only_if_all_are():
    found = {
        "yes": [_benefit(UP), _benefit(DOWN)], "no": [_benefit(DOWN), _benefit(DOWN)],
        "not shown": [_benefit(EITHER), _benefit(DOWN)],
    }  # fmt: skip
    for useful, benefits in found.items():
        assert judged([], [], limits=[], benefits=benefits).useful == useful
    assert judged([], [], limits=[]).useful == "not shown"


def test_limits_are_claims_of_what_was_found():
    found = judged([], [Claim("More.", "1", True)], limits=[Limit("Equal.", 2.0, 1.0, "sd")])
    assert [claim.passed for claim in found.claims] == [False, True]
    assert not found.passed
    assert found.holds_to == "2 sd"


def test_every_parallel_says_what_its_sides_are():
    for name in PARALLELS:
        found = parallel(name)
        assert isinstance(found, Parallel)
        assert found.name == name
        texts = (found.biology, found.learning, found.link, found.formula, found.exact, found.breaks, found.cost)
        assert all(texts)
        assert len(found.budgets) >= 2


def test_an_unknown_parallel_is_refused():
    with pytest.raises(UnknownNameError, match="parallel"):
        parallel("nothing")
