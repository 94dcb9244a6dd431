"""What the runners share: the model's constants, the workload's file, a stopwatch, the line of JSON at the end.

tau dv/dt = rest - v + excitation + inhibition; all pairs of spikes count, additively, between excitatory neurons.
"""

from __future__ import annotations

import time

BEGUN = time.perf_counter()

import argparse
import json
import os
import resource
import sys
from contextlib import contextmanager
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
# Compilers that a runner calls lie beside its Python.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

DT, MEMBRANE, EXCITATORY, INHIBITORY, REFRACTORY, DELAY, TIMING = 0.1, 20.0, 5.0, 10.0, 5.0, 0.8, 20.0  # ms
REST, THRESHOLD, RESET = -46.5, -50.0, -60.0  # mV
WEIGHT, INHIBITION, WEIGHT_MAX = 0.6, -5.0, 1.2  # mV
GAIN = 1e-3 * WEIGHT_MAX
LOSS = 1.05 * GAIN
MISSING = 3  # exit status of a runner whose simulator cannot be imported


def processor_seconds():
    """Return CPU seconds of this process and of the children it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


class Phases:
    """CPU and wall seconds by phase: import (from the start of the process), setup, compile, run."""

    def __init__(self):
        self.cpu = {"import": processor_seconds(), "setup": 0.0, "compile": 0.0, "run": 0.0}
        self.wall = {"import": time.perf_counter() - BEGUN, "setup": 0.0, "compile": 0.0, "run": 0.0}

    @contextmanager
    def phase(self, name):
        """Add what the block takes to a phase."""
        cpu, wall = processor_seconds(), time.perf_counter()
        yield
        self.cpu[name] += processor_seconds() - cpu
        self.wall[name] += time.perf_counter() - wall

    def move(self, source, target, cpu, wall):
        """Take seconds from one phase into another, where a simulator does both in one call."""
        for clock, seconds in ((self.cpu, cpu), (self.wall, wall)):
            clock[source] -= seconds
            clock[target] += seconds


def parse(modes=(), synapses=()):
    """Return the options of a runner."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", help="file written by make_workload.py")
    parser.add_argument("--seconds", type=float, default=2.0, help="biological seconds")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--plastic", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--static", dest="plastic", action="store_false")
    parser.add_argument("--out", help="also write the JSON to this file")
    if modes:
        parser.add_argument("--mode", choices=modes, default=modes[0])
    if synapses:
        parser.add_argument("--synapse", choices=synapses, default=synapses[0])
    return parser.parse_args()


def load(path):
    """Return the arrays of a workload."""
    import numpy as np

    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def excitatory(workload):
    """Return how many neurons are excitatory: they come first."""
    return int(0.8 * len(workload["v"]))


def missing(name, error):
    """End the process with the status that says so."""
    print(f"{name} cannot be imported: {error}", file=sys.stderr)
    sys.exit(MISSING)


def peak_mb():
    """Return this process's peak memory; taken before weights are read, which some simulators do wastefully."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(name, options, phases, found):
    """Print the JSON. ``found``: spikes (of excitatory neurons), neurons (excitatory), weights, peak_mb."""
    seconds, weights = options.seconds, found["weights"]
    row = {
        "engine": name, "seconds": seconds, "threads": options.threads, "plastic": options.plastic,
        "cpu_s": phases.cpu, "wall_s": phases.wall,
        "cpu_per_second": phases.cpu["run"] / seconds, "wall_per_second": phases.wall["run"] / seconds,
        "rate": found["spikes"] / found["neurons"] / seconds,
        "weight_sd": float(weights.std()) if options.plastic else 0.0, "peak_mb": found["peak_mb"],
        "load": os.getloadavg()[0],
    }  # fmt: skip
    row |= {key: found[key] for key in ("bytes", "replaced") if key in found}
    text = json.dumps(row)
    print(text)
    if options.out:
        Path(options.out).write_text(text + "\n", encoding="utf-8")
