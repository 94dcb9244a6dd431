"""Run the network in Brian2 and freeze what it did: python make_brian2.py (in an environment with Brian2 2.9).

Twice: with the delay on the dendrite, as NEST has it (brian2.npz), and on the axon (brian2_axonal.npz). Cython.
The twin starts 0.1 mV elsewhere: two runs of one simulator differ by chaos alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

NEURON = """
dv/dt = (rest - v + excitatory + inhibitory)/membrane_time : 1 (unless refractory)
dexcitatory/dt = -excitatory/excitatory_time : 1
dinhibitory/dt = -inhibitory/inhibitory_time : 1
"""
SYNAPSE = """
weight : 1
sent : 1
dbefore/dt = -before/timing_time : 1 (event-driven)
dafter/dt = -after/timing_time : 1 (event-driven)
"""
# Two spikes that reach a synapse in one step are no pair: both read the other's trace before either adds to its own.
PRE = {
    "depress": "weight = clip(weight - depression_step*after, 0, weight_max); sent = weight",
    "arrive": "excitatory_post += sent",
    "remember": "before += 1",
}
POST = {"potentiate": "weight = clip(weight + potentiation_step*before, 0, weight_max)", "remember_post": "after += 1"}
ORDER = {"potentiate": 1, "depress": 2, "remember": 3, "remember_post": 3, "arrive": 4}


def simulate(brian2, network, edges, initial, axonal):
    """Return spikes of 10 s and the weights that were sent last, early and at the end."""
    numbers = network.Numbers()
    ms = brian2.ms
    brian2.start_scope()
    brian2.defaultclock.dt = numbers.dt * ms
    names = ("membrane_time", "excitatory_time", "inhibitory_time", "timing_time")
    space = {name: getattr(numbers, name) * ms for name in names}
    names = ("rest", "threshold", "reset", "weight_max", "potentiation_step", "depression_step")
    space |= {name: getattr(numbers, name) for name in names}
    # Brian2 counts from the step of the spike: one step more makes as many steps without a change as elsewhere.
    refractory = (numbers.refractory_time + numbers.dt) * ms
    cells = brian2.NeuronGroup(
        network.NEURONS, NEURON, threshold="v > threshold", reset="v = reset", refractory=refractory, method="exact",
        namespace=space,
    )  # fmt: skip
    cells.v = initial
    pre, post, plastic = edges["pre"], edges["post"], edges["plastic"]
    learning = brian2.Synapses(cells, cells, SYNAPSE, on_pre=PRE, on_post=POST, namespace=space)
    learning.connect(i=pre[plastic], j=post[plastic])
    learning.weight = learning.sent = edges["weight"][plastic]
    for name, order in ORDER.items():
        getattr(learning, name).order = order
    delay = numbers.delay * ms
    late = ("arrive", "depress", "remember") if axonal else ("arrive", "potentiate", "remember_post")
    for name in late:
        getattr(learning, name).delay = delay
    parts = [cells, learning]
    for kind, current in ((pre < network.EXCITATORY, "excitatory"), (pre >= network.EXCITATORY, "inhibitory")):
        which = kind & ~plastic
        still = brian2.Synapses(cells, cells, "weight : 1", on_pre=f"{current}_post += weight", namespace=space)
        still.connect(i=pre[which], j=post[which])
        still.weight, still.delay = edges["weight"][which], delay
        parts.append(still)
    spikes = brian2.SpikeMonitor(cells)
    run = brian2.Network(*parts, spikes)
    weights, done = [], 0.0
    for until in (network.EARLY_MS, network.LATE_MS, network.LONG_MS):
        run.run((until - done) * ms)
        weights.append(edges["weight"].copy())
        weights[-1][plastic] = learning.sent[:]
        done = until
    # A spike of the update from k*dt to (k + 1)*dt carries the time k*dt.
    step = np.rint(np.asarray(spikes.t / ms) / numbers.dt).astype(np.int64)
    return {"step": step, "neuron": np.asarray(spikes.i), "early": weights[0], "late": weights[1]}


def main():
    import brian2
    import network

    edges = network.build()
    for name, axonal in (("brian2.npz", False), ("brian2_axonal.npz", True)):
        runs = {"main": simulate(brian2, network, edges, edges["v"], axonal)}
        runs["twin"] = simulate(brian2, network, edges, edges["v"] + network.TWIN, axonal)
        network.freeze(Path(__file__).with_name(name), runs, edges, f"Brian2 {brian2.__version__}, Cython, one thread")


if __name__ == "__main__":
    main()
