"""Time and memory of a spiking network against its size, each size in a process of its own.

The network of bench_network.py, from 2,000 to 100,000 neurons of 200 synapses, then with more synapses per
neuron, weights scaled so that the mean input stays; 64 % of the synapses learn. Prints seconds per biological second,
set-up and peak memory; draws them against the number of synapses.

    python benchmarks/bench_network_growth.py [--threads 2] [--largest 100] [--figure network_growth.png]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

# Threads that wait by spinning slow each other down when anything else runs on the machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).with_name("network_peers")))
import workload as shared

# Neurons and synapses per neuron.
SIZES = ((2_000, 200), (5_000, 200), (10_000, 200), (20_000, 200), (50_000, 200), (100_000, 200), (100_000, 500),
         (100_000, 1000))  # fmt: skip


def one(neurons, targets, threads, seconds):
    """Run one size in this process and print its line of JSON."""
    import numpy as np

    from spinula.engines.network.spiking import Circuit, OutDegree
    from spinula.law.circuits.neurons import IntegrateAndFire
    from spinula.law.circuits.timing import PairTiming

    phases, scale = shared.Phases(), 200 / targets
    model = IntegrateAndFire(
        membrane_time=shared.MEMBRANE, rest=shared.REST, threshold=shared.THRESHOLD, reset=shared.RESET,
        refractory_time=shared.REFRACTORY, excitatory_time=shared.EXCITATORY, inhibitory_time=shared.INHIBITORY,
    )  # fmt: skip
    timing = PairTiming(
        size_max=shared.WEIGHT_MAX * scale, potentiation_step=shared.GAIN * scale, depression_step=shared.LOSS * scale
    )
    with phases.phase("setup"):
        circuit, first = Circuit(seed=1, dt=shared.DT, threads=threads), int(0.8 * neurons)
        cells = [circuit.neurons(first, model, name="E"), circuit.neurons(neurons - first, model, name="I")]
        generator = np.random.default_rng(1)
        for group in cells:
            circuit.set_potentials(group, generator.uniform(shared.RESET, shared.THRESHOLD, group.count))
        for sends in range(2):
            for takes in range(2):
                size = scale * (abs(shared.INHIBITION) if sends else shared.WEIGHT)
                made = circuit.connect(
                    cells[sends], cells[takes], OutDegree(targets * (4 if takes == 0 else 1) // 5), size=size,
                    gain=-1.0 if sends else 1.0, delay=shared.DELAY, inhibitory=bool(sends),
                    timing=None if sends or takes else timing,
                )  # fmt: skip
                del made
        list(circuit.run(shared.DT))
    with phases.phase("run"):
        (snapshot,) = circuit.run(1000 * seconds)
        circuit.sync()
    row = {
        "neurons": neurons, "synapses": neurons * targets, "cpu": phases.cpu["run"] / seconds,
        "wall": phases.wall["run"] / seconds, "setup": phases.wall["setup"], "mb": shared.peak_mb(),
        "rate": len(snapshot.spike_times) / neurons / seconds,
    }  # fmt: skip
    print(json.dumps(row))


def draw(rows, path, threads):
    """Draw seconds and memory against synapses, with lines of slope one."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    synapses = [row["synapses"] for row in rows]
    panels = (
        ("cpu", f"CPU s per biological second ({threads} threads)"), ("mb", "peak memory of the process (MB)"),
    )  # fmt: skip
    for axis, (key, label) in zip(axes, panels, strict=True):
        values = [row[key] for row in rows]
        largest = values[-1] / synapses[-1]
        axis.loglog(synapses, [largest * count for count in synapses], color="0.7", label="proportional to synapses")
        axis.loglog(synapses, values, "o-", color="#b5482a", label="measured")
        axis.set(xlabel="synapses (64 % learn)", ylabel=label)
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="biological seconds")
    parser.add_argument("--largest", type=float, default=100.0, help="million synapses, at most")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--one", nargs=2, type=int, metavar=("NEURONS", "TARGETS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(*options.one, options.threads, options.seconds)
        return
    rows = []
    print(f"{'neurons':>9s}{'synapses':>13s}{'CPU s/s':>9s}{'wall s/s':>9s}{'setup s':>9s}{'MB':>8s}{'rate':>7s}")
    for neurons, targets in SIZES:
        if neurons * targets > 1e6 * options.largest:
            continue
        command = [sys.executable, __file__, "--one", str(neurons), str(targets), "--threads", str(options.threads)]
        done = subprocess.run([*command, "--seconds", str(options.seconds)], capture_output=True, text=True, check=True)
        row = json.loads(done.stdout)
        rows.append(row)
        print(f"{row['neurons']:9,d}{row['synapses']:13,d}{row['cpu']:9.3f}{row['wall']:9.3f}{row['setup']:9.1f}"
              f"{row['mb']:8.0f}{row['rate']:7.2f}", flush=True)  # fmt: skip
    if options.figure:
        draw(rows, options.figure, options.threads)


if __name__ == "__main__":
    main()
