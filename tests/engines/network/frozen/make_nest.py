"""Run the network in NEST and freeze what it did: python make_nest.py (in an environment with nest-simulator 3.10).

One thread. Every edge is its own Connect; plastic edges are stdp_synapse with mu = 0 (additive, all pairs). The twin
starts 0.1 mV elsewhere: two runs of one simulator differ by chaos alone, which is what others may differ by.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np


def simulate(nest, network, edges, initial):
    """Return spikes of 10 s and the weights early and at the end."""
    numbers = network.Numbers()
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = numbers.dt
    cells = nest.Create("iaf_psc_exp", network.NEURONS, {
        "C_m": numbers.membrane_time, "tau_m": numbers.membrane_time, "E_L": numbers.rest, "V_th": numbers.threshold,
        "V_reset": numbers.reset, "t_ref": numbers.refractory_time, "tau_syn_ex": numbers.excitatory_time,
        "tau_syn_in": numbers.inhibitory_time, "I_e": 0.0, "tau_minus": numbers.timing_time,
    })  # fmt: skip
    cells.V_m = list(initial)
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    rule = {
        "synapse_model": "stdp_synapse", "tau_plus": numbers.timing_time, "Wmax": numbers.weight_max,
        "lambda": numbers.potentiation_step / numbers.weight_max, "mu_plus": 0.0, "mu_minus": 0.0,
        "alpha": numbers.depression_step / numbers.potentiation_step,
    }  # fmt: skip
    plastic = edges["plastic"]
    for which, model in ((plastic, rule), (~plastic, {"synapse_model": "static_synapse"})):
        count = int(which.sum())
        # Parameters of the rule are the same for all: one array each, which one_to_one over identifiers asks for.
        shared = {key: value if key == "synapse_model" else np.full(count, value) for key, value in model.items()}
        nest.Connect(
            edges["pre"][which] + 1, edges["post"][which] + 1, "one_to_one",
            {**shared, "weight": edges["weight"][which], "delay": np.full(count, numbers.delay)},
        )  # fmt: skip
    nest.Simulate(network.FIRST_MS)
    # Spikes of the last 0.8 ms wait for the next call: these are the weights of spikes before 199.2 ms.
    early = weights(nest, network, edges)
    nest.Simulate(network.LONG_MS - network.FIRST_MS)
    events = recorder.events
    # A spike of the update from k*dt to (k + 1)*dt carries the stamp (k + 1)*dt.
    step = np.rint(events["times"] / numbers.dt).astype(np.int64) - 1
    return {"step": step, "neuron": events["senders"] - 1, "early": early, "late": weights(nest, network, edges)}


def weights(nest, network, edges):
    """Return the weights in the order of the edges: those of plastic ones as they were after their last pre spike."""
    found = edges["weight"].copy()
    got = nest.GetConnections(synapse_model="stdp_synapse").get(["source", "target", "weight"])
    key = (np.array(got["source"]) - 1) * network.NEURONS + np.array(got["target"]) - 1
    order = np.argsort(key)
    place = np.flatnonzero(edges["plastic"])
    assert np.array_equal(key[order], edges["pre"][place] * network.NEURONS + edges["post"][place])
    found[place] = np.array(got["weight"])[order]
    return found


def main():
    import nest
    import network

    edges = network.build()
    runs = {"main": simulate(nest, network, edges, edges["v"])}
    runs["twin"] = simulate(nest, network, edges, edges["v"] + network.TWIN)
    network.freeze(Path(__file__).with_name("nest.npz"), runs, edges, f"NEST {nest.__version__}, one thread")


if __name__ == "__main__":
    main()
