import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.density import Density
from spinula.engines.observation import Microscope
from spinula.engines.population import Layout, Population
from spinula.law import Boundary, Dynamics, FormationRate, KestenLaw, KestenMap, LinearLaw, LogOULaw
from spinula.measures import turnover

FREE = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.002)
SLICE = Dynamics(
    law=LinearLaw(recovery_rate=0.05, size_rest=0.07, noise_slope=0.2, noise_floor=0.01),
    boundary=Boundary(size_min=0.02, size_new=0.025),
)


def _error(law, cells):
    edges, mass = Density(Dynamics(law=law), cells=cells).stationary()
    return np.abs(np.concatenate([[0], np.cumsum(mass)]) - law.stationary().cdf(edges)).max()


@pytest.mark.parametrize("law", [FREE, LogOULaw(log_mean=-2.3, log_sd=0.7, recovery_rate=0.05)], ids=lambda x: x.family)
def test_the_stationary_law_is_the_closed_form_to_second_order(law):
    coarse, fine = _error(law, 200), _error(law, 800)
    assert fine < 1e-4
    assert coarse / fine == pytest.approx(16, rel=0.1)


def test_kesten_with_small_floor_has_its_mean():
    law = KestenLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.01)
    density = Density(Dynamics(law=law), cells=1600)
    edges, mass = density.stationary()
    inner = np.abs(density.sizes) < 1e3
    assert (mass * density.sizes)[inner].sum() == pytest.approx(0.09, rel=0.01)
    assert len(edges) == 1601


def test_mass_is_conserved_and_positive_and_the_mean_relaxes():
    density = Density(Dynamics(law=FREE))
    start = density.point_mass(0.3)
    # Without a boundary nothing is re-formed: propagate with the generator alone.
    end = density._propagate(density.sizes, np.array([0.0, 10.0]))
    at = int(np.argmax(start))
    assert end[at, 1] - 0.09 == pytest.approx((density.sizes[at] - 0.09) * np.exp(-0.5), rel=2e-3)
    bounded = Density(SLICE)
    mass = bounded.relax(bounded.point_mass(0.1), 5.0)
    assert mass.sum() == pytest.approx(1, abs=1e-12)
    assert mass.min() >= 0


def test_relaxation_ends_at_rest():
    density = Density(SLICE, cells=400)
    _, rest = density.stationary()
    assert np.abs(density.relax(density.point_mass(0.1), 400.0) - rest).max() < 1e-5


def test_survival_decays_from_one_and_grows_with_size():
    density = Density(SLICE)
    survival = density.survival([0.025, 0.05, 0.1, 0.3], [0.0, 1.0, 7.0, 30.0])
    assert np.allclose(survival[1:, 0], 1, atol=1e-6)
    assert (np.diff(survival, axis=1) <= 1e-12).all()
    assert (np.diff(survival[:, 1:], axis=0) > -1e-9).all()
    # Derived values for these parameters (Euler, dt = 0.02), which miss some crossings of small spines.
    assert survival[2:, 2] == pytest.approx([0.81, 0.99], abs=0.02)
    assert survival[2:, 3] == pytest.approx([0.30, 0.59], abs=0.02)


def test_life_rate_and_passage_hang_together():
    density = Density(SLICE)
    life = float(density.mean_lifetime(0.025)[0])
    assert density.turnover_rate() == pytest.approx(1 / life, rel=1e-3)
    assert density.turnover_rate() == pytest.approx(0.2897, abs=2e-4)
    days = 300 * np.linspace(0, 1, 3001) ** 2
    passage = density.first_passage(0.05, days)[0]
    survival = density.survival(0.05, days)[0]
    assert np.trapezoid(passage, days) == pytest.approx(1 - survival[-1], abs=1e-3)
    assert np.trapezoid(survival, days) == pytest.approx(float(density.mean_lifetime(0.05)[0]), rel=0.02)


def test_turnover_ratio_grows_with_the_interval_and_misses_the_short_lived():
    density = Density(SLICE)
    ratios = [density.turnover_ratio(days) for days in (0.1, 1, 4, 1000)]
    assert (np.diff(ratios) > 0).all()
    assert ratios[1] < density.turnover_rate()
    assert ratios[-1] == pytest.approx(1, abs=1e-3)


def test_formation_at_a_rate_and_killing():
    open_ = Density(SLICE.model_copy(update={"formation": FormationRate(rate=0.2)}))
    assert open_.spine_density() == pytest.approx(0.2 / open_.turnover_rate())
    killed = Density(SLICE, killing=lambda size: 0.1 + 0 * size)
    assert killed.turnover_rate() > Density(SLICE).turnover_rate()
    with pytest.raises(OutOfRangeError, match="negative"):
        Density(SLICE, killing=lambda size: -1 + 0 * size)


def test_draws_follow_the_density():
    """Quartiles of 100,000 draws within 1 %."""
    density = Density(SLICE)
    edges, mass = density.stationary()
    drawn = density.draw(np.random.default_rng(1), 100_000)
    wanted = np.interp([0.25, 0.5, 0.75], np.cumsum(mass), edges[1:])
    assert np.quantile(drawn, [0.25, 0.5, 0.75]) == pytest.approx(wanted, rel=0.012)


def test_laws_that_are_not_one_diffusion_are_refused():
    law = KestenMap(interval=1, kept_mean=0.9, kept_sd=0.1, added_mean=0.01, added_sd=0.01)
    with pytest.raises(InvalidInputError, match="continuous"):
        Density(Dynamics(law=law))
    with pytest.raises(InvalidInputError, match="no boundary"):
        Density(Dynamics(law=FREE)).turnover_rate()
    with pytest.raises(InvalidInputError, match="fixed count"):
        Density(SLICE).spine_density()


@pytest.mark.parametrize("floor", [0.0, 0.04])
def test_turnover_ratio_is_what_a_microscope_reports(floor):
    """40,000 spines imaged twice: 4 standard errors."""
    population = Population(SLICE, seed=3, layout=Layout(dendrites=40, spines_per_dendrite=1000))
    table = Microscope(size_floor=floor).image(population.run(days=2, every=2), seed=3)
    found = turnover(table, replicates=0)
    wanted = Density(SLICE).turnover_ratio(2.0, size_floor=floor)
    error = np.sqrt(wanted * (1 - wanted) / found.n1[0])
    assert found.turnover_ratio[0] == pytest.approx(wanted, abs=4 * error)
