"""How time and memory of truly sparse training grow with the number of connections: 784-h-10, ten connections per unit.

Each size runs in a process of its own, so that its peak memory is known; steps of 64 samples of random data by the
spine rule, with rewiring and without, on one thread. Prints a table, and draws it with --figure FILE.svg.

    python benchmarks/bench_sparse_growth.py [--hidden 500 5000 ...] [--figure growth.svg]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

HIDDEN = [500, 5_000, 50_000, 500_000, 1_000_000]
FAN, BATCH = 10, 64


def one(hidden):
    """Return connections, milliseconds per step with and without rewiring, replaced per step, and peak memory."""
    import numba
    import numpy as np

    from spinula.engines.sparse import fused
    from spinula.engines.sparse.perceptron import Perceptron
    from spinula.engines.sparse.rules import rule

    numba.set_num_threads(1)
    steps = max(3, min(200, 2_000_000 // hidden))
    generator = np.random.default_rng(0)
    images = generator.standard_normal((steps * BATCH, 784)).astype(np.float32)
    labels, order = generator.integers(0, 10, steps * BATCH), np.arange(steps * BATCH)
    chosen = rule("spine", FAN / 784)
    network = Perceptron([784, hidden, 10], [FAN / 784, 1.0], chosen, seed=1, batch=BATCH)
    row = {"hidden": hidden, "connections": int(network.flat.row_count.sum())}
    rates = np.full(steps, chosen.rate)
    for name, rewire in (("still", False), ("rewired", True)):
        arguments = (network.flat, network.work, images, labels)
        fused.train(*arguments, order[: 2 * BATCH], rates[:2], chosen.numbers(), 0, rewire)
        begun = time.process_time()
        *_, lost = fused.train(*arguments, order, rates, chosen.numbers(), 2, rewire)
        row[name] = (time.process_time() - begun) / steps * 1e3
    row["replaced"] = lost / steps
    row["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return row


def draw(rows, path):
    """Draw time and memory against connections, with lines of slope 1."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib.figure import Figure

    from spinula.faces import figures

    with figures.style():
        figure = Figure(figsize=(8.2, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        x = [row["connections"] for row in rows]
        for name, label in (("still", "fixed connections"), ("rewired", "rewired at every step")):
            left.loglog(x, [row[name] for row in rows], "o-", markersize=4, label=label)
        left.loglog(x, [rows[2]["still"] * c / x[2] for c in x], ":", color="0.5", label="in proportion")
        left.set(xlabel="connections", ylabel="time of a step [ms]")
        left.legend()
        base = rows[0]["megabytes"]
        right.loglog(
            x[1:], [row["megabytes"] - base for row in rows[1:]], "o-", markersize=4, label="peak, above the smallest"
        )
        right.loglog(
            x[1:], [(rows[3]["megabytes"] - base) * c / x[3] for c in x[1:]], ":", color="0.5", label="in proportion"
        )
        right.set(xlabel="connections", ylabel="memory [MB]")
        right.legend()
        figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden", type=int, nargs="+", default=HIDDEN)
    parser.add_argument("--figure")
    parser.add_argument("--one", type=int)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(one(chosen.one)))
        return
    rows = []
    print("hidden    connections   still [ms]   rewired [ms]   replaced/step   peak [MB]   ns per connection and step")
    for hidden in chosen.hidden:
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(hidden)], capture_output=True, text=True, check=True
        )
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        print(
            f"{hidden:9d} {row['connections']:11d} {row['still']:12.2f} {row['rewired']:14.2f} {row['replaced']:15.0f} "
            f"{row['megabytes']:11.0f} {1e6 * row['still'] / row['connections']:12.1f}",
            flush=True,
        )
    if chosen.figure:
        draw(rows, chosen.figure)


if __name__ == "__main__":
    main()
