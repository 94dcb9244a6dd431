"""The limit in which D1 and D2 spines learn exactly as TD(0) does, and how far from it the usual numbers are.

Prediction V(x) = value_gain*(D1 drive - D2 drive), error = reward + discount*V(next) - V(x). A burst of amplitude
[error]+ and a dip of duration [-error]+ enlarge the D1 and the D2 spines of the inputs x. Of TD(0),

    w <- w + rate*error*x,      V(x) = w.x

this is a copy when (1) spines do not fluctuate, (2) sizes stay close to size_scale, where enlargement does not depend
on size (a small gain, read by a large value_gain), (3) both kernels are at their peak, (4) the response to dips is
linear in their duration (power 1, a long half-duration), which they follow without clearance or longest dip, and as
steep as that to bursts, (5) every cell has a spine from every input. Each departure is a claim about biology.
"""

from __future__ import annotations

import numpy as np

from spinula.engines.striatum import Striatum, StriatumModel
from spinula.engines.striatum.model import changed

RATE = 0.1
_SMALL, _LONG = 1e-6, 1e9


def limit(model: StriatumModel, *, rate: float = RATE) -> StriatumModel:
    """Return a model in the limit, with the learning rate ``rate`` per error and trial."""
    law = model.reinforcement
    gain = rate * np.e * _SMALL
    return changed(
        model,
        {
            "intrinsic": False,
            "circuit.connection_density": 1.0,
            "readout.value_gain": 1.0 / _SMALL,
            "reinforcement.gain": gain * law.bursts,
            "dips.gain": gain * model.dips.dips * _LONG,
            "dips.kernel_onset": law.kernel_onset,
            "dips.kernel_scale": law.kernel_scale,
            "dips.kernel_power": law.kernel_power,
            "dips.size_scale": law.size_scale,
            "dips.duration_power": 1.0,
            "dips.duration_half": _LONG,
            "dopamine.clearance": 0.0,
            "dopamine.dip": 1.0,
            "dopamine.longest_dip": _LONG,
        },
    )


def departures(
    model: StriatumModel, *, seed: int, steps: int = 400, states: int = 5, discount: float = 0.9, rate: float = RATE
) -> np.ndarray:
    """Walk at random between states, let spines and TD(0) learn from the same steps, and compare what they predict.

    Parameters
    ----------
    model : StriatumModel
        Run as it is, except for the size of its spines, which all begin at size_scale.
    states : int
        Cues with overlapping inputs; each step goes to any of them and brings a reward drawn around the state's own.
    rate : float
        Learning rate of TD(0), in predicted reward of the state that was left.

    Returns
    -------
    Array, shape (steps,): the largest difference of prediction over states after each step, in rewards
    """
    generator = np.random.default_rng(seed)
    animals = Striatum(model, seeds=[seed], cues=states, size=model.reinforcement.size_scale)
    delay = model.reinforcement.kernel_onset + model.reinforcement.kernel_scale
    detector, dopamine = animals.detector, model.dopamine
    features = animals.pattern[:states] / np.sqrt(model.circuit.active)
    usual, weight = generator.normal(0.0, 0.5, states), np.zeros(features.shape[1])
    away, state = np.empty(steps), 0
    for step in range(steps):
        after = int(generator.integers(states))
        reward = usual[state] + 0.2 * generator.standard_normal()
        value = animals.values()[0]
        error = reward + discount * value[after] - value[state]
        animals.reinforce(
            animals.pattern[state : state + 1],
            bursts=detector.burst_strength(float(dopamine.bursts(error)), delay),
            dips=detector.dip_strength(float(dopamine.pauses(error)), delay),
        )
        error = reward + discount * weight @ features[after] - weight @ features[state]
        weight = weight + rate * error * features[state]
        away[step] = np.abs(animals.values()[0, :states] - features @ weight).max()
        state = after
    return away
