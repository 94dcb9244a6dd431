"""``signalling``: the delay window of a signalling model from an SBML file, and a kernel beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from spinula.faces import console


class Kernel(StrEnum):
    """Which kernel the window is compared with."""

    D1 = "d1"
    D2 = "d2"
    NONE = "none"


def signalling(
    model: Path = typer.Argument(help="Your SBML file (level 2 or 3)."),
    pairing: str = typer.Option(..., help="SPECIES=AMPLITUDE of each pairing pulse, as Ca=0.5."),
    modulator: str = typer.Option(..., help="SPECIES=AMPLITUDE of each pulse of the modulator, as DA=10."),
    observe: str = typer.Option(..., help="The species, or parameter, that is read."),
    read: str = typer.Option("max", help="'max', or the time of reading in s after the pairing's onset."),
    delays: str = typer.Option("-1,-0.5,0,0.2,0.4,0.6,0.8,1,1.5,2,3,5", help="From pairing to modulator, in s."),
    pairing_pulses: int = typer.Option(10, help="Pulses of the pairing.", min=1),
    pairing_hz: float = typer.Option(10.0, help="Their rate, in Hz.", min=1e-6),
    pairing_width: float = typer.Option(0.0, help="Their width in s; 0 adds at once.", min=0.0),
    modulator_pulses: int = typer.Option(10, help="Pulses of the modulator.", min=1),
    modulator_hz: float = typer.Option(30.0, help="Their rate, in Hz.", min=1e-6),
    modulator_width: float = typer.Option(0.0, help="Their width in s; 0 adds at once.", min=0.0),
    settle: float = typer.Option(0.0, help="Seconds that the model runs before the protocol's zero.", min=0.0),
    set_: list[str] = typer.Option([], "--set", help="Change a value of the file first: NAME=NUMBER. May be repeated."),
    kernel: Kernel = typer.Option(Kernel.NONE, help="Compare with the kernel of D1 bursts or of D2 dips."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Run a signalling model at every delay and compare its window with a kernel (needs the extra `sbml`)."""
    from spinula.engines.signalling import Pulses, SignallingModel, compare_with_kernel

    pair, burst = _pair(pairing, "--pairing"), _pair(modulator, "--modulator")
    when = [_number(part, "--delays") for part in delays.split(",")]
    moment: str | float = "max" if read == "max" else _number(read, "--read")
    loaded = SignallingModel(model, dict(_pair(each, "--set") for each in set_), settle)
    if loaded.events:
        console.say(f"the file has {loaded.events} events of its own, which run too; --set can move them away")
    window = loaded.window(
        when,
        Pulses(*pair, pairing_pulses, pairing_hz, width_s=pairing_width),
        Pulses(*burst, modulator_pulses, modulator_hz, width_s=modulator_width),
        observe,
        moment,
    )
    named, function = _kernel(kernel, moment)
    compared = {} if function is None else dataclasses.asdict(compare_with_kernel(window, function))
    if as_json:
        console.print_json(
            "signalling", model=model, observe=observe, read=moment, repaired=loaded.repaired, kernel=named or None,
            window=window.to_dict("records"), comparison=compared or None,
        )  # fmt: skip
        return
    shown = console.table(f"{observe}, {read if read == 'max' else f'{read} s after pairing'}", list(window.columns))
    for row in window.itertuples(index=False):
        shown.add_row(f"{row[0]:g}", *(f"{value:.4g}" for value in row[1:]))
    console.data.print(shown)
    if compared:
        console.data.print(_sentences(named, compared), markup=False)


def _kernel(kernel: Kernel, read: str | float) -> tuple[str, Callable[[float], float] | None]:
    """Return a kernel and its name; D1 has one for the largest PKA and one for the CaMKII that stays."""
    if kernel is Kernel.NONE:
        return "", None
    from spinula.law.modulation.dips import DIP_KERNEL
    from spinula.law.modulation.reinforcement import CAMKII_KERNEL, PKA_KERNEL, burst_kernel

    if kernel is Kernel.D2:
        name, numbers = "D2 dips", DIP_KERNEL
    elif read == "max":
        name, numbers = "D1 bursts, excess of PKA (read by its maximum)", PKA_KERNEL
    else:
        name, numbers = "D1 bursts, CaMKII (read at a time)", CAMKII_KERNEL
    return name, lambda delay: burst_kernel(delay, *numbers)


def _sentences(name: str, compared: dict[str, Any]) -> str:
    model, kernel = (tuple(f"{end:.2f}" for end in compared[key]) for key in ("half_s", "kernel_half_s"))
    return (
        f"kernel of {name}: rms difference {compared['rms']:.3f} of the maximum\n"
        f"peak at {compared['peak_s']:.2f} s (kernel {compared['kernel_peak_s']:.2f} s); "
        f"half of it from {model[0]} to {model[1]} s (kernel {kernel[0]} to {kernel[1]} s)"
    )


def _pair(text: str, option: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    if not name.strip():
        raise typer.BadParameter(f"{text!r} is not NAME=NUMBER", param_hint=option)
    return name.strip(), _number(value, option)


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number", param_hint=option) from None
