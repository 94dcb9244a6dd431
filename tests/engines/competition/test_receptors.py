"""The receptor pool in time: rest, conservation, competition; molecules obey the stationary law exactly."""

import numpy as np
import pytest
from scipy import integrate, stats

from spinula.core.errors import OutOfRangeError
from spinula.engines.competition.receptors import Change, simulate, time_course
from spinula.law.plasticity.receptors import ReceptorPool

POOL = ReceptorPool.published(filling=0.7, slots=300)
SLOTS = [50, 100, 150]


def test_nothing_changes_at_rest():
    course = time_course(POOL, SLOTS, seconds=[0, 100, 10_000], changes=[Change(50), Change(200, slots=SLOTS)])
    assert course.bound == pytest.approx(np.tile(0.7 * np.array(SLOTS), (3, 1)))
    assert course.free == pytest.approx(POOL.free_at_rest)


def test_receptors_balance_insertion_and_removal():
    """R(t) - R(0) = gamma*t - delta * integral of p: across changes of slots and of rates."""
    seconds = np.linspace(0, 2000, 4001)
    changes = [Change(500, slots=[100, 100, 40]), Change(1000, pool=ReceptorPool.published(filling=0.5, slots=400))]
    course = time_course(POOL, SLOTS, seconds=seconds, changes=changes)
    made = 0.0
    for first, last, pool in ((0, 1000, POOL), (1000, 2000, POOL), (2000, 4000, changes[1].pool)):
        part = slice(first, last + 1)
        free = course.free[part].copy()
        if last == 1000:  # seen at a change is what it left: before it, receptors of lost slots were bound
            free[-1] -= 0.7 * 150 - 40
        made += pool.insertion_rate * (seconds[last] - seconds[first])
        made -= pool.removal_rate * integrate.simpson(free, x=seconds[part])
    assert course.total[-1] - course.total[0] == pytest.approx(made, rel=1e-4)


def test_a_change_is_seen_from_its_moment_on():
    course = time_course(POOL, SLOTS, seconds=[9, 10, 11], changes=[Change(10, slots=[50, 100, 20])])
    assert course.slots[:, 2].tolist() == [150, 20, 20]
    assert course.bound[1, 2] == pytest.approx(20)
    assert course.total[0] == pytest.approx(course.total[1], rel=1e-6)
    last = time_course(POOL, SLOTS, seconds=[9, 10], changes=[Change(10, slots=[50, 100, 20])])
    assert last.bound[-1] == pytest.approx(course.bound[1])


def test_potentiation_robs_the_others_for_a_while():
    course = time_course(POOL, SLOTS, seconds=[0, 60, 40 * 840], changes=[Change(0.5, slots=[100, 100, 150])])
    others = course.bound[:, 1:] / course.bound[0, 1:]
    assert others[1].max() < 0.99
    assert others[1, 0] == pytest.approx(others[1, 1], rel=1e-8)  # all the same fraction
    assert others[2] == pytest.approx(1, rel=1e-6)
    assert course.bound[2, 0] == pytest.approx(70, rel=1e-6)


def test_any_change_of_rates_scales_all_spines_alike():
    other = ReceptorPool.published(filling=0.3, slots=300)
    course = time_course(POOL, SLOTS, seconds=[1, 10, 1000], changes=[Change(0, pool=other)])
    factors = course.bound / (0.7 * np.array(SLOTS))
    assert np.ptp(factors, axis=1) == pytest.approx(0, abs=1e-7)
    assert factors[-1, 0] < 0.95


def test_molecules_at_rest_are_binomial_and_poisson():
    """Chi-square and correlation at fixed seed; over seeds the five tests together fail by chance in 5 in 1,000."""
    slots, pool = [6, 12], ReceptorPool.published(filling=0.6, slots=18)
    seen = simulate(pool, slots, seed=5, seconds=np.arange(5_000, 5e6, 3_000.0))
    laws = [stats.binom(6, 0.6), stats.binom(12, 0.6), stats.poisson(pool.free_at_rest)]
    for numbers, law in zip([*seen.bound.T, seen.free], laws, strict=True):
        values = np.arange(numbers.max() + 40)
        share = law.pmf(values)
        bins = np.minimum(np.floor(np.cumsum(share) * 8), 7).astype(int)
        wanted = np.bincount(bins, share)
        found = np.bincount(bins[numbers], minlength=wanted.size)
        used = wanted > 0
        assert stats.chisquare(found[used], wanted[used] / wanted.sum() * numbers.size).pvalue > 1e-3
    for a, b in ((seen.bound[:, 0], seen.bound[:, 1]), (seen.bound[:, 1], seen.free)):
        assert stats.pearsonr(a, b).pvalue > 1e-3


def test_time_averages_are_the_stationary_moments():
    """Bands of six standard errors and more, measured over 40 seeds (0.4 %, 0.8 %, 0.06): false alarm below 1e-6."""
    slots = np.array([10, 30, 80])
    pool = ReceptorPool.published(filling=0.5, slots=120)
    seen = simulate(pool, slots, seed=2, seconds=[3_000, 400_000])
    assert seen.mean[:-1] == pytest.approx(0.5 * slots, rel=0.03)
    assert seen.variation == pytest.approx(pool.variation(slots), rel=0.05)
    assert seen.sd[-1] ** 2 / seen.mean[-1] == pytest.approx(1, abs=0.4)


def test_the_mean_of_molecules_follows_the_equations():
    """A sum of 40 runs of 20 spines against the mean course (nearly linear here): within 5 standard errors, 1e-5."""
    pool, slots = ReceptorPool.published(filling=0.5, slots=400), [20] * 20
    start = ([0] * 20, 534)
    course = time_course(pool, slots, seconds=[10, 30, 90], start=start)
    runs = [simulate(pool, slots, seed=seed, seconds=[10, 30, 90], start=start).bound.sum(axis=1) for seed in range(40)]
    error = np.std(runs, axis=0) / np.sqrt(40)
    assert (np.abs(np.mean(runs, axis=0) - course.bound.sum(axis=1)) < 5 * error).all()


def test_molecules_are_conserved_in_a_closed_pool():
    closed = POOL.model_copy(update={"insertion_rate": 0.0, "removal_rate": 0.0})
    seen = simulate(closed, SLOTS, seed=1, seconds=np.arange(0, 500, 10.0), start=([10, 20, 30], 40))
    assert (seen.bound.sum(axis=1) + seen.free == 100).all()
    assert (seen.bound <= SLOTS).all()
    still = simulate(closed, SLOTS, seed=1, seconds=[0, 5], start=([0, 0, 0], 0))
    assert still.events == 0
    assert still.mean.tolist() == [0, 0, 0, 0]


def test_same_seed_same_bytes():
    runs = [simulate(POOL, SLOTS, seed=seed, seconds=[0, 300, 600]) for seed in (7, 7, 8)]
    assert runs[0].bound.tobytes() == runs[1].bound.tobytes()
    assert runs[0].sd.tobytes() == runs[1].sd.tobytes()
    assert runs[0].sd.tobytes() != runs[2].sd.tobytes()


def test_averages_run_from_the_first_time_only():
    late = simulate(POOL, SLOTS, seed=7, seconds=[300, 600])
    whole = simulate(POOL, SLOTS, seed=7, seconds=[0, 300, 600])
    early = simulate(POOL, SLOTS, seed=7, seconds=[0, 300])
    assert late.bound[-1].tolist() == whole.bound[-1].tolist()
    assert (early.mean + late.mean) / 2 == pytest.approx(whole.mean)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: time_course(POOL, [-1.0], seconds=[1]), "slots"),
        (lambda: time_course(POOL, [], seconds=[1]), "number of spines"),
        (lambda: time_course(POOL, SLOTS, seconds=[2, 1]), "seconds"),
        (lambda: time_course(POOL, SLOTS, seconds=[1], changes=[Change(2), Change(1)]), "change at"),
        (lambda: time_course(POOL, SLOTS, seconds=[9], changes=[Change(1, slots=[1, 2])]), "number of spines"),
        (lambda: simulate(POOL, [1.5], seed=1, seconds=[0, 1]), "slots"),
        (lambda: simulate(POOL, SLOTS, seed=1, seconds=[1]), "number of seconds"),
        (lambda: simulate(POOL, SLOTS, seed=1, seconds=[0, 1], start=([51, 0, 0], 0)), "bound receptors"),
        (lambda: simulate(POOL, SLOTS, seed=1, seconds=[0, 1], start=([0, 0, 0], 0.5)), "receptors"),
        (lambda: simulate(POOL, SLOTS, seed=-1, seconds=[0, 1]), "seed"),
    ],
)
def test_bad_input_says_so(call, what):
    with pytest.raises(OutOfRangeError, match=what):
        call()
