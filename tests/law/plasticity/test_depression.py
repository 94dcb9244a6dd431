"""Depression: the exposure against the diffusion equation, the gate of GABA, protection and competition."""

import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import integrate

from spinula.law.plasticity.depression import (
    Depression,
    deposit,
    enlargement_share,
    exposure,
    gaba_gate,
    protection,
)

REACH, TIME, SHRINKAGE = 6.0, 900.0, 0.43
NUMBERS = {
    "shrinkage": SHRINKAGE, "reach": REACH, "field_time": TIME, "ungated": 0.1, "gaba_length": 5.0,
    "gaba_lead_min": 0.01, "gaba_lead_max": 0.1, "veto": 0.5, "spike_window": 0.02, "protection_gain": 3.0,
    "protection_time": 1800.0, "competition": 500.0, "pulses": 80.0,
}  # fmt: skip


def _field(distance, elapsed):
    """The Green's function of diffusion with loss, times one event's deposit, 1/s."""
    diffusivity = REACH**2 / TIME
    spread = math.exp(-(distance**2) / (4 * diffusivity * elapsed)) / math.sqrt(4 * math.pi * diffusivity * elapsed)
    return deposit(1.0, SHRINKAGE, REACH, TIME) * spread * math.exp(-elapsed / TIME)


@pytest.mark.parametrize("distance", [0.0, 2.0, 9.0, -9.0, 15.0])
@pytest.mark.parametrize("elapsed", [60.0, 900.0, 7200.0])
def test_exposure_is_the_time_integral_of_the_greens_function(distance, elapsed):
    # In the root of time the integrand is smooth.
    wanted, _ = integrate.quad(lambda u: 2 * u * _field(distance, u * u), 0, math.sqrt(elapsed), epsabs=1e-12)
    assert exposure(distance, elapsed, SHRINKAGE, REACH, TIME) == pytest.approx(wanted, rel=1e-8, abs=1e-11)


def test_exposure_in_the_end_is_an_exponential_profile():
    for distance in (0.0, 3.0, 12.0):
        end = exposure(distance, 100 * TIME, SHRINKAGE, REACH, TIME)
        assert end == pytest.approx(SHRINKAGE * math.exp(-distance / REACH), rel=1e-12)
    whole, _ = integrate.quad(lambda x: exposure(x, 100 * TIME, SHRINKAGE, REACH, TIME), 0, 200)
    assert 2 * whole == pytest.approx(2 * REACH * SHRINKAGE)
    assert exposure(0.0, 0.0, SHRINKAGE, REACH, TIME) == 0.0


def test_exposure_grows_with_time_and_falls_with_distance():
    times = [exposure(4.0, t, SHRINKAGE, REACH, TIME) for t in np.geomspace(1, 1e5, 60)]
    places = [exposure(x, 1200.0, SHRINKAGE, REACH, TIME) for x in np.linspace(0, 30, 60)]
    assert (np.diff(times) >= 0).all()
    assert (np.diff(places) < 0).all()


def test_gaba_must_be_near_and_early():
    gate = [gaba_gate(x, 0.05, 5.0, 0.01, 0.1) for x in (0.0, 5.0, 25.0)]
    assert gate == pytest.approx([1.0, math.exp(-1), math.exp(-5)])
    assert gate[2] < 0.01
    leads = (-0.05, 0.0, 0.0099, 0.01, 0.1, 0.1001)
    assert [gaba_gate(0.0, lead, 5.0, 0.01, 0.1) for lead in leads] == [0, 0, 0, 1, 1, 0]


def test_protection_and_competition_run_from_none_to_full():
    drive = np.linspace(0, 20, 50)
    spared = [protection(d) for d in drive]
    assert spared[0] == 0.0
    assert (np.diff(spared) > 0).all()
    assert spared[-1] == pytest.approx(1.0, abs=1e-8)
    assert protection(1e-9) == pytest.approx(1e-9)
    assert enlargement_share(0.0, 500.0) == enlargement_share(1e-3, 0.0) == 1.0
    assert enlargement_share(1e-3, 500.0) == pytest.approx(math.exp(-0.5))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shrinkage", 5.1), ("shrinkage", -0.1), ("reach", 0.0), ("field_time", 0.0), ("ungated", 1.1),
        ("gaba_length", 0.0), ("gaba_lead_min", -0.1), ("gaba_lead_max", 0.0), ("veto", -0.1), ("veto", 1.1),
        ("spike_window", 2.0), ("protection_gain", -1.0), ("protection_time", 0.0), ("competition", -1.0),
        ("pulses", 0.0),
    ],
)  # fmt: skip
def test_numbers_out_of_bounds_are_refused(field, value):
    Depression(**NUMBERS)
    with pytest.raises(ValidationError, match=field):
        Depression(**{**NUMBERS, field: value})
