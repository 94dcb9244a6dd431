"""One analysis of one network, by name: what ``spinula silver analyse`` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.engines.silver.device import Device
from spinula.engines.silver.solver import Drive
from spinula.engines.silver.spread import Spread
from spinula.law.silver import DecayingDrift, JunctionLaw, RateBalance, SilverGap, TunnelThreshold
from spinula.law.silver.published import PROGRAMS, published_law
from spinula.studies.silver.analysis.avalanches import criticality, event_times, group_events
from spinula.studies.silver.analysis.digits import Showing, score_digits, with_inputs
from spinula.studies.silver.analysis.energy import processor_energy
from spinula.studies.silver.analysis.lyapunov import largest_exponent, network_step, triangle
from spinula.studies.silver.analysis.reservoir import Feeding, feed
from spinula.studies.silver.analysis.spectrum import spectrum
from spinula.studies.silver.analysis.tasks import memory_capacity, score_narma, score_waves
from spinula.studies.silver.paths import path_threshold

LAWS: dict[str, Callable[[], JunctionLaw]] = {
    "silver": SilverGap, "tunnel": TunnelThreshold, "balance": RateBalance, "drift": lambda: DecayingDrift(decay=2.0),
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """How a network is driven.

    Parameters
    ----------
    voltage : float, V
        Constant, amplitude of the triangle, or the largest voltage of a signal.
    duration, dt : float, s
        Of the run and of a step; a signal's values last ``dt`` each.
    frequency : float, Hz
        Of the triangle.
    seed : int
    spread : float, 1
        Of the distances across gaps.
    source, sink : str
    """

    voltage: float
    duration: float
    dt: float
    frequency: float = 0.5
    seed: int = 0
    spread: float = 0.1
    source: str = "left"
    sink: str = "right"

    def __post_init__(self) -> None:
        if not (self.voltage > 0 and 0 < self.dt < self.duration and self.frequency > 0):
            raise OutOfRangeError("voltage, duration, dt or frequency", self.dt,
                                  "wanted all above 0, and dt below the duration")  # fmt: skip


@dataclass(frozen=True)
class Analysis:
    """What was found: ``numbers`` for a table, ``series`` for a figure."""

    what: str
    numbers: dict[str, Any]
    series: dict[str, np.ndarray] = field(default_factory=dict)


def law_called(name: str) -> JunctionLaw:
    """Return a law by its name: one of ours, or a published program's.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    if name in PROGRAMS:
        return published_law(name)
    if name not in LAWS:
        raise UnknownNameError("junction law", name, {**LAWS, **PROGRAMS})
    return LAWS[name]()


def usual_voltage(graph: Any, law: JunctionLaw, *, source: str, sink: str) -> float:
    """Return a voltage that makes a network of silver gaps switch: 1.5 times the threshold of its easiest path.

    Raises
    ------
    InvalidInputError
        If the law has no threshold field: then a voltage must be given.
    """
    if not isinstance(law, SilverGap):
        raise InvalidInputError(f"no usual voltage is known for {type(law).__name__}.\n  Give a voltage.")
    return 1.5 * path_threshold(Device(graph, law, seed=0), source, sink)


def analyse(graph: Any, law: JunctionLaw, what: str, settings: Settings, *, folder: Path | None = None) -> Analysis:
    """Run one analysis.

    Parameters
    ----------
    graph : GapGraph
    law : JunctionLaw
    what : str
        One of ``KINDS``.
    settings : Settings
    folder : Path, optional
        Where digits keep what they have.

    Raises
    ------
    UnknownNameError
        If there is no such analysis, or no electrode of the name.
    """
    if what not in KINDS:
        raise UnknownNameError("analysis", what, KINDS)
    for name in (settings.source, settings.sink):
        if name not in graph.electrodes and what != "digits":
            raise UnknownNameError("electrode", name, graph.electrodes)
    spread = Spread(distance=settings.spread)

    def make() -> Device:
        return Device(graph, law, seed=settings.seed, spread=spread)

    if what == "digits":
        return _digits(graph, law, settings, folder)
    return KINDS[what](make, settings)


def _held(device: Device, settings: Settings) -> Iterator[tuple[np.ndarray, float]]:
    """Yield conductances of all gaps and the current under a constant voltage, step by step."""
    drives = {settings.source: Drive(voltage=settings.voltage), settings.sink: Drive(voltage=0.0)}
    at = device.solver.electrodes.index(settings.source)
    for _ in range(round(settings.duration / settings.dt)):
        shot = device.step(drives, settings.dt)
        yield shot.conductance, float(shot.solution.electrode_current[at])


def _avalanches(make: Callable[[], Device], settings: Settings) -> Analysis:
    current: list[float] = []

    def conductances() -> Iterator[np.ndarray]:
        for conductance, flowing in _held(make(), settings):
            current.append(flowing)
            yield conductance

    times = event_times(conductances(), settings.dt)
    found = group_events(times)
    series = {"size": found.size, "duration": found.duration, "current": np.array(current)}
    numbers: dict[str, Any] = {"events": len(times), "avalanches": len(found.size), "bin_s": found.bin}
    try:
        fit = criticality(found)
    except InvalidInputError:
        return Analysis("avalanches", {**numbers, "exponents": "too few avalanches"}, series)
    numbers |= {
        "tau": fit.size.exponent, "tau_error": fit.size.error, "size_from": fit.size.low,
        "alpha": fit.duration.exponent, "alpha_error": fit.duration.error, "duration_from": fit.duration.low,
        "gamma": fit.gamma, "gamma_error": fit.gamma_error, "crackling": fit.predicted,
        "crackling_error": fit.predicted_error, "nothing_against_a_critical_point": fit.critical,
    }  # fmt: skip
    for name, each in zip(("size", "size", "duration", "duration"), fit.against, strict=True):
        numbers[f"{name}_power_law_or_{each.other}"] = each.favours
    return Analysis("avalanches", numbers, series)


def _lyapunov(make: Callable[[], Device], settings: Settings) -> Analysis:
    device = make()
    drives = triangle(settings.voltage, settings.frequency, source=settings.source, sink=settings.sink)
    steps = round(settings.duration / settings.dt)
    scale = device.law.level() if np.isfinite(device.law.level()) else 1.0
    state = device.state[: len(device.law.states)].ravel()
    found = largest_exponent(network_step(device, drives, settings.dt), state, steps=steps, dt=settings.dt,
                             size=1e-5 * scale, seed=settings.seed, settle=steps)  # fmt: skip
    numbers = {"exponent_per_s": found.value, "error_per_s": found.error, "merged_steps": found.merged}
    return Analysis("lyapunov", numbers, {"growth": found.growth / settings.dt})


def _spectrum(make: Callable[[], Device], settings: Settings) -> Analysis:
    current = np.array([flowing for _, flowing in _held(make(), settings)])
    found = spectrum(current, settings.dt)
    numbers = {"beta": found.beta, "beta_from": found.interval[0], "beta_to": found.interval[1],
               "band_from_Hz": found.band[0], "band_to_Hz": found.band[1]}  # fmt: skip
    return Analysis("spectrum", numbers, {"current": current, "frequency": found.frequency, "power": found.power})


def _feeding(settings: Settings) -> Feeding:
    half = settings.voltage / 2
    return Feeding(half, half, settings.dt, source=settings.source, sink=settings.sink)


def _memory(make: Callable[[], Device], settings: Settings) -> Analysis:
    steps = round(settings.duration / settings.dt)
    if steps < 300:
        raise InvalidInputError(f"memory wants 300 values or more: {steps} steps came.\n  Give a longer duration.")
    signal, feeding = np.random.default_rng(settings.seed).uniform(-1, 1, steps), _feeding(settings)
    longest = min(40, steps // 20)
    alive, dead = (
        memory_capacity(feed(make(), signal, how), signal, longest=longest, seed=settings.seed)
        for how in (feeding, replace(feeding, frozen=True))
    )
    numbers = {"capacity": alive.total, "resistors": dead.total, "chance_per_delay": alive.floor}
    return Analysis("memory", numbers, {"told": alive.told, "resistors": dead.told})


def _waves(make: Callable[[], Device], settings: Settings) -> Analysis:
    period = max(8, round(1 / settings.frequency / settings.dt))
    periods = max(10, round(settings.duration / settings.dt / period))
    found = score_waves(make, _feeding(settings), periods=periods, period=period)
    return Analysis("waves", {f"{name}_{who}": value for name, each in found.items()
                              for who, value in asdict(each).items()})  # fmt: skip


def _narma(make: Callable[[], Device], settings: Settings) -> Analysis:
    steps = max(1200, round(settings.duration / settings.dt))
    found = score_narma(make, _feeding(settings), steps=steps, seed=settings.seed)
    return Analysis("narma", asdict(found))


def _digits(graph: Any, law: JunctionLaw, settings: Settings, folder: Path | None) -> Analysis:
    net, spread = with_inputs(graph), Spread(distance=settings.spread)
    found = score_digits(
        lambda: Device(net, law, seed=settings.seed, spread=spread), Showing(settings.voltage, settings.dt),
        seed=settings.seed, folder=folder,
    )  # fmt: skip
    echo = processor_energy(seconds=found.echo_seconds, multiply_adds=found.echo_operations)
    numbers: dict[str, Any] = {}
    for name in ("network", "resistors", "raw", "echo"):
        numbers[name], numbers[f"{name}_error"] = getattr(found, name)
    numbers |= {
        "energy_per_picture_J": found.energy, "cpu_echo_state_measured_J": echo.measured,
        "cpu_echo_state_arithmetic_J": echo.bound, "cpu_s_to_simulate_a_picture": found.simulated,
    }  # fmt: skip
    return Analysis("digits", numbers)


KINDS: dict[str, Callable[..., Analysis]] = {
    "avalanches": _avalanches, "lyapunov": _lyapunov, "spectrum": _spectrum, "memory": _memory, "waves": _waves,
    "narma": _narma, "digits": _digits,
}  # fmt: skip
