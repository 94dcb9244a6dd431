"""How many films show a behaviour: all protocols over many film seeds, one parameter set, resumable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from spinula.core.errors import ConfigError, InvalidInputError, OutOfRangeError
from spinula.studies.silver.devices import load_device
from spinula.studies.silver.protocol.reading import load_silver
from spinula.studies.silver.protocol.running import judge, run_silver
from spinula.studies.sweeps import Case, run_cases


@dataclass(frozen=True)
class Yield:
    """How many films show a behaviour.

    Parameters
    ----------
    protocol : str
    films : int
        All that were grown, those that short or never switch included: they show nothing.
    shown : int
        Films on which every claim holds, controls included.
    low, high : float, 1
        95 % Wilson interval of the share.
    claims : dict of claim to (films on which it holds, median value)
    failed : dict of seed to text
        Films that are no device, and why.
    """

    protocol: str
    films: int
    shown: int
    low: float
    high: float
    claims: dict[str, tuple[int, float]]
    failed: dict[int, str]


def film_case(case: Case, folder: Path) -> dict[str, Any]:
    """Run one protocol on the film of one seed; return its verdicts, or why the film is no device.

    Raises
    ------
    ConfigError, OutOfRangeError
        If the protocol or its device says something impossible.
    """
    protocol = load_silver(case["protocol"])
    try:
        trace = run_silver(load_device(protocol.file.device), protocol, seed=case["seed"])
    except (ConfigError, OutOfRangeError):
        raise  # a mistake in a file, which no other film mends
    except InvalidInputError as error:
        return {"failed": str(error).splitlines()[0]}
    return {"verdicts": [asdict(verdict) for verdict in judge(protocol, trace)], "volts": trace.volts}


def run_yields(
    protocols: Sequence[str], seeds: Iterable[int], folder: Path, *, jobs: int = 1
) -> Iterator[tuple[int, Case]]:
    """Run protocols over film seeds, one file per film and protocol; yield (cases done, case).

    A run that was cut goes on with what is missing. When all are done, :func:`read_yields` reads them.

    Raises
    ------
    InvalidInputError, OutOfRangeError
        As :func:`spinula.studies.sweeps.run_cases`.
    """
    cases = _cases(protocols, seeds)
    for done, (case, _) in enumerate(run_cases(film_case, cases, folder, jobs=jobs), 1):
        yield done, case


def read_yields(protocols: Sequence[str], seeds: Iterable[int], folder: Path) -> list[Yield]:
    """Return the yields of a run that is complete (what is missing is run)."""
    cases = _cases(protocols, seeds)
    found: dict[str, dict[int, dict[str, Any]]] = {case["title"]: {} for case in cases}
    for case, result in run_cases(film_case, cases, folder):
        found[case["title"]][case["seed"]] = result
    return [_summed(name, results) for name, results in found.items()]


def _cases(protocols: Sequence[str], seeds: Iterable[int]) -> list[Case]:
    # Film by film: a run that is cut has whole films. A protocol in a file is named as the file is, not by its path.
    titles = {name: load_silver(name).name for name in protocols}
    return [{"name": f"{title}_{seed}", "title": title, "protocol": name, "seed": seed}
            for seed in seeds for name, title in titles.items()]  # fmt: skip


def _summed(name: str, results: dict[int, dict[str, Any]]) -> Yield:
    failed = {seed: result["failed"] for seed, result in results.items() if "failed" in result}
    worked = [result["verdicts"] for result in results.values() if "failed" not in result]
    shown = sum(all(verdict["holds"] for verdict in verdicts) for verdicts in worked)
    claims = {}
    for row in zip(*worked, strict=True):
        values = [verdict["value"] for verdict in row if np.isfinite(verdict["value"])]
        middle = float(np.median(values)) if values else float("nan")
        claims[row[0]["claim"]] = (sum(verdict["holds"] for verdict in row), middle)
    return Yield(name, len(results), shown, *wilson(shown, len(results)), claims, failed)


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share.

    Examples
    --------
    >>> low, high = wilson(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.596, 0.982)
    """
    span = binomtest(hits, trials).proportion_ci(method="wilson")
    return float(span.low), float(span.high)
