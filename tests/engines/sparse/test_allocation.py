"""How many connections each layer gets, and which sites they take at first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.sparse.allocation import erk_densities, sample_sites

SIZE = st.integers(1, 400)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(SIZE, SIZE), min_size=1, max_size=6), st.floats(1e-3, 1.0))
def test_the_layers_together_have_the_density_asked_for(shapes, density):
    densities = erk_densities(shapes, density)
    sites = np.array([a * b for a, b in shapes])
    assert (np.array(densities) > 0).all()
    assert (np.array(densities) <= 1).all()
    assert np.dot(densities, sites) == pytest.approx(density * sites.sum(), rel=1e-9)


@pytest.mark.parametrize(("density", "wanted"), [(0.05, [0.038, 0.111, 0.919]), (0.01, [0.0077, 0.022, 0.184])])
def test_the_densities_of_the_usual_perceptron(density, wanted):
    assert erk_densities([(300, 784), (100, 300), (10, 100)], density) == pytest.approx(wanted, rel=0.02)


def test_densities_out_of_bounds_are_refused():
    for density in (0.0, -0.1, 1.1, float("nan")):
        with pytest.raises(OutOfRangeError):
            erk_densities([(3, 3)], density)
    with pytest.raises(InvalidInputError, match="no layers"):
        erk_densities([], 0.1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.integers(0, 2**20))
def test_sites_are_distinct_sorted_and_inside(outputs, inputs, share, seed):
    count = round(share * outputs * inputs)
    rows, cols = sample_sites((outputs, inputs), count, np.random.default_rng(seed))
    flat = rows * inputs + cols
    assert len(flat) == count
    assert (np.diff(flat) > 0).all()
    assert count == 0 or (flat.min() >= 0 and flat.max() < outputs * inputs and cols.max() < inputs)


@pytest.mark.parametrize("count", [6, 18])
def test_every_site_is_as_likely_as_any_other(count):
    # 4,000 layers of 24 sites: chi-square below its 1 - 1e-6 quantile (73) for a fixed seed.
    rng, hits = np.random.default_rng(1), np.zeros(24)
    for _ in range(4000):
        rows, cols = sample_sites((4, 6), count, rng)
        hits[rows * 6 + cols] += 1
    mean = 4000 * count / 24
    assert ((hits - mean) ** 2 / (mean * (1 - count / 24))).sum() * 23 / 24 < 73


def test_more_connections_than_sites_are_refused():
    with pytest.raises(InvalidInputError, match="do not fit"):
        sample_sites((2, 2), 5, np.random.default_rng(0))
