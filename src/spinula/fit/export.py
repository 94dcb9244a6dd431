"""A fitted law as a preset: the TOML file that every engine can run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from spinula.core.toml import write_toml
from spinula.fit.likelihood import LogOUFit

_ERRORS = {
    "model": "standard errors from the observed information",
    "spine": "robust standard errors over spines",
    "dendrite": "robust standard errors over dendrites",
    "animal": "robust standard errors over animals",
}


def preset_of(fit: LogOUFit, *, title: str, source: str) -> dict[str, Any]:
    """Return the preset of a fitted law as plain tables: about, law and observation.

    Parameters
    ----------
    title : str
        What was fitted: species, region, age, method as far as known.
    source : str
        The data: a key of references.bib, or the file's name.
    """
    where = (
        f"{fit.spines} spines, {fit.sizes} sizes over {fit.duration:g} days; exact likelihood, {_ERRORS[fit.errors]}"
    )
    about = {"title": title, "status": "fitted", "method": where}
    if fit.cautions:
        about["note"] = " ".join(" ".join(caution.split()) for caution in fit.cautions)
    law: dict[str, Any] = {"family": "log_ou"}
    for name in ("log_mean", "log_sd", "recovery_rate"):
        law[name] = _quantity(fit, name, source, where)
    return {"about": about, "law": law, "observation": {"log_noise": _quantity(fit, "log_noise", source, where)}}


def write_preset(fit: LogOUFit, path: str | Path, *, title: str, source: str) -> Path:
    """Write a fitted law as a preset TOML, whole or not at all; ``load_preset`` reads it.

    Every number carries its interval, the data it comes from and how it was got; cautions of the fit become the note.

    Parameters
    ----------
    path : str or Path, ends in ``.toml``
    title, source : str
        As :func:`preset_of`.

    Source
    ------
    The form of a preset is set by :mod:`spinula.presets`.
    """
    path = Path(path)
    heading = f"Written by spinula: a law of log-size fitted to {source}.\nSizes are in {fit.size_unit}."
    write_toml(path, preset_of(fit, title=title, source=source), heading=heading)
    return path


def _quantity(fit: LogOUFit, name: str, source: str, where: str) -> dict[str, Any]:
    estimate = fit[name]
    out: dict[str, Any] = {"value": estimate.value, "unit": estimate.unit}
    if name in fit.fixed:
        return out | {"source": source, "where": "given, not fitted", "how": "assumed"}
    if math.isfinite(estimate.low) and math.isfinite(estimate.high):
        out["range"] = [min(estimate.low, estimate.value), max(estimate.high, estimate.value)]
    return out | {"source": source, "where": where, "how": "fitted"}
