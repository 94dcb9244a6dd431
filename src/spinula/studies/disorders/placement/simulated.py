"""Animals of a condition, imaged as a laboratory images: counts by chance, animals that differ, microscope's error.

The dendrites of an animal are cut from one long one, so that the number of spines on each is random as it is in tissue.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spinula.core.streams import Streams
from spinula.engines.observation import Microscope
from spinula.engines.population import Layout, Population, Snapshot
from spinula.law import FormationRate
from spinula.presets.compose import Composition
from spinula.studies.disorders.imaging import Laboratory, joined, thinned
from spinula.studies.disorders.model import Part, Resting, resting
from spinula.studies.disorders.placement.seen import Animal

FIELD = Laboratory(animals=4, dendrites=20, length_um=50.0, sessions=8, every=4.0, dt=0.2)  # the held-out laboratories


def simulate(composition: Composition, laboratory: Laboratory, *, seed: int, count: int) -> list[Animal]:
    """Return animals of a composition as a laboratory would see them.

    Parameters
    ----------
    count : int
        How many; ``laboratory.animals`` is not looked at.
    """
    now = resting(composition)
    return [one_animal(now, laboratory, Streams(seed).child(f"animal {number}")) for number in range(count)]


def one_animal(now: Resting, laboratory: Laboratory, streams: Streams) -> Animal:
    """Return one animal, with its own slope of fluctuation and its own rate of formation."""
    frames = snapshots(now, laboratory, streams)
    return seen_through(frames, now.composition, laboratory, streams)


def snapshots(now: Resting, laboratory: Laboratory, streams: Streams) -> list[Snapshot]:
    """Return the sessions of one animal as they are, all its dendrites as one long one."""
    generator = streams.generator("animal")
    slope = max(1.0 + laboratory.slope_cv * generator.standard_normal(), 0.3)
    formation = max(1.0 + laboratory.formation_cv * generator.standard_normal(), 0.2)
    runs = [_run(part, laboratory, streams.child(f"part {n}"), slope, formation) for n, part in enumerate(now.parts)]
    return [joined(frames) for frames in zip(*runs, strict=True)]


def _run(part: Part, laboratory: Laboratory, streams: Streams, slope: float, formation: float) -> list[Snapshot]:
    law = part.dynamics.law
    if hasattr(law, "noise_slope"):
        law = law.model_copy(update={"noise_slope": slope * law.noise_slope})
    rate = part.formed * formation
    dynamics = part.dynamics.model_copy(update={"law": law, "formation": FormationRate(rate=rate)})
    there = replace(part, dynamics=dynamics, formed=rate)
    length = laboratory.dendrites * laboratory.length_um
    count = max(1, int(streams.generator("count").poisson(there.mass.sum() * length)))
    layout = Layout(dendrites=1, spines_per_dendrite=count, length_um=length)

    def start(generator: np.random.Generator, many: int) -> np.ndarray:
        return there.density.draw(generator, many)

    population = Population(dynamics, seed=streams.seed, layout=layout, dt=laboratory.dt, initial=start)
    days = (laboratory.sessions - 1) * laboratory.every
    frames = list(population.run(days=days, every=laboratory.every))
    return [thinned(frame, part.killing, streams) for frame in frames] if part.killing > 0 else frames


def microscope_of(composition: Composition) -> Microscope:
    """Return the microscope of the base."""
    seen = composition.preset.microscope
    return Microscope(size_floor=seen.get("size_floor", 0.02), log_noise=seen.get("log_noise", 0.15))


def seen_through(frames: list[Snapshot], composition: Composition, laboratory: Laboratory, streams: Streams) -> Animal:
    """Return what the microscope reports of the sessions of one animal."""
    microscope, view = microscope_of(composition), streams.child("microscope")
    rows = [microscope.see(frame, session, view) for session, frame in enumerate(frames)]
    ids = np.unique(np.concatenate([one["spine_id"].to_numpy() for one in rows]))
    log_size = np.full((len(ids), len(rows)), np.nan)
    for session, one in enumerate(rows):
        log_size[np.searchsorted(ids, one["spine_id"].to_numpy()), session] = np.log(one["size"].to_numpy())
    present = np.isfinite(log_size)
    days = np.array([frame.day for frame in frames])
    imaged = np.full(len(rows), laboratory.dendrites)
    return Animal(present, np.ones_like(present), log_size, imaged, days)
