"""The benchmark's network in Brian2: python run_brian2.py workload.npz [--mode cython|cpp_standalone]

The delay is on the axon, Brian2's own way. The compiled program of the standalone mode counts its own CPU seconds.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import workload as shared

try:
    import brian2
except ImportError as error:
    shared.missing("Brian2", error)
import numpy as np

NEURON = """
dv/dt = (rest - v + excitation + inhibition)/membrane : 1 (unless refractory)
dexcitation/dt = -excitation/excitatory : 1
dinhibition/dt = -inhibition/inhibitory : 1
"""
SYNAPSE = """
w : 1
dbefore/dt = -before/timing : 1 (event-driven)
dafter/dt = -after/timing : 1 (event-driven)
"""
PRE = "excitation_post += w; before += gain; w = clip(w - after, 0, weight_max)"
POST = "after += loss; w = clip(w + before, 0, weight_max)"
BEGIN = """
const std::clock_t begun = std::clock();
const auto started = std::chrono::steady_clock::now();
"""
COUNT = """
std::ofstream counted("counted.json");
rusage usage;
getrusage(RUSAGE_SELF, &usage);
counted << "{\\"cpu\\": " << double(std::clock() - begun)/CLOCKS_PER_SEC << ", \\"wall\\": "
        << std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count()
        << ", \\"peak_mb\\": " << usage.ru_maxrss/1024.0 << "}";
counted.close();
"""


def build(network, options):
    """Return Brian2's objects."""
    ms = brian2.ms
    brian2.defaultclock.dt = shared.DT * ms
    space = {
        "rest": shared.REST, "threshold": shared.THRESHOLD, "reset": shared.RESET, "membrane": shared.MEMBRANE * ms,
        "excitatory": shared.EXCITATORY * ms, "inhibitory": shared.INHIBITORY * ms, "timing": shared.TIMING * ms,
        "gain": shared.GAIN, "loss": shared.LOSS, "weight_max": shared.WEIGHT_MAX, "weight": shared.WEIGHT,
        "inhibitory_weight": shared.INHIBITION,
    }  # fmt: skip
    cells = brian2.NeuronGroup(
        len(network["v"]), NEURON, threshold="v > threshold", reset="v = reset", refractory=shared.REFRACTORY * ms,
        method="exact", namespace=space,
    )  # fmt: skip
    cells.v = network["v"]
    kind, parts = network["kind"], [cells]
    learning = (kind == 0) & options.plastic
    for which, model, arrival in (
        (learning, SYNAPSE, PRE),
        ((kind < 2) & ~learning, "", "excitation_post += weight"),
        (kind >= 2, "", "inhibition_post += inhibitory_weight"),
    ):
        if not which.any():
            continue
        after = {"on_post": POST} if model else {}
        synapses = brian2.Synapses(
            cells, cells, model, on_pre=arrival, delay=shared.DELAY * ms, namespace=space, **after
        )
        synapses.connect(i=network["pre"][which], j=network["post"][which])
        if model:
            synapses.w = shared.WEIGHT
        parts.append(synapses)
    monitor = brian2.SpikeMonitor(cells[: shared.excitatory(network)], record=False)
    return [*parts, monitor]


def run_here(network, options, phases):
    brian2.prefs.codegen.target = "cython"
    began = []
    with phases.phase("setup"):
        parts = build(network, options)

        # Called once a second: the first call says that everything is compiled.
        @brian2.network_operation(dt=1 * brian2.second, when="start", order=-100)
        def begin():
            if not began:
                began.extend([shared.processor_seconds(), time.perf_counter()])

    with phases.phase("compile"):
        brian2.Network(*parts, begin).run(options.seconds * brian2.second)
        ended = shared.processor_seconds(), time.perf_counter()
    phases.move("compile", "run", ended[0] - began[0], ended[1] - began[1])
    return parts, shared.peak_mb()


def run_apart(network, options, phases):
    device = brian2.device
    if options.threads > 1:
        brian2.prefs.devices.cpp_standalone.openmp_threads = options.threads
    brian2.prefs.codegen.cpp.headers += ["<sys/resource.h>", "<chrono>"]
    with phases.phase("setup"):
        parts = build(network, options)
        device.insert_code("before_network_run", BEGIN)
        device.insert_code("after_network_run", COUNT)
    folder = tempfile.mkdtemp()
    with phases.phase("compile"):
        brian2.Network(*parts).run(options.seconds * brian2.second)
        device.build(directory=folder, compile=True, run=False)
    with phases.phase("setup"):
        device.run(folder, with_output=False, run_args=[])
    counted = json.loads(next(Path(folder).rglob("counted.json")).read_text(encoding="utf-8"))
    phases.move("setup", "run", counted["cpu"], counted["wall"])
    return parts, counted["peak_mb"]


def main():
    options = shared.parse(modes=("cpp_standalone", "cython"))
    if options.threads > 1 and options.mode == "cython":
        raise SystemExit("Brian2 runs on one thread in its Cython mode: use --mode cpp_standalone")
    phases = shared.Phases()
    apart = options.mode == "cpp_standalone"
    if apart:
        brian2.set_device("cpp_standalone", build_on_run=False)
    network = shared.load(options.workload)
    parts, peak = (run_apart if apart else run_here)(network, options, phases)
    weights = np.asarray(parts[1].w[:]) if options.plastic else np.zeros(0)
    neurons = shared.excitatory(network)
    found = {"spikes": int(parts[-1].num_spikes), "neurons": neurons, "weights": weights, "peak_mb": peak}
    shared.report(f"Brian2 {brian2.__version__} {options.mode}", options, phases, found)


if __name__ == "__main__":
    main()
