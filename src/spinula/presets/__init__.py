"""Sourced parameter sets as TOML: each number with its unit, its paper and its place, each set with its exam.

    preset = load_preset("neocortex_adult")
    preset.dynamics                               what the engines run
    preset.quantities["law.noise_slope"].source   where a number comes from

A preset may name a ``base`` and state only what differs. A number from memory or design is ``assumed`` and says so.
"""

from spinula.presets.changes import change
from spinula.presets.loader import Check, Preset, load_preset, preset_names
from spinula.presets.references import Reference, bibliography

__all__ = ["Check", "Preset", "Reference", "bibliography", "change", "load_preset", "preset_names"]
