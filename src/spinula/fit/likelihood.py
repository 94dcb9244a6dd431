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
from spinula.fit.intervals import PARAMETERS, Fitted, covariance_of, estimates_of, profiled, quantile_of, weak
from spinula.fit.kalman.patterns import Patterns, group_panel, log_sizes
from spinula.fit.kalman.scoring import Optimum, Point, evaluate, maximise
from spinula.law import LogOULaw

Errors = Literal["auto", "model", "spine", "dendrite", "animal"]
_ENOUGH_CLUSTERS = 8


@dataclass(frozen=True)
class LogOUFit:
    """The fitted law, its intervals, and what to be careful about.

    Attributes
    ----------
    estimates : dict of name to Fitted
        log_mean, log_sd, recovery_rate, log_noise; and from them time_constant (day) and log_spread (1/sqrt(day)).
    covariance : list of lists
        Of (log recovery_rate, log log_sd, log log_noise, log_mean), by the same errors as the intervals; rows and
        columns of a parameter that is not free are 0.
    errors : str
        ``model`` (observed information), or the cluster of the robust errors: ``spine``, ``dendrite`` or ``animal``.
    bounded : list of str
        Parameters that ran to their bound (log_noise: 0; recovery_rate: no return seen). Their interval, and that of a
        rate or noise known to less than half its value, comes from the likelihood ratio, and may begin at 0.
    aic : dict of model name to Akaike's criterion; ``log_ou`` is this fit.
    cautions : list of str
    """

    estimates: dict[str, Fitted]
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

    def __getitem__(self, name: str) -> Fitted:
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
        """Return plain numbers, lists and dicts, fit for JSON: what is not finite becomes None."""
        return _without(asdict(self))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LogOUFit:
        """Return the fit that :meth:`as_dict` took apart."""
        nothing = {"error": math.nan, "high": math.inf}
        estimates = {
            name: Fitted(**{key: nothing[key] if number is None else number for key, number in entry.items()})
            for name, entry in data["estimates"].items()
        }
        aic = {name: math.inf if number is None else number for name, number in data["aic"].items()}
        return cls(**{**data, "estimates": estimates, "aic": aic})


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
    bounded = [PARAMETERS[index] for index in best.pinned]
    _need_memory(patterns, best)
    by, labels = _clusters(panel, usable, errors)
    covariance, clusters = covariance_of(best, group_panel(logs, panel.day, labels) if by != "model" else None)
    estimates = estimates_of(best, covariance, quantile_of(level, clusters if by != "model" else 0), table.size_unit)
    if noise is not None:
        estimates["log_noise"] = Fitted(noise, 0.0, noise, noise, "1")
    plain = np.diag(covariance_of(best, None)[0])
    inflation = np.maximum(np.diag(covariance) / np.maximum(plain, 1e-300), 1.0)
    for name in ("recovery_rate", "log_noise"):
        if weak(estimates, name, best):
            wider = float(inflation[PARAMETERS.index(name)])
            estimates |= profiled(estimates, name, patterns, best, level=level, inflation=wider)
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


def _without(data: Any) -> Any:
    """Return data with None for every number that JSON does not know."""
    if isinstance(data, dict):
        return {key: _without(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_without(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


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
    ran_off = "recovery_rate" in (PARAMETERS[i] for i in best.pinned) and best.point.theta[0] > -math.log(
        patterns.duration
    )
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


def _bound_cautions(estimates: dict[str, Fitted], bounded: list[str]) -> list[str]:
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


def _time_cautions(estimates: dict[str, Fitted], aic: dict[str, float], patterns: Patterns) -> list[str]:
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
