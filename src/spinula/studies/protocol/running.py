"""Run a protocol: each condition on its own replicates, imaged at the times asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from spinula.core.errors import ConfigError
from spinula.core.files import replacing
from spinula.core.streams import Streams
from spinula.core.table import SpineTable
from spinula.core.toml import mistake
from spinula.engines.dendrite import Dendrite, DrugOn, EventError, branch, pulse_table, read_swc
from spinula.engines.dendrite.events import SECONDS
from spinula.engines.dendrite.geometry import Geometry
from spinula.law import Dynamics
from spinula.law.mechanisms import Mechanisms
from spinula.presets import change, load_preset
from spinula.studies.protocol.model import Condition, Protocol


@dataclass(frozen=True)
class Result:
    """What a protocol gave.

    Attributes
    ----------
    protocol : Protocol
    spines : DataFrame
        One row per spine, image and condition: condition, value (of the sweep; NaN without), dendrite, spine_id,
        group, position_um, distance_um (to the nearest stimulated spine), time (in the recording's unit), size,
        start, release. ``start`` is the size in the last image before time 0; NaN for spines formed later.
    pulses : DataFrame, the events of the first condition
    """

    protocol: Protocol
    spines: pd.DataFrame
    pulses: pd.DataFrame
    seed: int

    def table(self, condition: str | None = None) -> SpineTable:
        """Return a condition's images (the first one's) as a spine table."""
        frame = self.spines[self.spines["condition"] == (condition or self.spines["condition"].iloc[0])].copy()
        first = frame["value"].iloc[0]
        frame = frame[frame["value"].isna() if np.isnan(first) else frame["value"] == first]
        frame["session"] = frame["time"].rank(method="dense").astype(int) - 1
        frame["day"] = frame["time"] * SECONDS[self.unit] / SECONDS["day"]
        frame["dendrite"] = [f"d{number:03d}" for number in frame["dendrite"]]
        frame["present"], frame["observed"] = True, True
        kept = ["dendrite", "spine_id", "session", "day", "position_um", "size", "present", "observed", "condition"]
        return SpineTable(frame[[*kept, "group"]], "um3", {"protocol": self.protocol.name, "seed": self.seed})

    @property
    def unit(self) -> str:
        """The unit of time: s, min or day."""
        assert self.protocol.file.recording is not None
        return self.protocol.file.recording.unit

    def changes(self) -> pd.DataFrame:
        """Return the mean change of size in per cent by condition, value, group and time, with its standard error.

        Spines that vanished count with a size of 0 from then on; the standard error is over dendrites.
        """
        frame = complete(self.spines)
        frame["change"] = 100.0 * (frame["size"] / frame["start"] - 1.0)
        keys = ["condition", "value", "group", "time"]
        by_dendrite = frame.groupby([*keys, "dendrite"], dropna=False, sort=False)["change"].mean().reset_index()
        grouped = by_dendrite.groupby(keys, dropna=False, sort=False)["change"]
        made = grouped.agg(["mean", "sem", "count"]).reset_index()
        return self._in_order(made.rename(columns={"mean": "change", "count": "n"}))

    def _in_order(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return rows in the order in which the file names conditions and groups."""
        found = self.protocol.file
        conditions = [condition.name for condition, _ in variants(self.protocol)]
        groups = [*(group.name for group in found.group), "others", "new"]
        place = frame["condition"].map(conditions.index), frame["group"].map(groups.index)
        keyed = frame.assign(_condition=place[0], _group=place[1])
        ordered = keyed.sort_values(["_condition", "value", "_group", "time"], kind="stable", ignore_index=True)
        return ordered.drop(columns=["_condition", "_group"])

    def population(self) -> pd.DataFrame:
        """Return count, mean, SD and CV of the size of all spines by condition, value and time."""
        grouped = self.spines.groupby(["condition", "value", "time"], dropna=False, sort=False)["size"]
        made = grouped.agg(["count", "mean", "std"]).reset_index()
        return made.assign(cv=made["std"] / made["mean"])

    def compare(self) -> pd.DataFrame:
        """Return the published numbers beside those found: found, sem, published, tolerance, agrees."""
        changes, rows = self.changes(), []
        for expected in self.protocol.file.expect:
            mine = changes[(changes["condition"] == expected.condition) & (changes["group"] == expected.group)]
            if expected.value is not None:
                mine = mine[np.isclose(mine["value"], expected.value)]
            mine = mine.iloc[(mine["time"] - expected.at).abs().argsort()[:1]]
            found = float(mine["change"].iloc[0])
            rows.append(
                {
                    "condition": expected.condition, "value": expected.value, "group": expected.group,
                    "time": float(mine["time"].iloc[0]), "found": found, "sem": float(mine["sem"].iloc[0]),
                    "published": expected.change, "tolerance": expected.tolerance,
                    "agrees": abs(found - expected.change) <= expected.tolerance, "how": expected.how,
                    "source": expected.source, "note": expected.note,
                }
            )  # fmt: skip
        return pd.DataFrame(rows)


def complete(spines: pd.DataFrame) -> pd.DataFrame:
    """Return the spines that were there at time 0 in every image, with a size of 0 once they are gone."""
    keys = ["condition", "value", "dendrite", "spine_id", "group", "position_um", "distance_um", "start"]
    known = spines[spines["start"].notna()]
    # Pivoting drops rows whose keys are NaN.
    wide = known.fillna({"value": np.inf, "distance_um": np.inf}).pivot_table(index=keys, columns="time", values="size")
    long = wide.fillna(0.0).stack().rename("size").reset_index()
    return long.replace({"value": {np.inf: np.nan}, "distance_um": {np.inf: np.nan}})


def variants(protocol: Protocol) -> list[tuple[Condition, float]]:
    """Return every (condition, value of the sweep) that a protocol asks for; NaN without a sweep."""
    conditions = protocol.file.condition or [Condition(name="control")]
    values = protocol.file.sweep.values if protocol.file.sweep else [np.nan]
    return [(condition, value) for condition in conditions for value in values]


def fingerprint(protocol: Protocol, *, seed: int, replicates: int | None = None) -> str:
    """Return a short hash that tells one run from another."""
    return hashlib.blake2b(f"{protocol.text}|{seed}|{replicates}".encode(), digest_size=8).hexdigest()


def run_protocol(
    protocol: Protocol, *, seed: int, replicates: int | None = None, store: Path | None = None
) -> Iterator[tuple[int, Result | None]]:
    """Run a protocol, yielding (variants done, None) as they come and (all of them, Result) at the end.

    With a ``store`` folder each variant is kept there as it comes; a run that was killed goes on from them.

    Raises
    ------
    ConfigError
        If an event cannot happen on this dendrite.
    """
    frames, wanted = [], variants(protocol)
    # Built before anything runs, so that no mistake in the file comes up late.
    every = [build(protocol, *variant, seed=seed, replicates=replicates) for variant in wanted]
    for number, (variant, dendrite) in enumerate(zip(wanted, every, strict=True)):
        kept = store / f"{number:05d}.pickle" if store else None
        if kept and kept.exists():
            frame = pd.read_pickle(kept)
        else:
            frame = _image(protocol, dendrite, *variant, Streams(seed).generator(f"error {number}"))
            if kept:
                with replacing(kept) as temporary:
                    frame.to_pickle(temporary)
        frames.append(frame)
        yield number + 1, None
    yield len(frames), Result(protocol, pd.concat(frames, ignore_index=True), pulse_table(every[0].pulses), seed)


def build(
    protocol: Protocol, condition: Condition, value: float, *, seed: int, replicates: int | None = None
) -> Dendrite:
    """Return the dendrites of one variant, with its events scheduled.

    All variants share their seed, so that they differ by what is done to them and not by their noise.
    """
    place = protocol.file.dendrite
    assert place is not None
    geometry = read_swc(protocol.path.parent / place.swc) if place.swc else branch(place.length_um)
    positions, sizes, groups = _layout(protocol, geometry)
    dynamics, mechanisms = _numbers(protocol, condition)
    if not place.activity:
        mechanisms = mechanisms.model_copy(update={"activity": None, "homeostasis": None})
    drawn = bool(np.isnan(sizes).all())
    if not drawn and np.isnan(sizes).any():
        from spinula.engines.population import draw_stationary

        generator = Streams(seed).generator("sizes")
        count = int(np.isnan(sizes).sum())
        every = np.tile(sizes, (replicates or place.replicates, 1))
        every[np.isnan(every)] = draw_stationary(dynamics, generator, count * len(every))
        sizes = every
    dendrite = Dendrite(
        dynamics, mechanisms, seed=seed, geometry=geometry, position_um=positions, size=None if drawn else sizes,
        groups=groups, dendrites=replicates or place.replicates, intrinsic=place.intrinsic,
        slow_day=place.slow_min / 1440.0,
    )  # fmt: skip
    doses = condition.doses or [1.0] * len(condition.drugs)
    drugs = [
        DrugOn(kind="drug", at_s=0.0, drug=drug, dose=dose) for drug, dose in zip(condition.drugs, doses, strict=True)
    ]
    events, owner = _events(protocol, condition, value)
    try:
        dendrite.schedule([*drugs, *events])
    except EventError as error:
        number = owner[max(error.number - len(drugs), 0)]
        raise mistake(protocol, ["event", number, error.field], error.problem.split("\n")[0]) from None
    return dendrite


def _layout(protocol: Protocol, geometry: Geometry) -> tuple[np.ndarray, np.ndarray, dict[str, list[int]]]:
    """Return positions, sizes (NaN: drawn) and groups; unstimulated spines fill the places that groups leave."""
    positions, sizes, groups = [], [], {}
    for number, group in enumerate(protocol.file.group):
        if group.name in groups:
            raise mistake(protocol, ["group", number, "name"], f"a second group is called {group.name!r}")
        if (far := max(group.positions_um)) > geometry.length_um or min(group.positions_um) < 0:
            problem = (
                f"a spine at {far if far > geometry.length_um else min(group.positions_um):g} um is off the dendrite"
            )
            cure = f"Its sections, end to end, are {geometry.length_um:g} um long."
            raise mistake(protocol, ["group", number, "positions_um"], problem, cure)
        groups[group.name] = list(range(len(positions), len(positions) + len(group.positions_um)))
        positions += group.positions_um
        sizes += group.sizes_um3 or [group.size_um3 or np.nan] * len(group.positions_um)
    place = protocol.file.dendrite
    if place and place.spine_density:
        count = round(place.spine_density * geometry.length_um)
        even = (np.arange(count) + 0.5) * geometry.length_um / count
        others = [where for where in even if not positions or np.abs(np.array(positions) - where).min() > 0.4]
        groups["others"] = list(range(len(positions), len(positions) + len(others)))
        positions += others
        sizes += [np.nan] * len(others)
    return np.array(positions), np.array(sizes, float), groups


def _numbers(protocol: Protocol, condition: Condition) -> tuple[Dynamics, Mechanisms]:
    """Return the preset's models with the numbers that a condition sets."""
    assert protocol.file.dendrite is not None
    preset = load_preset(condition.preset or protocol.file.dendrite.preset)
    try:
        changed = change(preset, condition.set)
    except ConfigError as error:
        number = protocol.file.condition.index(condition)
        problem, _, cure = str(error).removeprefix("--set: ").partition("\n  ")
        raise mistake(protocol, ["condition", number, "set"], problem, cure) from None
    return changed.dynamics, changed.mechanisms


def _events(protocol: Protocol, condition: Condition, value: float) -> tuple[list[Any], list[int]]:
    """Return the events of a variant, repetitions unrolled, and for each the number of its table in the file."""
    made: list[Any] = []
    owner: list[int] = []
    sweep = protocol.file.sweep
    for number, repeated in enumerate(protocol.events):
        if repeated.name in condition.without:
            continue
        data = repeated.event.model_dump(exclude_none=True)
        for key, new in condition.change.items():
            name, _, field = key.partition(".")
            if name == repeated.name:
                if field.startswith("at_"):
                    data = {old: entry for old, entry in data.items() if not old.startswith("at_")}
                data[field] = new
        if sweep and sweep.event == repeated.name:
            data[sweep.field] = value
            if sweep.field.startswith("at_"):
                data = {key: entry for key, entry in data.items() if not key.startswith("at_") or key == sweep.field}
        try:
            first = type(repeated.event).model_validate(data)
            for turn in range(repeated.repeats):
                if turn:
                    clean = {key: entry for key, entry in data.items() if key not in ("at_s", "at_min", "at_day")}
                    made.append(
                        type(repeated.event).model_validate({**clean, "at_s": first.begins + turn * repeated.every_s})
                    )
                else:
                    made.append(first)
                owner.append(number)
        except ValidationError as error:
            raise mistake(protocol, ["event", number], error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    return made, owner


def _image(
    protocol: Protocol, dendrite: Dendrite, condition: Condition, value: float, generator: np.random.Generator
) -> pd.DataFrame:
    """Run a variant and return what was imaged of it."""
    recording = protocol.file.recording
    assert recording is not None
    labels = np.full(len(dendrite.position_um), "others", dtype=object)
    for name, spines in dendrite.groups.items():
        labels[spines] = name
    stimulated = _stimulated(dendrite)
    scale, frames, start = SECONDS[recording.unit], [], None
    origin = protocol.file.sweep.origin if protocol.file.sweep else 0.0
    for snapshot in dendrite.run(recording.times_s):
        first = snapshot.spine_id < len(labels)
        frame = pd.DataFrame(
            {
                "condition": condition.name, "value": value - origin, "dendrite": snapshot.dendrite,
                "spine_id": snapshot.spine_id, "group": "new", "position_um": snapshot.position_um,
                "time": (snapshot.day * 86400.0 - recording.zero_s) / scale,
                "size": snapshot.size * np.exp(recording.log_noise * generator.standard_normal(len(snapshot))),
                "release": snapshot.release,
            }
        )  # fmt: skip
        frame.loc[first, "group"] = labels[snapshot.spine_id[first]]
        frame["distance_um"] = _distance(dendrite, snapshot.position_um, stimulated)
        frames.append(frame)
        if start is None or snapshot.day * 86400.0 <= recording.zero_s:
            start = frame.loc[first, ["dendrite", "spine_id", "size"]].rename(columns={"size": "start"})
    joined = pd.concat(frames, ignore_index=True)
    return joined.merge(start, on=["dendrite", "spine_id"], how="left")


def _stimulated(dendrite: Dendrite) -> np.ndarray:
    """Return where the spines sit that any glutamate reaches, um."""
    table = pulse_table(dendrite.pulses)
    return dendrite.position_um[np.unique(table["spine_id"][table["spine_id"] >= 0])]


def _distance(dendrite: Dendrite, position_um: np.ndarray, stimulated: np.ndarray) -> np.ndarray:
    """Return the path to the nearest stimulated spine, um; NaN without one."""
    if not len(stimulated):
        return np.full(len(position_um), np.nan)
    if dendrite.geometry.is_straight:
        return np.abs(position_um[:, None] - stimulated[None, :]).min(axis=1)
    known = {where: min(dendrite.geometry.distance(where, other) for other in stimulated) for where in set(position_um)}
    return np.array([known[where] for where in position_um])
