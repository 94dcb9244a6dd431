"""A dendrite of 1,000 spines under 100,000 pulses in 30 days, beside the same protocol in Brian2, on one thread.

The protocol that both run: potentiation alone (transient and consolidated enlargement) on the linear law of ca1_slice
without a floor of the noise and without elimination, so that every pulse finds its spine,

    dV = rate*(rest - V) dt + slope*V dW   (Ito), one step of 0.05 day in log V, where the noise is additive.

Brian2 is driven by a clock. Its decays are exact between pulses (event-driven equations), so the clock only rounds the
pulses' times: CLOCK_S = 10 s moves a decay of 480 s by 0.6 % (rms). Written as xi in V, Brian2 would take the noise as
Stratonovich's; the step is therefore written out, with Ito's drift, and runs every 0.05 day on a clock of its own.

    python benchmarks/bench_dendrite.py [--fraction 1.0]    the share of the 30 days that Brian2 runs
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np

DAYS, DAY, SPINES, LENGTH, EACH, ROUNDS = 30, 86400.0, 1000, 1000.0, 104, 3
SLOW_DAY, TICK_S, CLOCK_S = 0.05, 20.0, 10.0
TICKS = DAYS * DAY / TICK_S
RATE_HZ = 100 / (DAYS * DAY)

Case = namedtuple("Case", "dynamics mechanisms events slow", defaults=[SLOW_DAY])
Found = namedtuple("Found", "cpu listed delivered missed size ops start")


# ---------------------------------------------------------------------------------------------------------- workloads


def trains(kind, **more):
    """Return one Poisson train for each spine; nearly all of its pulses fall within the 30 days."""
    from spinula.engines.dendrite import Pairing, Uncaging

    make = {"uncaging": Uncaging, "pairing": Pairing}[kind]
    rest = {"pulses": EACH, "rate_hz": RATE_HZ, "poisson": True, **more}
    return [make(kind=kind, at_s=2.0, spines=spine, **rest) for spine in range(SPINES)]


def pieces():
    """Return the dynamics with and without elimination, and mechanisms by name."""
    from spinula.law import Dynamics
    from spinula.law.plasticity.calcium import CalciumRule
    from spinula.law.plasticity.spiketiming import SpikeTiming
    from spinula.presets import load_preset

    preset = load_preset("ca1_slice")
    free = Dynamics(law=preset.dynamics.law.model_copy(update={"noise_floor": 0.0}), boundary=None)
    full, mechanisms = preset.mechanisms, type(preset.mechanisms)
    hasty = full.heterosynaptic.model_copy(update={"threshold": 0.01})
    calcium = CalciumRule(
        calcium_time=0.02, pre_delay=0.0137, pre_step=1.0, post_step=2.0, depression_threshold=1.0,
        potentiation_threshold=1.3, depression_rate=200.0, potentiation_rate=320.0, time_scale=150.0, size_low=0.03,
        size_high=0.3,
    )  # fmt: skip
    pair = SpikeTiming(potentiation_step=0.01, depression_step=0.012, potentiation_time=0.017, depression_time=0.034)
    return (free, preset.dynamics), {
        "alone": mechanisms(potentiation=full.potentiation),
        # Without spikes homeostasis would scale all spines up for ever, hence not without spontaneous activity.
        "quiet": full.model_copy(update={"activity": None, "homeostasis": None}),
        "crowd": mechanisms(potentiation=full.potentiation, heterosynaptic=full.heterosynaptic),
        "crowded": mechanisms(potentiation=full.potentiation, heterosynaptic=hasty),
        "shrink": mechanisms(potentiation=full.potentiation, depression=full.depression),
        "calcium": mechanisms(calcium=calcium),
        "pair rule": mechanisms(spiketiming=pair),
    }


def once(case):
    """Run a case for 30 days and return CPU seconds and what it led to."""
    from spinula.engines.dendrite import Dendrite, branch

    dendrite = Dendrite(
        case.dynamics, case.mechanisms, seed=1, geometry=branch(LENGTH), slow_day=case.slow, tick_s=TICK_S
    )
    before = dendrite.snapshot().size
    listed = timed(lambda: dendrite.schedule(case.events))
    cpu = timed(lambda: dendrite.advance_to(DAYS * DAY, threads=1))
    after = dendrite.snapshot()
    return Found(cpu, listed, after.delivered, after.missed, after.size, dendrite.pulses, before)


def measured(case):
    """Return the last of some runs with the median of their CPU times; the first compiles and does not count."""
    found = [once(case) for _ in range(ROUNDS + 1)][1:]
    cpu, listed = (statistics.median(getattr(one, what) for one in found) for what in ("cpu", "listed"))
    return found[-1]._replace(cpu=cpu, listed=listed)


def timed(run):
    start = time.process_time()
    run()
    return time.process_time() - start


# --------------------------------------------------------------------------------------------------------- our figures


def plain(free, known):
    """Print the protocol that Brian2 runs as well; return it and the same without pulses."""
    ours, idle = (measured(Case(free, known["alone"], events)) for events in (trains("uncaging", magnesium_free=True),
                                                                              []))  # fmt: skip
    print(f"{SPINES:,} spines, {LENGTH:,.0f} um, {DAYS} days, {ours.delivered:,} pulses; double precision, one thread,")
    print(f"median CPU time of {ROUNDS} (the list of pulses is made in {ours.listed:.2f} s besides)")
    print("potentiation and the intrinsic law (the protocol of Brian2)")
    row("with pulses", ours.cpu, f"{(ours.cpu - idle.cpu) / ours.delivered * 1e9:8.0f} ns per spine-event")
    for slow in (SLOW_DAY, 0.01):
        still = idle if slow == SLOW_DAY else measured(Case(free, known["alone"], [], slow))
        row(f"no pulses, slow_day {slow}", still.cpu, per_step(still.cpu, slow))
    return ours, idle


def per_step(cpu, slow):
    return f"{cpu / SPINES / (DAYS / slow) * 1e9:8.0f} ns per spine-step"


def row(label, cpu, rest):
    print(f"  {label:46s} {cpu:7.2f} s  {DAYS / cpu:8.0f} days/s {rest}")


def preset_in_full(dynamics, quiet):
    """Print the preset with elimination, formation and all mechanisms but spontaneous activity."""
    print("ca1_slice in full but spontaneous activity and homeostasis (a pulse at an eliminated spine finds nothing)")
    for slow in (SLOW_DAY, 0.01):
        idle = measured(Case(dynamics, quiet, [], slow))
        row(f"no pulses, slow_day {slow}", idle.cpu, per_step(idle.cpu, slow))
    idle = measured(Case(dynamics, quiet, []))
    for label, kind, more in (("pulses", "uncaging", {"magnesium_free": True}), ("pairings", "pairing", {})):
        found = measured(Case(dynamics, quiet, trains(kind, **more)))
        share = (found.cpu - idle.cpu) / found.delivered * 1e9
        row(
            label, found.cpu, f"{share:8.0f} ns per event and its ticks; {found.delivered:,} came, {found.missed:,} not"
        )


def fields(free, known, ours):
    """Print what the spreading signals cost, by tick and node."""
    from spinula.engines.dendrite import branch

    nodes = len(branch(LENGTH).cable)
    print(f"spreading signals, {TICKS:,.0f} ticks of {TICK_S:g} s, {nodes} nodes: what they add")
    pulses, late = trains("uncaging", magnesium_free=True), trains("pairing", lead_s=-0.01)[::100]
    without = measured(Case(free, known["alone"], late))
    for label, mechanisms, events, base in (
        ("summed potentiation, below its threshold", "crowd", pulses, ours),
        ("the same above it: settled, acts on spines", "crowded", pulses, ours),
        ("shrinking signal: diffuses, acts on spines", "shrink", late, without),
    ):
        found = measured(Case(free, known[mechanisms], events))
        more = found.cpu - base.cpu
        row(label, found.cpu, f"{more / TICKS / nodes * 1e9:8.2f} ns per tick and node ({more / TICKS * 1e6:.1f} us)")


def spikes(free, known):
    """Print what spikes cost, which touch every spine."""
    from spinula.engines.dendrite import state

    print(f"pairings (glutamate at one spine, a spike for all {SPINES:,})")
    for label, mechanisms in (
        ("potentiation", "alone"),
        ("calcium rule", "calcium"),
        ("pair rule", "pair rule"),
    ):
        idle = measured(Case(free, known[mechanisms], []))
        found = measured(Case(free, known[mechanisms], trains("pairing")))
        count = int(((found.ops[:, state.CODE] == state.SPIKE) & (found.ops[:, state.TIME] <= DAYS * DAY)).sum())
        share = (found.cpu - idle.cpu) / count / SPINES * 1e9
        row(label, found.cpu, f"{share:8.1f} ns per spine-spike ({count:,} spikes)")


def limits(step_ns):
    """Print the physical limit of a spine-step: its random numbers, its exponential, its bytes."""
    import numba

    from spinula.engines import philox
    from spinula.engines.dendrite import state

    @numba.njit
    def scalar(count, bare):
        total, zero = 0.0, np.uint32(0)
        for i in range(count):
            words = philox.philox(np.uint32(i), zero, zero, zero, np.uint32(7), zero)
            if bare:
                total += words[0]
            else:
                normals = philox.normal_pair(words[0], words[1])
                total += math.expm1(0.05 * normals[0]) + normals[1]
        return total

    @numba.njit(fastmath=True)
    def tiles(numbers, words, normals, count):
        zero = np.uint32(0)
        for block in range(count):
            philox.fill_words(numbers, zero, np.uint32(block), zero, np.uint64(7), words, words.shape[1])
            philox.fill_normals(words, normals, words.shape[1])

    @numba.njit
    def stream(rows, count):
        for _ in range(count):
            for i in range(rows.shape[0]):
                for j in range(rows.shape[1]):
                    rows[i, j] *= 1.0000001

    lanes, rows = philox.LANES, np.ones((SPINES, state.SPINE))
    tile = (np.arange(lanes, dtype=np.uint32), np.empty((4, lanes), np.uint32), np.empty((4, lanes), np.float32))
    found = []
    work = (
        (lambda: scalar(10**6, True), 10**6),
        (lambda: scalar(10**6, False), 10**6),
        (lambda: tiles(*tile, 4000), 4000 * lanes),
        (lambda: stream(rows, 1000), 1000 * SPINES),
    )
    for run, count in work:
        run()
        found.append(statistics.median(timed(run) for _ in range(5)) / count * 1e9)
    print(f"limit of a spine-step ({step_ns:.0f} ns with the bridge): about 300 operations: two calls of Philox (80")
    print(
        f"  integer operations each), a normal, log, exp; a row of {8 * state.SPINE} bytes, in the second-level cache"
    )
    print(f"  ns: Philox alone {found[0]:.1f}; with two normals and an exponential, one by one, double {found[1]:.1f}")
    print(f"  ({step_ns / found[1]:.1f} x from it); in vectors, four normals of single precision {found[2]:.1f}")
    print(f"  ({step_ns / found[2]:.0f} x); reading and writing the whole row {found[3]:.1f}")


# -------------------------------------------------------------------------------------------------------------- Brian2

MODEL = """
settled : 1                                          # consolidated size and what is pending, together
dpending/dt = -pending/consolidation_time : 1 (event-driven)
dtransient/dt = -transient/transient_time : 1 (event-driven)
"""
ON_PRE = """
size_here = settled - pending
transient += clip(transient_gain*size_here/pulses, 0, transient_cap - transient)
more = consolidated_gain*size_here/pulses*exp(-size_here/size_scale)
pending += more
settled += more
"""
STEP = """
size_here = settled - pending*exp(-(t - lastupdate)/consolidation_time)
moved = (rate*(rest - size_here)/(slope*size_here) - 0.5*slope)*step_day + sqrt(step_day)*randn()
settled += size_here*(exp(slope*moved) - 1)
"""


def brian2_child(mode, source, days, scratch):
    """Run the protocol in Brian2 in this process; print CPU seconds to run and to build, and sizes, as JSON."""
    import brian2 as b2

    given = np.load(source)
    law, rule = json.loads(str(given["law"])), json.loads(str(given["rule"]))
    second, begun = b2.second, (time.process_time(), children())
    if mode == "cpp_standalone":
        b2.set_device("cpp_standalone", directory=str(Path(scratch) / "standalone"), build_on_run=False)
    b2.prefs.codegen.target = "cython" if mode == "cython" else "auto"
    b2.prefs.codegen.runtime.cython.cache_dir = str(Path(scratch) / "cython")
    b2.seed(1)
    space = {key: rule[key] for key in ("transient_gain", "transient_cap", "consolidated_gain", "size_scale", "pulses")}
    space |= {key: rule[key] * second for key in ("transient_time", "consolidation_time")}
    space |= {"rate": law["recovery_rate"], "rest": law["size_rest"], "slope": law["noise_slope"]}
    space["step_day"] = SLOW_DAY
    spines = b2.SpikeGeneratorGroup(SPINES, given["spine"], given["time"] * second, dt=CLOCK_S * second)
    synapses = b2.Synapses(spines, spines, MODEL, on_pre=ON_PRE, namespace=space, dt=CLOCK_S * second)
    synapses.connect(j="i")
    synapses.settled = given["start"]
    synapses.run_regularly(STEP, dt=SLOW_DAY * DAY * second)
    network, marks = b2.Network(spines, synapses), []

    def mark(elapsed, completed, start, duration):
        marks.append(time.process_time())

    if mode == "cython":
        network.run(days * DAY * second, report=mark, report_period=1e9 * second)
        built, run = marks[0] - begun[0], marks[-1] - marks[0]
    else:
        network.run(days * DAY * second)
        b2.device.build(directory=str(Path(scratch) / "standalone"), compile=True, run=False)
        middle = children()
        built = time.process_time() - begun[0] + middle - begun[1]
        times = [middle]
        for _ in range(ROUNDS):
            b2.device.run()
            times.append(children())
        run = statistics.median(np.diff(times))
    left = np.exp(-(days * DAY - np.asarray(synapses.lastupdate / second)) / rule["consolidation_time"])
    fade = np.exp(-(days * DAY - np.asarray(synapses.lastupdate / second)) / rule["transient_time"])
    size = np.asarray(synapses.settled) - np.asarray(synapses.pending) * left + np.asarray(synapses.transient) * fade
    print(json.dumps({"run": run, "built": built, "mean": float(size.mean()), "sd": float(size.std())}))


def children():
    """CPU seconds of the processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def on_clock(ops, days):
    """Return spines and times of the pulses on Brian2's clock, which takes one pulse for each spine and tick."""
    ops = ops[ops[:, 0] < days * DAY - CLOCK_S]
    pairs = np.unique(np.column_stack([ops[:, 2], np.round(ops[:, 0] / CLOCK_S)]).astype(np.int64), axis=0)
    return pairs[:, 0], pairs[:, 1] * CLOCK_S


def in_brian2(mode, found, law, scratch, days):
    """Run the pulses of a run of ours in Brian2, in a process of its own; return its JSON and the number of pulses."""
    spine, when = on_clock(found.ops, days) if len(found.ops) else (np.empty(0, int), np.empty(0))
    _, known = pieces()
    rule, source = known["alone"].potentiation.model_dump_json(), Path(scratch) / "given.npz"
    np.savez(source, spine=spine, time=when, start=found.start, law=law.model_dump_json(), rule=rule)
    command = [sys.executable, __file__, "--child", mode, str(source), str(days), scratch]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout.strip().splitlines()[-1]), len(spine)


def beside_brian2(free, known, runs, fraction):
    """Print Brian2's times, and whether both enlarge the spines by the same."""
    try:
        import brian2
    except ImportError as error:
        print(f"skipped Brian2: {error}")
        return
    ours, idle = runs
    days, scale = max(1, round(DAYS * fraction)), DAYS / max(1, round(DAYS * fraction))
    print(
        f"Brian2 {brian2.__version__}, the same protocol, clock {CLOCK_S:g} s, {days} of {DAYS} days"
        + (", scaled" * (scale != 1))
    )
    with tempfile.TemporaryDirectory() as scratch:
        for mode in ("cython", "cpp_standalone"):
            try:
                busy, count = in_brian2(mode, ours, free.law, scratch, days)
                still, _ = in_brian2(mode, idle, free.law, scratch, days)
            except RuntimeError as error:
                print(f"skipped Brian2 {mode}: {error}")
                continue
            event = max(busy["run"] - still["run"], 0.0) / count * 1e9
            ratio = busy["run"] * scale / ours.cpu
            row(mode, busy["run"] * scale, f"{event:8.0f} ns per spine-event; {ratio:.1f} x spinula's time")
            row(f"{mode}, no pulses", still["run"] * scale, per_step(still["run"] * scale, SLOW_DAY))
            print(
                f"    built in {busy['built']:.0f} s (CPU); {count:,} pulses; mean size {busy['mean']:.4f} +- ", end=""
            )
            print(f"{busy['sd'] / SPINES**0.5:.4f}, spinula {ours.size.mean():.4f} (day {days} against {DAYS})")
        same_work(free, known, scratch, days)


def same_work(free, known, scratch, days):
    """Print the mean enlargement in both with next to no noise: this must agree to the rounding of the clock."""
    calm = free.model_copy(update={"law": free.law.model_copy(update={"noise_slope": 1e-3})})
    means = []
    for events in (trains("uncaging", magnesium_free=True), []):
        found = once(Case(calm, known["alone"], events))
        try:
            theirs, _ = in_brian2("cython", found, calm.law, scratch, days)
        except RuntimeError as error:
            print(f"  same work: not compared: {error}")
            return
        means.append((found.size.mean(), theirs["mean"]))
    ours, theirs = (means[0][i] - means[1][i] for i in (0, 1))
    print(f"  same work, noise off: mean enlargement {ours:.5f} um3 here, {theirs:.5f} in Brian2", end="")
    print(f" ({100 * (theirs / ours - 1):+.1f} %)" + (" at different days" if days != DAYS else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the 30 days that Brian2 runs")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        mode, source, days, scratch = options.child
        return brian2_child(mode, source, int(days), scratch)
    (free, bounded), known = pieces()
    runs = plain(free, known)
    preset_in_full(bounded, known["quiet"])
    fields(free, known, runs[0])
    spikes(free, known)
    limits(measured(Case(bounded, known["alone"], [])).cpu / SPINES / (DAYS / SLOW_DAY) * 1e9)
    beside_brian2(free, known, runs, options.fraction)


if __name__ == "__main__":
    main()
