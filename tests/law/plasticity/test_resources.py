"""The resource model: its local terms, the shares of a stimulus and the fields just after it."""

import math

import numpy as np
import pytest

from spinula.core.errors import OutOfRangeError
from spinula.law.plasticity import resources
from spinula.law.plasticity.resources import ResourceCompetition, stimulation_share

MODEL = ResourceCompetition.illustration()


def test_float_and_array_agree():
    size = np.array([0.8, 1.2, 1.5])
    many = resources.growth_direction(size, 1.0, 1.2, np.tanh)
    assert many == pytest.approx([resources.growth_direction(float(s), 1.0, 1.2, math.tanh) for s in size])
    assert many[0] > 0 == many[1] > many[2]
    assert resources.size_reaction(0.5, 2.0, -0.25, 2.0, 1.0) == pytest.approx(0.5)
    assert resources.calcium_reaction(2.0, 1.0) == -2.0
    assert resources.inactive_reaction(2.0, 0.5, 8.0) == -8.0
    assert resources.active_reaction(2.0, 0.5, 3.0, 8.0, 0.01) == pytest.approx(7.97)


def test_what_inactive_protein_loses_active_protein_gains():
    """In the general form, with one rate for both, reactions move protein and make none."""
    lost = resources.inactive_reaction(0.7, 0.4, 8.0)
    assert lost + resources.active_reaction(0.7, 0.4, 0.3, 8.0, 0.0) == pytest.approx(0)


def test_shares():
    assert stimulation_share([0.0]) == 1
    assert stimulation_share(np.zeros((5, 5))) == pytest.approx([0.2] * 5)
    far = 1e9 * np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    assert stimulation_share(far) == pytest.approx([1] * 4, abs=1e-8)
    seven = 0.21 * np.arange(7)
    share = stimulation_share(np.abs(np.subtract.outer(seven, seven)))
    assert share == pytest.approx(share[::-1])
    assert (np.diff(share[:4]) < 0).all()  # the middle gets least


def test_the_start_is_the_published_one():
    x, positions = np.linspace(-1, 1, 201), np.array([-0.2, 0.2])
    calcium, inactive = MODEL.start(x, positions)
    each = 2 * (1 + 0.4 / 1.4) / 2
    bump = [np.exp(-1000 * (x - where) ** 2) for where in positions]
    assert calcium == pytest.approx((0.1 + each) * (bump[0] + bump[1]))
    assert inactive == pytest.approx(0.5 * (1 - (1 - each) * (bump[0] + bump[1])))


@pytest.mark.parametrize("distance", [-1.0, math.nan, math.inf])
def test_bad_distances_say_so(distance):
    with pytest.raises(OutOfRangeError, match="distance"):
        stimulation_share([0.0, distance])


def test_spines_in_one_place_are_refused():
    with pytest.raises(OutOfRangeError, match="too close"):
        MODEL.start(np.linspace(-1, 1, 201), 0.01 * np.arange(15))
