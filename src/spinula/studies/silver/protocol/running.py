"""Run a protocol on the device of a film: one fresh device per condition, nothing but voltages and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.silver.device import Device
from spinula.engines.silver.graph import GapGraph
from spinula.engines.silver.solver import Drive
from spinula.studies.silver.devices import DevicePreset
from spinula.studies.silver.paths import SWITCHED, switching_voltage
from spinula.studies.silver.protocol.model import Condition, Protocol, ProtocolFile, Scale, Step, Stimulus
from spinula.studies.silver.pulses import READ, hold

_STAIRS = 16  # of one flank of a sweep


@dataclass
class Kept:
    """What was read of one device: readings and series per probe, S; what sweeps gave (``name.up`` and so on)."""

    reads: dict[str, dict[str, float]] = field(default_factory=dict)
    series: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)
    energy: float = 0.0
    seconds: float = 0.0

    def note(self, name: str, time: float, values: dict[str, float]) -> None:
        """Append to a series."""
        self.times.setdefault(name, []).append(time)
        for probe, value in values.items():
            self.series.setdefault(name, {}).setdefault(probe, []).append(value)


@dataclass(frozen=True)
class Trace:
    """What every condition gave, on one film.

    Parameters
    ----------
    seed : int
    volts : dict of stimulus to float, V
    kept : dict of condition to Kept
    """

    seed: int
    volts: dict[str, float]
    kept: dict[str, Kept]

    def value(self, term: str) -> float:
        """Return what a term of a claim stands for: S, V (of a sweep's ``up`` and ``down``) or a statistic."""
        body, _, probe = term.partition("@")
        condition, name, *rest = body.split(".")
        kept = self.kept[condition]
        if not rest:
            found = kept.reads[name]
            return found[probe or next(iter(found))]
        series = kept.series[".".join([name, *rest[:-1]])]
        return statistic(np.array(series[probe or next(iter(series))]), rest[-1])


@dataclass(frozen=True)
class Moment:
    """A device in the middle of a condition: after something was held for a while.

    Parameters
    ----------
    device : Device
    given : str
        The stimuli that were on; empty: a pause or rest.
    repetition : int
        From 1, within its step.
    drives : dict of electrode to Drive
    """

    device: Device
    given: str
    repetition: int
    drives: dict[str, Drive]


@dataclass(frozen=True)
class Verdict:
    """One claim on one film: its value, and whether it holds."""

    claim: str
    control: bool
    value: float
    holds: bool


def statistic(series: np.ndarray, name: str) -> float:
    """Return a statistic of a series.

    Parameters
    ----------
    series : Array, shape (repetitions,)
    name : str
        first, last, largest, smallest; rises and falls: the share of steps that do; linear: R2 of a straight line;
        peak_at: the number, from 1, of the largest; or the number of a repetition.
    """
    if name.isdigit():
        return float(series[int(name) - 1])
    if name in ("rises", "falls"):
        moves = np.diff(series) * (1 if name == "rises" else -1)
        return float(np.mean(moves > 0)) if len(moves) else np.nan
    if name == "linear":
        return float(np.corrcoef(np.arange(len(series)), series)[0, 1] ** 2) if np.ptp(series) > 0 else 0.0
    if name == "peak_at":
        return float(series.argmax() + 1)
    return float({"first": series[0], "last": series[-1], "largest": series.max(), "smallest": series.min()}[name])


def _electrodes(file: ProtocolFile) -> set[str]:
    """Return the electrodes that a protocol names."""
    pairs = [file.scale, *file.probe, *(one.scale for one in file.stimulus if one.scale)]
    ends = {name for pair in pairs for name in (pair.source, pair.sink)}
    return {*file.grounded, *(one.electrode for one in file.stimulus)} | ends


class Player:
    """Gives a protocol's stimuli to devices of one film.

    Parameters
    ----------
    preset : DevicePreset
    protocol : Protocol
    graph : GapGraph
    seed : int
        Of the devices' spread.

    Raises
    ------
    InvalidInputError
        If the film does not join all electrodes that the protocol names, or has no switching voltage between those of
        a scale.
    """

    def __init__(self, preset: DevicePreset, protocol: Protocol, graph: GapGraph, *, seed: int) -> None:
        self.preset, self.protocol, self.graph, self.seed = preset, protocol, graph, seed
        absent = sorted(_electrodes(protocol.file) - set(graph.electrodes))
        if absent:
            raise InvalidInputError(f"the film does not join electrode {absent[0]!r}.\n  Take another film.")
        self._found: dict[Scale, float] = {}
        self.volts = {stimulus.name: self._volts(stimulus) for stimulus in protocol.file.stimulus}

    def _volts(self, stimulus: Stimulus) -> float:
        scale = stimulus.scale or self.protocol.file.scale
        if scale not in self._found:
            found = switching_voltage(
                lambda: self.make(), scale.source, scale.sink, resistance=self.preset.circuit.resistance
            )
            if found is None:
                raise InvalidInputError(f"the film does not switch between {scale.source!r} and {scale.sink!r}.")
            self._found[scale] = found
        return stimulus.level * self._found[scale]

    def make(self, law: dict[str, float] | None = None) -> Device:
        """Make a device that was never used."""
        return self.preset.make(self.graph, seed=self.seed, law=law)

    def drives(self, given: str, share: float = 1.0) -> dict[str, Drive]:
        """Return what is connected while stimuli are on; ``share`` of their voltage, for sweeps."""
        on = {name: Drive(voltage=0.0) for name in self.protocol.file.grounded}
        stimuli = {stimulus.name: stimulus for stimulus in self.protocol.file.stimulus}
        for name in given.split("+") if given else ():
            limit = stimuli[name].compliance_ua
            on[stimuli[name].electrode] = Drive(
                voltage=share * self.volts[name], resistance=self.preset.circuit.resistance,
                compliance=np.inf if limit is None else limit * 1e-6,
            )  # fmt: skip
        return on

    def read(self, device: Device) -> dict[str, float]:
        """Return the conductance of every probe, S; the device does not change."""
        return {probe.name: self._read(device, probe.source, probe.sink) for probe in self.protocol.file.probe}

    @staticmethod
    def _read(device: Device, source: str, sink: str) -> float:
        return device.read({source: Drive(voltage=READ), sink: Drive(voltage=0.0)})[source] / READ

    def play(self, device: Device, condition: Condition, kept: Kept) -> Iterator[Moment]:
        """Give a condition to a device, note what is read, and yield after each thing that was held."""
        for step in condition.step:
            stimuli = [step.give] if isinstance(step.give, str) else step.give
            for repetition in range(1, step.count + 1) if any(stimuli) else ():
                yield from self._repeat(device, step, (repetition, stimuli), kept)
            if step.rest:
                hold(device, self.drives(""), step.rest)
                yield Moment(device, "", 1, self.drives(""))
            if step.read:
                kept.reads[step.read] = self.read(device)
                kept.times[step.read] = [device.time]
        kept.energy, kept.seconds = device.energy, device.time

    def _repeat(self, device: Device, step: Step, turn: tuple[int, list[str]], kept: Kept) -> Iterator[Moment]:
        """Give the stimuli of one repetition; the response is read at the end of the last of them."""
        repetition, stimuli = turn
        for number, given in enumerate(stimuli):
            if step.sweep:
                self._sweep(device, step, given, kept)
            else:
                hold(device, self.drives(given), step.on)
            yield Moment(device, given, repetition, self.drives(given))
            if step.series and not step.sweep and number == len(stimuli) - 1:
                kept.note(step.series, device.time, self.read(device))
            if step.off:
                hold(device, self.drives(""), step.off)
                yield Moment(device, "", repetition, self.drives(""))
        if step.series and step.sweep:
            kept.note(f"{step.series}.left", device.time, self.read(device))

    def _sweep(self, device: Device, step: Step, given: str, kept: Kept) -> None:
        """Give one triangle; note where it switched on (``up``) and off (``down``), V, and the response at the top."""
        probe, flanks = self.protocol.file.probe[0].name, 4 if step.both else 2
        rise = (np.arange(_STAIRS) + 1) / _STAIRS
        shares = np.concatenate([rise, rise[::-1][1:], [0.0]])
        found, conducts = {"up": np.nan, "down": 0.0}, False
        stair = step.on / (flanks * _STAIRS)
        for place, share in enumerate(np.concatenate([shares, -shares]) if step.both else shares):
            hold(device, self.drives(given, float(share)), stair)
            before, conducts = conducts, self.read(device)[probe] > SWITCHED
            voltage = abs(float(share) * self.volts[given])
            if conducts and np.isnan(found["up"]):
                found["up"] = voltage
            if _STAIRS <= place < len(shares) and before and not conducts:
                found["down"] = voltage
            if place == _STAIRS - 1 and step.series:
                kept.note(step.series, device.time, self.read(device))
        for name, value in found.items():
            if step.series:
                kept.note(f"{step.series}.{name}", device.time, {probe: value})


def run_condition(player: Player, condition: Condition, *, watch: Callable[[Moment], None] | None = None) -> Kept:
    """Give a condition to a fresh device and return what was read; ``watch`` sees the device after each thing held."""
    kept = Kept()
    for moment in player.play(player.make(condition.set), condition, kept):
        if watch:
            watch(moment)
    return kept


def run_silver(
    preset: DevicePreset, protocol: Protocol, *, seed: int, graph: GapGraph | None = None,
    watch: Callable[[str, Moment], None] | None = None,
) -> Trace:  # fmt: skip
    """Run all conditions of a protocol on one film.

    Parameters
    ----------
    preset : DevicePreset
    protocol : Protocol
    seed : int
        Of the film, and of the spread of its gaps.
    graph : GapGraph, optional
        Default: that of the preset's film of this seed.
    watch : function of (name of the condition, moment), optional
        Is called after each thing that was held.

    Raises
    ------
    InvalidInputError
        If the film shorts its electrodes, does not join them, or does not switch.
    """
    player = Player(preset, protocol, preset.grow(seed).graph if graph is None else graph, seed=seed)
    kept = {}
    for condition in protocol.file.condition:
        seen = None if watch is None else partial(watch, condition.name)
        kept[condition.name] = run_condition(player, condition, watch=seen)
    return Trace(seed, player.volts, kept)


def judge(protocol: Protocol, trace: Trace) -> list[Verdict]:
    """Return what every claim of a protocol comes to on one film; a value that is no number fails."""
    verdicts = []
    for claim in protocol.file.claim:
        base = trace.value(claim.minus) if claim.minus else 0.0
        value = trace.value(claim.of) - base
        if claim.over:
            below = trace.value(claim.over) - base
            value = value / below if below else np.nan
        holds = (claim.at_least is None or value >= claim.at_least) and (
            claim.at_most is None or value <= claim.at_most
        )
        verdicts.append(Verdict(claim.name, claim.control, float(value), bool(holds)))
    return verdicts
