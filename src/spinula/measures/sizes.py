"""Size distributions: several families compared by AIC. Log-normal is one of them, not a given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from spinula.core.errors import NotConvergedError, TableError
from spinula.core.table import SpineTable
from spinula.measures.intervals import bootstrap, clusters, sums

_MINIMUM = 20


@dataclass(frozen=True)
class Mixture:
    """Two log-normal components of a size distribution; means and SDs are of log10(size).

    ``weights[0]`` is the share of the component of small sizes.
    """

    means: tuple[float, float]
    sds: tuple[float, float]
    weights: tuple[float, float]
    log_likelihood: float


def _clean(sizes: np.ndarray) -> np.ndarray:
    sizes = np.asarray(sizes, float)
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if len(sizes) < _MINIMUM:
        raise TableError(f"only {len(sizes)} sizes", column="size", cure=f"A distribution needs at least {_MINIMUM}.")
    if sizes.max() == sizes.min():
        raise TableError(f"all sizes are {sizes[0]:g}", column="size", cure="Name the column that holds the size.")
    return sizes


def _maximise(log_density: Callable[[np.ndarray], float], start: list[float]) -> tuple[np.ndarray, float]:
    def loss(parameters: np.ndarray) -> float:
        value = -log_density(parameters)
        return value if np.isfinite(value) else 1e12

    found = optimize.minimize(
        loss, start, method="Nelder-Mead", options={"maxiter": 8000, "xatol": 1e-6, "fatol": 1e-6}
    )
    if not found.success:
        raise NotConvergedError(f"the fit of a size distribution stopped early: {found.message}")
    return found.x, -float(found.fun)


def size_moments(
    table: SpineTable, *, session: int | None = None, replicates: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return mean, SD, coefficient of variation and skewness of size, and the same of log-size, with intervals.

    Parameters
    ----------
    session : int, optional
        One session (its place in time, from 0); all of them pooled if not given.

    Returns
    -------
    DataFrame, indexed mean, sd, cv, skewness, log_mean, log_sd, log_skewness: value, low, high (clustered)

    Source
    ------
    Sample moments, not corrected for small samples.

    Examples
    --------
    >>> from spinula.core.table import example_table
    >>> float(size_moments(example_table()).value["mean"].round(3))
    0.102
    """
    panel = table.panel()
    size = panel.size if session is None else panel.size[:, [session]]
    spine, column = np.nonzero(size > 0)
    if not len(spine):
        raise TableError("no size was measured", file=table.file, column="size")
    x = size[spine, column]
    scale, centre = x.mean(), np.log(x).mean()
    # Scaled, so that sums of cubes lose no digits.
    powers = [(y**k) for y in (x / scale - 1, np.log(x) - centre) for k in (1, 2, 3)]
    totals = sums(clusters(panel.spines)[0][spine], np.stack([np.ones_like(x), *powers], axis=-1))

    def moments(total: np.ndarray) -> np.ndarray:
        n = total[..., 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            (mean, sd, skew), (log_mean, log_sd, log_skew) = (
                _three(*(total[..., k] / n for k in range(start, start + 3))) for start in (1, 4)
            )
        mean = (mean + 1) * scale
        return np.stack([mean, sd * scale, sd * scale / mean, skew, log_mean + centre, log_sd, log_skew], axis=-1)

    low, high = bootstrap(totals, moments, replicates=replicates, seed=seed)
    names = ["mean", "sd", "cv", "skewness", "log_mean", "log_sd", "log_skewness"]
    return pd.DataFrame({"value": moments(totals.sum(axis=0)), "low": low, "high": high}, index=names)


def _three(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, SD and skewness from the means of the first three powers."""
    sd = np.sqrt(np.maximum(second - first**2, 0.0))
    return first, sd, (third - 3 * first * second + 2 * first**3) / sd**3


def fit_two_lognormals(sizes: np.ndarray, *, size_floor: float = 0.0) -> Mixture:
    """Fit a mixture of two log-normals by maximum likelihood, truncated below ``size_floor``.

    Source
    ------
    [dorkenwald2022]: spines of cortical pyramidal cells as a mixture of two log-normals.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = 10 ** np.concatenate([rng.normal(-1.4, 0.2, 700), rng.normal(-0.7, 0.2, 300)])
    >>> round(fit_two_lognormals(x).weights[0], 1) == 0.7
    True
    """
    x = np.log10(_clean(sizes))
    floor = np.log10(size_floor) if size_floor > 0 else -np.inf

    def unpack(p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        share = 1 / (1 + np.exp(-p[0]))
        return np.array([share, 1 - share]), np.array([p[1], p[1] + np.exp(p[2])]), np.exp(p[3:5])

    def log_likelihood(p: np.ndarray) -> float:
        weights, means, sds = unpack(p)
        if (sds < 1e-3).any() or (sds > 10).any():
            return -np.inf  # a component on a single point is no component
        with np.errstate(divide="ignore", under="ignore", over="ignore"):
            z = (x[:, None] - means) / sds
            density = (weights * np.exp(-0.5 * z**2) / sds).sum(axis=1) / np.sqrt(2 * np.pi)
            above = float((weights * stats.norm.sf((floor - means) / sds)).sum())
            return float(np.log(density).sum() - len(x) * np.log(above))

    best = None
    for low, high in ((25, 75), (40, 90), (10, 60)):
        a, b = np.percentile(x, [low, high])
        found = _maximise(log_likelihood, [0.5, a, np.log(max(b - a, 1e-3)), np.log(x.std() / 2), np.log(x.std() / 2)])
        best = found if best is None or found[1] > best[1] else best
    assert best is not None  # the loop above ran
    weights, means, sds = unpack(best[0])
    # AIC compares densities of size, not of log10(size).
    jacobian = float(np.log(10**x * np.log(10)).sum())
    pairs = [(float(a), float(b)) for a, b in (means, sds, weights)]
    return Mixture(pairs[0], pairs[1], pairs[2], best[1] - jacobian)


def compare_distributions(sizes: np.ndarray, *, size_floor: float = 0.0) -> pd.DataFrame:
    """Fit log-normal, gamma, inverse gamma and two log-normals, and compare them by AIC.

    Parameters
    ----------
    sizes : Array, um3 (or any unit); values that are not positive are left out
    size_floor : float
        Sizes below cannot be seen; the likelihood is truncated there.

    Returns
    -------
    DataFrame, best first: family, parameters, log_likelihood, aic, delta (of AIC), p_ks (of the fit, indicative)

    Source
    ------
    Maximum likelihood and Akaike's criterion; the caution against assuming log-normal sizes is [kasai2021].
    """
    x = _clean(sizes)
    log_x = np.log(x)
    families = {
        "log-normal": (lambda p: stats.lognorm(np.exp(p[0]), scale=np.exp(p[1])), [np.log(log_x.std()), log_x.mean()]),
        "gamma": (lambda p: stats.gamma(np.exp(p[0]), scale=np.exp(p[1])), [0.5, np.log(x.mean()) - 0.5]),
        "inverse gamma": (
            lambda p: stats.invgamma(np.exp(p[0]), scale=np.exp(p[1])),
            [0.5, np.log(np.median(x)) + 0.5],
        ),
    }
    rows = []
    for name, (build, start) in families.items():

        def log_likelihood(p: np.ndarray, build: Callable = build) -> float:
            law = build(p)
            return float(law.logpdf(x).sum() - len(x) * law.logsf(size_floor))

        found, value = _maximise(log_likelihood, start)
        law = build(found)
        below = law.cdf(size_floor)
        p = stats.kstest(x, lambda v, law=law, below=below: (law.cdf(v) - below) / (1 - below)).pvalue
        rows.append((name, {"shape": float(np.exp(found[0])), "scale": float(np.exp(found[1]))}, value, 2, float(p)))
    mixture = fit_two_lognormals(x, size_floor=size_floor)
    parameters = {"means": mixture.means, "sds": mixture.sds, "weights": mixture.weights}
    rows.append(("two log-normals", parameters, mixture.log_likelihood, 5, float("nan")))
    table = pd.DataFrame(rows, columns=["family", "parameters", "log_likelihood", "free", "p_ks"])
    table["aic"] = 2 * table["free"] - 2 * table["log_likelihood"]
    table = table.sort_values("aic", ignore_index=True)
    table["delta"] = table["aic"] - table["aic"].iloc[0]
    return table
