"""The receptor pool: closed forms against their own definitions, and one law for floats and arrays."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spinula.core.errors import OutOfRangeError
from spinula.law.plasticity import receptors
from spinula.law.plasticity.receptors import ReceptorPool

fractions = st.floats(0.05, 0.95)


@given(filling=fractions, ratio=st.floats(0.1, 10), slots=st.floats(10, 1e5))
def test_the_rates_leave_the_wanted_filling(filling, ratio, slots):
    pool = ReceptorPool.from_filling(
        filling=filling, pool_ratio=ratio, slots=slots, unbinding_rate=1 / 43, removal_rate=1 / 840
    )
    assert pool.filling == pytest.approx(filling, rel=1e-9)
    assert pool.total_at_rest(slots) == pytest.approx((1 + ratio) * filling * slots, rel=1e-9)
    ratio_of_rates = pool.unbinding_rate * pool.removal_rate / (pool.binding_rate * pool.insertion_rate)
    assert pool.filling == pytest.approx(1 / (1 + ratio_of_rates))
    bound = pool.bound_at_rest(slots)
    flow = receptors.bound_change(bound, pool.free_at_rest, slots, pool.binding_rate, pool.unbinding_rate)
    assert flow == pytest.approx(0, abs=1e-9 * slots)
    assert receptors.free_change(pool.free_at_rest, flow, pool.insertion_rate, pool.removal_rate) == pytest.approx(
        0, abs=1e-9 * slots
    )


@given(slots=st.floats(1, 1e5), total=st.floats(0, 1e5))
def test_the_closed_pool_settles_where_flows_balance(slots, total):
    pool = ReceptorPool.published(filling=0.7, slots=1000)
    bound = pool.bound_when_closed(slots, total)
    assert 0 <= bound <= min(slots, total) * (1 + 1e-12)
    half = (slots + total + pool.dissociation) / 2
    assert bound == pytest.approx(half - math.sqrt(half * half - slots * total), rel=1e-6, abs=1e-6)
    flow = receptors.bound_change(bound, total - bound, slots, pool.binding_rate, pool.unbinding_rate)
    assert flow == pytest.approx(0, abs=1e-10 * slots)
    assert pool.bound_when_closed(np.array([slots]), total)[0] == pytest.approx(bound)


def test_at_rest_the_closed_form_is_the_rest():
    pool = ReceptorPool.published(filling=0.9, slots=10_000)
    assert pool.total_at_rest(10_000) == pytest.approx(33_030)
    assert pool.bound_when_closed(10_000.0, pool.total_at_rest(10_000)) == pytest.approx(9_000)


@pytest.mark.parametrize(("ratio", "filling"), [(1, 0.20), (2.67, 0.70), (5, 0.84)])
def test_with_binding_fixed_the_pool_sets_the_filling(ratio, filling):
    """The published triples at alpha = 0.0093/min leave one number of slots, 187."""
    slots = (60 / 43) / (0.0093 * 2.67 * 0.3)
    pool = ReceptorPool.from_filling(
        filling=filling, pool_ratio=ratio, slots=slots, unbinding_rate=1 / 43, removal_rate=1 / 840
    )
    assert 60 * pool.binding_rate == pytest.approx(0.0093, rel=0.01)


def test_relaxation_rates_are_the_eigenvalues():
    pool = ReceptorPool.published(filling=0.7, slots=500)
    exchange = pool.binding_rate * pool.free_at_rest + pool.unbinding_rate
    meeting = pool.binding_rate * 500 * (1 - pool.filling)
    matrix = np.array([[-exchange, meeting], [exchange, -meeting - pool.removal_rate]])
    assert sorted(pool.relaxation_rates(500)) == pytest.approx(sorted(-np.linalg.eigvals(matrix)))
    slow = pool.relaxation_rates(500)[0]
    assert slow == pytest.approx(pool.removal_rate / (1 + 0.3 / 2.67), rel=0.01)
    assert slow < pool.removal_rate


def test_variation_is_binomial():
    pool = ReceptorPool.published(filling=0.7, slots=500)
    slots = np.array([10, 40])
    bound = 0.7 * slots
    assert pool.variation(slots) == pytest.approx(np.sqrt(slots * 0.7 * 0.3) / bound)
    assert pool.variation(10) == pytest.approx(pool.variation(slots)[0])


@pytest.mark.parametrize("wrong", [{"filling": 1.0}, {"filling": 0.0}, {"slots": 0}, {"pool_ratio": -1}])
def test_bad_input_says_so(wrong):
    good = {"filling": 0.5, "pool_ratio": 2.67, "slots": 100, "unbinding_rate": 1 / 43, "removal_rate": 1 / 840}
    with pytest.raises(OutOfRangeError, match=next(iter(wrong))):
        ReceptorPool.from_filling(**{**good, **wrong})


def test_a_closed_pool_has_no_rest_of_its_own():
    pool = ReceptorPool(binding_rate=1, unbinding_rate=1, insertion_rate=0, removal_rate=0)
    with pytest.raises(OutOfRangeError, match="removal_rate"):
        pool.filling
    with pytest.raises(ValidationError):
        ReceptorPool(binding_rate=0, unbinding_rate=1, insertion_rate=0, removal_rate=0)
