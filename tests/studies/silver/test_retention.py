"""Why a network forgets, and what keeps it: gaps in series share one current, and the widest has the thinnest neck."""

from types import SimpleNamespace

import numpy as np
import pytest

from spinula.engines.silver.device import Device
from spinula.law.silver import SilverGap
from spinula.studies.silver.pulses import Pulse, respond, rest, train


def _series(*distance):
    gaps = len(distance)
    return SimpleNamespace(
        position=np.column_stack([np.arange(gaps + 1.0), np.zeros(gaps + 1)]), tail=np.arange(gaps),
        head=np.arange(1, gaps + 1), distance=np.array(distance),
        electrodes={"left": np.array([0]), "right": np.array([gaps])},
    )  # fmt: skip


def _taught(law):
    device = Device(_series(3.0, 10.0), law, seed=0)
    pulse = Pulse(1.6 * 13.0 * law.field_threshold)
    train(device, pulse, 10)
    mass, top = device.state[0].copy(), respond(device, pulse)
    rest(device, pulse, 1000.0)
    return mass, respond(device, pulse) / top


def test_necks_in_series_are_alike_only_if_their_length_counts():
    law = SilverGap(field_threshold=0.06, voltage_scale=0.075, joule=3.6e-3)
    unlike, lost = _taught(law)
    alike, kept = _taught(law.model_copy(update={"neck_length": 4.0}))
    assert unlike[0] - unlike[1] > 0.7
    assert abs(alike[0] - alike[1]) < 0.25
    assert lost < 0.5 < kept


def test_a_neck_conducts_the_less_the_longer_it_is():
    law = SilverGap(neck_length=4.0, leak=1e-12)
    state = (np.array([1.0, 1.0, 2.0, 2.0]), np.ones(4), np.zeros(4))
    found = law.conductance(state, distance=np.array([2.0, 8.0, 2.0, 8.0])) / law.contact
    assert found == pytest.approx([1.0, 1.0, 1.0 + 3.0 * 2.0, 1.0 + 3.0 * 0.5])
