"""Simulate and image a population, session by session, so that a killed run can go on where it was."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError
from spinula.core.files import replacing, write_text
from spinula.core.streams import Streams
from spinula.core.table import SpineTable
from spinula.engines.dendrite import Dendrite, branch
from spinula.engines.observation import Microscope
from spinula.engines.population import Layout, Population, Snapshot
from spinula.law import Dynamics
from spinula.law.mechanisms import Mechanisms


@dataclass(frozen=True)
class Plan:
    """What to simulate and how to image it; the same plan gives the same bytes.

    With ``mechanisms`` the spines live under their spontaneous activity (see :class:`Dendrite`), else under intrinsic
    dynamics alone.
    """

    dynamics: Dynamics
    microscope: Microscope
    layout: Layout
    seed: int
    days: float
    every: float
    dt: float = 0.05
    animals: int = 1
    condition: str = ""
    mechanisms: Mechanisms | None = None

    @property
    def sessions(self) -> int:
        """The number of imaging sessions, the first one at day 0 included."""
        return round(self.days / self.every) + 1

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        parts = asdict(self)
        for name in ("dynamics", "microscope", "layout", "mechanisms"):
            value = getattr(self, name)
            parts[name] = None if value is None else value.model_dump()
        return parts

    @property
    def fingerprint(self) -> str:
        """A short hash that tells one plan from another."""
        return hashlib.blake2b(json.dumps(self.as_dict(), sort_keys=True).encode(), digest_size=8).hexdigest()


def simulate(plan: Plan) -> SpineTable:
    """Run a plan in memory and return what the microscope saw."""
    living = _Living(plan)
    return plan.microscope.image(
        (living.snapshot(session) for session in range(plan.sessions)),
        seed=plan.seed,
        animals=plan.animals,
        condition=plan.condition,
        prefix=plan.condition[:2],
    )


def record(plan: Plan, folder: Path, *, resume: bool = False) -> Iterator[tuple[int, int]]:
    """Run a plan into a folder, yielding (session, spines seen) as they come; then write ``table.csv``.

    Every file is written whole or not at all. A killed run leaves its sessions and a checkpoint in ``partial/``;
    with ``resume`` it goes on from there and ends with the same bytes as a run that was never killed.

    Raises
    ------
    InvalidInputError
        If the folder holds the part of another run.
    """
    partial = folder / "partial"
    living = _Living(plan)
    start = _restore(plan, living, partial) if resume else 0
    if not resume and partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    write_text(partial / "plan.json", json.dumps({"fingerprint": plan.fingerprint}))
    streams = Streams(plan.seed)
    for session in range(start, plan.sessions):
        frame = plan.microscope.see(living.snapshot(session), session, streams)
        with replacing(partial / f"{session:05d}.pickle") as temporary:
            frame.to_pickle(temporary)
        with replacing(partial / "checkpoint.npz") as temporary:
            np.savez(temporary, session=session, **living.engine.state())
        yield session, len(frame)
    frames = [pd.read_pickle(partial / f"{session:05d}.pickle") for session in range(plan.sessions)]
    table = plan.microscope.assemble(
        frames, seed=plan.seed, animals=plan.animals, condition=plan.condition, prefix=plan.condition[:2]
    )
    table.write(folder / "table.csv")
    shutil.rmtree(partial)


class _Living:
    """The engine of a plan: a population, or dendrites under activity that have settled before day 0."""

    _SETTLE = 40.0  # days: several times the recovery times of the presets with activity

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.engine: Population | Dendrite
        if plan.mechanisms is None:
            self.engine = Population(plan.dynamics, seed=plan.seed, layout=plan.layout, dt=plan.dt)
        else:
            layout = plan.layout
            self.engine = Dendrite(
                plan.dynamics, plan.mechanisms, seed=plan.seed, geometry=branch(layout.length_um),
                spine_density=layout.spines_per_dendrite / layout.length_um, dendrites=layout.dendrites,
                slow_day=plan.dt,
            )  # fmt: skip

    def snapshot(self, session: int) -> Snapshot:
        """Advance to a session, one after the other, and return what is there."""
        if isinstance(self.engine, Population):
            if session:
                self.engine.advance(max(1, round(self.plan.every / self.plan.dt)))
            return self.engine.snapshot()
        self.engine.advance_to((self._SETTLE + session * self.plan.every) * 86400.0)
        found = self.engine.snapshot()
        return replace(found, day=found.day - self._SETTLE, born_day=found.born_day - self._SETTLE)


def _restore(plan: Plan, living: _Living, partial: Path) -> int:
    """Bring an engine to its last checkpoint and return the next session; 0 if there is none."""
    if not (partial / "plan.json").exists():
        return 0
    found = json.loads((partial / "plan.json").read_text(encoding="utf-8"))["fingerprint"]
    if found != plan.fingerprint:
        raise InvalidInputError(
            f"{partial.parent} holds the part of another run.\n"
            "  Resume with the same arguments and seed, or start again with --force."
        )
    if not (partial / "checkpoint.npz").exists():
        return 0
    with np.load(partial / "checkpoint.npz") as saved:
        living.engine.restore({name: saved[name] for name in saved.files})
        return int(saved["session"]) + 1
