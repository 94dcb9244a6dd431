"""One law, whoever computes it: floats, arrays and the compiled kernels give the same numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinula.core.errors import StepTooLargeError
from spinula.engines.population import Layout, Population
from spinula.law import (
    Boundary,
    Dynamics,
    KestenLaw,
    KestenMap,
    LinearLaw,
    LinearQuadraticLaw,
    LogOULaw,
    LogRevertingLaw,
    TwoTimeLogOULaw,
)
from spinula.law.additive import crossing_moment

LAWS = [
    LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.004),
    LinearQuadraticLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.004, crowding=0.15),
    LogRevertingLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.004),
    KestenLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.004),
    LogOULaw(log_mean=-2.3, log_sd=0.7, recovery_rate=0.05),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.family)
@given(size=st.floats(0.01, 2), noise=st.floats(-4, 4))
@settings(max_examples=50, deadline=None)
def test_float_and_array_agree(law, size, noise):
    for method in (law.advance, law.step):
        one = method(size, drive=0.01, noise=noise, dt=0.1)
        many = method(np.array([size]), drive=0.01, noise=np.array([noise]), dt=0.1)
        assert many[0] == pytest.approx(one, rel=1e-12)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.family)
def test_the_step_tends_to_euler_as_dt_vanishes(law):
    size, noise = np.array([0.05, 0.1, 0.5]), 0.7
    for dt in (1e-4, 1e-6):
        step = law.step(size, drive=0.0, noise=noise, dt=dt) - size
        spread = law.spread(size) * math.sqrt(dt) * noise
        assert np.allclose(step, spread, rtol=3 * math.sqrt(dt))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.family)
def test_the_step_has_the_moments_of_the_law(law):
    """Mean and SD of a small step within 4 standard errors (false alarm 1e-4)."""
    noise = np.random.default_rng(1).standard_normal(400_000)
    noise = (noise - noise.mean()) / noise.std()
    change = law.step(np.full(noise.shape, 0.1), drive=0.0, noise=noise, dt=0.01) - 0.1
    assert change.mean() / 0.01 == pytest.approx(float(law.drift(0.1)), abs=2e-4)
    assert change.std() / 0.1 == pytest.approx(float(law.spread(0.1)), rel=0.01)


# The kernel in double precision takes another 15 s to compile.
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.family)
def test_the_kernel_is_the_law(law, dtype):
    """Replay the kernel's own noise through law.step."""
    rest = 0.1
    population = Population(Dynamics(law=law), seed=3, layout=Layout(dendrites=1, spines_per_dendrite=300), dt=0.05,
                            dtype=dtype, initial=rest)  # fmt: skip
    population.advance(1)
    found = np.asarray(population.snapshot().size, float)
    noise = _kernel_noise(population, 300, dtype)
    wanted = law.step(np.full(300, rest), drive=0.0, noise=noise, dt=0.05)
    assert np.allclose(found, wanted, rtol=3e-6 if dtype == "float32" else 1e-12)


def _kernel_noise(population, count, dtype):
    from spinula.engines import philox

    words = np.empty((4, count), np.uint32)
    normals = np.empty((4, count), dtype)
    numbers = np.arange(count, dtype=np.uint32)
    key = np.uint64(population.streams.key("noise"))
    philox.fill_words(numbers, np.uint32(0), np.uint32(0), np.uint32(0), key, words, count)
    philox.fill_normals(words, normals, count)
    return normals[0].astype(float)


@pytest.mark.parametrize("law", LAWS[:4], ids=lambda law: law.family)
def test_distance_is_the_integral_of_one_over_spread(law):
    grid = np.linspace(0.02, 0.3, 20_001)
    integral = np.trapezoid(1 / law.spread(grid), grid)
    assert law.distance(0.3, 0.02) == pytest.approx(integral, rel=1e-6)


def test_a_step_that_overshoots_is_refused():
    with pytest.raises(StepTooLargeError, match="dt <= 10"):
        LAWS[0].advance(0.1, drive=0, noise=0, dt=11)


def test_two_times_add_up():
    law = TwoTimeLogOULaw(log_mean=-2.5, log_sd=0.5, recovery_rate=0.03, fast_log_sd=0.4, fast_rate=0.5)
    assert law.log_autocovariance(0.0) == pytest.approx(0.41)
    assert law.mean_squared_change(1e6) == pytest.approx(0.82)
    size, fast = law.step((0.1, 0.2), drive=0.0, noise=(0.0, 0.0), dt=1.0)
    assert fast == pytest.approx(0.2 * math.exp(-0.5))
    assert size < 0.12


def test_kesten_map_and_its_twin_share_the_tail():
    kesten = KestenMap(interval=2, kept_mean=0.9, kept_sd=0.2, added_mean=0.01, added_sd=0.004)
    twin = kesten.continuous()
    assert twin.tail_exponent == pytest.approx(kesten.tail_exponent, rel=1e-9)
    assert math.exp(-twin.recovery_rate * 2) == pytest.approx(0.9)
    with pytest.raises(StepTooLargeError):
        kesten.step(0.1, drive=0, noise=(0, 0), dt=1.0)


def test_boundary_needs_new_spines_above_it():
    with pytest.raises(ValueError, match="must exceed"):
        Boundary(size_min=0.03, size_new=0.02)


@pytest.mark.parametrize(("before", "after"), [(0.5, 0.4), (0.8, -0.6)])
def test_the_moment_of_crossing_follows_the_bridge(before, after):
    """Against simulated bridges: quartiles within 0.02 (about 4 standard errors)."""
    rng = np.random.default_rng(5)
    paths, steps = 6000, 2000
    walk = np.cumsum(rng.standard_normal((paths, steps)) / math.sqrt(steps), axis=1)
    time = np.arange(1, steps + 1) / steps
    bridge = before + walk - walk[:, -1:] * time + (after - before) * time
    hit = bridge <= 0
    first = (hit.argmax(axis=1) + 0.5)[hit.any(axis=1)] / steps
    drawn = [crossing_moment(before, after, rng.standard_normal(), rng.random()) for _ in range(6000)]
    assert np.quantile(drawn, [0.25, 0.5, 0.75]) == pytest.approx(np.quantile(first, [0.25, 0.5, 0.75]), abs=0.025)
