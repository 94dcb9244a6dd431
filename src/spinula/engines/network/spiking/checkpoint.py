"""Checkpoints of a circuit: one file holds all that a run changes, and what the circuit was built as.

Everything is kept in an order that knows no parts (neurons by index, spines by projection, presynaptic neuron and
birth, spikes on their way by step), so that a run may go on with another number of threads, to the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.core.files import replacing
from spinula.engines.network.spiking import state
from spinula.engines.network.spiking.assemble import Arrays, grown, scratch
from spinula.engines.network.spiking.drive import Poisson
from spinula.engines.network.spiking.watch import in_flight, places_of

if TYPE_CHECKING:
    from spinula.engines.network.spiking.circuit import Circuit
    from spinula.engines.network.spiking.plan import Projection

_KIND, _VERSION = "circuit of spinula", 1
_NEURONS = ("v", "excitatory", "inhibitory", "last", "post", "gated", "slow")
_ROWS = ("trace", "visit", "gate")
_BROKEN = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def save(circuit: Circuit, path: str | Path) -> None:
    """Write a circuit's state; an interrupted write leaves the file that was there before."""
    arrays = circuit._assembled()
    about = {"kind": _KIND, "version": _VERSION, "time": circuit.time, "built": fingerprint(circuit)}
    step, neuron = in_flight(arrays, len(arrays.ring.start))
    kept = {
        "about": np.array(json.dumps(about)), "clock": arrays.clock[[state.STEP, state.ORIGIN]],
        "dopamine": arrays.work[2][0], "flying_step": step, "flying_neuron": neuron,
        "watched": np.array(circuit._watched, np.int64),
    }  # fmt: skip
    kept |= {f"neurons_{name}": getattr(arrays.neurons, name) for name in _NEURONS}
    # Every part visits a row at the same steps: what it remembers is the same in all of them.
    kept |= {f"rows_{name}": getattr(arrays.rows, name)[0] for name in _ROWS}
    kept |= _spines(circuit, arrays) | _lives(circuit) | _drive(circuit)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **kept)


def load(circuit: Circuit, path: str | Path) -> None:
    """Bring a circuit, built as the one that was saved, to the state of the file.

    Raises
    ------
    InvalidInputError
        If the file is absent, damaged or no checkpoint, or if the circuit it is of was built otherwise.
    """
    kept, about = _read(Path(path))
    _compare(about["built"], fingerprint(circuit), path)
    arrays = circuit._assembled()
    for name in _NEURONS:
        getattr(arrays.neurons, name)[...] = kept[f"neurons_{name}"]
    for name in _ROWS:
        getattr(arrays.rows, name)[...] = kept[f"rows_{name}"]
    arrays.work[2][...] = kept["dopamine"]
    arrays.clock[[state.STEP, state.ORIGIN]] = kept["clock"]
    _hold(arrays)
    _fly(arrays, kept["flying_step"], kept["flying_neuron"])
    if not all(projection.is_fixed for projection in circuit.projections):
        arrays = _deal(arrays, circuit.projections, kept)
    circuit._arrays = arrays
    for life in circuit._lives:
        life.next_id = int(kept[f"life_{life.index}_next"])
        life.spikes, life.rate = kept[f"life_{life.index}_spikes"], kept[f"life_{life.index}_rate"]
    _be_driven(circuit, kept)
    circuit._watched[:] = sorted({*circuit._watched, *kept["watched"].tolist()})


def fingerprint(circuit: Circuit) -> dict[str, Any]:
    """Return what a circuit was built as: names and numbers of its parts, and a hash of the connections at time 0.

    The number of threads is no part of it.
    """
    built: dict[str, Any] = {"circuit, seed": circuit.streams.seed, "circuit, dt": circuit.dt}
    built["circuit, precision"] = np.dtype(circuit._kind).name
    built["circuit, populations"] = [population.name for population in circuit.populations]
    built["circuit, projections"] = [f"{p.pre.name} to {p.post.name}" for p in circuit.projections]
    for population in circuit.populations:
        built[f"population {population.name}, count"] = population.count
        for name, value in population.model.model_dump(mode="json").items():
            built[f"population {population.name}, {name}"] = value
    for number, projection in enumerate(circuit.projections):
        for name, value in _of_projection(projection).items():
            built[f"projection {number} ({projection.pre.name} to {projection.post.name}), {name}"] = value
    # Through JSON and back, so that what is read compares with what is built.
    return json.loads(json.dumps(built))


def _of_projection(projection: Projection) -> dict[str, Any]:
    living, digest = projection.living, hashlib.blake2b(digest_size=16)
    for column in (projection.first, projection.target, projection.size):
        digest.update(np.ascontiguousarray(column))
    numbers: dict[str, Any] = {
        "gain": float(projection.gain), "delay": float(projection.delay), "inhibitory": bool(projection.inhibitory),
        "timing": projection.timing and projection.timing.model_dump(mode="json"), "living": None,
        "connections": digest.hexdigest(),
    }  # fmt: skip
    if living is not None:
        numbers["living"] = {
            "dynamics": living.dynamics.model_dump(mode="json"), "day": float(living.day), "tick": float(living.tick),
            "contacts": int(living.contacts), "length_um": float(living.length_um),
            "scaling": living.scaling and living.scaling.model_dump(mode="json"),
        }  # fmt: skip
    return numbers


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if not path.exists():
        raise InvalidInputError(f"{path}: no such checkpoint.\n  Check the path, or run from the beginning.")
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            kept = {name: file[name] for name in file.files}
        about = json.loads(str(kept["about"]))
        kind, version = about["kind"], about["version"]
    except (*_BROKEN, TypeError) as error:
        raise InvalidInputError(
            f"{path} is no checkpoint of a circuit, or it is damaged ({error}).\n  Give a file that Circuit.save wrote."
        ) from None
    if kind != _KIND or version != _VERSION:
        raise InvalidInputError(f"{path} holds {kind!r}, version {version}; wanted {_KIND!r}, version {_VERSION}.")
    return kept, about


def _compare(saved: dict[str, Any], here: dict[str, Any], path: str | Path) -> None:
    for name in [*saved, *here]:
        if saved.get(name) != here.get(name):
            raise InvalidInputError(
                f"{path} is of another circuit: {name} is {saved.get(name)!r} in the file, {here.get(name)!r} here.\n"
                "  Build the circuit by the code that built the one that was saved."
            )


def _spines(circuit: Circuit, arrays: Arrays) -> dict[str, np.ndarray]:
    """Return all spines in order of (projection, presynaptic neuron, birth), and how many each row has."""
    count = np.zeros(arrays.rows.count.shape[1], np.int64)
    columns: dict[str, list[np.ndarray]] = {name: [] for name in arrays.spines._fields}
    tagged = arrays.spines.tag.shape[1] > 1
    for q, projection in enumerate(circuit.projections):
        if projection.is_fixed:
            continue
        found = [
            places_of(arrays, arrays.table[q], np.arange(projection.pre.count), part) for part in range(circuit.threads)
        ]
        row = np.concatenate([whose for _, whose in found])
        first = int(arrays.table[q, state.FIRST_ROW])
        count[first : first + projection.pre.count] = np.bincount(row, minlength=projection.pre.count)
        ids = np.concatenate([arrays.spines.spine_id[part, places] for part, (places, _) in enumerate(found)])
        order = np.lexsort((ids, row))
        for name, lists in columns.items():
            if tagged or name not in ("tag", "snap_gated"):
                column = getattr(arrays.spines, name)
                lists.append(np.concatenate([column[part, places] for part, (places, _) in enumerate(found)])[order])
    whole = {f"spines_{name}": np.concatenate(lists) for name, lists in columns.items() if lists}
    return whole | {"spines_count": count}


def _deal(arrays: Arrays, projections: list[Projection], kept: dict[str, np.ndarray]) -> Arrays:
    """Return the arrays with the spines of a file, dealt out to the parts; rows get free places anew."""
    parts, total = arrays.rows.count.shape
    row, target = np.repeat(np.arange(total), kept["spines_count"]), kept["spines_target"]
    mine = [np.flatnonzero(arrays.owner[target] == part) for part in range(parts)]
    living = np.zeros(total, bool)
    for q, projection in enumerate(projections):
        first = int(arrays.table[q, state.FIRST_ROW])
        living[first : first + projection.pre.count] = not projection.is_fixed
    # Two places at least: one alone would say that no rule needs tags.
    tight = state.empty_spines(parts, max(2, *map(len, mine)), "spines_tag" in kept)
    for part, chosen in enumerate(mine):
        count = np.bincount(row[chosen], minlength=total)
        start = np.cumsum(count) - count
        arrays.rows.count[part, living], arrays.rows.start[part, living] = count[living], start[living]
        arrays.rows.room[part, living] = count[living]
        for name in tight._fields:
            if f"spines_{name}" in kept:
                getattr(tight, name)[part, : len(chosen)] = kept[f"spines_{name}"][chosen]
    arrays = grown(arrays._replace(spines=tight), projections)
    return arrays._replace(work=(arrays.work[0], scratch(arrays.rows), arrays.work[2]))


def _hold(arrays: Arrays) -> None:
    """List anew the neurons that are refractory, in order of their spikes."""
    neurons, now = arrays.neurons, int(arrays.clock[state.STEP])
    neurons.held_first[...] = neurons.held_count[...] = 0
    for part, population in np.ndindex(*neurons.held_count.shape):
        first, stop = neurons.bounds[part, population]
        refractory = int(neurons.numbers[population, state.REFRACTORY])
        held = np.flatnonzero(neurons.last[first:stop] + refractory >= now) if refractory else np.zeros(0, np.int64)
        held = held[np.argsort(neurons.last[first:stop][held], kind="stable")]
        neurons.held[part, population, : len(held)] = first + held
        neurons.held_count[part, population] = len(held)


def _fly(arrays: Arrays, step: np.ndarray, neuron: np.ndarray) -> None:
    """Put spikes, in order of step and neuron, on their way."""
    ring = arrays.ring
    ring.start[...] = ring.count[...] = 0
    ring.neuron[: len(neuron)] = neuron
    steps, first, count = np.unique(step, return_index=True, return_counts=True)
    ring.start[steps % len(ring.start)], ring.count[steps % len(ring.start)] = first, count
    arrays.clock[state.HEAD] = len(neuron)


def _lives(circuit: Circuit) -> dict[str, np.ndarray]:
    kept = {}
    for life in circuit._lives:
        kept[f"life_{life.index}_next"] = np.array(life.next_id, np.int64)
        kept[f"life_{life.index}_spikes"], kept[f"life_{life.index}_rate"] = life.spikes, life.rate
    return kept


def _drive(circuit: Circuit) -> dict[str, np.ndarray]:
    """Return the input that is still to come."""
    drive, now = circuit._drive, round(circuit.time / circuit.dt)
    poisson = [(p.first, p.stop, p.per_step, p.weight, p.channel) for p in drive.poisson]
    kept = {"poisson": np.array(poisson, float).reshape(-1, 5), "given": np.array(len(drive.given)),
            "bursts": np.array(len(drive.bursts))}  # fmt: skip
    for number, (steps, neurons, weights, channel) in enumerate(drive.given):
        ahead = steps > now
        kept[f"given_{number}_steps"], kept[f"given_{number}_neurons"] = steps[ahead], neurons[ahead]
        kept[f"given_{number}_weights"], kept[f"given_{number}_channel"] = weights[ahead], np.array(channel)
    for number, (steps, amounts) in enumerate(drive.bursts):
        kept[f"bursts_{number}_steps"], kept[f"bursts_{number}_amounts"] = steps[steps > now], amounts[steps > now]
    return kept


def _be_driven(circuit: Circuit, kept: dict[str, np.ndarray]) -> None:
    """Replace what the circuit was to get from outside by what the file says is still to come."""
    drive = circuit._drive
    drive.poisson[:] = [
        Poisson(int(a), int(b), rate, weight, int(c)) for a, b, rate, weight, c in kept["poisson"].tolist()
    ]
    drive.given[:] = [
        (
            kept[f"given_{n}_steps"],
            kept[f"given_{n}_neurons"],
            kept[f"given_{n}_weights"],
            int(kept[f"given_{n}_channel"]),
        )
        for n in range(int(kept["given"]))
    ]
    drive.bursts[:] = [(kept[f"bursts_{n}_steps"], kept[f"bursts_{n}_amounts"]) for n in range(int(kept["bursts"]))]
