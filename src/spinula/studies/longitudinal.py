"""Everything spinula says about one longitudinal table: doubts, turnover, survival, sizes, fluctuation, fitted law."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from spinula import measures
from spinula.core.errors import NotConvergedError, SpinulaWarning, TableError
from spinula.core.files import replacing, write_text
from spinula.core.table import SpineTable
from spinula.fit.likelihood import LogOUFit, fit_log_ou
from spinula.fit.moments import Moments, binned_moments
from spinula.fit.predictive import predict_change
from spinula.fit.validate import Finding, check


@dataclass
class Analysis:
    """What was found in a table.

    Attributes
    ----------
    tables : dict of name to DataFrame
        turnover, survival, change (SD against size), autocorrelation, families (of the size distribution), moments,
        predictive; a table that the data do not allow is absent, and ``skipped`` says why.
    fit : LogOUFit or None
    verdict : str, of the posterior-predictive check
    line : slope, floor and their errors, of the spread against size
    cautions : list of str, from the fit and from the moments
    fit_exit_code : int, the error's (core.errors) if no law could be fitted
    """

    label: str
    size_unit: str
    sizes: Any
    findings: list[Finding] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    fit: LogOUFit | None = None
    verdict: str = ""
    line: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    cautions: list[str] = field(default_factory=list)
    fit_exit_code: int = 0

    def numbers(self) -> dict[str, Any]:
        """Return the headline numbers as plain values, fit for JSON."""
        out: dict[str, Any] = {"label": self.label, "size_unit": self.size_unit, "skipped": self.skipped}
        out["findings"] = [vars(finding) for finding in self.findings]
        out["tables"] = {name: json.loads(table.to_json(orient="records")) for name, table in self.tables.items()}
        out["fit"] = self.fit.as_dict() if self.fit else None
        out["spread_line"], out["predictive"], out["cautions"] = self.line, self.verdict, self.cautions
        return out


def analyse(
    table: SpineTable,
    *,
    label: str,
    seed: int,
    replicates: int = 1000,
    noise: float | None = None,
    keep: Path | None = None,
) -> Iterator[tuple[str, Analysis]]:
    """Analyse a table step by step, yielding the name of each step as it ends and the analysis so far.

    Parameters
    ----------
    replicates : int
        Bootstrap replicates of intervals, and replicates of the predictive check.
    noise : float, optional
        SD of the error of log-size where repeat imaging has measured it; fitted if not given.
    keep : Path, optional
        A folder for finished steps; a step that is there already is read back instead of run again.

    Source
    ------
    The measures and the fit name their own sources.
    """
    panel = table.panel()
    out = Analysis(label, table.size_unit, panel.size[panel.size > 0], check(table))
    steps: dict[str, Callable[[], pd.DataFrame]] = {
        "turnover": lambda: measures.turnover(table, replicates=replicates, seed=seed),
        "survival": lambda: measures.survival(table, replicates=replicates, seed=seed),
        "survival_by_size": lambda: measures.survival_by_size(
            table, until=panel.present.shape[1] - 1, replicates=replicates, seed=seed
        ),
        "families": lambda: measures.compare_distributions(out.sizes),
        "change": lambda: measures.change_by_size(table, replicates=replicates, seed=seed),
        "autocorrelation": lambda: measures.autocorrelation(table, replicates=replicates, seed=seed),
    }
    for name, step in steps.items():
        _run(out, name, step, keep)
        yield name, out
    _fit(out, table, noise, keep)
    yield "fit", out
    if out.fit is not None:
        # Not kept: beside its table it leaves a line and cautions, and it is quick.
        _run(out, "moments", lambda: _moments(out, table), None)
        yield "moments", out
        _run(out, "predictive", lambda: _predict(out, table, seed, replicates), None)
        yield "predictive", out


def _run(out: Analysis, name: str, step: Callable[[], pd.DataFrame], keep: Path | None) -> None:
    """Run a step, or read it back; what the data do not allow is skipped with its reason."""
    stored = keep / f"{name}.pickle" if keep else None
    if stored and stored.exists():
        out.tables[name] = pd.read_pickle(stored)
        return
    try:
        out.tables[name] = step()
    except (TableError, NotConvergedError) as error:
        out.skipped[name] = str(error)
        return
    if stored:
        with replacing(stored) as temporary:
            out.tables[name].to_pickle(temporary)


def _fit(out: Analysis, table: SpineTable, noise: float | None, keep: Path | None) -> None:
    stored = keep / "fit.json" if keep else None
    if stored and stored.exists():
        out.fit = LogOUFit.from_dict(json.loads(stored.read_text(encoding="utf-8")))
        out.cautions.extend(" ".join(caution.split()) for caution in out.fit.cautions)
        return
    try:
        with warnings.catch_warnings():
            # The cautions stay in the fit, and every face shows them.
            warnings.simplefilter("ignore", SpinulaWarning)
            out.fit = fit_log_ou(table, noise=noise)
        out.cautions.extend(" ".join(caution.split()) for caution in out.fit.cautions)
    except (TableError, NotConvergedError) as error:
        out.skipped["fit"], out.fit_exit_code = str(error), error.exit_code
        return
    if stored:
        write_text(stored, json.dumps(out.fit.as_dict()))


def _moments(out: Analysis, table: SpineTable) -> pd.DataFrame:
    noise = out.fit["log_noise"].value if out.fit else 0.0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SpinulaWarning)
        found: Moments = binned_moments(table, log_noise=noise)
    out.cautions.extend(" ".join(str(warning.message).split()) for warning in caught)
    for name in ("slope", "slope_error", "floor", "floor_error"):
        out.line[name] = float(getattr(found, name))
    if found.bins["spread"].notna().sum() < 3:
        out.skipped["spread against size"] = (
            "the fitted error explains nearly all change of size: nothing is left to draw."
        )
        out.line.clear()
    return found.bins


def _predict(out: Analysis, table: SpineTable, seed: int, replicates: int) -> pd.DataFrame:
    assert out.fit is not None
    found = predict_change(table, out.fit, seed=seed, replicates=min(replicates, 500))
    out.verdict = found.verdict
    return found.bins
