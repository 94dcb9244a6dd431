"""Rows 37 and 38: spines that compete for receptors, in the mean and molecule by molecule."""

from __future__ import annotations

import numpy as np

from spinula.engines.competition.receptors import Change, simulate, time_course
from spinula.law.plasticity.receptors import ReceptorPool
from spinula.studies.validation.row import Outcome, Row, within

_SLOTS = np.linspace(50, 150, 100)  # 10,000 in all
_POTENTIATED = np.where(np.arange(100) % 5 == 0, 2.0, 1.0) * _SLOTS  # every fifth spine doubles
_STEPS = [8, 16, 32, 64, 128, 256]
_PUBLISHED = {0.5: (71.4, -0.52), 0.7: (55.6, -0.51), 0.9: (31.8, -0.50)}


def _rest(pool: ReceptorPool) -> list[tuple[float, float]]:
    """Return found and expected p, F, R and W* (closed pool), each from the integrated equations."""
    late = time_course(pool, _SLOTS, seconds=[40 / pool.removal_rate], start=(np.zeros(100), 0.0))
    closed = pool.model_copy(update={"insertion_rate": 0.0, "removal_rate": 0.0})
    pairs = [
        (late.free[0], pool.free_at_rest),
        (late.bound.sum() / _SLOTS.sum(), 0.9),
        (late.total[0], 33_030.0),
    ]
    for receptors in (5_000.0, 33_030.0):
        held = time_course(closed, _SLOTS, seconds=[4_000.0], start=(np.zeros(100), receptors))
        pairs.append((held.bound.sum(), closed.bound_when_closed(10_000.0, receptors)))
    return pairs


def _unevenness(pool: ReceptorPool) -> float:
    """Return how far spines are from being scaled by one factor after insertion has risen by half."""
    more = pool.model_copy(update={"insertion_rate": 1.5 * pool.insertion_rate})
    scaled = time_course(pool, _SLOTS, seconds=[10, 100, 1000], changes=[Change(0, pool=more)])
    return float(np.ptp(scaled.bound / pool.bound_at_rest(_SLOTS), axis=1).max())


def _transient(pool: ReceptorPool) -> tuple[float, float, float]:
    """Double every fifth spine; return the others' lowest and last content over that before, and the late rate, 1/s."""
    life = 1 / pool.removal_rate
    seconds = [0.0, *np.arange(10.0, 600, 10), 8 * life, 10 * life, 40 * life]
    course = time_course(pool, _SLOTS, seconds=seconds, changes=[Change(0, slots=_POTENTIATED)])
    other = course.bound[:, 1] / course.bound[0, 1]
    left = np.log(pool.total_at_rest(float(_POTENTIATED.sum())) - course.total[-3:-1])
    return float(other.min()), float(other[-1]), float(left[0] - left[1]) / (2 * life)


def _closed_forms(seed: int) -> Outcome:
    pool = ReceptorPool.published(filling=0.9, slots=10_000)
    pairs = _rest(pool)
    lowest, last, late_rate = _transient(pool)
    slow = pool.relaxation_rates(float(_POTENTIATED.sum()))[0]
    errors = [abs(found / wanted - 1) for found, wanted in [*pairs, (late_rate, slow), (last, 1.0)]]
    worst = max(*errors, _unevenness(pool))
    detail = f"others fall to {100 * lowest:.2f} % and return, at {late_rate / pool.removal_rate:.3f} of 1/(14 min)"
    return Outcome(f"R = {pairs[2][0]:,.0f}, largest error {worst:.1e}", bool(worst < 1e-3 and lowest < 0.999), detail)


def _fluctuation(seed: int) -> Outcome:
    found, passed, worst = [], True, 0.0
    for filling, (scale, power) in _PUBLISHED.items():
        pool = ReceptorPool.published(filling=filling, slots=sum(_STEPS))
        seen = simulate(pool, _STEPS, seed=seed, seconds=[3_000.0, 400_000.0])
        bound = seen.mean[:-1]
        b, log_a = np.polyfit(np.log(bound), np.log(100 * seen.variation), 1)
        worst = max(worst, float(np.abs(seen.variation / np.sqrt((1 - filling) / bound) - 1).max()))
        passed &= within(float(np.exp(log_a)) / scale, 1, 0.05) and within(float(b) / power, 1, 0.05)
        found.append(f"{np.exp(log_a):.1f}/{b:.2f}")
    return Outcome(", ".join(found), passed and worst < 0.05, f"off the binomial law by at most {100 * worst:.1f} %")


ROWS = [
    Row(37, "receptor pool", "F, p, W* of the equations; all receptors at S = 10,000, phi 2.67, F 0.9", "R = 33,030",
        "1e-3", "published", "triesch2018", _closed_forms),
    Row(38, "receptor pool, molecules", "CV[%] = a n^b for F = 0.5, 0.7, 0.9", "71.4/-.52, 55.6/-.51, 31.8/-.50",
        "5 %", "published", "triesch2018", _fluctuation),
]  # fmt: skip
