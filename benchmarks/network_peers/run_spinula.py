"""The benchmark's network in spinula: python run_spinula.py workload.npz [--threads 2] [--static] [--mode living]

``--mode living``: every spine between excitatory neurons also fluctuates by a law, every two seconds, and one in a
hundred ends and is replaced each second. ``--mode reinforced``: pairs leave an eligibility that dopamine turns into
size.
A small network runs first: what it takes to load or compile the kernels counts as compilation.
"""

from __future__ import annotations

import make_workload
import workload as shared

try:
    import spinula
    from spinula.engines.network.spiking import Circuit, Edges, Living
    from spinula.law import Boundary, Dynamics, LinearLaw
    from spinula.law.circuits.neurons import IntegrateAndFire
    from spinula.law.circuits.timing import PairTiming, ReinforcedTiming
except ImportError as error:
    shared.missing("spinula's spiking network engine", error)
import numpy as np

MODES = ("pair", "living", "reinforced")
SPINE = 0.12  # um3, about the mean of the law's stationary sizes
LIVING = Living(
    Dynamics(
        law=LinearLaw(recovery_rate=0.05, size_rest=0.1, noise_slope=0.2, noise_floor=0.01),
        boundary=Boundary(size_min=0.02, size_new=0.025),
    ),
    day=22_000.0,
    tick=2000.0,  # 0.09 day: the coarsest step at which the law's sizes are right to a percent
)


def learning_options(mode):
    """Return how connections between excitatory neurons begin and change, for a mode."""
    gain = shared.WEIGHT / SPINE if mode == "living" else 1.0
    windows = {"potentiation_time": shared.TIMING, "depression_time": shared.TIMING}
    steps = {
        "size_max": shared.WEIGHT_MAX / gain, "potentiation_step": shared.GAIN / gain,
        "depression_step": shared.LOSS / gain,
    }  # fmt: skip
    options = {"size": shared.WEIGHT, "gain": gain}
    if mode == "static":
        return options
    if mode == "reinforced":
        return options | {"timing": ReinforcedTiming(**windows, **steps)}
    if mode == "living":
        # Large spines are the law's own here; the rule may not cut them.
        steps["size_max"] = 10.0
        options |= {"size": None, "living": LIVING}
    return options | {"timing": PairTiming(**windows, **steps)}


def build(network, threads, mode):
    """Return the circuit and the projection between excitatory neurons."""
    model = IntegrateAndFire(
        membrane_time=shared.MEMBRANE, rest=shared.REST, threshold=shared.THRESHOLD, reset=shared.RESET,
        refractory_time=shared.REFRACTORY, excitatory_time=shared.EXCITATORY, inhibitory_time=shared.INHIBITORY,
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
        if kind == 0:
            options = learning_options(mode)
        made.append(
            circuit.connect(cells[sends], cells[takes], edges, delay=shared.DELAY, inhibitory=bool(sends), **options)
        )
    if mode == "reinforced":
        circuit.release(np.arange(250.0, 60_000.0, 500.0), 0.1)
    return circuit, made[0]


def ours(workload, seconds, threads, *, mode="pair", phases=None):
    """Run a workload; return spikes and number of excitatory neurons, and the weights between them.

    ``workload`` as ``shared.load`` returns it; CPU and wall seconds go to ``phases``.
    """
    phases = phases or shared.Phases()
    with phases.phase("compile"):
        small, _ = build(make_workload.build(200, 20, 1), threads, mode)
        list(small.run(2001.0))
        small.sync()
    with phases.phase("setup"):
        circuit, learning = build(workload, threads, mode)
        list(circuit.run(shared.DT))
    with phases.phase("run"):
        snapshots = list(circuit.run(seconds * 1000, every=1000.0))
        circuit.sync()
    peak, first = shared.peak_mb(), shared.excitatory(workload)
    spikes = sum(int((part.spike_neurons < first).sum()) for part in snapshots)
    weights = np.asarray(circuit.connections(learning)["weight"])
    found = {"spikes": spikes, "neurons": first, "weights": weights, "peak_mb": peak}
    replaced = sum(part.eliminated for part in snapshots) / len(weights) / seconds
    return found | {"bytes": circuit.bytes_of(learning) / len(weights), "replaced": replaced}


def main():
    options = shared.parse(modes=MODES)
    phases, mode = shared.Phases(), options.mode if options.plastic else "static"
    with phases.phase("setup"):
        network = shared.load(options.workload)
    found = ours(network, options.seconds, options.threads, mode=mode, phases=phases)
    name = f"spinula {spinula.__version__}" + f" {mode}" * (mode in MODES[1:])
    shared.report(name, options, phases, found)


if __name__ == "__main__":
    main()
