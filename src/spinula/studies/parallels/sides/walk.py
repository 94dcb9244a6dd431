"""Prediction on a random walk and choice in a corridor, by temporal differences and by spines with their window.

walk: states 1 to n, each step left or right by a fair coin, reward 1 on leaving to the right; value of k = k/(n+1)
error = reward + value(next) - value(here);   value <- value + rate * error * e
TD(lambda):  e <- lambda * e, then 1 at here
spines:      e(state) = K(time since it was left) ,  K the window of dopamine: 0.3 to 2 s
dips:        an error below 0 counts as K(duration), which grows steeply with the pause of firing, then saturates
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spinula.law.modulation.dips import duration_gain
from spinula.law.modulation.reinforcement import CAMKII_KERNEL, burst_kernel

STATES = 7
Heard = Callable[[np.ndarray], np.ndarray]


def truth() -> np.ndarray:
    """Return the values of the states of the walk."""
    return np.arange(1, STATES + 1) / (STATES + 1)


BEST = CAMKII_KERNEL[0] + CAMKII_KERNEL[2]  # s after a step, when dopamine works best on it


def window(spacing: float, delay: float = BEST, reach: int = 12) -> np.ndarray:
    """Return how well dopamine works for a state left 0, 1, 2... steps ago, scaled to a sum of 1.

    Parameters
    ----------
    spacing : float, s between steps
    delay : float, s from a step to its dopamine
    """
    weights = np.array([burst_kernel(delay + spacing * step, *CAMKII_KERNEL) for step in range(reach)])
    return weights / weights.sum()


def exponential(decay: float, reach: int = 80) -> np.ndarray:
    """Return decay^steps, the window with which spines are TD(decay)."""
    return decay ** np.arange(reach)


def exact_heard(error: np.ndarray) -> np.ndarray:
    """Return errors as they are."""
    return error


def by_duration(error: np.ndarray, *, pause: float = 0.8, half: float = 0.53, power: float = 3.2) -> np.ndarray:
    """Return errors as D1 and D2 spines hear them: bursts in proportion, dips by duration, -1 as -1.

    Parameters
    ----------
    error : Array
    pause : float, s of silence per error of -1
    half, power : of the response to a dip's duration

    Source
    ------
    Curve of the response: fit to [urakubo2020], as in the preset striatum_d2; the pause per error as in the circuit
    striatum. Scaled so that an error of -1 is heard as -1, which favours dips.
    """
    full = duration_gain(pause, half, power)
    heard = [duration_gain(pause * -float(one), half, power) / full if one < 0 else 0.0 for one in np.ravel(error)]
    return np.where(error < 0, -np.reshape(heard, np.shape(error)), error)


def walk_errors(
    generator: np.random.Generator, rates: np.ndarray, weights: np.ndarray, *, episodes: int, heard: Heard = exact_heard
) -> np.ndarray:
    """Return the root mean square error of the values after each episode, shape (episodes, rates).

    Parameters
    ----------
    rates : Array, learning rates, side by side on the same walks
    weights : Array, eligibility of the state left 0, 1, 2... steps ago; visits do not add up: the last one counts
    heard : how errors are heard
    """
    value, away = np.full((len(rates), STATES + 2), 0.5), []
    value[:, [0, -1]] = 0.0
    for _ in range(episodes):
        here, past = (STATES + 1) // 2, []
        while 0 < here <= STATES:
            after = here + (1 if generator.random() < 0.5 else -1)
            past.insert(0, here)
            error = heard(float(after > STATES) + value[:, after] - value[:, here])
            eligible = np.zeros(STATES + 2)
            for step in range(min(len(past), len(weights)) - 1, -1, -1):
                eligible[past[step]] = weights[step]
            value = value + rates[:, None] * error[:, None] * eligible
            here = after
        away.append(np.sqrt(((value[:, 1:-1] - truth()) ** 2).mean(axis=1)))
    return np.array(away)


def td_lambda_errors(generator: np.random.Generator, rates: np.ndarray, decay: float, *, episodes: int) -> np.ndarray:
    """Return the same by the textbook's recursion with replacing traces: e <- decay*e, e(here) = 1.

    Source
    ------
    [sutton1988] for TD(lambda).
    """
    value, away = np.full((len(rates), STATES + 2), 0.5), []
    value[:, [0, -1]] = 0.0
    for _ in range(episodes):
        here, eligible = (STATES + 1) // 2, np.zeros(STATES + 2)
        while 0 < here <= STATES:
            after = here + (1 if generator.random() < 0.5 else -1)
            eligible *= decay
            eligible[here] = 1.0
            error = float(after > STATES) + value[:, after] - value[:, here]
            value = value + rates[:, None] * error[:, None] * eligible
            here = after
        away.append(np.sqrt(((value[:, 1:-1] - truth()) ** 2).mean(axis=1)))
    return np.array(away)


def settled(outcomes: np.ndarray, up: float, down: float) -> float:
    """Return where a value settles that bursts move by ``up`` and dips by ``down`` per error: an expectile.

    Mean over outcomes of up*[outcome - v]+ - down*[v - outcome]+ vanishes; found by repeated expected updates.

    Source
    ------
    [dabney2020]: asymmetric rates learn expectiles of the reward.
    """
    value = float(outcomes.mean())
    for _ in range(20_000):
        away = outcomes - value
        change = float((np.where(away > 0, up, down) * away).mean())
        value += change / max(up, down)
        if abs(change) < 1e-15:
            break
    return value


def expectile_of_two(low: float, high: float, chance: float, share: float) -> float:
    """Return the expectile of ``high`` with a chance, else ``low``, in closed form; ``share`` = up/(up + down).

    Examples
    --------
    >>> expectile_of_two(0.0, 1.0, 0.5, 0.75)
    0.75
    """
    pull, hold = share * chance, (1 - share) * (1 - chance)
    return (pull * high + hold * low) / (pull + hold)


def actor_gap(chance: float) -> float:
    """Return the change of preference by D1 and D2 spines of the chosen action over that by policy gradient, less 1.

    Two actions. Spines of the chosen one gain the error; the gradient of the log policy gives the chosen one 1 - p of
    it and takes as much from the other, so that the preference, their difference, changes by 2 (1 - p).

    Parameters
    ----------
    chance : float, p, of the action that was chosen

    Source
    ------
    [barto1983] for actor and critic; the ratio is derived.

    Examples
    --------
    >>> actor_gap(0.5), actor_gap(0.75)
    (0.0, 1.0)
    """
    chances, error = np.array([chance, 1 - chance]), 0.7
    by_policy = error * (np.array([1.0, 0.0]) - chances)
    by_spines = error * np.array([1.0, 0.0])
    return float((by_spines[0] - by_spines[1]) / (by_policy[0] - by_policy[1]) - 1.0)
