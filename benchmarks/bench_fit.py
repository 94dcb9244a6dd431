"""Fit 5,000 spines x 10 days: spinula beside pymle-diffusion, on the same simulated panel, in one process.

CPU seconds (median), estimates against the truth, ratios. spinula's time is of the whole call: from the validated table
to estimates with standard errors, robust to clusters, and the comparison with fixed differences. pymle knows one
path, no noise, no gaps and gives no errors: it is run as its interface allows (the panel strung together) and with a
subclass that feeds it true pairs. Run: python benchmarks/bench_fit.py [--json]
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import sys
import time
import warnings

import numpy as np
import pandas as pd

from spinula.core.errors import SpinulaWarning
from spinula.core.table import SpineTable
from spinula.fit.likelihood import fit_log_ou
from spinula.fit.predictive import simulate_log_sizes
from spinula.law import LogOULaw

SPINES, DAYS, NOISE, GOAL_S = 5000, 10, 0.15, 0.15
LAW = LogOULaw(log_mean=-2.303, log_sd=0.70, recovery_rate=0.05)
TRUTH = {"rate": LAW.recovery_rate, "mean": LAW.log_mean, "spread": LAW.log_spread, "noise": NOISE}


def panel(noise: float, *, own_days: bool = False) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    day = np.tile(np.arange(float(DAYS)), (SPINES, 1))
    if own_days:
        day = np.repeat(np.cumsum(generator.uniform(0.3, 2.0, (100, DAYS)), axis=1), SPINES // 100, axis=0)
    return simulate_log_sizes(day, LAW, noise, generator), day


def table(logs: np.ndarray, day: np.ndarray, missing: float = 0.0) -> SpineTable:
    seen = np.random.default_rng(2).random(logs.size) >= missing
    number = np.repeat(np.arange(SPINES), DAYS)
    frame = {"dendrite": (number // 50).astype(str), "spine_id": number, "session": np.tile(np.arange(DAYS), SPINES)}
    size = np.where(seen, np.exp(logs).ravel(), np.nan)
    return SpineTable(pd.DataFrame({**frame, "day": day.ravel(), "size": size, "present": seen, "observed": seen}))


def timed(call, repeats: int):
    """Return the result and the median CPU time of a call, after one call that compiles."""
    result, times = call(), []
    for _ in range(repeats):
        begin = time.process_time()
        result = call()
        times.append(time.process_time() - begin)
    return result, statistics.median(times)


def own(name: str, which: SpineTable) -> dict:
    fit, seconds = timed(lambda: fit_log_ou(which), 9)
    keys = ("recovery_rate", "log_mean", "log_spread", "log_noise")
    found = {label: [fit[key].value, fit[key].error] for label, key in zip(TRUTH, keys, strict=True)}
    return {"method": name, "cpu_s": seconds, **found}


def peers(clean: np.ndarray, noisy: np.ndarray) -> list[dict]:
    try:
        from pymle.core.TransitionDensity import ExactDensity
        from pymle.fit.AnalyticalMLE import AnalyticalMLE
        from pymle.models import OrnsteinUhlenbeck
    except ImportError:
        print("skipped: pymle-diffusion is not installed (pip install pymle-diffusion)", file=sys.stderr)
        return []

    class Pairs(AnalyticalMLE):
        """The same likelihood over the pairs of a panel, without jumps from spine to spine."""

        def log_likelihood_negative(self, params):
            self._model.params = params
            before, after = self._sample[:, :-1].ravel(), self._sample[:, 1:].ravel()
            density = self._density(x0=before, xt=after, t0=self._t0, dt=self._dt)
            return -np.sum(np.log(np.maximum(self._min_prob, density)))

    def run(kind, sample):
        bounds = [(1e-3, 5.0), (-6.0, 2.0), (1e-3, 3.0)]
        estimator = kind(sample, bounds, 1.0, ExactDensity(OrnsteinUhlenbeck()))
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return estimator.estimate_params(np.array([0.1, -2.0, 0.3])).params

    rows = []
    for name, kind, sample in (
        ("pymle exact, strung together, no noise in the data", AnalyticalMLE, clean.ravel()),
        ("pymle exact, pairs (our subclass), no noise in the data", Pairs, clean),
        ("pymle exact, strung together", AnalyticalMLE, noisy.ravel()),
        ("pymle exact, pairs (our subclass)", Pairs, noisy),
    ):
        (rate, mean, spread), seconds = timed(lambda kind=kind, sample=sample: run(kind, sample), 3)
        found = {"rate": [rate, None], "mean": [mean, None], "spread": [spread, None], "noise": [None, None]}
        rows.append({"method": name, "cpu_s": seconds, **found})
    return rows


def main() -> None:
    warnings.simplefilter("ignore", SpinulaWarning)
    (noisy, day), (clean, _), (uneven, own_days) = panel(NOISE), panel(0.0), panel(NOISE, own_days=True)
    rows = [
        own("spinula, complete", table(noisy, day)),
        own("spinula, 30 % missing", table(noisy, day, 0.3)),
        own("spinula, 30 % missing, days by dendrite", table(uneven, own_days, 0.3)),
        *peers(clean, noisy),
    ]
    for row in rows:
        row["ratio"] = row["cpu_s"] / rows[0]["cpu_s"]
    if "--json" in sys.argv:
        print(json.dumps({"schema_version": 1, "truth": TRUTH, "goal_cpu_s": GOAL_S, "rows": rows}))
        return
    print(
        f"{SPINES} spines x {DAYS} days, noise {NOISE}; truth: " + ", ".join(f"{k} {v:.4g}" for k, v in TRUTH.items())
    )
    print(f"{'method':56} {'CPU s':>7} {'ratio':>6}  " + "  ".join(f"{key:>16}" for key in TRUTH))
    for row in rows:
        cells = [
            "" if v is None else f"{v:.4f}" + ("" if e is None else f" +- {e:.4f}") for v, e in map(row.get, TRUTH)
        ]
        print(f"{row['method']:56} {row['cpu_s']:7.3f} {row['ratio']:6.1f}  " + "  ".join(f"{c:>16}" for c in cells))
    worst = max(row["cpu_s"] for row in rows if row["method"].startswith("spinula"))
    print(f"goal: spinula, standard errors included, in at most {GOAL_S} s CPU: {worst:.3f} at worst,", end=" ")
    print("met" if worst <= GOAL_S else "MISSED")


if __name__ == "__main__":
    main()
