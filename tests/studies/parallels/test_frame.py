"""Verdicts follow from numbers: limits fail as claims, benefits decide whether a parallel is useful."""

import math

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import Claim
from spinula.studies.parallels import PARALLELS, Benefit, Limit, judged, parallel
from spinula.studies.parallels.pairs import gating
from spinula.studies.parallels.parallel import Parallel, chosen_by_others

UP, DOWN, EITHER = [1.0, 1.1, 0.9], [-1.0, -1.1, -0.9], [1.0, -1.0, 0.1]


def _benefit(values, margin=0.0, decides=True):
    return Benefit.of(values, "accuracy", against="weight decay", unit="points", margin=margin, decides=decides)


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


def test_what_does_not_decide_is_kept_and_changes_no_verdict():
    for decisive, useful in ((DOWN, "no"), (UP, "yes"), (EITHER, "not shown")):
        found = judged([], [], limits=[], benefits=[_benefit(UP, decides=False), _benefit(decisive)])
        assert found.useful == useful
        assert [one.role for one in found.benefits] == ["does not decide", f"useful: {useful}"]
        assert found.benefits[1].level == found.benefits[0].level == 0.95
    assert judged([], [], limits=[], benefits=[_benefit(UP, decides=False)]).useful == "not shown"


def test_intervals_are_wider_where_more_benefits_decide():
    chance = [0.6, 1.4, 0.3, 1.2, 0.7, 0.0]
    _, low, high = mean_interval(np.array(chance))
    alone = judged([], [], limits=[], benefits=[_benefit(chance), _benefit(DOWN, decides=False)])
    assert (alone.benefits[0].low, alone.benefits[0].high) == pytest.approx((low, high), rel=1e-12)
    assert alone.useful == "yes"
    four = judged([], [], limits=[], benefits=[_benefit(chance), *[_benefit(DOWN)] * 3])
    # Student's t of 5 degrees of freedom: 2.571 for 95 %, 3.810 for 98.75 %.
    assert four.benefits[0].reach / alone.benefits[0].reach == pytest.approx(3.810 / 2.571, rel=1e-3)
    assert four.useful == "not shown"
    assert "98.8 % interval" in four.benefits[0].shown


def test_the_other_side_is_not_credited_to_spines():
    data = {method: [[0.2] * 3, [0.3] * 3] for method in gating.METHODS}
    data["context gates"] = [[0.9] * 3, [0.98] * 3]
    results = [({"method": method}, {"matrix": [[row] * 3 for row in rows]}) for method, rows in data.items()]
    found = gating.PARALLEL.conclude([*results, ({"method": None}, {"disjoint": 0.0, "overlap": 0.0})])
    assert [one.useful for one in found.benefits if not one.decides] == ["yes"]
    assert found.useful == "no"


def test_formulas_have_no_backslash():
    for name in PARALLELS:
        assert "\\" not in parallel(name).formula


def test_a_setting_that_others_chose_is_scored_on_the_test_set():
    held = np.array([[1.0, 2.0], [1.0, 3.0], [5.0, 2.0]])
    assert chosen_by_others(held, np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])).tolist() == [0.1, 0.3, 0.6]


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
