"""Films against closed forms and published facts: coverage, Euler numbers, coarsening, percolation of wires."""

import itertools

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.special import ndtr, ndtri

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.silver.film import deposits, fields
from spinula.engines.silver.islands import Film, find_gaps, label

SHAPE = (512, 512)


def spinodal(coverage, seed=0, wavelength=32.0, shape=SHAPE):
    return fields.spinodal(shape, nm_per_px=1.0, wavelength=wavelength, coverage=coverage, seed=seed)


def test_the_field_has_variance_one_and_a_peak_at_its_wavelength():
    drawn = [fields.gaussian_field(SHAPE, wavelength=32, bandwidth=0.15, seed=seed) for seed in range(8)]
    assert np.mean([field.var() for field in drawn]) == pytest.approx(1, abs=0.05)
    power = np.mean([np.abs(np.fft.rfft2(field)) ** 2 for field in drawn], axis=0)
    waves = 2 * np.pi * np.hypot(np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512)[None, :])
    assert 2 * np.pi / ((power * waves).sum() / power.sum()) == pytest.approx(32, rel=0.06)


@pytest.mark.parametrize("coverage", [0.3, 0.5, 0.7])
def test_coverage_is_what_was_asked_for(coverage):
    found = [spinodal(coverage, seed).coverage for seed in range(10)]
    assert np.mean(found) == pytest.approx(coverage, abs=0.01)


def adler(level, slope):
    """Expected Euler number of a field cut at a level, in a 512 x 512 window: area, edges and corners (Adler 1981)."""
    bell = np.exp(-(level**2) / 2)
    area = slope * level * bell / (2 * np.pi) ** 1.5 * 512**2
    return area + np.sqrt(slope) * bell / (2 * np.pi) * 1024 + ndtr(-level)


@pytest.mark.parametrize("coverage", [0.3, 0.5, 0.7])
def test_euler_number_of_a_cut_field_is_adlers(coverage):
    drawn = [fields.gaussian_field(SHAPE, wavelength=32, bandwidth=0.15, seed=seed) for seed in range(8)]
    slope = np.mean([np.gradient(field)[0].var() for field in drawn])
    found = np.mean([spinodal(coverage, seed).euler() for seed in range(8)])
    assert found == pytest.approx(adler(-ndtri(coverage), slope), abs=8)  # of 256 cells


def test_euler_number_of_plain_figures():
    silver = np.zeros((20, 20), bool)
    silver[2:8, 2:8] = True
    silver[4:6, 4:6] = False
    silver[12:15, 12:15] = True
    assert Film(silver, 1.0).euler() == 1  # two islands, one hole


def test_thin_films_are_bicontinuous_and_thick_ones_have_holes():
    """Silver on silica: bicontinuous at 2 to 9.5 nm, regular holes at 11.5 to 20 nm (arXiv 1002.2133).

    Told by the Euler number per square wavelength: near 0 for a symmetric labyrinth, negative for a film with holes,
    positive for islands, the negative control.
    """
    cell = (512 / 32) ** 2
    edges = 24 / cell  # what the edges of the window add: see adler()
    labyrinth = np.mean([spinodal(0.5, seed).euler() for seed in range(8)]) / cell - edges
    film_with_holes = fields.holes(SHAPE, nm_per_px=1.0, density=800, radius=8, seed=0)
    islands = spinodal(0.3, 1).euler() / cell
    assert abs(labyrinth) < 0.08
    assert film_with_holes.euler() < -50
    assert label(film_with_holes.silver)[1] < 5
    assert islands > 0.2


def test_holes_cover_what_poisson_says():
    """The silver that independent discs leave: exp(-density * mean area)."""
    found = [fields.holes(SHAPE, nm_per_px=2.0, density=250, radius=20, seed=s, spread=0.3).coverage for s in range(10)]
    want = np.exp(-250e-6 * np.pi * 20**2 * np.exp(2 * 0.3**2))
    assert np.mean(found) == pytest.approx(want, rel=0.03)


def start(coverage, size, seed=0):
    noise = np.random.default_rng(seed).standard_normal((size, size)) * 0.05
    return 2 * coverage - 1 + noise - noise.mean()


def test_separation_keeps_its_mass_and_never_gains_energy():
    moments = list(itertools.islice(fields.separate(start(0.4, 96), dt=0.5, every=20), 30))
    assert max(abs(m.concentration.mean() + 0.2) for m in moments) < 1e-12
    assert np.diff([m.energy for m in moments]).max() <= 1e-12
    assert moments[-1].energy < 0.6 * moments[0].energy
    assert np.abs(moments[-1].concentration).max() < 1.15


def test_a_flat_interface_has_the_shape_of_a_tanh():
    """At rest c = tanh(x / sqrt 2): the scale of lengths that the equation promises."""
    x = np.arange(128) - 31.5
    first = np.where(np.abs(x - 32) < 32, 1.0, -1.0)[None, :] * np.ones((8, 1))
    last = next(itertools.islice(fields.separate(first, dt=0.2, every=1000), 1, None)).concentration[0]
    place = np.interp(0, last[16:48], x[16:48])
    near = np.abs(x - place) < 8
    assert np.abs(last[near] - np.tanh((x[near] - place) / np.sqrt(2))).max() < 0.05


def relaxation_rate(wavelength, *, dt, last):
    """The rate at which the waves of two parallel interfaces, a wavelength apart, flatten out."""
    x, y = np.arange(wavelength), np.arange(2 * wavelength)[:, None] + 0.5
    wave = np.cos(2 * np.pi * x / wavelength)
    low, high = wavelength / 2 + 1.5 * wave, 1.5 * wavelength + 1.5 * wave
    first = np.tanh(np.minimum(y - low, high - y) / np.sqrt(2))
    times, heights = [], []
    for moment in itertools.islice(fields.separate(first, dt=dt, every=round(last / 10 / dt)), 2, 11):
        c = moment.concentration[:wavelength]
        above = (c > 0).argmax(axis=0)
        inside, outside = c[above, x], c[above - 1, x]
        place = above - 1 - outside / (inside - outside)
        times.append(moment.time)
        heights.append(2 * np.mean(place * wave))
    return -np.polyfit(times, np.log(heights), 1)[0]


def test_interfaces_relax_with_the_cube_of_the_wave_number():
    """The law behind coarsening: a structure of twice the size takes eight times as long, so length ~ time^(1/3).

    Sharp interfaces of tension s = 2 sqrt(2)/3 with a step of 2 in concentration flatten at the rate (s/2) q^3
    (Mullins and Sekerka). An exponent read off a film that separates from noise is no such test: it grows by 0.28 at
    lengths of 14 to 28 px, where an offset of 4 px alone lowers 1/3 to that.
    """
    rates = [relaxation_rate(32, dt=0.25, last=100), relaxation_rate(64, dt=0.25, last=600)]
    assert np.log2(rates[0] / rates[1]) == pytest.approx(3.0, abs=0.1)
    for wavelength, rate in zip((32, 64), rates, strict=True):
        sharp = np.sqrt(2) / 3 * (2 * np.pi / wavelength) ** 3
        assert rate == pytest.approx(sharp, rel=0.15)


def test_cahn_hilliard_reaches_the_length_it_was_asked_for():
    film = fields.cahn_hilliard((128, 128), nm_per_px=2.0, wavelength=40.0, coverage=0.5, seed=1)
    power = np.abs(np.fft.fft2(film.silver - film.coverage)) ** 2
    waves = 2 * np.pi * np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)[None, :])
    inside = waves < 0.9
    assert 2 * np.pi / ((power * waves)[inside].sum() / power[inside].sum()) == pytest.approx(20, rel=0.15)
    assert film.coverage == pytest.approx(0.5, abs=0.03)


def test_particles_lie_free_in_the_gaps():
    film = spinodal(0.4, 2)
    more = deposits.add_particles(film, density=2000, diameter=5, seed=4, clearance=1.0)
    before, after = label(film.silver)[1], label(more.silver)[1]
    assert after - before > 100  # every particle is an island of its own: none touches silver
    assert (more.silver & film.silver).sum() == film.silver.sum()
    added = more.silver & ~film.silver
    sizes = np.bincount(label(added)[0].ravel())[1:]
    assert len(sizes) == after - before
    assert np.median(np.sqrt(4 * sizes / np.pi)) == pytest.approx(5, rel=0.15)
    assert find_gaps(more, largest_gap=20)[0].distance.min() >= 1.0


def test_particles_make_two_sizes_of_island():
    """Bimodal films hold small particles between agglomerates (doi 10.1186/s11671-023-03906-5); bare films do not."""
    film = spinodal(0.45, 5)
    more = deposits.add_particles(film, density=2000, diameter=4, seed=1)
    share = [np.mean(find_gaps(f, largest_gap=20)[0].area < 40) for f in (film, more)]
    assert share[1] > 0.4
    assert share[0] < 0.15


def spans(wires, side):
    pairs = deposits.cross(wires)
    _, part = connected_components(
        coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(wires), len(wires))), directed=False
    )
    x = wires[:, [0, 2]]
    return bool(np.intersect1d(part[x.min(axis=1) <= 0], part[x.max(axis=1) >= side]).size)


def test_wires_percolate_at_the_published_density():
    """Sticks of length L percolate at n L^2 = 5.637 (0.115 per um2 at 7 um: arXiv 2512.12005)."""
    side, length, thresholds = 84.0, 7.0, []
    for seed in range(60):
        wires = deposits.lay_wires(side=side, density=0.17, length=length, seed=seed)
        few, many = 0, len(wires)
        while many - few > 4:
            middle = (few + many) // 2
            few, many = (few, middle) if spans(wires[:middle], side) else (middle, many)
        thresholds.append(many / side**2)
    assert np.median(thresholds) * length**2 == pytest.approx(5.637, rel=0.03)


def test_crossings_have_the_expected_number():
    """Two random sticks in an area A cross with the chance 2 L^2 / (pi A)."""
    wires = deposits.lay_wires(side=100, density=0.2, length=5, seed=1)
    want = len(wires) ** 2 / 2 * 2 * 25 / (np.pi * 100**2)
    assert len(deposits.cross(wires)) == pytest.approx(want, rel=0.1)


def test_a_cross_of_two_wires():
    wires = np.array([[0.0, 0, 2, 2], [0, 2, 2, 0], [5, 5, 6, 6]])
    assert deposits.cross(wires).tolist() == [[0, 1]]
    graph = deposits.wire_graph(wires, side=6.0, diameter=50, coat=2)
    assert (graph.islands, graph.gaps, graph.distance[0]) == (3, 1, 2.0)
    assert graph.electrodes["left"].tolist() == [0, 1]
    with pytest.raises(InvalidInputError, match="no two wires cross"):
        deposits.wire_graph(wires[1:], side=6.0, diameter=50, coat=2)


def test_the_same_seed_gives_the_same_film_and_another_another():
    assert np.array_equal(spinodal(0.4, 3).silver, spinodal(0.4, 3).silver)
    assert not np.array_equal(spinodal(0.4, 3).silver, spinodal(0.4, 4).silver)


def test_what_cannot_be_grown_is_refused():
    with pytest.raises(OutOfRangeError, match="coverage"):
        spinodal(1.0)
    with pytest.raises(OutOfRangeError, match="wavelength"):
        spinodal(0.5, wavelength=2.0)
    with pytest.raises(OutOfRangeError, match="coverage"):
        fields.cahn_hilliard((64, 64), nm_per_px=1, wavelength=20, coverage=0.1, seed=0)
    with pytest.raises(OutOfRangeError, match="dt"):
        next(fields.separate(start(0.5, 16), dt=2.0))
    with pytest.raises(OutOfRangeError, match="diameter"):
        deposits.add_particles(spinodal(0.4), density=10, diameter=0.1, seed=0)
