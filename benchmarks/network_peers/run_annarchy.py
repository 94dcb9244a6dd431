"""The benchmark's network in ANNarchy: python run_annarchy.py workload.npz [--mode csr|lil] [--threads 2]

``csr`` stores synapses by the neuron that sends, its faster format on one thread; ``lil`` is what it does by default.
"""

from __future__ import annotations

import tempfile

import workload as shared

try:
    import ANNarchy as annarchy
except ImportError as error:
    shared.missing("ANNarchy", error)
import numpy as np
from scipy.sparse import csr_matrix

NEURON = f"""
{shared.MEMBRANE} * dv/dt = {shared.REST} - v + g_exc - g_inh : exponential
{shared.EXCITATORY} * dg_exc/dt = -g_exc : exponential
{shared.INHIBITORY} * dg_inh/dt = -g_inh : exponential
"""
SYNAPSE = {
    "equations": f"""
        {shared.TIMING} * dbefore/dt = -before : event-driven
        {shared.TIMING} * dafter/dt = -after : event-driven
    """,
    "pre_spike": f"""
        g_target += w
        before += {shared.GAIN}
        w = clip(w - after, 0.0, {shared.WEIGHT_MAX})
    """,
    "post_spike": f"""
        after += {shared.LOSS}
        w = clip(w + before, 0.0, {shared.WEIGHT_MAX})
    """,
}


def build(network, options):
    """Return the network, the projection that learns and the monitor of excitatory spikes."""
    net = annarchy.Network(dt=shared.DT, seed=1)
    if options.threads > 1:
        net.config(num_threads=options.threads)
    neuron = annarchy.Neuron(
        equations=NEURON, spike=f"v > {shared.THRESHOLD}", reset=f"v = {shared.RESET}", refractory=shared.REFRACTORY
    )
    count, first = len(network["v"]), shared.excitatory(network)
    cells = net.create(count, neuron)
    parts = {False: cells[:first], True: cells[first:]}
    stored = {"storage_format": "csr", "storage_order": "pre_to_post"} if options.mode == "csr" else {}
    learning = None
    for kind in range(4):
        which, sends, takes = network["kind"] == kind, kind >= 2, kind % 2 == 1
        pre, post = network["pre"][which] - first * sends, network["post"][which] - first * takes
        weight = np.full(len(pre), abs(shared.INHIBITION) if sends else shared.WEIGHT)
        shape = tuple(count - first if inhibitory else first for inhibitory in (sends, takes))
        synapse = annarchy.Synapse(**SYNAPSE) if kind == 0 and options.plastic else None
        projection = net.connect(parts[sends], parts[takes], target="inh" if sends else "exc", synapse=synapse)
        projection.from_sparse(csr_matrix((weight, (pre, post)), shape=shape), delays=shared.DELAY, **stored)
        learning = projection if kind == 0 else learning
    return net, cells, learning, net.monitor(parts[False], "spike")


def main():
    options = shared.parse(modes=("csr", "lil"))
    phases = shared.Phases()
    with phases.phase("setup"):
        network = shared.load(options.workload)
        net, cells, learning, monitor = build(network, options)
    with phases.phase("compile"):
        net.compile(directory=tempfile.mkdtemp(), silent=True)
    with phases.phase("setup"):
        cells.v = network["v"]
    with phases.phase("run"):
        net.simulate(options.seconds * 1000)
    peak = shared.peak_mb()
    spikes = sum(len(times) for times in monitor.get("spike").values())
    weights = np.concatenate([np.asarray(row, float) for row in learning.w]) if options.plastic else np.zeros(0)
    found = {"spikes": spikes, "neurons": shared.excitatory(network), "weights": weights, "peak_mb": peak}
    shared.report(f"ANNarchy {annarchy.__version__} {options.mode}", options, phases, found)


if __name__ == "__main__":
    main()
