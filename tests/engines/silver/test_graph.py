"""Gaps of films whose gaps are known: stripes, discs, every pair of pixels; graphs from lists; electrodes."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import cdist

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.silver.electrodes import interdigitated, ring, stripes
from spinula.engines.silver.film.fields import spinodal
from spinula.engines.silver.graph import GapGraph
from spinula.engines.silver.islands import Film, _nearest, find_gaps

SHAPE = (160, 200)


def discs(gap, angle, radius=30.0):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    half = radius + gap / 2
    silver = np.zeros(SHAPE, bool)
    for sign in (-1, 1):
        silver |= np.hypot(x - 100 - sign * half * np.cos(angle), y - 80 - sign * half * np.sin(angle)) <= radius
    return Film(silver, 2.0)


def small_film(seed=3):
    return spinodal((128, 128), nm_per_px=1.0, wavelength=14.0, coverage=0.42, seed=seed)


def test_a_straight_gap_is_exact():
    silver = np.ones((50, 60), bool)
    silver[:, 20:27] = False
    graph, labels = find_gaps(Film(silver, 0.5), largest_gap=10)
    assert (graph.islands, graph.gaps) == (2, 1)
    assert graph.distance[0] == 7 * 0.5
    assert graph.width[0] == 50 * 0.5
    assert graph.area.tolist() == [50 * 20 * 0.25, 50 * 33 * 0.25]
    assert np.allclose(graph.position, [[5, 12.5], [21.75, 12.5]])
    assert labels.max() == 2


@pytest.mark.parametrize("angle", [0.0, 0.2, 0.5, np.pi / 4, 1.1])
def test_the_gap_of_two_discs_is_right_within_a_pixel(angle):
    graph, _ = find_gaps(discs(8.0, angle), largest_gap=40)
    assert graph.distance[0] == pytest.approx(16.0, abs=2.0)


def test_the_width_does_not_depend_on_the_direction():
    """A band across the film at any angle: its length is known, where the steps of a staircase are up to 1.41 times."""
    found = []
    y, x = np.mgrid[:301, :301] - 150.0
    for angle in (0.0, 0.3, np.pi / 4, 1.2):
        along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
        film = Film((np.abs(along) < 100) & (np.abs(across) > 5) & (np.abs(across) < 40), 1.0)
        graph, _ = find_gaps(film, largest_gap=30)
        found.append(graph.width[0])
    # At either end the front reaches beyond the edge by up to half the gap's distance, 10 px.
    assert 195 < min(found) <= max(found) < 220


def test_nearest_pixels_are_those_of_scipy():
    silver = small_film().silver
    silver[:, 40:70] = False  # columns without silver
    rows, columns = _nearest(silver)
    y, x = np.mgrid[:128, :128]
    want = ndimage.distance_transform_edt(~silver)
    assert silver[rows, columns].all()
    assert np.allclose(np.hypot(rows - y, columns - x), want)


def test_distances_are_those_of_all_pairs_of_pixels():
    """The front's smallest distance against brute force over all silver pixels of both islands."""
    film = small_film()
    graph, labels = find_gaps(film, largest_gap=8)
    places = [np.argwhere(labels == island + 1) for island in range(graph.islands)]
    brute = np.array([cdist(places[a], places[b]).min() - 1 for a, b in zip(graph.tail, graph.head, strict=True)])
    assert graph.gaps > 50
    assert (graph.distance >= brute - 1e-9).all()
    assert np.mean(graph.distance - brute < 1e-9) > 0.8
    assert (graph.distance - brute).max() < 1.0


def test_units_scale():
    film = small_film()
    one, _ = find_gaps(film, largest_gap=8)
    three, _ = find_gaps(Film(film.silver, 3.0), largest_gap=24)
    assert np.allclose(three.distance, 3 * one.distance)
    assert np.allclose(three.width, 3 * one.width)
    assert np.allclose(three.area, 9 * one.area)


def test_wider_gaps_are_left_out():
    film = small_film()
    near, _ = find_gaps(film, largest_gap=3)
    far, _ = find_gaps(film, largest_gap=9)
    assert near.distance.max() <= 3
    assert far.gaps > near.gaps


def test_degree_and_distances_of_a_film_are_those_of_the_prototype():
    """Islands of a planar film have nearly six neighbours (5.6 to 5.9 in the prototype; Euler: below 6)."""
    film = spinodal((512, 512), nm_per_px=1.0, wavelength=12.0, coverage=0.4, seed=1)
    graph, _ = find_gaps(film, largest_gap=60)
    assert 5.2 < 2 * graph.gaps / graph.islands < 6
    assert 2.0 < np.median(graph.distance) < 6.0


def test_a_written_graph_comes_back(tmp_path):
    film = small_film()
    graph, _ = find_gaps(film, largest_gap=8, electrodes=stripes(film.silver.shape, width=6))
    graph.write(tmp_path / "graph.npz")
    back = GapGraph.read(tmp_path / "graph.npz")
    assert np.array_equal(back.distance, graph.distance)
    assert np.array_equal(back.electrodes["left"], graph.electrodes["left"])
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(InvalidInputError, match="no gap graph"):
        GapGraph.read(tmp_path / "other.npz")


def test_component_keeps_what_joins_the_electrodes():
    ends = np.array([[0, 1], [2, 1], [3, 4], [5, 6], [6, 7], [7, 8], [8, 9]])
    graph = GapGraph.from_edges(ends, 2.0, 5.0, electrodes={"a": [0], "b": [2], "c": [3]})
    part = graph.component()
    assert (part.islands, part.gaps) == (3, 2)
    assert part.electrodes["b"].tolist() == [2]
    assert "c" not in part.electrodes
    with pytest.raises(InvalidInputError, match="no path"):
        GapGraph.from_edges(ends, 2.0, 5.0, electrodes={"a": [0], "c": [3]}).component()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ends": [[0, 0]]}, "itself"),
        ({"ends": [[0, 1], [1, 0]]}, "more than one gap"),
        ({"ends": [[-1, 1]]}, "tail < head"),
        ({"ends": [[0.5, 1]]}, "integers"),
        ({"distance": 0.0}, "distance"),
        ({"distance": np.nan}, "distance"),
        ({"width": -1.0}, "width"),
        ({"electrodes": {"a": [0], "b": [0]}}, "shorted"),
        ({"electrodes": {"a": [7]}, "position": np.zeros((2, 2)), "area": np.ones(2)}, "touches island 7"),
    ],
)
def test_lists_that_make_no_graph_are_refused(change, message):
    given = {"ends": [[0, 1]], "distance": 1.0, "width": 1.0, **change}
    with pytest.raises(InvalidInputError, match=message):
        GapGraph.from_edges(**given)


def test_films_without_gaps_are_refused():
    with pytest.raises(InvalidInputError, match="1 island"):
        find_gaps(Film(np.ones((9, 9), bool), 1.0), largest_gap=3)
    with pytest.raises(OutOfRangeError):
        find_gaps(small_film(), largest_gap=0.2)
    with pytest.raises(InvalidInputError, match="touches no silver"):
        find_gaps(small_film(), largest_gap=5, electrodes={"a": np.zeros((128, 128), bool)})
    with pytest.raises(InvalidInputError, match="shape"):
        find_gaps(small_film(), largest_gap=5, electrodes={"a": np.ones((5, 5), bool)})


def test_electrodes_have_the_areas_of_their_shapes():
    bars = stripes((100, 200), width=10)
    assert [int(mask.sum()) for mask in bars.values()] == [1000, 1000]
    pads = ring((300, 300), pads=16, size=20)
    assert len(pads) == 16
    assert all(mask.sum() == pytest.approx(np.pi * 100, rel=0.05) for mask in pads.values())
    assert np.argwhere(pads["pad_4"])[:, 0].mean() < 60  # against the clock: the fifth of sixteen is on top
    combs = interdigitated((200, 200), fingers=6, width=8)
    assert not (combs["left"] & combs["right"]).any()
    for mask in combs.values():
        assert ndimage.label(mask)[1] == 1


def test_electrodes_that_do_not_fit_are_refused():
    with pytest.raises(InvalidInputError, match="overlap"):
        stripes((100, 200), width=10, sides=("left", "top"))
    with pytest.raises(InvalidInputError, match="overlap"):
        ring((300, 300), pads=64, size=30)
    with pytest.raises(InvalidInputError, match="no side"):
        stripes((100, 200), width=10, sides=("west",))
    with pytest.raises(OutOfRangeError):
        interdigitated((50, 50), fingers=20, width=8)
