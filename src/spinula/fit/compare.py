"""Models of log-size over one panel, compared by AIC: can the reverting law be told from fixed differences?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spinula.core.errors import NotConvergedError, UnknownNameError
from spinula.core.table import SpineTable
from spinula.fit.kalman.patterns import Patterns, group_panel, log_sizes
from spinula.fit.kalman.scoring import Optimum, Point, evaluate, maximise


@dataclass(frozen=True)
class Model:
    """Log-size as a sum of processes and noise; a fixed difference between spines is a process of rate 0."""

    name: str
    reverting: int
    fixed: bool
    stands_for: str

    def point(self, rates: list[float], sds: list[float], noise: float, mean: float) -> Point:
        """Return a start: the reverting processes first, the fixed differences (the last SD) after them."""
        rates = [*rates, 0.0] if self.fixed else rates
        natural = np.array([*rates, *sds, noise])
        theta = np.append(np.log(natural, out=np.full(len(natural), -np.inf), where=natural > 0), mean)
        return Point(theta, np.isfinite(theta))


MODELS = {
    model.name: model
    for model in (
        Model("log_ou", 1, False, "one time constant"),
        Model("fixed_differences", 0, True, "spines differ for ever, and only noise changes them"),
        Model("fixed_and_log_ou", 1, True, "spines differ for ever, and fluctuate about their own means"),
        Model("two_time_log_ou", 2, False, "two time constants"),
    )
}


def compare_models(table: SpineTable, models: tuple[str, ...] = tuple(MODELS)) -> pd.DataFrame:
    """Fit several models of log-size to one table and rank them by AIC, the best first.

    Parameters
    ----------
    models : tuple of str
        Of log_ou, fixed_differences, fixed_and_log_ou and two_time_log_ou; all have measurement noise.

    Returns
    -------
    DataFrame, one row per model
        model, parameters, log_likelihood, aic, behind (difference from the best), and the estimates:
        log_mean, log_noise, log_sd and recovery_rate (of the slow process), fast_log_sd and fast_rate,
        fixed_log_sd; NaN where a model has no such parameter or was not fitted.

    Raises
    ------
    UnknownNameError
        If a model is not one of these.
    TableError
        If fewer than two spines were measured in two sessions.

    Source
    ------
    [akaike1974]; two time scales of log-size: [loewenstein2011].

    Examples
    --------
    >>> from spinula.core.table import example_table
    >>> compare_models(example_table(), ("fixed_differences",)).model.tolist()
    ['fixed_differences']
    """
    for name in models:
        if name not in MODELS:
            raise UnknownNameError("model", name, MODELS)
    panel = table.panel()
    logs, _ = log_sizes(panel, table.file)
    patterns = group_panel(logs, panel.day)
    slow = None
    rows = []
    for name in models:
        try:
            if name not in ("log_ou", "fixed_differences") and slow is None:
                slow = fit_model(patterns, MODELS["log_ou"])
            best = fit_model(patterns, MODELS[name], slow)
        except NotConvergedError:
            rows.append({"model": name, "parameters": _parameters(MODELS[name]), "aic": math.nan})
            continue
        if name == "log_ou":
            slow = best
        rows.append({"model": name, **_row(MODELS[name], best)})
    columns = ["model", "parameters", "log_likelihood", "aic", "behind", "log_mean", "log_noise", "log_sd"]
    columns += ["recovery_rate", "fast_log_sd", "fast_rate", "fixed_log_sd"]
    frame = pd.DataFrame(rows).reindex(columns=columns).sort_values("aic", ignore_index=True)
    return frame.assign(behind=frame["aic"] - frame["aic"].min())


def fit_model(patterns: Patterns, model: Model, slow: Optimum | None = None) -> Optimum:
    """Return the best of the maxima that a few starts lead to.

    Parameters
    ----------
    slow : Optimum, optional
        The maximum for one time constant, from which the larger models start.

    Raises
    ------
    NotConvergedError
        If no start led to a maximum.
    """
    found, problem = [], None
    for start in _starts(patterns, model, slow):
        try:
            found.append(maximise(patterns, start, curved=False))
        except NotConvergedError as error:
            problem = error
    if not found:
        raise problem or NotConvergedError("no start for the search.")
    return max(found, key=lambda optimum: optimum.log_likelihood)


def fixed_differences_gain(patterns: Patterns, slow: Optimum) -> float:
    """Return about how much twice the log-likelihood would rise if fixed differences joined the reverting law.

    The score test for their variance at 0: one evaluation instead of a fit. It is 0 if the likelihood falls there.

    Source
    ------
    [rao1948].
    """
    rate, sd = np.exp(slow.point.theta[:2])
    tiny = 1e-3 * sd
    noise, mean = float(np.exp(slow.point.theta[2])), float(slow.point.theta[3])
    _, scores, information = evaluate(patterns, MODELS["fixed_and_log_ou"].point([rate], [sd, tiny], noise, mean))
    # Derivatives by the variance, not by the logarithm of the SD, which has none at 0.
    scale = np.array([1, 1, 1, 1 / (2 * tiny**2), 1, 1])
    score, information = scores.sum(axis=0) * scale, information * np.outer(scale, scale)
    others = [index for index, free in zip((0, 2, 4, 5), slow.point.free, strict=True) if free]
    cross = information[3, others]
    left = information[3, 3] - cross @ np.linalg.solve(information[np.ix_(others, others)], cross)
    return float(max(score[3], 0.0) ** 2 / left) if left > 0 else math.inf


def _starts(patterns: Patterns, model: Model, slow: Optimum | None) -> list[Point]:
    rate, sd, noise = start_values(patterns)
    mean = patterns.offset
    if model.name == "log_ou":
        return [model.point([rate], [sd], noise, mean)]
    if model.name == "fixed_differences":
        return [model.point([], [sd], noise, mean)]
    if slow is not None:
        (rate, sd, noise), mean = np.exp(slow.point.theta[:3]), slow.point.theta[3]
        noise = max(float(noise), 0.1 * float(sd))
    half = sd * math.sqrt(0.5)
    quickest = 1.0 / float(patterns.rows.gap[patterns.rows.gap > 0].min())
    if model.fixed:
        return [model.point([min(k * rate, quickest)], [half, half], noise, mean) for k in (2.0, 10.0)]
    small = 0.5 * noise
    return [model.point([0.7 * rate, min(10 * rate, quickest)], [sd, small], math.sqrt(0.75) * noise, mean)]


def start_values(patterns: Patterns) -> tuple[float, float, float]:
    """Return rate, SD and noise by moments: log covariance = 2 log(sd) - rate*lag, and variance = sd^2 + noise^2."""
    lag, covariance, pairs = patterns.lags()
    variance = float(covariance[0])
    use = (lag > 0) & (covariance > 0.02 * variance)
    if not use.any():
        return 1.0 / max(patterns.duration, 1e-9), math.sqrt(variance), 0.3 * math.sqrt(variance)
    # The variance of a log covariance grows as it falls; its square is a plain weight for that.
    weight = pairs[use] * covariance[use] ** 2
    center = float(np.average(lag[use], weights=weight))
    height = float(np.average(np.log(covariance[use]), weights=weight))
    sway = float(np.sum(weight * (lag[use] - center) ** 2))
    slope = float(np.sum(weight * (lag[use] - center) * np.log(covariance[use]))) / sway if sway > 0 else 0.0
    rate = min(max(-slope, 0.03 / patterns.duration), 3.0 / float(lag[use].min()))
    squared = min(max(math.exp(height + rate * center), 0.1 * variance), 0.99 * variance)
    return rate, math.sqrt(squared), math.sqrt(max(variance - squared, 0.01 * variance))


def _parameters(model: Model) -> int:
    return 2 * model.reverting + model.fixed + 2


def _row(model: Model, best: Optimum) -> dict[str, float]:
    natural, count = np.exp(best.point.theta[:-1]), best.point.processes
    rates, sds = natural[:count], natural[count : 2 * count]
    row = {
        "parameters": _parameters(model), "log_likelihood": best.log_likelihood, "aic": best.aic,
        "log_mean": best.point.theta[-1], "log_noise": natural[-1],
    }  # fmt: skip
    order = sorted(range(model.reverting), key=lambda k: rates[k])
    for prefix, k in zip(("", "fast_"), order, strict=False):
        rate = "recovery_rate" if not prefix else "fast_rate"
        row |= {f"{prefix}log_sd": sds[k], rate: rates[k]}
    if model.fixed:
        row["fixed_log_sd"] = sds[-1]
    return row
