"""The same network in NEST: ``iaf_psc_exp``, ``static_synapse`` and ``stdp_synapse``.

Capacitance in pF is set to the membrane time in ms, so that NEST's currents in pA are the mV of our equations. NEST
dates a spike as we do. Its plastic synapses have the whole delay on the dendrite: seen from arrivals at the soma,
postsynaptic spikes reach the synapse two delays late, which is ``lag = 2*delay`` of our rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.network.exchange.expressible import check_expressible, given_spikes

if TYPE_CHECKING:
    from spinula.engines.network.spiking.circuit import Circuit
    from spinula.engines.network.spiking.plan import Population, Projection


@dataclass(frozen=True)
class NestNetwork:
    """A network in NEST: ``cells`` by population, and the recorder of all their spikes."""

    cells: dict[str, Any]
    recorder: Any

    def spikes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return times (ms) and neurons (index among all) of the spikes so far, in order of both."""
        events, first = self.recorder.events, min(int(cells[0].global_id) for cells in self.cells.values())
        times, neurons = np.asarray(events["times"]), np.asarray(events["senders"]) - first
        order = np.lexsort((neurons, times))
        return times[order], neurons[order]


def to_nest(circuit: Circuit, nest: Any) -> NestNetwork:
    """Build the network in NEST, whose kernel is reset; run it by ``nest.Simulate``.

    Parameters
    ----------
    circuit : Circuit at time 0: currents, connections that never change or learn by pair timing, given spikes
    nest : the imported module, version 3

    Raises
    ------
    InvalidInputError
        If the circuit has what NEST cannot be handed; says what.
    """
    check_expressible(circuit, "NEST")
    windows = {population.name: _window(circuit, population) for population in circuit.populations}
    for projection in circuit.projections:
        _check(projection)
    given = given_spikes(circuit)
    _check_given(*given)
    nest.ResetKernel()
    nest.resolution = circuit.dt
    potentials, cells = circuit.potentials.astype(float), {}
    for population in circuit.populations:
        cells[population.name] = _create(nest, circuit, population, windows[population.name])
        cells[population.name].V_m = potentials[population.first : population.stop].tolist()
    recorder = nest.Create("spike_recorder")
    for made in cells.values():
        nest.Connect(made, recorder)
    for projection in circuit.projections:
        _connect(nest, circuit, projection, cells)
    _send(nest, circuit, given, int(next(iter(cells.values()))[0].global_id))
    return NestNetwork(cells, recorder)


def _window(circuit: Circuit, population: Population) -> float:
    """Return the window of depression of a population's synapses: in NEST it belongs to the neuron."""
    found = {p.timing.depression_time for p in circuit.projections if p.timing is not None and p.post is population}
    if len(found) > 1:
        raise InvalidInputError(
            f"population {population.name}: NEST has one depression_time per neuron, these have {sorted(found)} ms."
        )
    return found.pop() if found else 20.0


def _check(projection: Projection) -> None:
    name, timing = f"projection {projection.pre.name} to {projection.post.name}", projection.timing
    sign = -1.0 if projection.inhibitory else 1.0
    if projection.gain * sign < 0:
        raise InvalidInputError(
            f"{name}: NEST tells inputs apart by the weight's sign; gain {projection.gain:g} has the other."
        )
    if timing is None:
        return
    if projection.inhibitory or projection.gain <= 0:
        raise InvalidInputError(f"{name}: plastic synapses that inhibit cannot be handed to NEST.")
    if abs(timing.lag - 2 * projection.delay) > 1e-9:
        raise InvalidInputError(
            f"{name}: lag = {timing.lag:g} ms; NEST's delay lies on the dendrite, lag = {2 * projection.delay:g} ms."
        )
    if timing.size_floor > 0 or timing.potentiation_step <= 0:  # type: ignore[union-attr]
        raise InvalidInputError(f"{name}: NEST wants size_floor = 0 and potentiation_step > 0.")


def _check_given(step: np.ndarray, neuron: np.ndarray, weight: np.ndarray, channel: np.ndarray) -> None:
    if (step < 2).any():
        raise InvalidInputError("a spike sent before the second step cannot be handed to NEST: it would start at 0 ms.")
    if (np.where(channel == 1, -weight, weight) < 0).any():
        raise InvalidInputError("given spikes: NEST tells inputs apart by the weight's sign, which does not fit here.")


def _create(nest: Any, circuit: Circuit, population: Population, window: float) -> Any:
    model = population.model
    return nest.Create("iaf_psc_exp", population.count, {
        "C_m": model.membrane_time, "tau_m": model.membrane_time, "E_L": model.rest, "V_th": model.threshold,
        "V_reset": model.reset, "t_ref": round(model.refractory_time / circuit.dt) * circuit.dt,
        "tau_syn_ex": model.excitatory_time, "tau_syn_in": model.inhibitory_time, "I_e": 0.0, "tau_minus": window,
    })  # fmt: skip


def _connect(nest: Any, circuit: Circuit, projection: Projection, cells: dict[str, Any]) -> None:
    table, timing = circuit.connections(projection), projection.timing
    if not len(table):
        return
    # NEST takes each parameter as an array where connections are given by the ids of their ends.
    shared: dict[str, float] = {"delay": round(projection.delay / circuit.dt) * circuit.dt}
    if timing is not None:
        shared |= {
            "tau_plus": timing.potentiation_time, "Wmax": timing.size_max * projection.gain, "mu_plus": 0.0,
            "lambda": timing.potentiation_step / timing.size_max, "mu_minus": 0.0,  # type: ignore[union-attr]
            "alpha": timing.depression_step / timing.potentiation_step,  # type: ignore[union-attr]
        }  # fmt: skip
    ends = [
        int(cells[population.name][0].global_id) + table[column].to_numpy()
        for population, column in ((projection.pre, "pre"), (projection.post, "post"))
    ]
    weight = {"weight": table["size"].to_numpy(float) * projection.gain}
    rule = {"synapse_model": "static_synapse" if timing is None else "stdp_synapse"}
    nest.Connect(*ends, "one_to_one", rule | weight | {name: np.full(len(table), v) for name, v in shared.items()})


def _send(nest: Any, circuit: Circuit, given: tuple[np.ndarray, ...], first: int) -> None:
    """Give each neuron that is sent spikes a generator of its own, one step ahead: NEST has no shorter delay."""
    step, neuron, weight, _ = given
    for chosen in np.unique(neuron):
        mine = np.flatnonzero(neuron == chosen)
        mine = mine[np.argsort(step[mine], kind="stable")]
        times = (step[mine] - 1) * circuit.dt
        source = nest.Create("spike_generator", params={
            "spike_times": np.round(times, 9), "spike_weights": weight[mine], "allow_offgrid_times": True,
        })  # fmt: skip
        target = nest.NodeCollection([first + int(chosen)])
        nest.Connect(source, target, syn_spec={"weight": 1.0, "delay": circuit.dt})
