"""Does the fit recover the law that made the table, and do its intervals cover it?

Truth: rate 0.05 /day, log mean -2.303, stationary SD 0.70 (spread 0.2214 /sqrt(day)), noise 0.15; 500 spines x 10 days.
"""

import warnings

import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import SpinulaWarning
from spinula.core.table import SpineTable
from spinula.fit.likelihood import fit_log_ou
from spinula.fit.predictive import simulate_log_sizes
from spinula.law import LogOULaw

LAW = LogOULaw(log_mean=-2.303, log_sd=0.70, recovery_rate=0.05)
TRUE = {"recovery_rate": 0.05, "log_spread": 0.70 * np.sqrt(0.1), "log_noise": 0.15, "log_sd": 0.70, "log_mean": -2.303}
# The rate, the spread, the noise and the mean: what the intervals are asked about (log_sd follows from the first two).
ASKED = ("recovery_rate", "log_spread", "log_noise", "log_mean")


def table(seed, *, irregular=False, missing=0.0, spines=500, dendrites=20):
    generator = np.random.default_rng([seed, 17])
    day = np.tile(np.arange(10.0), (spines, 1))
    if irregular:  # each dendrite has days of its own, 0.3 to 2 days apart
        own = np.cumsum(generator.uniform(0.3, 2.0, (dendrites, 10)), axis=1)
        day = own[np.arange(spines) * dendrites // spines]
    logs = simulate_log_sizes(day, LAW, 0.15, generator)
    seen = generator.random(logs.shape) >= missing
    number = np.repeat(np.arange(spines), 10)
    return SpineTable(
        pd.DataFrame(
            {"dendrite": (number * dendrites // spines).astype(str), "spine_id": number,
             "session": np.tile(np.arange(10), spines), "day": day.ravel(),
             "size": np.where(seen, np.exp(logs), np.nan).ravel(), "present": seen.ravel(), "observed": seen.ravel()}
        )
    )  # fmt: skip


def study(seeds, *, errors="model", noise=None, **design):
    """Return relative bias and its SE, and the share of intervals that cover, per parameter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SpinulaWarning)
        fits = [fit_log_ou(table(seed, **design), errors=errors, noise=noise, check=False) for seed in seeds]
    rows = {}
    for name, true in TRUE.items():
        values = np.array([fit[name].value for fit in fits])
        covered = [fit[name].low <= true <= fit[name].high for fit in fits]
        rows[name] = {
            "bias": values.mean() / true - 1, "bias_error": values.std(ddof=1) / len(fits) ** 0.5 / abs(true),
            "coverage": np.mean(covered), "misses": len(fits) - int(np.sum(covered)),
        }  # fmt: skip
    return pd.DataFrame(rows).T


DESIGNS = {"complete": {}, "missing": {"missing": 0.3}, "irregular": {"irregular": True, "missing": 0.3}}


@pytest.mark.parametrize("design", DESIGNS)
def test_bias_over_fifty_seeds(design):
    """|bias| of rate, spread and noise below 3 %: its standard error is 1 % for the rate, so false alarm about 1 %."""
    found = study(range(50), **DESIGNS[design])
    for name in ("recovery_rate", "log_spread", "log_noise"):
        assert abs(found.loc[name, "bias"]) < 0.03, found


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
def test_intervals_cover_92_to_97_percent(design):
    """400 seeds, four parameters: 1,600 intervals.

    Exact 95 % intervals of one parameter leave 92-97 % in 0.4 % (below) and 1.9 % (above) of such studies; pooled over
    four parameters far less often. (3,000 seeds of the complete design cover 94.6, 95.3, 94.8 and 95.2 %.)
    """
    found = study(range(1000, 1400), **DESIGNS[design])
    assert 0.92 <= found.loc[list(ASKED), "coverage"].mean() <= 0.97, found
    for name in ASKED:
        # Each parameter by itself: 91.5 to 98 %, false alarm 0.2 % each.
        assert 0.915 <= found.loc[name, "coverage"] <= 0.98, found
    for name in ("recovery_rate", "log_spread", "log_noise"):
        assert abs(found.loc[name, "bias"]) < 0.015, found


@pytest.mark.slow
def test_clustered_intervals_cover_too():
    """Robust errors over 20 dendrites of independent spines: an estimate from 20 sums, a little short at worst."""
    found = study(range(2000, 2400), errors="dendrite")
    assert 0.92 <= found.loc[list(ASKED), "coverage"].mean() <= 0.97, found


def test_ignoring_the_noise_is_the_negative_control():
    """Noise fixed at 0: the rate comes out about 85 % too large, the spread 40 %, and no interval covers them."""
    found = study(range(20), noise=0.0)
    assert 0.7 < found.loc["recovery_rate", "bias"] < 1.1
    assert 0.3 < found.loc["log_spread", "bias"] < 0.5
    assert found.loc["recovery_rate", "coverage"] == found.loc["log_spread", "coverage"] == 0
