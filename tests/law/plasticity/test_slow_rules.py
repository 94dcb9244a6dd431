"""Heterosynaptic depression, homeostasis, clustering and the mechanical push: limits, integrals and bounds."""

import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import integrate

from spinula.law.activity import Activity
from spinula.law.plasticity.clustering import Clustering, fading, formation_factor
from spinula.law.plasticity.heterosynaptic import Heterosynaptic, shrink_rate
from spinula.law.plasticity.homeostasis import Homeostasis, scaling_rate
from spinula.law.plasticity.mechanics import Mechanics, push_increment, release_gain

MODELS = {
    Heterosynaptic: {"reach": 3.0, "time": 1200.0, "threshold": 1.5, "rate": 7e-4},
    Homeostasis: {"target_rate": 0.2, "scaling_time": 4.0, "rate_time": 3600.0},
    Clustering: {"gain": 4.0, "reach": 2.0, "memory": 2.0},
    Mechanics: {"gain": 0.4, "per_volume": 10.0, "time": 1800.0, "contact": 0.7},
    Activity: {"potentiation_rate": 0.1, "depression_rate": 0.02, "spike_rate": 0.2},
}


def test_a_crowd_shrinks_and_a_single_neighbour_does_not():
    assert shrink_rate(1.0, 1.5, 7e-4) == shrink_rate(1.5, 1.5, 7e-4) == 0.0
    assert (np.diff([shrink_rate(h, 1.5, 7e-4) for h in np.linspace(1.5, 9, 40)]) > 0).all()
    # The total loss of log-volume under a crowd that fades: rate*time*[h - threshold - threshold*log(h/threshold)].
    crowd, threshold, rate, time = 4.0, 1.5, 7e-4, 1200.0
    end = time * math.log(crowd / threshold)
    total, _ = integrate.quad(lambda t: shrink_rate(crowd * math.exp(-t / time), threshold, rate), 0, end)
    assert total == pytest.approx(rate * time * (crowd - threshold - threshold * math.log(crowd / threshold)))


def test_scaling_is_up_in_silence_and_down_when_the_cell_is_too_fast():
    assert scaling_rate(0.0, 0.2, 4.0) == 0.25
    assert scaling_rate(0.2, 0.2, 4.0) == 0.0
    assert scaling_rate(0.4, 0.2, 4.0) == -0.25
    size = integrate.solve_ivp(lambda _, v: v * scaling_rate(0.0, 0.2, 4.0), (0, 2), [0.1], rtol=1e-10, atol=1e-14).y[
        0, -1
    ]
    assert size / 0.1 == pytest.approx(math.exp(0.5), rel=1e-8)
    assert 1.5 < size / 0.1 < 2.0  # two days of silence


def test_clustering_is_the_published_rate_and_gain_zero_is_none():
    heat = sum(amount * math.exp(-abs(x) / 2.0) for amount, x in ((1.0, 0.5), (0.5, -3.0)))
    assert formation_factor(heat, 4.0) == pytest.approx(1 + 4 * heat)
    assert formation_factor(heat, 0.0) == 1.0
    assert fading(0.0, 2.0) == 1.0
    assert fading(3.0, 2.0) == pytest.approx(fading(1.0, 2.0) * fading(2.0, 2.0))


def test_a_push_needs_contact_and_enlargement():
    assert push_increment(0.1, 10.0, 1.0) == pytest.approx(1.0)
    assert push_increment(0.1, 10.0, 0.0) == push_increment(-0.1, 10.0, 1.0) == 0.0
    assert release_gain(0.0, 0.4) == 1.0
    assert release_gain(2.0, 0.4) == pytest.approx(1.8)


@pytest.mark.parametrize(("model", "field"), [(model, field) for model, fields in MODELS.items() for field in fields])
def test_negative_numbers_are_refused(model, field):
    model(**MODELS[model])
    with pytest.raises(ValidationError, match=field):
        model(**{**MODELS[model], field: -1.0})
