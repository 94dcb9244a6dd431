"""One full step of a silver network: assemble, factor, solve, move every gap; CPU milliseconds, medians, one thread.

Beside it, on the same networks and in the same run: SciPy's sparse direct solution with the assembly of its matrix
(what a Python program does that rebuilds the matrix at every step), alone, without any device; and mnns, if it is
installed, on wire networks of its own with as many junctions (one evaluation of its right-hand side, of which its
integrator needs several per step). Ratios are theirs over our full step.

The physical limit: a plane network's factor must be made anew whenever conductances change. On this pattern that is the
arithmetic that ``Gflop/s`` counts, and bytes that must come from memory; the last lines compare both with what this
core does at its best (a product of matrices, a copy of memory), measured in the same run. Small fronts, which are most
of the work up to 10^4 gaps, run at a small part of it.

    python benchmarks/bench_silver.py [--gaps 1e3 1e4 1e5] [--seconds 4] [--mnns-largest 2e4]
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import statistics
import time
from types import SimpleNamespace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve
from scipy.spatial import Delaunay

from spinula.engines.silver.device import Device
from spinula.engines.silver.solver import Drive
from spinula.engines.silver.spread import Spread
from spinula.law.silver import SilverGap

GOALS = {1_000: 0.25, 10_000: 3.0, 100_000: 70.0}


def planar(gaps, seed=0):
    """Return a random planar network of about that many gaps between two bus bars."""
    islands = int(gaps / 2.95)
    rng = np.random.default_rng(seed)
    position = rng.random((islands, 2))
    corners = Delaunay(position).simplices
    pairs = np.unique(np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), 1), axis=0)
    bar = 1 / np.sqrt(islands)
    pairs = pairs[np.linalg.norm(position[pairs[:, 0]] - position[pairs[:, 1]], axis=1) < 3 * bar]
    electrodes = {"left": np.flatnonzero(position[:, 0] < bar), "right": np.flatnonzero(position[:, 0] > 1 - bar)}
    distance = rng.lognormal(np.log(2.0), 0.2, len(pairs))
    return SimpleNamespace(
        position=position, tail=pairs[:, 0].copy(), head=pairs[:, 1].copy(), distance=distance, electrodes=electrodes
    )


def clock(work, seconds):
    """Return the CPU milliseconds of each call, for a while."""
    taken, end = [], time.perf_counter() + seconds
    while len(taken) < 5 or (time.perf_counter() < end and len(taken) < 2000):
        start = time.process_time()
        work()
        taken.append(1e3 * (time.process_time() - start))
    return taken


def with_scipy(device):
    """Return a function that solves the device's network as a plain program would."""
    graph, solver = device.graph, device.solver
    fixed = np.concatenate(list(graph.electrodes.values()))
    free = np.setdiff1d(np.flatnonzero(solver.connected), fixed)
    number = np.full(len(graph.position), -1)
    number[free] = np.arange(len(free))
    high = np.zeros(len(graph.position))
    high[graph.electrodes["left"]] = 1.0
    tail, head = number[graph.tail], number[graph.head]
    inner = (tail >= 0) & (head >= 0)

    def work():
        g = device.conductance
        diagonal, right = np.zeros(len(free)), np.zeros(len(free))
        for here, there in ((tail, graph.head), (head, graph.tail)):
            touches = here >= 0
            diagonal += np.bincount(here[touches], g[touches], len(free))
            right += np.bincount(here[touches], (g * high[there] * (number[there] < 0))[touches], len(free))
        a, b, w = tail[inner], head[inner], -g[inner]
        every = np.arange(len(free))
        rows, columns = np.concatenate([a, b, every]), np.concatenate([b, a, every])
        matrix = coo_matrix((np.concatenate([w, w, diagonal]), (rows, columns)), shape=(len(free),) * 2)
        return spsolve(matrix.tocsc(), right)

    return work


def measure(gaps, seconds):
    """Print one row; return what one step takes, ms, and what it must do at least."""
    graph = planar(gaps)
    start = time.process_time()
    device = Device(graph, SilverGap(), seed=1, spread=Spread(distance=0.1))
    setup = time.process_time() - start
    # High enough for gaps to switch, so that conductances come to span decades.
    drives = {"left": Drive(voltage=0.12 * np.sqrt(gaps)), "right": Drive(voltage=0.0)}
    for _ in range(5):
        device.step(drives, 5e-3)
    step = clock(lambda: device.step(drives, 1e-3), seconds)
    solver, shot = device.solver, device.solve(drives)
    factor = clock(lambda: solver.factor(device.conductance), seconds / 3)
    solve = clock(lambda: solver.solve(drives), seconds / 3)
    plain = clock(with_scipy(device), seconds) if gaps < 5e5 else None
    found = solver.residuals(solver.solve(drives))
    decades = np.log10(device.conductance.max() / device.conductance.min())
    middle = statistics.median
    usual = middle(plain) if plain else float("nan")
    speed = eliminations(solver.plan) / middle(factor) / 1e6
    print(
        f"{len(graph.tail):>9,d} {middle(step):9.3f} {min(step):8.3f} {middle(factor):8.3f} {middle(solve):7.3f} "
        f"{usual:9.2f} {usual / middle(step):6.1f} {setup:7.2f} {decades:8.1f} {found['node']:8.0e} {speed:8.2f} "
        f"{8 * solver.plan.panel[-1] / 1e6:7.1f}"
    )
    parts = np.array([parts_of(device, drives) for _ in range(15)])
    # Read and written once: the factor; each gap's conductance, drop, states (3 + 3), distance and two ends.
    traffic = 8.0 * (2 * solver.plan.panel[-1] + 11 * len(graph.tail))
    work = {"step": middle(step), "parts": np.median(parts, axis=0), "flop": eliminations(solver.plan),
            "bytes": traffic}  # fmt: skip
    goal = next((limit for size, limit in GOALS.items() if 0.8 < gaps / size < 1.25), None)
    if goal is not None:
        print(f"{'':9s} goal {goal:g} ms: {'met' if middle(step) <= goal else 'missed'}; "
              f"{len(step)} steps, voltages of {np.isfinite(shot.voltage).sum():,d} islands")  # fmt: skip
    return work


def parts_of(device, drives):
    """Take a step and return what its four parts took, ms: factor, solve, move of all gaps, account."""
    stamps = [time.process_time()]
    device.solver.factor(device.conductance)
    stamps.append(time.process_time())
    solution = device.solver.solve(drives)
    stamps.append(time.process_time())
    moved = device._move(device.state, solution.drop, 1e-3)
    stamps.append(time.process_time())
    device._take(solution, drives, 1e-3, moved)
    stamps.append(time.process_time())
    return 1e3 * np.diff(stamps)


def limits(works):
    """Print how far each size is from what arithmetic and memory allow on this core."""
    rng = np.random.default_rng(0)
    one, other = rng.random((600, 600)), rng.random((600, 600))
    product = 2 * 600**3 / min(clock(lambda: one @ other, 1.0)) / 1e6
    large, copied = rng.random(8_000_000), np.empty(8_000_000)
    copy = 16 * len(large) / min(clock(lambda: np.copyto(copied, large), 1.0)) / 1e6
    print(
        f"this core: {product:.1f} Gflop/s in a product of matrices, {copy:.1f} GB/s in a copy (both best of a second)"
    )
    print(f"{'gaps':>9s} {'factor':>8s} {'solve':>8s} {'move':>8s} {'account':>8s}   at least: arithmetic, bytes [ms]")
    for gaps, work in works.items():
        print(f"{gaps:>9,d} {' '.join(f'{part:8.3f}' for part in work['parts'])}   "
              f"{work['flop'] / product / 1e6:8.3f} {work['bytes'] / copy / 1e6:8.3f}")  # fmt: skip


def eliminations(plan):
    """Return the multiplications and additions that the elimination needs on this pattern, without any padding."""
    columns, height = np.diff(plan.own).astype(float), np.diff(plan.border).astype(float)
    # Column j of a front touches the pairs of all rows behind it: one multiplication, one addition each.
    total = 0.0
    for c, h in zip(columns, height, strict=True):
        behind = h + np.arange(c)
        total += float((behind * (behind + 1)).sum())
    return total


def with_mnns(gaps, seconds, ours):
    """Print what one evaluation of mnns's right-hand side takes, if mnns is installed, and its ratio to our step."""
    try:
        import mnns
    except ImportError:
        print("mnns is not installed: skipped")
        return
    from mnns.models import HP_model

    side = float(np.sqrt(gaps / 65))  # its own density, 0.3 wires per um2 of 7 um
    network = mnns.create_NWN(shape=(side, side), seed=1)
    left, right = mnns.add_electrodes(network, "left", "right")
    network.state_vars = ["x"]
    state = np.full(network.n_wire_junctions, 0.05)
    network.set_state_var("x", state)
    network.resistance_function = "linear"
    taken = clock(lambda: HP_model(0.0, state, network, left, right, lambda t: 1.0, lambda x: 1.0), seconds)
    middle = statistics.median(taken)
    print(f"{len(state):>9,d} {middle:9.2f} mnns {mnns.__version__}, one right-hand side of its HP law; over our full "
          f"step of {gaps:,d} gaps: {middle / ours:.1f}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gaps", type=float, nargs="+", default=[1e3, 1e4, 1e5])
    parser.add_argument("--seconds", type=float, default=4.0, help="per figure")
    parser.add_argument("--mnns-largest", type=float, default=2e4, help="gaps; it takes a minute to build 10^5")
    options = parser.parse_args()
    measure_quietly_first()
    head = ("gaps", "step", "least", "factor", "solve", "SciPy", "ratio", "setup s")
    head += ("decades", "KCL", "Gflop/s", "L MB")
    widths = (9, 9, 8, 8, 7, 9, 6, 7, 8, 8, 8, 7)
    print(" ".join(f"{name:>{width}s}" for name, width in zip(head, widths, strict=True)))
    works = {int(gaps): measure(int(gaps), options.seconds) for gaps in options.gaps}
    limits(works)
    for gaps, work in works.items():
        if gaps <= options.mnns_largest:
            with_mnns(gaps, options.seconds, work["step"])
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def measure_quietly_first():
    """Compile everything before the clock runs."""
    device = Device(planar(300), SilverGap(), seed=1)
    device.step({"left": Drive(voltage=1.0), "right": Drive(voltage=0.0)}, 1e-3)


if __name__ == "__main__":
    main()
