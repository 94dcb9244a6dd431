"""The benchmark's network in NEST: python run_nest.py workload.npz [--synapse stdp_synapse_hom_hpc] [--threads 2]

The first 0.8 ms, in which NEST builds its tables, count as setup.
"""

from __future__ import annotations

import workload as shared

try:
    import nest
except ImportError as error:
    shared.missing("NEST", error)
import numpy as np

SYNAPSES = ("stdp_synapse", "stdp_synapse_hom", "stdp_synapse_hpc", "stdp_synapse_hom_hpc")


def build(network, options):
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = shared.DT
    nest.local_num_threads = options.threads
    cells = nest.Create("iaf_psc_exp", len(network["v"]), {
        "C_m": shared.MEMBRANE, "tau_m": shared.MEMBRANE, "E_L": shared.REST, "V_th": shared.THRESHOLD,
        "V_reset": shared.RESET, "t_ref": shared.REFRACTORY, "tau_syn_ex": shared.EXCITATORY,
        "tau_syn_in": shared.INHIBITORY, "I_e": 0.0, "tau_minus": shared.TIMING,
    })  # fmt: skip
    cells.V_m = list(network["v"])
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells[: shared.excitatory(network)], recorder)
    model, still = "static_synapse", "static_synapse_hpc" if options.synapse.endswith("hpc") else "static_synapse"
    if options.plastic:
        model = options.synapse
        nest.SetDefaults(model, {
            "tau_plus": shared.TIMING, "Wmax": shared.WEIGHT_MAX, "lambda": shared.GAIN / shared.WEIGHT_MAX,
            "alpha": shared.LOSS / shared.GAIN, "mu_plus": 0.0, "mu_minus": 0.0,
        })  # fmt: skip
    kind = network["kind"]
    for which, name, weight in (
        (kind == 0, model if options.plastic else still, shared.WEIGHT),
        (kind == 1, still, shared.WEIGHT),
        (kind >= 2, still, shared.INHIBITION),
    ):
        count = int(which.sum())
        nest.Connect(
            network["pre"][which].astype(int) + 1, network["post"][which].astype(int) + 1, "one_to_one",
            {"synapse_model": name, "weight": np.full(count, weight), "delay": np.full(count, shared.DELAY)},
        )  # fmt: skip
    nest.Prepare()
    nest.Run(shared.DELAY)
    return recorder, model


def main():
    options = shared.parse(synapses=SYNAPSES)
    phases = shared.Phases()
    with phases.phase("setup"):
        network = shared.load(options.workload)
        recorder, model = build(network, options)
    with phases.phase("run"):
        nest.Run(round(options.seconds * 1000 / shared.DT) * shared.DT - shared.DELAY)
    peak = shared.peak_mb()
    nest.Cleanup()
    weights = np.array(nest.GetConnections(synapse_model=model).weight) if options.plastic else np.zeros(0)
    name = f"NEST {nest.__version__} {options.synapse if options.plastic else 'static'}"
    neurons = shared.excitatory(network)
    found = {"spikes": recorder.n_events, "neurons": neurons, "weights": weights, "peak_mb": peak}
    shared.report(name, options, phases, found)


if __name__ == "__main__":
    main()
