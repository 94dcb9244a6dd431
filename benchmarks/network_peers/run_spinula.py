"""The benchmark's network in spinula: python run_spinula.py workload.npz [--threads 2] [--static]

Sizes are in mV here (gain 1): the benchmark knows weights alone. The first 0.1 ms, which loads or compiles the kernels,
counts as compilation.
"""

from __future__ import annotations

import workload as shared

try:
    import spinula
    from spinula.engines.network.spiking import Circuit, Edges
    from spinula.law.circuits.neurons import IntegrateAndFire
    from spinula.law.circuits.timing import PairTiming
except ImportError as error:
    shared.missing("spinula's spiking network engine", error)
import numba
import numpy as np


def build(network, threads, plastic):
    """Return the circuit and the projection between excitatory neurons."""
    model = IntegrateAndFire(
        membrane_time=shared.MEMBRANE, rest=shared.REST, threshold=shared.THRESHOLD, reset=shared.RESET,
        refractory_time=shared.REFRACTORY, excitatory_time=shared.EXCITATORY, inhibitory_time=shared.INHIBITORY,
    )  # fmt: skip
    timing = PairTiming(
        size_max=shared.WEIGHT_MAX, potentiation_time=shared.TIMING, depression_time=shared.TIMING,
        potentiation_step=shared.GAIN, depression_step=shared.LOSS,
    )  # fmt: skip
    circuit, first = Circuit(seed=1, dt=shared.DT, threads=threads), shared.excitatory(network)
    cells = [
        circuit.neurons(first, model, name="excitatory"),
        circuit.neurons(len(network["v"]) - first, model, name="inhibitory"),
    ]
    circuit.set_potentials(cells[0], network["v"][:first])
    circuit.set_potentials(cells[1], network["v"][first:])
    made = []
    for kind in range(4):
        which, sends, takes = network["kind"] == kind, kind // 2, kind % 2
        edges = Edges(network["pre"][which] - first * sends, network["post"][which] - first * takes)
        options = {"size": abs(shared.INHIBITION), "gain": -1.0} if sends else {"size": shared.WEIGHT, "gain": 1.0}
        rule = timing if kind == 0 and plastic else None
        made.append(
            circuit.connect(
                cells[sends], cells[takes], edges, delay=shared.DELAY, inhibitory=bool(sends), timing=rule, **options
            )
        )
    return circuit, made[0]


def ours(workload, seconds, threads, *, plastic=True, phases=None):
    """Run a workload; return spikes and number of excitatory neurons, and the weights between them.

    ``workload`` as ``shared.load`` returns it; CPU and wall seconds go to ``phases``.
    """
    phases = phases or shared.Phases()
    # As many workers as parts: idle ones would wait by spinning, which counts as CPU time.
    numba.set_num_threads(threads)
    with phases.phase("setup"):
        circuit, learning = build(workload, threads, plastic)
    with phases.phase("compile"):
        begin = list(circuit.run(shared.DT))
        circuit.sync()
    with phases.phase("run"):
        rest = list(circuit.run(seconds * 1000 - shared.DT, every=1000.0))
        circuit.sync()
    peak, first = shared.peak_mb(), shared.excitatory(workload)
    spikes = sum(int((part.spike_neurons < first).sum()) for part in begin + rest)
    weights = np.asarray(circuit.connections(learning)["weight"])
    return {"spikes": spikes, "neurons": first, "weights": weights, "peak_mb": peak}


def main():
    options = shared.parse()
    phases = shared.Phases()
    with phases.phase("setup"):
        network = shared.load(options.workload)
    found = ours(network, options.seconds, options.threads, plastic=options.plastic, phases=phases)
    shared.report(f"spinula {spinula.__version__}", options, phases, found)


if __name__ == "__main__":
    main()
