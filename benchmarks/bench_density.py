"""The density engine beside fplanck on one problem: error of the stationary law against CPU time.

Linear law without a boundary; its stationary law is an inverse gamma in closed form. fplanck wants a constant
diffusion, so that it is given the same law in the additive coordinate.

    python benchmarks/bench_density.py
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from spinula.engines.density import Density
from spinula.law import Boundary, Dynamics, LinearLaw

LAW = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.002)


def ours(cells):
    edges, mass = Density(Dynamics(law=LAW), cells=cells).stationary()
    return np.abs(np.concatenate([[0], np.cumsum(mass)]) - LAW.stationary().cdf(edges)).max()


def fplanck_error(cells):
    import fplanck
    from scipy.constants import k

    # y in sqrt(day), unit diffusion 1/2: drift force b(y) with unit drag and temperature 1/2.
    slope, floor = LAW.noise_slope, LAW.noise_floor
    low, high = np.log(slope * 1e-5 + floor) / slope, np.log(slope * 6.0 + floor) / slope
    resolution = (high - low) / cells
    middle = 0.5 * (low + high)

    def force(y):
        size = (np.exp(slope * (y + middle)) - floor) / slope
        return LAW.drift(size) / LAW.spread(size) - 0.5 * slope

    temperature = 0.5 / k
    model = fplanck.fokker_planck(temperature=temperature, drag=1, extent=high - low, resolution=resolution,
                                  boundary=fplanck.boundary.reflecting, force=force)  # fmt: skip
    mass = model.steady_state()
    centres = model.grid[0] + middle
    edges = np.concatenate([centres - resolution / 2, [centres[-1] + resolution / 2]])
    cumulative = np.concatenate([[0], np.cumsum(mass / mass.sum())])
    return np.abs(cumulative - LAW.stationary().cdf((np.exp(slope * edges) - floor) / slope)).max()


def timed(function, cells, rounds=5):
    found, error = [], 0.0
    for _ in range(rounds):
        start = time.process_time()
        error = function(cells)
        found.append(time.process_time() - start)
    return error, statistics.median(found)


def main():
    rows = [("spinula", ours, cells) for cells in (200, 800, 3200)]
    try:
        import fplanck  # noqa: F401

        # fplanck 1.0.2 calls a name that NumPy 2 has dropped.
        vars(np).setdefault("product", np.prod)
        rows += [("fplanck", fplanck_error, cells) for cells in (200, 800, 3200)]
    except ImportError as error:
        print(f"skipped fplanck: {error}")
    print("stationary law of the linear law: largest error of the CDF, median CPU seconds of 5")
    for name, function, cells in rows:
        error, seconds = timed(function, cells)
        product = error * seconds
        print(f"  {name:8s} {cells:5d} cells   error {error:.1e}   {seconds:.4f} s   error x seconds {product:.1e}")
    dynamics = Dynamics(law=LAW, boundary=Boundary(size_min=0.02, size_new=0.03))
    questions = {
        "turnover rate": lambda d: d.turnover_rate(),
        "turnover ratio over 4 days": lambda d: d.turnover_ratio(4.0),
        "survival, 4 sizes, 100 days": lambda d: d.survival([0.03, 0.05, 0.1, 0.3], np.arange(100.0)),
        "relaxation over 10 days": lambda d: d.relax(d.point_mass(0.1), 10.0),
    }
    print("answers with a boundary, 800 cells, everything from scratch, CPU seconds:")
    for name, ask in questions.items():
        start = time.process_time()
        ask(Density(dynamics))
        print(f"  {name:30s} {time.process_time() - start:.3f}")


if __name__ == "__main__":
    main()
