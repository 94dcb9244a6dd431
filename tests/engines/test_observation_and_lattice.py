import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines import lattice
from spinula.engines.observation import Microscope
from spinula.engines.population import Layout, Population
from spinula.law import Boundary, Dynamics, LinearLaw
from spinula.law.lattice import LatticeLaw, binding_chance, unbinding_chance
from spinula.measures import turnover

DYNAMICS = Dynamics(
    law=LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.004),
    boundary=Boundary(size_min=0.02, size_new=0.03),
)


def _image(**settings):
    population = Population(DYNAMICS, seed=1, layout=Layout(dendrites=20, spines_per_dendrite=100))
    return Microscope(**settings).image(population.run(days=12, every=4), seed=1, animals=4)


def test_a_perfect_microscope_reports_the_truth():
    table = _image()
    truth = list(
        Population(DYNAMICS, seed=1, layout=Layout(dendrites=20, spines_per_dendrite=100)).run(days=12, every=4)
    )
    assert len(table) == sum(map(len, truth))
    assert np.sort(table.frame["size"]) == pytest.approx(np.sort(np.concatenate([s.size for s in truth])), rel=1e-6)
    assert table.frame["animal"].nunique() == 4


def test_what_is_missed_by_chance_looks_like_turnover():
    assert turnover(_image(detection=0.9)).turnover_ratio.mean() > 1.3 * turnover(_image()).turnover_ratio.mean()


def test_what_is_too_small_is_not_reported():
    assert _image(size_floor=0.04).frame["size"].min() >= 0.04


def test_a_missed_session_does_not():
    whole, missed = _image(), _image(missed_session=0.3)
    assert not missed.panel().observed.all()
    assert turnover(missed).turnover_ratio.mean() == pytest.approx(turnover(whole).turnover_ratio.mean(), rel=0.2)


def test_the_error_is_multiplicative():
    clean, noisy = _image().frame, _image(log_noise=0.2).frame
    both = clean.merge(noisy, on=["dendrite", "spine_id", "session"])
    assert np.log(both["size_y"] / both["size_x"]).std() == pytest.approx(0.2, rel=0.05)


def test_a_blind_microscope_is_an_error():
    with pytest.raises(InvalidInputError, match="saw no spine"):
        _image(size_floor=1e6)


def test_the_lattice_follows_its_chances():
    """First step from empty: bound sites are binomial with the nucleation chance (4 standard errors)."""
    law = LatticeLaw(synapses=50, molecules=10**6, nucleate=1e-8)
    first = list(lattice.run(law, seed=1, steps=1))[1]
    sites = 50 * 2500
    chance = binding_chance(0, 10**6, law.bind / 8, law.nucleate)
    assert first.size.sum() == pytest.approx(sites * chance, abs=4 * np.sqrt(sites * chance))
    assert first.free == 10**6 - first.size.sum()
    assert unbinding_chance(8, 0.5 / 8) == 0


def test_the_lattice_is_reproducible_and_refuses_nonsense():
    law = LatticeLaw().scaled(100)
    one, two = (list(lattice.run(law, seed=2, steps=5))[-1].size for _ in range(2))
    assert np.array_equal(one, two)
    with pytest.raises(OutOfRangeError):
        list(lattice.run(law, seed=1, steps=0))
    with pytest.raises(OutOfRangeError):
        list(lattice.run(law, seed=1, steps=1, occupied=2))
