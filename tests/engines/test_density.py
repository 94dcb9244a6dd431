import numpy as np
import pytest
from scipy.integrate import cumulative_simpson, quad
from scipy.stats import norm

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.density import Density
from spinula.engines.observation import Microscope
from spinula.engines.population import Layout, Population
from spinula.law import (
    Boundary,
    Dynamics,
    FormationRate,
    KestenLaw,
    KestenMap,
    LinearLaw,
    LinearQuadraticLaw,
    LogOULaw,
    LogRevertingLaw,
    TwoTimeLogOULaw,
)
from spinula.measures import turnover

NUMBERS = {"recovery_rate": 0.05, "size_rest": 0.09, "noise_slope": 0.2, "noise_floor": 0.002}
FREE = LinearLaw(**NUMBERS)
LOG_OU = LogOULaw(log_mean=-2.3, log_sd=0.7, recovery_rate=0.05)
SLICE = Dynamics(
    law=LinearLaw(recovery_rate=0.05, size_rest=0.07, noise_slope=0.2, noise_floor=0.01),
    boundary=Boundary(size_min=0.02, size_new=0.025),
)


# -------------------------------------------------------------------- at rest, no boundary


def _error(law, cells):
    edges, mass = Density(Dynamics(law=law), cells=cells).stationary()
    assert mass.min() >= 0
    return np.abs(np.concatenate([[0], np.cumsum(mass)]) - law.stationary().cdf(edges)).max()


@pytest.mark.parametrize("law", [FREE, LOG_OU], ids=lambda x: x.family)
def test_the_stationary_law_is_the_closed_form_to_second_order(law):
    coarse, fine = _error(law, 200), _error(law, 800)
    assert fine < 1e-4
    assert coarse / fine == pytest.approx(16, rel=0.1)


@pytest.mark.parametrize(
    ("law", "sizes"),
    [
        (LinearQuadraticLaw(**NUMBERS, crowding=0.15), np.exp(np.linspace(-18, 3, 200_001)) - 0.01),
        (LogRevertingLaw(**NUMBERS), np.exp(np.linspace(-18, 4, 200_001))),
        (KestenLaw(**NUMBERS), 0.01 * np.sinh(np.linspace(-12, 16, 200_001))),
    ],
    ids=lambda x: getattr(x, "family", ""),
)
def test_the_stationary_law_is_the_zero_flux_integral(law, sizes):
    """P = exp(integral of 2*drift/spread^2)/spread^2 by Simpson in the size itself: another coordinate and rule."""
    level = cumulative_simpson(2 * law.drift(sizes) / law.spread(sizes) ** 2, x=sizes, initial=0)
    wanted = cumulative_simpson(np.exp(level - level.max()) / law.spread(sizes) ** 2, x=sizes, initial=0)
    edges, mass = Density(Dynamics(law=law)).stationary()
    found = np.interp(sizes, edges, np.concatenate([[0], np.cumsum(mass)]))
    inside = np.searchsorted(sizes, edges[(edges > sizes[0]) & (edges < sizes[-1])])
    assert np.abs(found - wanted / wanted[-1])[inside].max() < 1e-4


def test_a_constant_drive_moves_the_resting_size():
    driven = Density(Dynamics(law=FREE), drive=0.001).stationary()
    moved = Density(Dynamics(law=FREE.model_copy(update={"size_rest": 0.11}))).stationary()
    undriven = Density(Dynamics(law=FREE)).stationary()
    at = np.array([0.03, 0.1, 0.3])
    driven, moved, undriven = (np.interp(at, edges[1:], np.cumsum(mass)) for edges, mass in (driven, moved, undriven))
    assert driven == pytest.approx(moved, abs=1e-4)
    assert np.abs(undriven - moved).max() > 0.05
    with pytest.raises(InvalidInputError, match="down for ever"):
        Density(Dynamics(law=LOG_OU), drive=-0.01)


def test_moments_at_rest_are_the_closed_ones():
    law = LinearLaw(recovery_rate=0.1, size_rest=0.09, noise_slope=0.2, noise_floor=0.002)
    density = Density(Dynamics(law=law), cells=1600)
    _, mass = density.stationary()
    mean = mass @ density.sizes
    assert mean == pytest.approx(0.09, rel=1e-6)
    # Var = (size_rest + floor/slope)^2/(shape - 2), shape = 1 + 2*rate/slope^2
    assert mass @ (density.sizes - mean) ** 2 == pytest.approx(0.1**2 / (6 - 2), rel=1e-3)


# -------------------------------------------------------------------- in time, no boundary


def test_the_mean_relaxes_with_the_recovery_rate():
    """Row 3; and the tail of the grid loses nothing."""
    density, days = Density(Dynamics(law=FREE)), np.array([0.0, 1.0, 10.0, 60.0])
    assert density.mean_after([0.03, 0.3], days) == pytest.approx(
        np.array([FREE.mean_after(size, days) for size in (0.03, 0.3)]), rel=1e-4
    )
    mass = density.relax(density.point_mass(0.3), 10.0)
    assert mass @ density.sizes == pytest.approx(FREE.mean_after(0.3, 10.0), rel=1e-4)
    assert mass.sum() == pytest.approx(1, abs=1e-12)


def test_log_ou_moves_as_its_exact_transition_to_second_order_in_time():
    density = Density(Dynamics(law=LOG_OU), cells=1600)
    edges, kept = np.log(density.edges), np.exp(-0.05 * 5)
    narrow = np.diff(norm.cdf(edges, -1.5, 0.1))
    wanted = norm.cdf(edges, -2.3 + 0.8 * kept, np.sqrt((0.1 * kept) ** 2 + 0.49 * (1 - kept**2)))

    def error(steps):
        mass = density.relax(narrow, 5.0, steps=steps)
        return np.abs(np.concatenate([[0], np.cumsum(mass)]) - wanted).max()

    assert error(400) < 1e-4
    assert error(4) / error(8) == pytest.approx(4, rel=0.3)


# -------------------------------------------------------------------- with elimination and formation


@pytest.mark.parametrize("steps", [1, 7, 400])
@pytest.mark.parametrize("start", [0.0201, 0.1, 3.0])
def test_mass_is_conserved_and_positive_at_any_step(start, steps):
    density = Density(SLICE, killing=lambda size: 0.1 * (size > 0.2))
    mass = density.relax(density.point_mass(start), 20.0, steps=steps)
    assert mass.sum() == pytest.approx(1, abs=1e-12)
    assert mass.min() >= 0
    chain = density._chain
    columns = np.asarray(chain.closed_generator(density.point_mass(0.025)).sum(axis=0))
    assert np.abs(columns / chain.leaving).max() < 1e-14


def test_relaxation_ends_at_rest():
    density = Density(SLICE, cells=400)
    _, rest = density.stationary()
    assert np.abs(density.relax(density.point_mass(0.1), 400.0) - rest).max() < 1e-6


def test_with_formation_at_a_rate_the_number_is_an_outcome():
    density = Density(SLICE.model_copy(update={"formation": FormationRate(rate=0.2)}))
    assert density.spine_density() == pytest.approx(0.2 / density.turnover_rate())
    empty = np.zeros(len(density.sizes))
    first = density.relax(empty, 0.001)
    assert first.sum() == pytest.approx(0.2 * 0.001, rel=0.02)  # none has reached the threshold yet
    assert density.relax(empty, 600.0).sum() == pytest.approx(density.spine_density(), rel=1e-4)
    halved = 0.5 * density.stationary()[1] * density.spine_density()
    assert halved.sum() < density.relax(halved, 5.0).sum() < density.spine_density()


def test_turnover_and_survival_converge_to_second_order():
    first, second, third = (Density(SLICE, cells=cells) for cells in (200, 400, 800))
    rates = [density.turnover_rate() for density in (first, second, third)]
    assert (rates[0] - rates[1]) / (rates[1] - rates[2]) == pytest.approx(4, rel=0.1)
    assert rates[2] == pytest.approx(0.28967, abs=1e-5)
    # Above the 0.254 that Euler steps of 0.005 day give, which miss crossings (spine-dynamics 2.1).
    assert rates[2] > 0.254
    ratios = [density.turnover_ratio(1.0, size_floor=0.04) for density in (first, second, third)]
    assert (ratios[0] - ratios[1]) / (ratios[1] - ratios[2]) == pytest.approx(4, rel=0.1)


def _simulate(sizes, days, *, dt, bridge, reborn):
    """Plain NumPy, in the size itself: how often each spine was eliminated. Shares nothing with the engines."""
    generator, law = np.random.default_rng(11), SLICE.law
    size, count, alive = sizes.copy(), np.zeros(len(sizes)), np.ones(len(sizes), bool)
    for _ in range(round(days / dt)):
        spread = law.spread(size)
        after = size + law.drift(size) * dt + spread * np.sqrt(dt) * generator.standard_normal(len(size))
        gone = after <= 0.02
        if bridge:
            crossed = np.exp(-2 * (size - 0.02) * (after - 0.02) / (spread**2 * dt))
            gone |= generator.random(len(size)) < crossed
        count += gone & alive
        alive &= ~gone | reborn
        size = np.where(gone, 0.025, after)
    return count


def test_survival_and_turnover_agree_with_a_plain_monte_carlo():
    """3 standard errors each, 4 comparisons at a fixed seed: 1 % false alarms. The control leaves out the bridge."""
    density = Density(SLICE)
    for size, days in ((0.025, 1.0), (0.05, 3.0)):
        kept = 1 - np.minimum(_simulate(np.full(20_000, size), days, dt=0.005, bridge=True, reborn=False), 1)
        wanted = float(density.survival(size, days)[0, 0])
        assert kept.mean() == pytest.approx(wanted, abs=3 * np.sqrt(wanted * (1 - wanted) / len(kept)))
    resting = density.draw(np.random.default_rng(5), 20_000)
    lost = _simulate(resting, 2.0, dt=0.005, bridge=True, reborn=True) / 2
    error = lost.std() / np.sqrt(len(lost))
    assert lost.mean() == pytest.approx(density.turnover_rate(), abs=3 * error)
    missed = _simulate(resting, 2.0, dt=0.02, bridge=False, reborn=True) / 2
    assert missed.mean() < density.turnover_rate() - 6 * error


def test_survival_decays_from_one_and_grows_with_size():
    density = Density(SLICE)
    survival = density.survival([0.025, 0.05, 0.1, 0.3], [0.0, 1.0, 7.0, 30.0])
    assert np.allclose(survival[:, 0], 1, atol=1e-6)
    assert (np.diff(survival, axis=1) <= 1e-12).all()
    assert (np.diff(survival[:, 1:], axis=0) > -1e-9).all()
    assert density.survival([0.02, 0.01], 0.0) == pytest.approx(0)
    # The table of spine-dynamics 2.1 (Euler, dt = 0.02), which misses crossings, most of them of small spines.
    derived = np.array([[0.34, 0.12, 0.04], [0.94, 0.48, 0.15], [1.00, 0.81, 0.30], [1.00, 0.99, 0.59]])
    assert (survival[:, 1:] < derived + 0.005).all()
    assert survival[1:, 1:] == pytest.approx(derived[1:], abs=0.02)


def test_survival_is_right_where_the_density_is_next_to_nothing():
    """A spine born 11 SD below the mean: the scale function gives the chance that it ever escapes."""
    law = LogOULaw(log_mean=np.log(0.1), log_sd=0.2, recovery_rate=0.05)
    density = Density(Dynamics(law=law, boundary=Boundary(size_min=0.01, size_new=0.011)))

    def scale(low, high):
        depth = np.log(0.1) - np.log(0.01)
        integral = quad(lambda x: np.exp(((x - np.log(0.1)) ** 2 - depth**2) / 0.08), low, high, limit=200)
        return integral[0]

    escaped = scale(np.log(0.01), np.log(0.011)) / scale(np.log(0.01), np.log(0.1))
    assert density.survival(0.011, 20.0)[0, 0] == pytest.approx(escaped, abs=1e-5)
    assert 0 < density.turnover_rate() < 1e-20


def test_life_rate_and_passage_hang_together():
    density = Density(SLICE)
    life = float(density.mean_lifetime(0.025)[0])
    assert density.turnover_rate() == pytest.approx(1 / life, rel=1e-9)
    days = np.concatenate([np.linspace(0, 5, 2001), np.linspace(5, 400, 2001)[1:]])
    passage, survival = density.first_passage(0.05, days)[0], density.survival(0.05, days)[0]
    assert np.trapezoid(passage, days) == pytest.approx(1 - survival[-1], abs=1e-4)
    assert np.trapezoid(survival, days) == pytest.approx(float(density.mean_lifetime(0.05)[0]), rel=1e-3)


def test_constant_killing_multiplies_survival():
    killed, free = Density(SLICE, killing=lambda size: 0.1 + 0 * size), Density(SLICE)
    assert killed.survival(0.05, 7.0) == pytest.approx(free.survival(0.05, 7.0) * np.exp(-0.7), rel=1e-6)
    assert killed.turnover_rate() > free.turnover_rate()
    # Without a boundary killing is all there is.
    law_only = Density(Dynamics(law=FREE), killing=lambda size: 0.1 + 0 * size)
    assert law_only.mean_lifetime(0.1) == pytest.approx(10)
    with pytest.raises(InvalidInputError, match="none are formed"):
        law_only.stationary()
    with pytest.raises(OutOfRangeError, match="negative"):
        Density(SLICE, killing=lambda size: -1 + 0 * size)


def test_turnover_ratio_grows_with_the_interval_and_misses_the_short_lived():
    density = Density(SLICE)
    ratios = [density.turnover_ratio(days) for days in (0.0, 0.1, 1, 4, 1000)]
    assert ratios[0] == pytest.approx(0, abs=1e-9)
    assert (np.diff(ratios) > 0).all()
    assert ratios[2] < density.turnover_rate()
    assert ratios[-1] == pytest.approx(1, abs=1e-3)
    assert density.turnover_ratio(0.0, size_floor=0.04) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("floor", [0.0, 0.04])
def test_turnover_ratio_is_what_a_microscope_reports(floor):
    """40,000 spines imaged twice: 4 standard errors."""
    population = Population(SLICE, seed=3, layout=Layout(dendrites=40, spines_per_dendrite=1000))
    table = Microscope(size_floor=floor).image(population.run(days=2, every=2), seed=3)
    found = turnover(table, replicates=0)
    wanted = Density(SLICE).turnover_ratio(2.0, size_floor=floor)
    error = np.sqrt(wanted * (1 - wanted) / found.n1[0])
    assert found.turnover_ratio[0] == pytest.approx(wanted, abs=4 * error)


def test_draws_follow_the_density():
    """Quartiles of 100,000 draws within 1.2 %: about 3 standard errors."""
    density = Density(SLICE)
    edges, mass = density.stationary()
    drawn = density.draw(np.random.default_rng(1), 100_000)
    wanted = np.interp([0.25, 0.5, 0.75], np.cumsum(mass), edges[1:])
    assert np.quantile(drawn, [0.25, 0.5, 0.75]) == pytest.approx(wanted, rel=0.012)


# -------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "law",
    [
        KestenMap(interval=1, kept_mean=0.9, kept_sd=0.1, added_mean=0.01, added_sd=0.01),
        TwoTimeLogOULaw(log_mean=-2.3, log_sd=0.5, recovery_rate=0.02, fast_log_sd=0.4, fast_rate=0.3),
    ],
    ids=lambda law: law.family,
)
def test_laws_that_are_not_one_diffusion_are_refused(law):
    with pytest.raises(InvalidInputError, match=f"'{law.family}' is not one"):
        Density(Dynamics(law=law))


def test_questions_without_an_answer_are_refused():
    with pytest.raises(InvalidInputError, match="no boundary"):
        Density(Dynamics(law=FREE)).turnover_rate()
    density = Density(SLICE)
    with pytest.raises(InvalidInputError, match="fixed count"):
        density.spine_density()
    with pytest.raises(OutOfRangeError, match="grid ends"):
        density.survival(1e9, 1.0)
    with pytest.raises(OutOfRangeError, match="days = -1"):
        density.survival(0.1, -1.0)
    with pytest.raises(OutOfRangeError, match="size_floor"):
        density.turnover_ratio(1.0, size_floor=1e9)
    with pytest.raises(OutOfRangeError, match="cells = 5"):
        Density(SLICE, cells=5)
