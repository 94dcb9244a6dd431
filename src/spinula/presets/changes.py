"""A preset with some of its numbers replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from spinula.core.errors import ConfigError
from spinula.law import Dynamics
from spinula.law.mechanisms import Mechanisms
from spinula.presets.loader import Preset


def change(preset: Preset, changes: Mapping[str, float], *, where: str = "--set") -> Preset:
    """Return a preset with some numbers replaced, such as ``{"law.noise_slope": 0.25}``.

    Raises
    ------
    ConfigError
        If there is no such key, or a value is out of its bounds; ``where`` is what the error blames.

    Examples
    --------
    >>> from spinula.presets import load_preset
    >>> change(load_preset("neocortex_adult"), {"law.noise_slope": 0.25}).dynamics.law.noise_slope
    0.25
    """
    data = {**preset.dynamics.model_dump(), **preset.mechanisms.model_dump()}
    for key, value in changes.items():
        table, _, name = key.partition(".")
        if not isinstance(data.get(table), dict) or name not in data[table]:
            known = [f"{part}.{inner}" for part, values in data.items() if values for inner in values]
            raise ConfigError(where, key, "unknown key", cure=f"Known keys: {', '.join(known)}.")
        data[table] = {**data[table], name: value}
    try:
        return replace(
            preset,
            dynamics=Dynamics.model_validate({name: data[name] for name in Dynamics.model_fields}),
            mechanisms=Mechanisms.model_validate({name: data[name] for name in Mechanisms.model_fields}),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(where, ".".join(map(str, first["loc"])), first["msg"]) from None
