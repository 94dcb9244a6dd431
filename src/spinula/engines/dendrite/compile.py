"""From a list of events to a list of pulses in order of time, which the kernel reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.errors import OutOfRangeError, UnknownNameError
from spinula.core.streams import Streams
from spinula.engines.dendrite import events as kinds
from spinula.engines.dendrite import state as codes
from spinula.engines.dendrite.geometry import Geometry
from spinula.law.drugs import DRUGS
from spinula.law.mechanisms import Mechanisms

_NAMES = {
    codes.GLUTAMATE_PULSE: "glutamate", codes.SPIKE: "spike", codes.GABA_PULSE: "gaba", codes.BURST: "dopamine burst",
    codes.DIP: "dopamine dip", codes.NORADRENALINE: "noradrenaline", codes.SEROTONIN: "serotonin", codes.DRUG: "drug",
    codes.CALCIUM_PULSE: "calcium",
}  # fmt: skip


class EventError(ValueError):
    """An event that cannot happen on this dendrite: its number in the list, the field that is wrong, and why."""

    def __init__(self, number: int, field: str, problem: str) -> None:
        self.number, self.field, self.problem = number, field, problem
        super().__init__(f"event {number}: {field}: {problem}")


# What comes first at one moment, whatever the order of the list: what was there before glutamate, then glutamate, then
# spikes (glutamate at the moment of a spike leads it by 0 s), then modulators.
_ORDER = np.argsort(
    [
        codes.DRUG, codes.GABA_PULSE, codes.GLUTAMATE_PULSE, codes.CALCIUM_PULSE, codes.SPIKE, codes.BURST, codes.DIP,
        codes.NORADRENALINE, codes.SEROTONIN,
    ]
)  # fmt: skip


def in_order(ops: np.ndarray) -> np.ndarray:
    """Return pulses by time; of one moment, by kind; of one kind, as they were."""
    rank = _ORDER[ops[:, codes.CODE].astype(int)]
    return ops[np.lexsort((rank, ops[:, codes.TIME]))]


class Pulses:
    """Collects pulses and sorts them; see :func:`in_order`."""

    def __init__(self, geometry: Geometry, position_um: np.ndarray, groups: dict[str, list[int]]) -> None:
        self.geometry, self.position_um, self.groups = geometry, position_um, groups
        self._rows: list[tuple[np.ndarray, int, int, int, float, float]] = []

    def spines(self, wanted: Any) -> list[int]:
        """Return the numbers of the spines that a group's name, a number or a list of numbers means.

        Raises
        ------
        UnknownNameError
            If there is no such group or spine.
        """
        if isinstance(wanted, str):
            if wanted not in self.groups:
                raise UnknownNameError("group of spines", wanted, self.groups)
            return self.groups[wanted]
        numbers = [wanted] if isinstance(wanted, int) else list(wanted)
        for number in numbers:
            if not 0 <= number < len(self.position_um):
                raise OutOfRangeError("spine", number, f"there are {len(self.position_um)} spines, counted from 0")
        return numbers

    def add(
        self, when: np.ndarray, code: int, *, slot: int = -1, node: int = -1, amount: float = 1.0, extra: float = 0.0
    ) -> None:
        """Add one pulse for each moment (s)."""
        self._rows.append((np.asarray(when, float), code, slot, node, amount, extra))

    def ops(self) -> np.ndarray:
        """Return all pulses in order, shape (pulses, columns); see :mod:`state`."""
        if not self._rows:
            return np.empty((0, 6))
        count = [len(row[0]) for row in self._rows]
        time = np.concatenate([row[0] for row in self._rows])
        rest = np.repeat(np.array([row[1:] for row in self._rows], float), count, axis=0)
        return in_order(np.column_stack([time, rest]))


def _moments(event: Any, streams: Streams, number: int) -> np.ndarray:
    """Return when the pulses of an event come, s: a train's, or one."""
    begins, pulses = event.begins, getattr(event, "pulses", 1)
    if pulses == 1:
        return np.array([begins])
    rate = event.rate_hz
    if not event.poisson:
        return begins + np.arange(pulses) / rate
    gaps = streams.generator(f"train {number}").exponential(1.0 / rate, pulses)
    return begins + np.cumsum(gaps)


def compile_events(
    events: Sequence[Any],
    pulses: Pulses,
    mechanisms: Mechanisms,
    streams: Streams,
    *,
    after: float = 0.0,
    first: int = 0,
) -> np.ndarray:
    """Turn events into pulses; ``first`` of a run's events came before these (their random trains differ by number).

    Raises
    ------
    EventError
        If an event names an unknown spine or a place off the dendrite, or begins before ``after`` (s).
    """
    delay = mechanisms.calcium.pre_delay if mechanisms.calcium else None
    for number, event in enumerate(events):
        if event.begins < after:
            raise EventError(number, "at", f"begins at {event.begins:g} s, but the run is at {after:g} s already")
        try:
            _add(event, number, _moments(event, streams, first + number), pulses, delay, after)
        except OutOfRangeError as error:
            raise EventError(number, "spines" if "spine" in str(error)[:6] else "position_um", str(error)) from None
        except UnknownNameError as error:
            raise EventError(number, "spine" if event.kind == "gaba" else "spines", str(error)) from None
    return pulses.ops()


def _add(event: Any, number: int, when: np.ndarray, pulses: Pulses, delay: float | None, after: float) -> None:
    if isinstance(event, kinds.Uncaging | kinds.Pairing):
        alone = float(getattr(event, "magnesium_free", False))
        for slot in pulses.spines(event.spines):
            strength = getattr(event, "strength", 1.0)
            pulses.add(when, codes.GLUTAMATE_PULSE, slot=slot, amount=strength, extra=alone)
            if delay is not None:
                pulses.add(when + delay, codes.CALCIUM_PULSE, slot=slot, amount=strength)
        if isinstance(event, kinds.Pairing):
            spikes = when + event.lead_s
            if spikes[0] < after:
                raise EventError(number, "lead_s", f"the first spike would come before {after:g} s")
            pulses.add(spikes, codes.SPIKE)
    elif isinstance(event, kinds.Spikes):
        pulses.add(when, codes.SPIKE)
    elif isinstance(event, kinds.Gaba):
        where = event.position_um
        if where is None:
            chosen = pulses.spines(event.spine)
            if len(chosen) != 1:
                raise EventError(number, "spine", f"names {len(chosen)} spines; GABA comes to one place")
            where = pulses.position_um[chosen[0]] + event.offset_um
        node = int(pulses.geometry.node_of(where)[0])
        pulses.add(when, codes.GABA_PULSE, node=node, amount=event.strength)
    elif isinstance(event, kinds.Dopamine):
        if event.burst is not None:
            pulses.add(when, codes.BURST, amount=event.burst)
        else:
            pulses.add(when, codes.DIP, amount=event.dip_s or 0.0, extra=event.depth)
    elif isinstance(event, kinds.DrugOn):
        slot = DRUGS.index(event.drug)
        pulses.add(when, codes.DRUG, slot=slot, amount=event.dose)
        if event.ends is not None:
            pulses.add(np.array([event.ends]), codes.DRUG, slot=slot, amount=0.0)
    else:
        code = codes.NORADRENALINE if event.kind == "noradrenaline" else codes.SEROTONIN
        pulses.add(when, code, amount=event.strength)


def pulse_table(ops: np.ndarray) -> pd.DataFrame:
    """Return pulses as a table: time_s, day, kind, drug, spine_id (-1: no single spine), amount."""
    code, slot = ops[:, codes.CODE].astype(int), ops[:, codes.SLOT].astype(int)
    single = np.isin(code, (codes.GLUTAMATE_PULSE, codes.CALCIUM_PULSE))
    return pd.DataFrame(
        {
            "time_s": ops[:, codes.TIME],
            "day": ops[:, codes.TIME] / 86400,
            "kind": pd.Series(code, dtype=int).map(_NAMES),
            "drug": [DRUGS[s] if c == codes.DRUG else "" for c, s in zip(code, slot, strict=True)],
            "spine_id": np.where(single, slot, -1),
            "amount": ops[:, codes.AMOUNT],
        }
    )
