"""Place two fitted laws: the files ``fitted.toml`` that ``spinula fit`` writes of a control and of a mutant.

What such a law holds of a population at rest is the mean and the SD of log-size; it has no formation and no density.
Candidates that leave both alone (more or fewer spines of the same sizes) are therefore one with "no difference" here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError
from spinula.presets.compose import BASE
from spinula.presets.loader import Preset, load_preset
from spinula.studies.disorders.model import Resting, resting
from spinula.studies.disorders.placement.posterior import candidates

PARAMETERS = {"log_mean": "mean log-size", "log_sd": "SD of log-size (log)"}
_HALF = 1.96  # standard errors in half of a 95 % interval
_SAME = 0.005  # shifts of both parameters below this are none: less than any fit resolves


@dataclass(frozen=True)
class FittedPlacement:
    """As ``posterior.Placement``: table (label, names, probability, misfit), statistics, whether the first fits."""

    table: pd.DataFrame
    statistics: pd.DataFrame
    fits: bool


def place_fitted(control: str | Path, mutant: str | Path, *, base: str = BASE) -> FittedPlacement:
    """Weigh the candidates by the difference of two fitted laws, with the intervals that the fits state.

    difference ~ normal(shift of the candidate, (range/3.92)^2 of both fits)

    Raises
    ------
    InvalidInputError
        If a file is not a law of log-size with intervals.

    Source
    ------
    Bayes' rule; the shift is that of the density of sizes at rest (Fokker-Planck), its error the fit's own.
    """
    from scipy.stats import chi2

    (first, first_error), (second, second_error) = (_numbers(Path(one)) for one in (control, mutant))
    difference, error = second - first, np.hypot(first_error, second_error)
    known = candidates(base)
    at = np.array([_at_rest(resting(one.composition)) for one in known])
    shift = at - at[0]
    groups: list[list[int]] = []
    for number, here in enumerate(shift):
        for group in groups:
            if np.abs(shift[group[0]] - here).max() < _SAME:
                group.append(number)
                break
        else:
            groups.append([number])
    names = [tuple(name for number in group for name in known[number].names) for group in groups]
    moved = np.array([shift[group[0]] for group in groups])
    misfit = (((difference - moved) / error) ** 2).sum(axis=1)
    weights = np.array([len(one) for one in names]) * np.exp(-0.5 * (misfit - misfit.min()))
    probability = weights / weights.sum()
    order = np.argsort(-probability, kind="stable")
    table = pd.DataFrame(
        {
            "label": [" = ".join(names[n]) for n in order], "names": [names[n] for n in order],
            "probability": probability[order], "misfit": misfit[order],
        }
    )  # fmt: skip
    second_best = order[min(1, len(order) - 1)]
    statistics = pd.DataFrame(
        {"statistic": list(PARAMETERS), "difference": difference, "sd": error, "first": moved[order[0]],
         "second": moved[second_best]}
    )  # fmt: skip
    return FittedPlacement(table, statistics, bool(misfit[order[0]] < chi2.ppf(0.99, len(PARAMETERS))))


def _numbers(path: Path) -> tuple[np.ndarray, np.ndarray]:
    preset = load_preset(path)
    mean, mean_error = _quantity(preset, "log_mean", path)
    spread, spread_error = _quantity(preset, "log_sd", path)
    return np.array([mean, np.log(spread)]), np.array([mean_error, spread_error / spread])


def _quantity(preset: Preset, name: str, path: Path) -> tuple[float, float]:
    found = preset.quantities.get(f"law.{name}")
    if found is None or found.range is None or not found.range[1] > found.range[0]:
        raise InvalidInputError(
            f"{path} has no law.{name} with an interval.\n"
            "  Give two fitted.toml that `spinula fit` wrote, or two tables."
        )
    return found.value, (found.range[1] - found.range[0]) / (2 * _HALF)


def _at_rest(now: Resting) -> np.ndarray:
    """Return mean and log SD of log-size at rest."""
    logs = np.log(np.concatenate([part.density.sizes for part in now.parts]))
    mass = np.concatenate([part.mass for part in now.parts])
    mass = mass / mass.sum()
    mean = float((mass * logs).sum())
    return np.array([mean, 0.5 * float(np.log((mass * (logs - mean) ** 2).sum()))])
