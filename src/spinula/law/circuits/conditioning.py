"""From an error of prediction to dopamine, from dopamine to spines, from spines to behaviour.

    burst amplitude = [error]+ full bursts;   pause of firing = dip_s * [-error]+ s, at most longest_dip_s
    dip at half depth = pause + clearance_s * log(1 - exp(-pause/clearance_s)), not below 0
    enlargement of a paired spine = strength * V exp(-V/size_scale)
    loss of a paired spine without reward = rate * [cell's drive/naive - 1]+ * [1 - rewards/enough]+ * V
    licks = lick_top * v^p/(v^p + lick_half^p),  v = [value]+

The two textbook rules at the end, Rescorla-Wagner's and temporal differences, are what the spines are compared with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity
from spinula.law.modulation.detection import DipDetection


def enlarged(size: Any, strength: Any, size_scale: float) -> Any:
    """Return how much paired spines grow, um3: strength*size*exp(-size/size_scale).

    The rule of :func:`spinula.law.plasticity.potentiation.consolidated_increment` on arrays. Its slope vanishes at
    size = size_scale: there, and for small changes, every spine gains the same, which is the limit in which D1 and D2
    spines learn as TD(0) does.

    Parameters
    ----------
    size : Array, um3
    strength : Array, 1
        Gain times the response of the cell's detector.
    size_scale : float, um3

    Source
    ------
    Form of [yagishita2014] and [iino2020] as in the presets striatum_d1 and striatum_d2.

    Examples
    --------
    >>> round(float(enlarged(0.12, 0.1, 0.12)), 6)
    0.004415
    """
    return strength * size * np.exp(-size / size_scale)


def dip_at_half_depth(pause: Any, clearance: float) -> Any:
    """Return how long dopamine stays below half of its fall when firing pauses, s.

    Dopamine decays during the pause and comes back after it with the time constant ``clearance``; a pause shorter than
    log(2) of it never takes dopamine half way down.

    Source
    ------
    One-compartment clearance in closed form.

    Examples
    --------
    >>> [round(float(dip_at_half_depth(pause, 0.1)), 3) for pause in (0.05, 0.4, 2.0)]
    [0.0, 0.398, 2.0]
    """
    pause = np.asarray(pause, float)
    if clearance <= 0.0:
        return np.maximum(pause, 0.0)
    depth = -np.expm1(-np.maximum(pause, 0.0) / clearance)
    held = pause + clearance * np.log(np.maximum(depth, 0.5))
    return np.where(depth > 0.5, held, 0.0)


def dopamine_course(
    times: np.ndarray, *, basal: float, clearance: float, bursts: Any = (), pauses: Any = (), floor: float = 0.0
) -> np.ndarray:
    """Return the concentration of dopamine at times, uM: bursts rise at once and are cleared, pauses let it fall.

    Parameters
    ----------
    times : Array, s, ascending
    basal, floor : float, uM, levels to which dopamine goes with and without firing
    clearance : float, s
    bursts : sequence of (s, uM), when each begins and by how much it rises
    pauses : sequence of (s, s), when each begins and how long it lasts; they do not overlap

    Source
    ------
    One-compartment clearance in closed form.

    Examples
    --------
    >>> dopamine_course(np.array([0.0, 1.0]), basal=0.5, clearance=0.1, bursts=[(1.0, 1.5)]).tolist()
    [0.5, 2.0]
    """
    level = np.full(len(times), basal)
    for begin, rise in bursts:
        since = np.maximum(times - begin, 0.0)
        level += np.where(times >= begin, rise * np.exp(-since / clearance), 0.0)
    for begin, length in pauses:
        within, after = np.clip(times - begin, 0.0, length), np.maximum(times - begin - length, 0.0)
        level -= (basal - floor) * -np.expm1(-within / clearance) * np.exp(-after / clearance)
    return level


def receptor_balance(receptors: DipDetection, usual: DipDetection | None = None) -> tuple[float, float]:
    """Return what another balance of D2 receptors and RGS does to dips: (slowing, amplitude), both 1 as usual.

    slowing = t_half/usual t_half stretches the duration that is half effective; amplitude = (contrast - 1)/(usual
    contrast - 1), at most 1, scales what a detected dip does.

    Source
    ------
    Half-time and contrast: [urakubo2022]. That they enter in these two places is assumed.

    Examples
    --------
    >>> [round(part, 2) for part in receptor_balance(DipDetection(rgs=0.45))]
    [2.65, 1.0]
    >>> [round(part, 2) for part in receptor_balance(DipDetection(rgs=1.8))]
    [0.38, 0.45]
    """
    usual = usual or DipDetection()
    amplitude = (receptors.contrast() - 1.0) / (usual.contrast() - 1.0)
    return receptors.half_time() / usual.half_time(), min(max(amplitude, 0.0), 1.0)


class DopamineCode(BaseModel):
    """How an error of prediction becomes dopamine in the striatum.

    Source
    ------
    Bursts code for errors above zero in their amplitude, dips for errors below zero in their duration: from memory
    (the reading of the reinforcement studies), as are all numbers; a dip of 0.4 s is what [iino2020] found detected.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    basal: float = quantity(unit="uM", what="dopamine between events", gt=0)
    burst: float = quantity(unit="uM", what="rise by a full burst (error 1)", ge=0)
    clearance: float = quantity(unit="s", what="time constant of uptake", ge=0, le=5)
    dip: float = quantity(unit="s", what="pause of firing per error of -1", ge=0)
    longest_dip: float = quantity(unit="s", what="longest pause", gt=0)
    clearance_under_drug: float = quantity(unit="1", what="slowing of uptake by methamphetamine", ge=1)

    def bursts(self, error: Any) -> Any:
        """Return burst amplitudes, in full bursts, of errors (Array, in rewards)."""
        return np.maximum(error, 0.0)

    def pauses(self, error: Any) -> Any:
        """Return pauses of firing, s, of errors (Array, in rewards)."""
        return np.minimum(self.dip * np.maximum(-np.asarray(error, float), 0.0), self.longest_dip)


class Unreinforced(BaseModel):
    """Loss of D1 spines that are paired while rewards have stopped coming: extinction without dips.

    The reward rate is a running mean over trials; while it stays above ``enough`` nothing is lost, so that unrewarded
    cues among rewarded ones leave D1 spines alone. A cell loses only while the cue drives it more than when naive.

    Source
    ------
    That extinction needs neither dips nor D2 spines: [iino2020]. The mechanism and its numbers are assumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: float = quantity(unit="1", what="loss per trial at twice the naive drive", ge=0, le=1)
    enough: float = quantity(unit="1", what="reward rate above which nothing is lost", gt=0)
    memory: float = quantity(unit="1", what="trials over which the reward rate is averaged", ge=1)

    def loss(self, excess: Any, rewards: Any) -> Any:
        """Return the share of size lost in a trial.

        Parameters
        ----------
        excess : Array, 1, drive of the D1 cells over naive drive, less 1
        rewards : Array, 1, running mean of the reward per trial
        """
        lost = self.rate * np.maximum(excess, 0.0) * np.maximum(1.0 - rewards / self.enough, 0.0)
        return np.minimum(lost, 1.0)

    def follow(self, rewards: Any, reward: Any) -> Any:
        """Return the running mean after a trial."""
        return rewards + (reward - rewards) / self.memory


class Readout(BaseModel):
    """What D1 and D2 cells together predict, and the licking in anticipation that follows.

    Source
    ------
    Assumed: D1 cells for, D2 cells against, each by its cue-evoked drive relative to the naive animal's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value_gain: float = quantity(unit="1", what="predicted reward per naive drive of D1 over D2", gt=0)
    lick_top: float = quantity(unit="1/s", what="fastest licking", gt=0)
    lick_half: float = quantity(unit="1", what="predicted reward at half of it", gt=0)
    lick_power: float = quantity(unit="1", what="steepness of licking", gt=0)

    def licks(self, value: Any) -> Any:
        """Return the rate of licking in anticipation, 1/s, at a predicted reward.

        Examples
        --------
        >>> readout = Readout(value_gain=2, lick_top=6, lick_half=0.4, lick_power=3)
        >>> [round(float(readout.licks(value)), 2) for value in (-0.5, 0.4, 1.0)]
        [0.0, 3.0, 5.64]
        """
        raised = np.maximum(value, 0.0) ** self.lick_power
        return self.lick_top * raised / (raised + self.lick_half**self.lick_power)


def rescorla_wagner(features: np.ndarray, rewards: np.ndarray, rate: float) -> np.ndarray:
    """Return the prediction at each trial: w <- w + rate*(reward - w.x)*x.

    Parameters
    ----------
    features : Array, shape (trials, elements)
    rewards : Array, shape (trials,)
    rate : float

    Source
    ------
    [rescorla1972].

    Examples
    --------
    >>> rescorla_wagner(np.ones((3, 1)), np.ones(3), 0.5).tolist()
    [0.0, 0.5, 0.75]
    """
    weight, predicted = np.zeros(features.shape[1]), np.empty(len(rewards))
    for trial, (x, reward) in enumerate(zip(features, rewards, strict=True)):
        predicted[trial] = weight @ x
        weight = weight + rate * (reward - predicted[trial]) * x
    return predicted


def temporal_difference(
    features: np.ndarray, rewards: np.ndarray, rate: float, *, discount: float = 1.0, trace: float = 0.0
) -> np.ndarray:
    """Return the prediction at the first step of each trial by TD(trace); steps follow each other within a trial.

    error = reward + discount*w.x(next) - w.x;   e <- discount*trace*e + x;   w <- w + rate*error*e

    Parameters
    ----------
    features : Array, shape (trials, steps, elements)
    rewards : Array, shape (trials, steps), the reward on leaving each step

    Source
    ------
    [sutton1988].

    Examples
    --------
    >>> steps = np.tile(np.eye(2), (3, 1, 1))
    >>> temporal_difference(steps, np.tile([0.0, 1.0], (3, 1)), 0.5).tolist()
    [0.0, 0.0, 0.25]
    """
    weight, predicted = np.zeros(features.shape[2]), np.empty(len(features))
    for trial, (steps, given) in enumerate(zip(features, rewards, strict=True)):
        predicted[trial], eligible = weight @ steps[0], np.zeros_like(weight)
        for step, x in enumerate(steps):
            later = weight @ steps[step + 1] if step + 1 < len(steps) else 0.0
            error = given[step] + discount * later - weight @ x
            eligible = discount * trace * eligible + x
            weight = weight + rate * error * eligible
    return predicted
