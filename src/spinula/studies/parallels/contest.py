"""How methods meet at equal budgets: the same number of settings, tried on the same seeds, the best one run afresh."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from spinula.studies.parallels.parallel import above, below
from spinula.studies.parallels.parallel import shown as _shown

__all__ = ["TUNING_SEEDS", "above", "below", "leader", "shown", "tuned"]

TUNING_SEEDS = (1001, 1002)  # final runs count up from --seed, and meet them only if started that high
_Setting = TypeVar("_Setting")


def tuned(
    settings: Sequence[_Setting], score: Callable[[_Setting, int], float], *, seeds: Sequence[int] = TUNING_SEEDS
) -> tuple[_Setting, float]:
    """Return the setting with the best mean score over the seeds, and that score; one that diverged never is best.

    Examples
    --------
    >>> tuned([1.0, 3.0, 2.0], lambda setting, seed: -abs(setting - 2.0))
    (2.0, 0.0)
    """
    means = [float(np.mean([score(setting, seed) for seed in seeds])) for setting in settings]
    best = int(np.argmax([mean if np.isfinite(mean) else -np.inf for mean in means]))
    return settings[best], means[best]


def leader(scores: Mapping[str, Sequence[float]], among: Sequence[str]) -> str:
    """Return the method with the best mean among some: what the others have to be compared with.

    Examples
    --------
    >>> leader({"a": [1.0, 2.0], "b": [2.0, 3.0], "c": [9.0, 9.0]}, ["a", "b"])
    'b'
    """
    return max(among, key=lambda name: float(np.mean(scores[name])))


def shown(values: Sequence[float] | np.ndarray, unit: str = "", digits: int = 1) -> str:
    """Return a mean with its 95 % interval (Student's t) as text.

    Examples
    --------
    >>> shown([1.0, 2.0, 3.0], " %")
    '2.0 [-0.5, 4.5] %'
    """
    return _shown(values, unit, digits)
