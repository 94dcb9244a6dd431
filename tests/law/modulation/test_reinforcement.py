"""The windows of dopamine: kernels against the tabulated delay curves, the trace model against an integrator."""

import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import integrate

from spinula.law.modulation.reinforcement import (
    CAMKII_KERNEL,
    PKA_KERNEL,
    EligibilityTrace,
    Reinforcement,
    burst_kernel,
    kernel_end,
    trace_step,
)

# Delay (s), free PKA (uM), active CaMKII 20 s later (uM): the signalling model's curves.
DELAY = [-1, -0.2, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 1.7, 2, 2.5, 3, 5]
PKA = np.array([0.091, 0.095, 0.116, 0.138, 0.169, 0.204, 0.240, 0.274, 0.303, 0.326, 0.339, 0.341, 0.331, 0.290,
                0.229, 0.198, 0.166, 0.136, 0.121, 0.096])  # fmt: skip
CAMKII = np.array([0.02, 0.01, 0.08, 0.34, 1.05, 2.11, 3.15, 3.89, 4.27, 4.32, 4.06, 3.52, 2.81, 1.43, 0.38, 0.14,
                   0.03, 0, 0, 0])  # fmt: skip
NUMBERS = {
    "gain": 1.25, "size_scale": 0.12, "kernel_scale": 1.121, "kernel_power": 11.85, "kernel_onset": -0.466,
    "pairing_window": 0.02, "pulses": 10.0, "bursts": 15.0, "consolidation_time": 1200.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("kernel", "curve", "error"),
    [(CAMKII_KERNEL, CAMKII / 4.32, 0.018), (PKA_KERNEL, (PKA - 0.091) / 0.25, 0.039)],
    ids=["CaMKII", "PKA"],
)
def test_kernels_fit_the_curves_as_well_as_they_say(kernel, curve, error):
    """With one free amplitude."""
    found = np.array([burst_kernel(delay, *kernel) for delay in DELAY])
    found *= (found @ curve) / (found @ found)
    assert np.sqrt(np.mean((found - curve) ** 2)) < error


@pytest.mark.parametrize(
    ("kernel", "rise", "fall"), [(CAMKII_KERNEL, 0.31, 1.09), (PKA_KERNEL, 0.33, 1.58)], ids=["CaMKII", "PKA"]
)
def test_half_maximum_windows(kernel, rise, fall):
    fine = np.linspace(-1, 6, 7001)
    curve = np.array([burst_kernel(delay, *kernel) for delay in fine])
    inside = fine[curve >= 0.5]
    assert (inside[0], inside[-1]) == pytest.approx((rise, fall), abs=0.08)


def test_a_kernel_is_one_at_its_peak_and_nothing_before_its_onset():
    for kernel in (CAMKII_KERNEL, PKA_KERNEL, (2.0, 0.5, 1.0)):
        scale, _, onset = kernel
        assert burst_kernel(onset + scale, *kernel) == pytest.approx(1.0)
        assert burst_kernel(onset, *kernel) == burst_kernel(onset - 1, *kernel) == 0.0
        end = kernel_end(*kernel)
        assert burst_kernel(end, *kernel) == pytest.approx(1e-4, rel=1e-6)
        assert burst_kernel(end + scale, *kernel) < 1e-4
    assert Reinforcement(**NUMBERS).kernel(0.5) == burst_kernel(0.5, *CAMKII_KERNEL)


def _rates(rise, decay, signal, leak):
    return lambda _, y: [-y[0] / rise, (y[0] - y[1]) / decay, -y[2] / signal, (y[1] + leak) * y[2]]


@pytest.mark.parametrize("rise", [0.05, 0.3, 0.656, 2.0])
def test_a_step_of_the_traces_is_that_of_an_integrator(rise):
    """Also where rise and decay are equal, so that the two exponentials become one (then to 1e-5)."""
    start, rest = (0.7, 0.4, 1.3, 0.1), (rise, 0.656, 0.1, 0.02)
    for elapsed in (0.01, 0.3, 4.0):
        solved = integrate.solve_ivp(_rates(*rest), (0, elapsed), start, rtol=1e-11, atol=1e-14).y[:, -1]
        assert trace_step(start, elapsed, *rest) == pytest.approx(
            solved, rel=1e-5 if rise == 0.656 else 1e-8, abs=1e-10
        )


def test_steps_of_the_traces_compose():
    start, rest = (0.7, 0.4, 1.3, 0.1), (0.244, 0.656, 0.02, 0.01)
    whole = trace_step(start, 0.5, *rest)
    assert trace_step(trace_step(start, 0.2, *rest), 0.3, *rest) == pytest.approx(whole, rel=1e-12)
    assert trace_step(start, 0.0, *rest) == pytest.approx(start)


def test_the_trace_reads_the_delay_curve_of_pka():
    """Root mean square error .039 of the maximum with one free amplitude, as its docstring says."""
    found = np.array([EligibilityTrace().response(delay) for delay in DELAY])
    curve = (PKA - 0.091) / 0.25
    found *= (found @ curve) / (found @ found)
    assert np.sqrt(np.mean((found - curve) ** 2)) < 0.0395


def test_without_pairing_the_trace_reads_its_leak_alone():
    trace = EligibilityTrace(leak=0.1)
    # A burst that long before the pairing: the integral of the filtered signal is 1, times the leak.
    assert trace.response(-30.0) == pytest.approx(0.1, rel=1e-9)
    assert EligibilityTrace().response(-30.0) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gain", -1.0), ("size_scale", 0.0), ("kernel_scale", 0.0), ("kernel_power", 0.0), ("kernel_onset", 6.0),
        ("pairing_window", 0.0), ("pairing_window", 1.1), ("pulses", 0.0), ("bursts", 0.0),
        ("consolidation_time", math.inf),
    ],
)  # fmt: skip
def test_numbers_out_of_bounds_are_refused(field, value):
    with pytest.raises(ValidationError, match=field):
        Reinforcement(**{**NUMBERS, field: value})
    with pytest.raises(ValidationError, match="rise"):
        EligibilityTrace(rise=0.0)
