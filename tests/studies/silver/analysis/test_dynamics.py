"""Lyapunov exponents of maps that are known, and of networks; exponents of spectra of noise that is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError
from spinula.engines.silver.device import Device
from spinula.law.silver import RateBalance, TunnelThreshold
from spinula.studies.silver.analysis.lyapunov import (
    largest_exponent,
    linearised_exponent,
    network_step,
    triangle,
)
from spinula.studies.silver.analysis.spectrum import coloured_noise, spectrum


def grid(side, seed=0):
    number = np.arange(side * side).reshape(side, side)
    across = np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()])
    down = np.column_stack([number[:-1].ravel(), number[1:].ravel()])
    pairs = np.concatenate([across, down])
    row, column = np.divmod(np.arange(side * side), side)
    jitter = np.random.default_rng(seed).random((side * side, 2)) * 0.1
    return SimpleNamespace(
        position=np.column_stack([column, row]) + jitter, tail=pairs[:, 0].copy(), head=pairs[:, 1].copy(),
        distance=np.full(len(pairs), 2.0), electrodes={"left": number[:, 0].copy(), "right": number[:, -1].copy()},
    )  # fmt: skip


def henon(x, _):
    return np.array([1 - 1.4 * x[0] ** 2 + x[1], 0.3 * x[0]])


@pytest.mark.parametrize(
    ("name", "step", "start", "known", "tolerance"),
    [
        ("logistic", lambda x, _: 4 * x * (1 - x), [0.3], np.log(2), 0.02),
        ("Henon", henon, [0.1, 0.1], 0.4192, 0.02),
        ("linear", lambda x, _: x * [0.5, 0.9], [1.0, 1.0], np.log(0.9), 1e-3),
        ("rotation", lambda x, _: np.array([0.6 * x[0] - 0.8 * x[1], 0.8 * x[0] + 0.6 * x[1]]), [1.0, 0.0], 0.0, 1e-3),
    ],
)
def test_exponents_of_known_maps(name, step, start, known, tolerance):
    found = largest_exponent(step, np.array(start), steps=8000, dt=0.5, size=1e-8, seed=1, settle=100)
    assert found.value == pytest.approx(known / 0.5, abs=tolerance / 0.5), name
    assert found.merged == 0


def test_both_methods_agree_on_a_smooth_network():
    device = Device(grid(5), RateBalance(), seed=1)
    drives, settings = triangle(4.0, 0.5), {"steps": 600, "dt": 0.01, "seed": 3, "settle": 300}
    two = largest_exponent(network_step(device, drives, 0.01), device.state[0], size=1e-7, **settings)
    one = linearised_exponent(device, drives, **settings)
    assert two.value == pytest.approx(one.value, abs=0.01)
    # A gap of this law forgets: no rate is slower than that of depression at the highest voltage.
    assert -20 < two.value < -0.02


def test_a_network_below_its_threshold_does_not_diverge():
    # Flux decays to zero everywhere: the trajectories merge, which is said.
    device = Device(grid(4), TunnelThreshold(off=1e-8, reset_voltage=0.01), seed=1)
    with pytest.raises(InvalidInputError, match="merged"):
        largest_exponent(
            network_step(device, triangle(0.02, 1.0), 1e-3), device.state[0], steps=300, dt=1e-3, size=1e-6, seed=1
        )


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_the_exponent_of_noise_and_its_interval(beta):
    found = [spectrum(coloured_noise(4096, beta, np.random.default_rng(seed)), 1e-3) for seed in range(40)]
    assert np.mean([each.beta for each in found]) == pytest.approx(beta, abs=0.05)
    covered = np.mean([each.interval[0] < beta < each.interval[1] for each in found])
    assert covered >= 0.8  # 40 draws of 95 %: below 0.8 in one of 10^3


def test_a_sum_of_steps_is_brown_and_white_noise_is_not_pink():
    white = np.random.default_rng(2).standard_normal(8192)
    brown = spectrum(np.cumsum(white), 1.0, band=(0.002, 0.1))
    assert brown.beta == pytest.approx(2.0, abs=0.15)
    flat = spectrum(white, 1.0)
    assert not flat.interval[0] < 1.0 < flat.interval[1]
    # The power of white noise of variance 1 is spread over the frequencies up to 1/2: density 2.
    assert flat.power[4:-4].mean() == pytest.approx(2.0, rel=0.1)


def test_a_constant_has_no_spectrum():
    with pytest.raises(InvalidInputError, match="not all alike"):
        spectrum(np.ones(100), 1.0)
    with pytest.raises(InvalidInputError, match="fewer than 5"):
        spectrum(np.random.default_rng(0).standard_normal(100), 1.0, band=(0.4, 0.41))
