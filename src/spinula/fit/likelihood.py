"""The reverting law of log-size, fitted to a whole panel of noisy sizes by its exact likelihood.

    x = log size;  dx = -recovery_rate*(x - log_mean) dt + log_sd*sqrt(2*recovery_rate) dW
    y = x + log_noise * normal                                      (what the microscope reports, as a logarithm)

Days may be irregular and differ between dendrites, sessions may be missing; each spine starts from the stationary law.
Two things the likelihood does not know: that small spines are lost more often than large ones, and that some
differences between spines may be fixed. It says so where it can tell (see :class:`LogOUFit`, ``cautions``).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from spinula.core.errors import NotConvergedError, OutOfRangeError, SpinulaWarning, TableError, UsageError
from spinula.core.table import Panel, SpineTable
from spinula.fit.compare import MODELS, fit_model, fixed_differences_gain, start_values
from spinula.fit.kalman.patterns import Patterns, group_panel, log_sizes
from spinula.fit.kalman.scoring import Optimum, Point, evaluate, maximise
from spinula.law import LogOULaw

Errors = Literal["auto", "model", "spine", "dendrite", "animal"]
_ENOUGH_CLUSTERS = 8
# Order of the parameters in a Point of one process.
_FREE = ("recovery_rate", "log_sd", "log_noise", "log_mean")


@dataclass(frozen=True)
class Estimate:
    """A fitted number, its standard error and its interval, with the unit."""

    value: float
    error: float
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class LogOUFit:
    """The fitted law, its intervals, and what to be careful about.

    Attributes
    ----------
    estimates : dict of name to Estimate
        log_mean, log_sd, recovery_rate, log_noise; and from them time_constant (day) and log_spread (1/sqrt(day)).
    covariance : list of lists
        Of (log recovery_rate, log log_sd, log log_noise, log_mean), by the same errors as the intervals; rows and
        columns of a parameter that is not free are 0.
    errors : str
        ``model`` (observed information), or the cluster of the robust errors: ``spine``, ``dendrite`` or ``animal``.
    bounded : list of str
        Parameters that ran to their bound (log_noise: 0; recovery_rate: no return seen); their ``high`` is a
        one-sided limit from the likelihood ratio.
    aic : dict of model name to Akaike's criterion; ``log_ou`` is this fit.
    cautions : list of str
    """

    estimates: dict[str, Estimate]
    covariance: list[list[float]]
    log_likelihood: float
    aic: dict[str, float]
    errors: str
    clusters: int
    level: float
    spines: int
    sizes: int
    duration: float
    size_unit: str
    bounded: list[str]
    fixed: list[str]
    cautions: list[str]
    iterations: int

    def __getitem__(self, name: str) -> Estimate:
        return self.estimates[name]

    @property
    def law(self) -> LogOULaw:
        """The law that every engine can run."""
        values = {name: self.estimates[name].value for name in ("log_mean", "log_sd", "recovery_rate")}
        return LogOULaw(**values)

    def frame(self) -> pd.DataFrame:
        """Return the estimates as a table: one row per parameter; value, error, low, high, unit."""
        return pd.DataFrame({name: asdict(estimate) for name, estimate in self.estimates.items()}).T.rename_axis("name")

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers, lists and dicts, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LogOUFit:
        """Return the fit that :meth:`as_dict` took apart."""
        estimates = {name: Estimate(**estimate) for name, estimate in data["estimates"].items()}
        return cls(**{**data, "estimates": estimates})


def fit_log_ou(
    table: SpineTable, *, errors: Errors = "auto", noise: float | None = None, level: float = 0.95, check: bool = True
) -> LogOUFit:
    """Fit the reverting law of log-size, with measurement noise, to every size of a table.

    Parameters
    ----------
    errors : str
        ``model``: standard errors from the observed information, right if spines are independent and the law is true.
        ``animal``, ``dendrite``, ``spine``: robust errors (sandwich) over these clusters, with Student's t.
        ``auto``: animal if the table has at least 8 animals, else dendrite if it has at least 8 dendrites, else model.
    noise : float, optional
        SD of the error of log-size where repeat imaging has measured it; 0 ignores noise (and then makes the rate and
        the spread too large). Fitted if not given.
    level : float
        Coverage of the intervals. Positive parameters have theirs on the logarithmic scale.
    check : bool
        Whether to compare, by AIC, with fixed differences between spines, and to issue the cautions as warnings.

    Raises
    ------
    TableError
        If fewer than two spines were measured in two sessions, or all at one and the same lag with the noise unknown.
    NotConvergedError
        If the likelihood has no usable maximum, as when sizes have no memory from one session to the next.

    Warns
    -----
    SpinulaWarning
        If the time constant exceeds the recording, if fixed differences between spines explain the panel as well, or
        if a parameter ran to its bound. The texts stay in ``cautions``.

    Source
    ------
    Law: [loewenstein2011] with one time scale. Likelihood: [kalman1960]. Robust errors: [white1982].

    Examples
    --------
    >>> from spinula.core.table import example_table
    >>> fit = fit_log_ou(example_table(), noise=0.05, check=False, errors="model")
    >>> fit.spines, fit.sizes, fit["log_noise"].value
    (5, 10, 0.05)
    """
    if noise is not None and not 0 <= noise <= 5:
        raise OutOfRangeError("noise", noise, "wanted the SD of the error of log-size, from 0 to 5")
    if not 0.5 <= level < 1:
        raise OutOfRangeError("level", level, "wanted the coverage of the intervals, from 0.5 to 1")
    panel = table.panel()
    logs, usable = log_sizes(panel, table.file)
    patterns = group_panel(logs, panel.day)
    if noise is None:
        _need_two_lags(patterns, table.file)
    best = maximise(patterns, _start(patterns, noise))
    bounded = [_FREE[index] for index in best.pinned]
    _need_memory(patterns, best)
    by, labels = _clusters(panel, usable, errors)
    covariance, clusters = _covariance(best, group_panel(logs, panel.day, labels) if by != "model" else None)
    estimates = _estimates(best, covariance, _quantile(level, clusters if by != "model" else 0), table.size_unit)
    if noise is not None:
        estimates["log_noise"] = Estimate(noise, 0.0, noise, noise, "1")
    for name in bounded:
        estimates |= _one_sided(estimates, name, patterns, best, level)
    aic = {"log_ou": best.aic} | (_alternatives(patterns, best) if check else {})
    cautions = [*_bound_cautions(estimates, bounded), *_time_cautions(estimates, aic, patterns)]
    for caution in cautions if check else ():
        warnings.warn(caution, SpinulaWarning, stacklevel=2)
    return LogOUFit(
        estimates=estimates, covariance=covariance.tolist(), log_likelihood=best.log_likelihood, aic=aic, errors=by,
        clusters=clusters, level=level, spines=patterns.spines, sizes=patterns.sizes, duration=patterns.duration,
        size_unit=table.size_unit, bounded=bounded, fixed=[] if noise is None else ["log_noise"], cautions=cautions,
        iterations=best.iterations,
    )  # fmt: skip


def log_likelihood(table: SpineTable, law: LogOULaw, log_noise: float) -> float:
    """Return the exact log-likelihood of a table's log-sizes under a law and a noise, with all constants.

    Source
    ------
    [kalman1960].

    Examples
    --------
    >>> from spinula.core.table import example_table
    >>> law = LogOULaw(log_mean=-2.3, log_sd=0.7, recovery_rate=0.05)
    >>> round(log_likelihood(example_table(), law, 0.1), 3)
    -5.213
    """
    panel = table.panel()
    patterns = group_panel(log_sizes(panel, table.file)[0], panel.day)
    point = MODELS["log_ou"].point([law.recovery_rate], [law.log_sd], log_noise, law.log_mean)
    return float(evaluate(patterns, point)[0])


def _start(patterns: Patterns, noise: float | None) -> Point:
    rate, sd, guess = start_values(patterns)
    point = MODELS["log_ou"].point([rate], [sd], guess if noise is None else noise, patterns.offset)
    if noise is not None:
        point.free[2] = False
    return point


def _need_two_lags(patterns: Patterns, file: str) -> None:
    day = np.cumsum(patterns.rows.gap, axis=1)
    valid = np.arange(day.shape[1]) < patterns.rows.length[:, None]
    first = np.where(valid, day, np.nan)[:, 1:]
    one = first[np.isfinite(first)]
    if patterns.rows.length.max() < 3 and np.ptp(one) < 1e-6:
        raise TableError(
            f"every spine was imaged at one and the same lag ({one[0]:g} day)", file=file, column="day",
            cure="One lag cannot tell noise from dynamics: give noise= from repeat imaging, or a third session.",
        )  # fmt: skip


def _need_memory(patterns: Patterns, best: Optimum) -> None:
    """Refuse a panel that independent sizes explain as well: neither rate nor noise has a meaning there."""
    _, covariance, pairs = patterns.lags()
    independent = -0.5 * pairs[0] * (math.log(2 * math.pi * covariance[0]) + 1)
    ran_off = "recovery_rate" in (_FREE[i] for i in best.pinned) and best.point.theta[0] > -math.log(patterns.duration)
    # 5.99: two parameters more, 5 %. Real panels exceed it by hundreds.
    if ran_off or 2 * (best.log_likelihood - independent) < 5.99:
        raise NotConvergedError(
            "sizes have no memory from one session to the next: noise and dynamics cannot be told apart.\n"
            "  Image at shorter intervals, or check that spine_id follows the same spine (see fit.validate)."
        )


def _clusters(panel: Panel, usable: np.ndarray, errors: Errors) -> tuple[str, np.ndarray | None]:
    """Return which cluster the errors are robust to, and each spine's number of it."""
    spines = panel.spines
    count = {name: spines.loc[usable, name].nunique() for name in ("animal", "dendrite")}
    by: str = errors
    if by == "auto":
        by = next((name for name in count if count[name] >= _ENOUGH_CLUSTERS), "model")
    if by == "model":
        return by, None
    if by == "spine":
        return by, np.arange(len(spines))
    if by not in count:
        raise UsageError(f"errors = {by!r}: wanted auto, model, spine, dendrite or animal.")
    if count[by] < 2:
        raise UsageError(f"errors = {by!r}: the table has one {by} only.\n  Use errors='model' or 'spine'.")
    return by, pd.factorize(spines[by])[0]


def _covariance(best: Optimum, clustered: Patterns | None) -> tuple[np.ndarray, int]:
    """Return the covariance of the four parameters, and the number of clusters it rests on (0 without)."""
    free = best.point.free
    inner, clusters = np.linalg.inv(best.information), 0
    if clustered is not None:
        _, score, _ = evaluate(clustered, best.point)
        names, place = np.unique(clustered.cluster, return_inverse=True)
        clusters = len(names)
        sums = np.zeros((clusters, int(free.sum())))
        np.add.at(sums, place, score[:, free])
        inner = inner @ (sums.T @ sums) @ inner * clusters / (clusters - 1)
    covariance = np.zeros((len(free), len(free)))
    covariance[np.ix_(free, free)] = inner
    return covariance, clusters


def _quantile(level: float, clusters: int) -> float:
    from scipy.special import ndtri, stdtrit

    tail = 0.5 + level / 2
    return float(stdtrit(clusters - 1, tail) if clusters else ndtri(tail))


def _estimates(best: Optimum, covariance: np.ndarray, quantile: float, size_unit: str) -> dict[str, Estimate]:
    theta = best.point.theta
    # Each positive quantity is the exponential of a sum of the free parameters: weights of these, and a constant.
    sums = {
        "log_sd": ((0, 1, 0, 0), 0.0, "1"),
        "recovery_rate": ((1, 0, 0, 0), 0.0, "1/day"),
        "log_noise": ((0, 0, 1, 0), 0.0, "1"),
        "time_constant": ((-1, 0, 0, 0), 0.0, "day"),
        "log_spread": ((0.5, 1, 0, 0), 0.5 * math.log(2), "1/sqrt(day)"),
    }
    error = math.sqrt(covariance[3, 3])
    mean = float(theta[3])
    out = {"log_mean": Estimate(mean, error, mean - quantile * error, mean + quantile * error, f"log({size_unit})")}
    for name, (weights, constant, unit) in sums.items():
        used = np.flatnonzero(weights)
        weight = np.array(weights)[used]
        value = math.exp(constant + float(weight @ theta[used]))
        error = math.sqrt(float(weight @ covariance[np.ix_(used, used)] @ weight))
        factor = math.exp(quantile * error)
        out[name] = Estimate(value, value * error, value / factor, value * factor, unit)
    return out


def _one_sided(
    estimates: dict[str, Estimate], name: str, patterns: Patterns, best: Optimum, level: float
) -> dict[str, Estimate]:
    """Return the estimates of a parameter at its bound with a one-sided limit, by the likelihood ratio.

    Source
    ------
    [self1987]: on the bound the ratio is half chi-square(1) and half 0.
    """
    from scipy.special import ndtri

    index, drop = _FREE.index(name), 0.5 * float(ndtri(level)) ** 2
    sd = estimates["log_sd"].value
    low, high = (
        (math.log(1e-3 * sd), math.log(sd)) if name == "log_noise" else (best.point.theta[0], best.point.theta[0])
    )
    if name == "recovery_rate":
        high += math.log(1e6)

    def fall(value: float) -> float:
        theta, free = best.point.theta.copy(), best.point.free.copy()
        theta[index], free[index] = value, False
        return best.log_likelihood - maximise(patterns, Point(theta, free)).log_likelihood - drop

    for _ in range(30):  # bisection to 1e-6 of the bracket is more than a limit needs
        middle = 0.5 * (low + high)
        try:
            low, high = (low, middle) if fall(middle) > 0 else (middle, high)
        except NotConvergedError:
            high = middle
    limit, old = math.exp(high), estimates[name]
    value = 0.0 if name == "log_noise" else old.value
    out = {name: Estimate(value, math.nan, 0.0, limit, old.unit)}
    if name == "recovery_rate":
        tau, spread = estimates["time_constant"], estimates["log_spread"]
        out["time_constant"] = Estimate(tau.value, math.nan, 1 / limit, math.inf, "day")
        out["log_spread"] = Estimate(spread.value, math.nan, 0.0, sd * math.sqrt(2 * limit), spread.unit)
    return out


def _alternatives(patterns: Patterns, best: Optimum) -> dict[str, float]:
    out = {}
    for name in ("fixed_differences", "fixed_and_log_ou"):
        try:
            if name == "fixed_and_log_ou" and not best.pinned and (gain := fixed_differences_gain(patterns, best)) < 1:
                # One parameter more for less than 1: no fit can make this the better model.
                out[name] = best.aic + 2 - gain
            else:
                out[name] = fit_model(patterns, MODELS[name], best).aic
        except NotConvergedError:
            out[name] = math.inf
    return out


def _bound_cautions(estimates: dict[str, Estimate], bounded: list[str]) -> list[str]:
    out = []
    if "log_noise" in bounded:
        limit = estimates["log_noise"].high
        out.append(
            f"the measurement noise is fitted as 0 (at most {limit:.3g}): the sizes show none beside the dynamics.\n"
            "  Give noise= from repeat imaging if it is known."
        )
    if "recovery_rate" in bounded:
        limit = estimates["recovery_rate"].high
        out.append(
            f"no return to the mean is seen: the recovery rate is at its bound (at most {limit:.3g} 1/day).\n"
            "  All change looks like noise about fixed differences between spines; record longer."
        )
    return out


def _time_cautions(estimates: dict[str, Estimate], aic: dict[str, float], patterns: Patterns) -> list[str]:
    out = []
    tau, duration = estimates["time_constant"], patterns.duration
    if tau.value > duration:
        out.append(
            f"the time constant, {tau.value:.3g} days ({tau.low:.3g} to {tau.high:.3g}), exceeds the recording of "
            f"{duration:.3g} days.\n  It rests on the law's form, not on a return that was seen: fixed differences "
            "between spines look much the same.\n  Record longer."
        )
    own = aic["log_ou"]
    if aic.get("fixed_differences", math.inf) <= own + 2:
        out.append(
            "the time constant cannot be told from fixed differences between spines: they explain the panel as well "
            f"(AIC {aic['fixed_differences'] - own:+.1f}).\n  Do not report it as a time constant; record longer."
        )
    elif (ahead := own - aic.get("fixed_and_log_ou", math.inf)) > 0:
        # Without fixed differences this is said of 8 % of tables (half of chi-square(1) above 2).
        how = "better" if ahead > 2 else "as well"
        out.append(
            f"fixed differences between spines beside the dynamics explain the panel {how} (AIC {-ahead:+.1f}).\n"
            "  The time constant mixes the two; see fit.compare."
        )
    return out
