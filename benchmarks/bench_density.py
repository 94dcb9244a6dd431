"""The density engine beside fplanck on one problem, in one process: error against CPU time.

The linear law without a boundary: its stationary law is an inverse gamma in closed form. fplanck wants a constant
diffusion, so it is handed the law in our additive coordinate, on a range that leaves out 1e-9 of the spines at either
end, once as a force and once as a potential. It has no absorbing boundary: elimination, survival and turnover are
asked of the density engine alone.

    python benchmarks/bench_density.py [--json]
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from spinula.engines.density import Density
from spinula.law import Boundary, Dynamics, LinearLaw

LAW = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.002)
SLOPE, FLOOR = LAW.noise_slope, LAW.noise_floor
TRUTH = LAW.stationary()
LOW, HIGH = (float(np.log(SLOPE * size + FLOOR) / SLOPE) for size in (TRUTH.ppf(1e-9), TRUTH.isf(1e-9)))
CELLS = (200, 800, 3200)
ROUNDS = 7


def ours(cells):
    """Return the edges of the cells (um3) and the share in each."""
    return Density(Dynamics(law=LAW), cells=cells).stationary()


def size_of(y):
    return (np.exp(SLOPE * (y + 0.5 * (LOW + HIGH))) - FLOOR) / SLOPE


def force(y):
    """Drag 1 and temperature 1/2 make fplanck's equation ours: dy = force dt + dW."""
    size = size_of(y)
    return LAW.drift(size) / LAW.spread(size) - 0.5 * SLOPE


def potential(y):
    """Minus the integral of the force, in closed form."""
    offset, ratio = FLOOR / SLOPE, LAW.recovery_rate / SLOPE**2
    return ratio * (LAW.size_rest + offset) / (size_of(y) + offset) + (ratio + 0.5) * SLOPE * y


def load_peer():
    """Return fplanck's solver, or None with a line that says why it is skipped."""
    try:
        if version("fplanck") < "1":
            # Releases for Python 3.11 call a name that NumPy 2 has dropped.
            vars(np).setdefault("product", np.prod)
            from fplanck import fokker_planck as solver
        else:
            from fplanck.solver import FokkerPlanck as solver
    except (ImportError, PackageNotFoundError) as error:
        print(f"skipped fplanck: {error} (pip install --requirement benchmarks/peers.txt)", file=sys.stderr)
        return None
    return solver


def peer(solver, **drift):
    """Return a function of the number of cells like ``ours``."""
    from scipy.constants import k

    def solve(cells):
        resolution = (HIGH - LOW) / cells
        # A hair less than the range, which fplanck rounds up to whole cells.
        extent = (HIGH - LOW) * (1 - 1e-9)
        model = solver(temperature=0.5 / k, drag=1.0, extent=extent, resolution=resolution, **drift)
        mass = model.steady_state()
        return size_of(np.append(model.grid[0] - resolution / 2, model.grid[0][-1] + resolution / 2)), mass

    return solve


def timed(name, function, cells):
    """Return one row: the largest error of the distribution function and the median CPU time."""
    function(cells)
    found = []
    for _ in range(ROUNDS):
        start = time.process_time()
        edges, mass = function(cells)
        found.append(time.process_time() - start)
    error = np.abs(np.concatenate([[0], np.cumsum(mass)]) - TRUTH.cdf(edges)).max()
    return {"method": name, "cells": len(mass), "error": float(error), "cpu_s": statistics.median(found)}


def answers():
    """Return the CPU seconds of each question with a boundary, everything from scratch."""
    dynamics = Dynamics(law=LAW, boundary=Boundary(size_min=0.02, size_new=0.03))
    questions = {
        "stationary density": lambda d: d.stationary(),
        "turnover rate": lambda d: d.turnover_rate(),
        "turnover ratio over 4 days, with a floor": lambda d: d.turnover_ratio(4.0, size_floor=0.04),
        "survival, 4 sizes, 100 days": lambda d: d.survival([0.03, 0.05, 0.1, 0.3], np.arange(100.0)),
        "first passage, 4 sizes, 100 days": lambda d: d.first_passage([0.03, 0.05, 0.1, 0.3], np.arange(100.0)),
        "mean lifetime, 4 sizes": lambda d: d.mean_lifetime([0.03, 0.05, 0.1, 0.3]),
        "relaxation over 10 days": lambda d: d.relax(d.point_mass(0.1), 10.0),
    }
    found = {}
    for name, ask in questions.items():
        times = []
        for _ in range(3):
            start = time.process_time()
            ask(Density(dynamics))
            times.append(time.process_time() - start)
        found[name] = statistics.median(times)
    return found


def main():
    solver = load_peer()
    kinds = {"spinula": ours}
    if solver is not None:
        kinds[f"fplanck {version('fplanck')}, force"] = peer(solver, force=force)
        kinds[f"fplanck {version('fplanck')}, potential"] = peer(solver, potential=potential)
    rows = [timed(name, function, cells) for cells in CELLS for name, function in kinds.items()]
    for index, row in enumerate(rows):
        own = rows[index - index % len(kinds)]
        # Accuracy per second against ours at as many cells: above 1, we are better.
        row["ratio"] = row["error"] * row["cpu_s"] / (own["error"] * own["cpu_s"])
    seconds = answers()
    if "--json" in sys.argv:
        print(json.dumps({"schema_version": 1, "rows": rows, "answers_cpu_s": seconds}))
        return
    print(f"stationary law: largest error of the distribution function, median CPU seconds of {ROUNDS}")
    print(f"{'method':28} {'cells':>5} {'error':>8} {'CPU s':>8} {'error x s':>9} {'against ours':>12}")
    for row in rows:
        print(
            f"{row['method']:28} {row['cells']:5d} {row['error']:8.1e} {row['cpu_s']:8.4f} "
            f"{row['error'] * row['cpu_s']:9.1e} {row['ratio']:12.1f}"
        )
    print("answers with a boundary, 800 cells, everything from scratch, CPU seconds (median of 3):")
    for name, value in seconds.items():
        print(f"  {name:42s} {value:.3f}")


if __name__ == "__main__":
    main()
