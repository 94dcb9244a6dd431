"""Panels that obey the law that is fitted, and others that do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spinula.core.table import SpineTable
from spinula.fit.predictive import simulate_log_sizes
from spinula.law import LogOULaw

TRUTH = LogOULaw(log_mean=-2.303, log_sd=0.70, recovery_rate=0.05)


def table_of(logs, day, *, per_dendrite=50, animals=1):
    """Return the table of a matrix of log-sizes; NaN is not observed."""
    spines, sessions = logs.shape
    number = np.repeat(np.arange(spines), sessions)
    dendrite = number // per_dendrite
    size = np.exp(logs).ravel()
    seen = np.isfinite(size)
    frame = pd.DataFrame(
        {"animal": (dendrite % animals).astype(str), "dendrite": dendrite.astype(str), "spine_id": number,
         "session": np.tile(np.arange(sessions), spines), "day": np.broadcast_to(day, logs.shape).ravel(),
         "size": size, "present": seen, "observed": seen}
    )  # fmt: skip
    return SpineTable(frame)


@pytest.fixture
def truth():
    return TRUTH


@pytest.fixture
def make_table():
    return table_of


@pytest.fixture
def simulate():
    """Simulate a table of the law: days may be one row for all spines or one row for each."""

    def run(seed, *, spines=500, day=None, law=TRUTH, noise=0.15, missing=0.0, per_dendrite=50, animals=1):
        generator = np.random.default_rng(seed)
        day = np.broadcast_to(
            np.arange(10.0) if day is None else day, (spines, 10 if day is None else np.shape(day)[-1])
        )
        logs = simulate_log_sizes(day, law, noise, generator)
        logs[generator.random(logs.shape) < missing] = np.nan
        return table_of(logs, day, per_dendrite=per_dendrite, animals=animals)

    return run
