"""Trials: a cue, a reward or none, the dopamine that the error of prediction calls up, and what spines make of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.striatum.model import StriatumModel
from spinula.engines.striatum.striatum import Striatum

_NONE = -1


@dataclass(frozen=True)
class Trial:
    """One kind of trial.

    Attributes
    ----------
    cue : int or None, number of the cue; None: no cue
    reward : float, 1, its size
    probability : float, with which it is given; otherwise it is omitted
    delay_s : float, s from the cue to the reward (from pairing to dopamine: the latencies of both are the same)
    count : int, trials of this kind in a session
    dip_s : float, s, an imposed pause of dopamine neurons, whatever the error, ``dip_at_s`` after the cue
    dip_at_s : float, s
    """

    cue: int | None
    reward: float = 0.0
    probability: float = 1.0
    delay_s: float = 0.8
    count: int = 1
    dip_s: float = 0.0
    dip_at_s: float = 0.8


@dataclass(frozen=True)
class Session:
    """The trials of one day, in random order, and the rest of the day.

    Attributes
    ----------
    phase : str, name of the part of the experiment
    day : float, day on which the session is held
    trials : kinds of trials
    days : float, day, intrinsic life from this session to the next
    model : StriatumModel or None, with which drugs, clamps or dopamine the session runs; None: as before
    """

    phase: str
    trials: tuple[Trial, ...]
    day: float = 0.0
    days: float = 1.0
    model: StriatumModel | None = None


@dataclass(frozen=True)
class Record:
    """What was seen in one session.

    Attributes
    ----------
    session : Session
    kind, cue : Array of int, shape (trials, animals), kind of trial and cue (-1: none)
    reward, error, burst, pause : Array, shape (trials, animals), in rewards, rewards, full bursts and s
    value, licks : Array, shape (trials, animals, cues), before the trial's learning
    drive : Array, shape (trials, animals, 2, cues), over naive; D1 first
    turnover : int, spines eliminated until the next session
    """

    session: Session
    kind: np.ndarray
    cue: np.ndarray
    reward: np.ndarray
    error: np.ndarray
    burst: np.ndarray
    pause: np.ndarray
    value: np.ndarray
    licks: np.ndarray
    drive: np.ndarray
    turnover: int = field(default=0)


def run(animals: Striatum, sessions: Sequence[Session]) -> Iterator[Record]:
    """Run sessions one after the other and yield what was seen in each.

    In a trial the cue pairs its inputs with spikes and calls up a burst for what it predicts; the outcome calls up a
    burst (amplitude) for an error above zero, a dip (duration) for one below, ``delay_s`` after the cue. The error is
    the reward less the prediction, which counts as 0 where it is negative.

    Raises
    ------
    InvalidInputError
        If a trial names a cue that the animals do not have.
    """
    cues = len(animals.pattern) - 1
    for session in sessions:
        for trial in session.trials:
            if trial.cue is not None and not 0 <= trial.cue < cues:
                raise InvalidInputError(f"a trial names cue {trial.cue}; there are {cues} (from 0).")
    # One stream for the order of all sessions, so that a session more at the end changes nothing before it.
    orders = animals.generator("order")
    for session in sessions:
        if session.model is not None:
            animals.use(session.model)
        yield _session(animals, session, orders)


def _session(animals: Striatum, session: Session, orders: list[np.random.Generator]) -> Record:
    kinds = np.repeat(np.arange(len(session.trials)), [trial.count for trial in session.trials])
    order = np.stack([generator.permutation(kinds) for generator in orders], axis=1).reshape(len(kinds), len(orders))
    luck = np.stack([generator.random(len(kinds)) for generator in orders], axis=1).reshape(len(kinds), len(orders))
    seen: dict[str, list[np.ndarray]] = {}
    for kind, chance in zip(order, luck, strict=True):
        for name, value in hold(animals, session.trials, kind, chance).items():
            seen.setdefault(name, []).append(value)
    animal, cues = len(animals.seeds), len(animals.pattern) - 1
    shapes = {"value": (cues,), "licks": (cues,), "drive": (2, cues)}
    arrays = {
        name: np.stack(seen[name]) if name in seen else np.zeros((0, animal, *shapes.get(name, ())))
        for name in ("cue", "reward", "error", "burst", "pause", "value", "licks", "drive")
    }
    return Record(session=session, kind=order, turnover=animals.live(session.days), **arrays)


def hold(animals: Striatum, trials: tuple[Trial, ...], kind: np.ndarray, chance: np.ndarray) -> dict[str, np.ndarray]:
    """Hold one trial of every animal and return what was seen in it, as in a :class:`Record`.

    Parameters
    ----------
    trials : kinds of trials
    kind : Array of int, shape (animals,), the kind that each animal gets
    chance : Array, shape (animals,), uniform draws: the reward is given where its probability is above
    """
    model, detector, here = animals.model, animals.detector, np.arange(len(kind))
    cue = np.array([_NONE if trial.cue is None else trial.cue for trial in trials])[kind]
    pattern = animals.pattern[cue]  # the last row, of no cue, is row -1
    values = animals.values()
    value = values[here, cue]
    given = chance < np.array([trial.probability for trial in trials])[kind]
    reward = np.where(given, np.array([trial.reward for trial in trials])[kind], 0.0)
    # Dopamine neurons expect no less than nothing: a cue that predicts less than nothing makes its omission no gift.
    expected = np.maximum(value, 0.0)
    error = reward - expected
    bursts, pauses = model.dopamine.bursts(error), model.dopamine.pauses(error)
    announced = model.dopamine.bursts(expected)
    seen = {
        "cue": cue, "reward": reward, "error": error, "burst": bursts, "pause": pauses, "value": values[:, :-1],
        "licks": model.readout.licks(values[:, :-1]), "drive": animals.drives(),
    }  # fmt: skip
    rise, fall = np.zeros(len(kind)), np.zeros(len(kind))
    for animal in here[cue != _NONE]:
        trial = trials[kind[animal]]
        rise[animal] = detector.burst_strength(bursts[animal], trial.delay_s)
        rise[animal] += detector.burst_strength(announced[animal], 0.0)
        fall[animal] = detector.dip_strength(pauses[animal], trial.delay_s)
        fall[animal] += detector.dip_strength(trial.dip_s, trial.dip_at_s)
    animals.reinforce(pattern, bursts=rise, dips=fall)
    animals.forget(pattern, cue, reward)
    return seen
