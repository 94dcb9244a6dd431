"""A film of silver becomes a gap graph: wall seconds, median of 5, compiled, beside plain NumPy and SciPy.

The peer does the same with SciPy's distance transform and a sort of the fronts; both must find the same gaps.

python benchmarks/bench_silver_graph.py
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from scipy import ndimage

from spinula.engines.silver.film.fields import spinodal
from spinula.engines.silver.islands import find_gaps

GOAL = {1024: 1.0}  # s


def peer(silver, largest):
    """Return the smallest distance of each pair of neighbouring islands, by whole-array operations."""
    labels, count = ndimage.label(silver, structure=np.ones((3, 3)))
    rows, columns = ndimage.distance_transform_edt(~silver, return_distances=False, return_indices=True)
    zone = labels[rows, columns]
    ndimage.center_of_mass(silver, labels, np.arange(1, count + 1))
    keys, distances = [], []
    for one, two in (((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
                     ((slice(None, -1), slice(None)), (slice(1, None), slice(None)))):  # fmt: skip
        meet = zone[one] != zone[two]
        a, b = zone[one][meet].astype(np.int64), zone[two][meet].astype(np.int64)
        keys.append(np.minimum(a, b) * (count + 1) + np.maximum(a, b))
        distances.append(np.hypot(*(index[one][meet] - index[two][meet] for index in (rows, columns))) - 1)
    key, distance = np.concatenate(keys), np.concatenate(distances)
    key, distance = key[distance <= largest], distance[distance <= largest]
    pairs, gap = np.unique(key, return_inverse=True)
    least = np.full(len(pairs), np.inf)
    np.minimum.at(least, gap, distance)
    return least


def clock(call):
    call()
    found = []
    for _ in range(5):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def main():
    for size in (512, 1024, 2048):
        film = spinodal((size, size), nm_per_px=1.0, wavelength=12.0, coverage=0.4, seed=1)
        graph, _ = find_gaps(film, largest_gap=20)
        other = peer(film.silver, 20)
        # SciPy may break ties between nearest pixels in another way: that moves few gaps.
        same = (
            abs(len(other) - graph.gaps) <= 0.01 * graph.gaps
            and abs(np.median(other) - np.median(graph.distance)) < 0.3
        )
        ours, theirs = (
            clock(lambda film=film: find_gaps(film, largest_gap=20)),
            clock(lambda film=film: peer(film.silver, 20)),
        )
        goal = f"   goal {GOAL[size]} s" if size in GOAL else ""
        print(
            f"  {size:5d}^2  {graph.islands:6d} islands {graph.gaps:7d} gaps   spinula {ours:6.3f} s   "
            f"NumPy/SciPy {theirs:6.3f} s   same gaps: {same}{goal}"
        )


if __name__ == "__main__":
    main()
