"""Test networks that need no film: grids, random planar graphs, a chain; plain objects with the graph's fields."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial import Delaunay


def network(position, pairs, electrodes, distance=2.0):
    pairs = np.sort(np.asarray(pairs, np.int64).reshape(-1, 2), axis=1)
    distance = np.broadcast_to(np.asarray(distance, float), (len(pairs),)).copy()
    return SimpleNamespace(
        position=np.asarray(position, float), tail=pairs[:, 0].copy(), head=pairs[:, 1].copy(), distance=distance,
        electrodes={name: np.asarray(members, np.int64) for name, members in electrodes.items()},
    )  # fmt: skip


def planar(islands, seed=0, pads=2):
    """Random planar network between two bus bars (2), or with four pads at the corners as well (6)."""
    rng = np.random.default_rng(seed)
    position = rng.random((islands, 2))
    corners = Delaunay(position).simplices
    pairs = np.unique(np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), 1), axis=0)
    length = np.linalg.norm(position[pairs[:, 0]] - position[pairs[:, 1]], axis=1)
    pairs = pairs[length < 3 / np.sqrt(islands)]
    bar = 1 / np.sqrt(islands)
    electrodes = {
        "left": np.flatnonzero(position[:, 0] < bar),
        "right": np.flatnonzero(position[:, 0] > 1 - bar),
    }
    middle = np.flatnonzero((position[:, 0] > 0.25) & (position[:, 0] < 0.75))
    for number in range(pads - 2):
        spot = np.array([0.35 + 0.3 * (number % 2), 0.2 + 0.6 * (number // 2)])
        near = middle[np.argsort(((position[middle] - spot) ** 2).sum(1))]
        electrodes[f"pad{number}"] = near[:3]
    return network(1000 * position, pairs, electrodes, rng.lognormal(np.log(2.0), 0.2, len(pairs)))


def chain(gaps, distance=2.0):
    """A row of gaps between two electrodes."""
    pairs = np.column_stack([np.arange(gaps), np.arange(1, gaps + 1)])
    position = np.column_stack([np.arange(gaps + 1.0), np.zeros(gaps + 1)])
    return network(position, pairs, {"left": [0], "right": [gaps]}, distance)


@pytest.fixture
def make_network():
    return network


@pytest.fixture
def make_planar():
    return planar


@pytest.fixture
def make_chain():
    return chain


@pytest.fixture(autouse=True)
def _every_solve(checked_solves):
    """No test of this folder gets a solution that breaks a law of circuits."""
