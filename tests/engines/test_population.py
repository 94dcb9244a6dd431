import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, OutOfRangeError, StepTooLargeError
from spinula.engines.density import Density
from spinula.engines.population import Layout, Population
from spinula.law import Boundary, Dynamics, FormationRate, KestenMap, LinearLaw, LogOULaw, TwoTimeLogOULaw

LAW = LinearLaw(recovery_rate=0.05, size_rest=0.07, noise_slope=0.2, noise_floor=0.01)
CLOSED = Dynamics(law=LAW, boundary=Boundary(size_min=0.02, size_new=0.025))
OPEN = Dynamics(law=LAW, boundary=Boundary(size_min=0.02, size_new=0.03), formation=FormationRate(rate=0.1))


def _same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
               for name in ("size", "spine_id", "dendrite", "born_day", "position_um"))  # fmt: skip


@pytest.mark.parametrize("dynamics", [CLOSED, OPEN], ids=["closed", "open"])
def test_same_seed_same_bytes_for_any_number_of_threads(dynamics):
    one, two, other = (Population(dynamics, seed=seed, layout=Layout(dendrites=30)) for seed in (4, 4, 5))
    one.advance(101, threads=1)
    two.advance(101, threads=2)
    other.advance(101)
    a, b, c = one.snapshot(), two.snapshot(), other.snapshot()
    assert _same(a, b)
    assert not np.array_equal(a.size[:50], c.size[:50])


@pytest.mark.parametrize("dynamics", [CLOSED, OPEN], ids=["closed", "open"])
def test_a_restored_run_goes_on_to_the_same_bytes(dynamics):
    whole = Population(dynamics, seed=4, layout=Layout(dendrites=10))
    whole.advance(40)
    state = whole.state()
    whole.advance(60)
    again = Population(dynamics, seed=4, layout=Layout(dendrites=10))
    again.restore(state)
    again.advance(60)
    assert _same(whole.snapshot(), again.snapshot())


def test_turnover_does_not_depend_on_the_step_and_is_that_of_the_density_engine():
    """About 120,000 events, which come in bursts of short-lived spines: 3 % is four standard errors (found over seeds).

    Plain Euler is the control.
    """
    exact = Density(CLOSED).turnover_rate()
    rates = {}
    for dt in (1.0, 0.1, 0.02):
        for scheme in ("additive", "euler"):
            population = Population(CLOSED, seed=2, layout=Layout(dendrites=20, spines_per_dendrite=1000), dt=dt,
                                    scheme=scheme)  # fmt: skip
            population.advance(round(20 / dt))
            population.snapshot()
            population.advance(round(20 / dt))
            snapshot = population.snapshot()
            rates[dt, scheme] = snapshot.eliminated / len(snapshot) / 20
    for dt in (1.0, 0.1, 0.02):
        assert rates[dt, "additive"] == pytest.approx(exact, rel=0.03)
    assert rates[1.0, "euler"] < 0.5 * exact


def test_survival_is_that_of_the_density_engine():
    """Binomial error, 3.5 standard errors."""
    count = 20_000
    population = Population(CLOSED, seed=8, layout=Layout(dendrites=20, spines_per_dendrite=1000), initial=0.05)
    first, last = population.run(days=7, every=7)
    keys = [snapshot.dendrite.astype(np.int64) << 32 | snapshot.spine_id for snapshot in (first, last)]
    found = np.isin(*keys).mean()
    wanted = float(Density(CLOSED).survival(0.05, 7.0)[0, 0])
    assert found == pytest.approx(wanted, abs=3.5 * np.sqrt(wanted * (1 - wanted) / count))


def test_formation_at_a_rate_makes_the_density_an_outcome():
    """Poisson counts: rate * mean lifetime, 4 standard errors; twice the rate, twice the density."""
    for rate in (0.1, 0.2):
        dynamics = OPEN.model_copy(update={"formation": FormationRate(rate=rate)})
        wanted = Density(dynamics).spine_density()
        layout = Layout(dendrites=100, spines_per_dendrite=round(wanted * 50), length_um=50)
        population = Population(dynamics, seed=3, layout=layout)
        population.advance(round(60 / population.dt))
        snapshot = population.snapshot()
        found = len(snapshot) / (100 * 50)
        assert found == pytest.approx(wanted, abs=4 * np.sqrt(wanted / 5000))
        assert snapshot.formed > 0


def test_an_open_population_grows_beyond_its_slots():
    layout = Layout(dendrites=4, spines_per_dendrite=0, length_um=500)
    population = Population(OPEN, seed=1, layout=layout)
    population.advance(2000)
    snapshot = population.snapshot()
    assert len(snapshot) > 4 * 16
    assert len(snapshot) == snapshot.formed - snapshot.eliminated


def test_identities_are_new_at_each_birth_and_positions_stay():
    population = Population(CLOSED, seed=1, layout=Layout(dendrites=2, spines_per_dendrite=200))
    first, last = population.run(days=20, every=20)
    old = {(d, i): p for d, i, p in zip(first.dendrite, first.spine_id, first.position_um, strict=True)}
    kept = [(d, i, p) for d, i, p in zip(last.dendrite, last.spine_id, last.position_um, strict=True) if (d, i) in old]
    assert kept
    assert all(old[d, i] == p for d, i, p in kept)
    new = last.born_day[~np.isnan(last.born_day)]
    assert (new > 0).all()
    assert (new <= 20).all()
    assert len({*zip(last.dendrite, last.spine_id, strict=True)}) == len(last)


def test_without_a_boundary_nothing_is_eliminated():
    population = Population(Dynamics(law=LAW), seed=1)
    population.advance(400)
    assert population.snapshot().eliminated == 0


@pytest.mark.slow
def test_single_and_double_precision_tell_the_same_story():
    sizes = []
    for dtype in ("float32", "float64"):
        population = Population(CLOSED, seed=1, dtype=dtype, layout=Layout(dendrites=20, spines_per_dendrite=500))
        population.advance(200)
        sizes.append(population.snapshot().size)
    assert np.median(sizes[0]) == pytest.approx(np.median(sizes[1]), rel=0.05)


@pytest.mark.parametrize(
    "law",
    [
        TwoTimeLogOULaw(log_mean=-2.5, log_sd=0.5, recovery_rate=0.03, fast_log_sd=0.5, fast_rate=0.3),
        LogOULaw(log_mean=-2.5, log_sd=0.6, recovery_rate=0.05),
    ],
    ids=["two times", "one time"],
)
def test_log_laws_hold_their_stationary_law_and_their_boundary(law):
    free = Population(Dynamics(law=law), seed=1, layout=Layout(dendrites=20, spines_per_dendrite=1000), dt=0.25)
    free.advance(100)
    x = np.log(free.snapshot().size)
    assert x.mean() == pytest.approx(-2.5, abs=0.025)
    assert x.std() == pytest.approx(np.sqrt(law.log_autocovariance(0.0)), rel=0.02)
    bounded = Dynamics(law=law, boundary=Boundary(size_min=0.03, size_new=0.04))
    population = Population(bounded, seed=1, layout=Layout(dendrites=20, spines_per_dendrite=200))
    population.advance(200)
    snapshot = population.snapshot()
    assert snapshot.size.min() >= 0.03 * (1 - 1e-6)
    assert snapshot.eliminated > 0


def test_the_kesten_map_runs_at_its_interval_only():
    law = KestenMap(interval=1.0, kept_mean=0.9, kept_sd=0.1, added_mean=0.01, added_sd=0.004)
    Population(Dynamics(law=law), seed=1, dt=1.0).advance(10)
    with pytest.raises(StepTooLargeError):
        Population(Dynamics(law=law), seed=1, dt=3.0)


def test_the_kesten_map_forms_spines_that_follow_the_map():
    """Spines formed at a rate take their first steps by the same map as all others: mean within 3 %."""
    law = KestenMap(interval=1.0, kept_mean=0.9, kept_sd=0.1, added_mean=0.01, added_sd=0.004)
    dynamics = Dynamics(law=law, boundary=Boundary(size_min=0.001, size_new=0.05), formation=FormationRate(rate=1.0))
    layout = Layout(dendrites=20, spines_per_dendrite=0, length_um=500)
    population = Population(dynamics, seed=2, layout=layout, dt=1.0)
    population.advance(4)
    young = population.snapshot()
    age = np.floor(4 - young.born_day)
    for steps in (0, 1, 2, 3):
        wanted = law.mean + (0.05 - law.mean) * 0.9**steps
        assert young.size[age == steps].mean() == pytest.approx(wanted, rel=0.03)


def test_bad_arguments_are_refused():
    with pytest.raises(InvalidInputError, match="needs a boundary"):
        Population(Dynamics(law=LAW, formation=FormationRate(rate=0.1)), seed=1)
    with pytest.raises(OutOfRangeError, match="size_min"):
        Population(CLOSED, seed=1, initial=0.01)
    with pytest.raises(StepTooLargeError):
        Population(CLOSED, seed=1, dt=50)
    with pytest.raises(OutOfRangeError, match="days"):
        list(Population(CLOSED, seed=1).run(days=-1))
