"""The same network in Brian2: equations as text, synapses in pathways whose order is ours.

Brian2 dates the spike of a step by its beginning, we by its end; it counts a refractory time from the step of the
spike, so that it is given one step more. Two spikes that reach a synapse in one step are no pair: both read the other's
trace before either adds to its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spinula.engines.network.exchange.expressible import check_expressible, given_spikes

if TYPE_CHECKING:
    from spinula.engines.network.spiking.circuit import Circuit
    from spinula.engines.network.spiking.plan import Projection

_NEURON = """
dv/dt = (rest - v + excitatory + inhibitory)/membrane_time : 1 (unless refractory)
dexcitatory/dt = -excitatory/excitatory_time : 1
dinhibitory/dt = -inhibitory/inhibitory_time : 1
"""
_SYNAPSE = """
size : 1
dbefore/dt = -before/potentiation_time : 1 (event-driven)
dafter/dt = -after/depression_time : 1 (event-driven)
"""
_POST = {"potentiate": "size = clip(size + potentiation_step*before, 0, size_max)", "remember_post": "after += 1"}
_ORDER = {"potentiate": 1, "depress": 2, "remember": 3, "remember_post": 3, "arrive": 4}


@dataclass(frozen=True)
class Brian2Network:
    """A network in Brian2: ``network`` to run, ``cells`` and monitors of spikes by population, ``synapses`` in order.

    ``first`` : index of each population's first neuron among all; ``dt`` ms.
    """

    network: Any
    cells: dict[str, Any]
    monitors: dict[str, Any]
    synapses: list[Any]
    first: dict[str, int]
    dt: float

    def spikes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return times (ms, by the end of the step) and neurons (index among all) of the spikes so far, in order."""
        found = self.monitors.items()
        # In seconds, Brian2's base unit.
        steps = np.concatenate([np.rint(np.asarray(m.t, float) * 1e3 / self.dt).astype(np.int64) + 1 for _, m in found])
        neurons = np.concatenate([np.asarray(m.i, np.int64) + self.first[name] for name, m in found])
        order = np.lexsort((neurons, steps))
        return steps[order] * self.dt, neurons[order]


def to_brian2(circuit: Circuit, brian2: Any) -> Brian2Network:
    """Build the network in Brian2; run it by ``made.network.run``.

    Parameters
    ----------
    circuit : Circuit at time 0: currents, connections that never change or learn by pair timing, given spikes
    brian2 : the imported module, version 2.5 or later; its preferences (``codegen.target``) are yours to set

    Raises
    ------
    InvalidInputError
        If the circuit has what Brian2 is not handed; says what.
    """
    check_expressible(circuit, "Brian2")
    brian2.defaultclock.dt = circuit.dt * brian2.ms
    potentials, cells, monitors, ms = circuit.potentials.astype(float), {}, {}, brian2.ms
    for population in circuit.populations:
        model, name = population.model, population.name
        space = {key: getattr(model, key) for key in ("rest", "threshold", "reset")}
        space |= {key: getattr(model, key) * ms for key in ("membrane_time", "excitatory_time", "inhibitory_time")}
        steps = round(model.refractory_time / circuit.dt) + 1
        cells[name] = brian2.NeuronGroup(
            population.count, _NEURON, threshold="v >= threshold", reset="v = reset", method="exact",
            refractory=steps * circuit.dt * ms, namespace=space,
        )  # fmt: skip
        cells[name].v = potentials[population.first : population.stop]
        monitors[name] = brian2.SpikeMonitor(cells[name])
    synapses = [_connect(brian2, circuit, projection, cells) for projection in circuit.projections]
    sent = [part for population in circuit.populations for part in _send(brian2, circuit, population.name, cells)]
    parts = [*cells.values(), *monitors.values(), *(made for made in synapses if made is not None), *sent]
    first = {population.name: population.first for population in circuit.populations}
    return Brian2Network(brian2.Network(*parts), cells, monitors, synapses, first, circuit.dt)


def _connect(brian2: Any, circuit: Circuit, projection: Projection, cells: dict[str, Any]) -> Any:
    table, timing, ms = circuit.connections(projection), projection.timing, brian2.ms
    if not len(table):
        return None
    current, ends = _current(projection.inhibitory), (cells[projection.pre.name], cells[projection.post.name])
    space: dict[str, Any] = {"gain": float(projection.gain)}
    if timing is None:
        made = brian2.Synapses(*ends, "size : 1", on_pre=f"{current}_post += gain*size", namespace=space)
    else:
        space |= {key: getattr(timing, key) * ms for key in ("potentiation_time", "depression_time")}
        space |= {key: getattr(timing, key) for key in ("potentiation_step", "depression_step", "size_max")}
        space["size_floor"] = timing.size_floor
        pre = {
            "depress": "size = clip(size - depression_step*after, size_floor, size_max)",
            "arrive": f"{current}_post += gain*size", "remember": "before += 1",
        }  # fmt: skip
        made = brian2.Synapses(*ends, _SYNAPSE, on_pre=pre, on_post=_POST, namespace=space)
    made.connect(i=table["pre"].to_numpy(), j=table["post"].to_numpy())
    made.size = table["size"].to_numpy(float)
    if timing is None:
        made.delay = projection.delay * ms
        return made
    for name, order in _ORDER.items():
        getattr(made, name).order = order
        getattr(made, name).delay = (timing.lag if name in _POST else projection.delay) * ms
    return made


def _current(inhibitory: bool) -> str:
    return "inhibitory" if inhibitory else "excitatory"


def _send(brian2: Any, circuit: Circuit, name: str, cells: dict[str, Any]) -> list[Any]:
    """Give every spike that is sent a source of its own, as weights may differ from spike to spike."""
    step, neuron, weight, channel = given_spikes(circuit)
    (population,) = [population for population in circuit.populations if population.name == name]
    parts: list[Any] = []
    for inhibitory in (False, True):
        mine = np.flatnonzero((neuron >= population.first) & (neuron < population.stop) & (channel == inhibitory))
        # A spike that is sent joins the input at the end of its step, which begins one step earlier.
        mine = mine[step[mine] >= 1]
        if not len(mine):
            continue
        times = (step[mine] - 1) * circuit.dt * brian2.ms
        source = brian2.SpikeGeneratorGroup(len(mine), np.arange(len(mine)), times)
        made = brian2.Synapses(source, cells[name], "size : 1", on_pre=f"{_current(inhibitory)}_post += size")
        made.connect(i=np.arange(len(mine)), j=neuron[mine] - population.first)
        made.size = weight[mine]
        parts += [source, made]
    return parts
