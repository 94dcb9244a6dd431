"""The studies of storage: their kernels against the equations, their trials, and (slow) their verdicts."""

import json

import numpy as np
import pytest

from spinula.core.streams import Streams
from spinula.engines.network.storage import balanced, cascade, compensation, homeostasis, sampling
from spinula.law.circuits.storage.cascade import Cascade, rates
from spinula.law.circuits.storage.compensation import best_compensation, steady_gradient
from spinula.studies.memory.storage import cascade as cascade_study
from spinula.studies.memory.storage import eigenvalues, inhibition, optimal_plasticity
from spinula.studies.memory.storage import sampling as sampling_study
from spinula.studies.memory.study import Keeper, Options, find

STUDIES = [study.STUDY for study in (cascade_study, eigenvalues, inhibition, optimal_plasticity, sampling_study)]


def _plan(steps, noise=0.0, variables=4):
    into, out = (rate.astype(np.float32) for rate in rates(variables))
    return cascade.Plan(into, out, np.full(variables, noise, np.float32), steps, np.uint64(11), np.uint64(12))


def test_synapses_of_the_cascade_store_as_the_closed_form_says():
    state = np.zeros((64, 4, cascade.BLOCK), np.float32)
    overlap = cascade.store(state, _plan(300))
    expected = Cascade(4).left(np.arange(300))
    error = (overlap - expected) * (64 * cascade.BLOCK) ** 0.5 / state[:, 0].std()
    assert abs(error).max() < 5  # 300 normal deviates: a false alarm in 6,000 keys
    assert state[:, 0].var() == pytest.approx((expected**2).sum(), rel=0.05)


def test_noise_on_every_variable_adds_its_variance():
    still, noisy = (np.zeros((64, 4, cascade.BLOCK), np.float32) for _ in range(2))
    cascade.store(still, _plan(2000))
    cascade.store(noisy, _plan(2000, noise=1.0))
    ratio = Cascade(4, 0.0, 1.0).covariance()[3, 3] / Cascade(4).covariance()[3, 3]
    assert noisy[:, 3].var() / still[:, 3].var() == pytest.approx(ratio, rel=0.1)


def test_the_steady_gradient_is_the_closed_forms():
    curvature = np.repeat([1.0, 0.0], [8, 32])
    rng = Streams(3).generator("steps")
    _, gradient, along = compensation.steady(curvature, compensation.Plan(0.004, 0.01, 1.0, 40_000, 4000), rng)
    assert along == pytest.approx(1.0)
    assert gradient == pytest.approx(steady_gradient(0.004, 0.01, along, 0.2, 1.0), rel=0.1)
    assert best_compensation(0.01, along, 0.2) == pytest.approx(0.01 * 0.2**0.5)


def test_homeostasis_leaves_the_antisymmetric_part_of_the_weights_alone():
    weights = Streams(5).generator("weights").standard_normal((6, 6)) * 0.1
    plan = homeostasis.Plan(0.1, 0.05, 0.01, 0.1, 0.0, 200, 3)
    seen = homeostasis.evolve(weights, plan, Streams(5).generator("noise"))
    after = seen[-1] - seen[-1].T
    assert after == pytest.approx(weights - weights.T, abs=1e-12)
    assert abs((seen[-1] + seen[-1].T) - (weights + weights.T)).max() > 0.01


def test_neurons_without_connections_fire_at_the_rate_of_their_drive():
    alone = balanced.BalancedNetwork(
        excitatory=3, inhibitory=2, inputs={"E": 0, "I": 0}, weights=dict.fromkeys(balanced.KINDS, 0.0),
        drive={"E": 2.0, "I": 0.9},
    )  # fmt: skip
    rate = alone.rates(alone.wire(Streams(1).generator("wires")), Streams(1).generator("start"), 2.0)
    period = 2.0 + 20.0 * np.log(2.0)  # refractory time, then from 0 to half of the drive
    assert rate[:3] == pytest.approx(1000 / period, rel=0.03)
    assert (rate[3:] == 0).all()


def test_unequal_numbers_of_inputs_keep_their_mean():
    network = inhibition._network(1.0)
    equal, unequal = (network.draw("EE", Streams(2).generator("wires"), spread) for spread in (0.0, 0.4))
    for (_, receiver), spread in ((equal, 0.1), (unequal, 0.4)):
        number = np.bincount(receiver, minlength=1600)
        assert number.mean() == pytest.approx(100, rel=0.05)
        assert number.std() / number.mean() == pytest.approx(spread, rel=0.15)


def _learned(temperature, presentations=200, rewarded=True, theta=None):
    learner, rng = sampling.Learner(), Streams(4).generator("start")
    state = learner.begin(0.1, rng)
    if theta is not None:
        state.theta[:] = theta
    task = learner.task(np.arange(learner.inputs), False)
    before = state.theta.copy()
    seen = sampling.learn(state, task, learner.plan(temperature, presentations, 50, rewarded), rng)
    return before, state.theta, seen


def test_a_retracted_synapse_never_returns_without_temperature():
    before, after, _ = _learned(0.0)
    retracted = before <= 0
    assert (after[retracted] <= 0).all()
    assert after[retracted] == pytest.approx(before[retracted] * (1 - 0.003 * 0.3 / 4) ** 200)  # the prior alone


def test_parameters_stay_within_their_bounds():
    _, after, _ = _learned(1000.0)
    assert after.min() == sampling.LOWEST
    assert after.max() == sampling.HIGHEST


def test_a_network_whose_wiring_fits_is_rewarded_and_one_that_does_not_is_not():
    learner = sampling.Learner()
    fits = np.full((2 * learner.pool, learner.inputs), -1.0)
    fits[: learner.pool, : learner.active] = fits[learner.pool :, learner.active : 2 * learner.active] = 1.6
    _, _, (reward, right, _) = _learned(0.0, theta=fits)
    _, _, (wrong_reward, wrong, _) = _learned(0.0, theta=fits[::-1])
    assert right.mean() > 0.95
    assert wrong.mean() < 0.05
    assert reward.mean() > 3 * wrong_reward.mean()


def test_eligibility_follows_the_gradient_of_the_reward():
    """Reward drives inputs of the pool that should fire up, and those of the other down, on average."""
    before, after, _ = _learned(0.0, 4000, theta=0.5)
    learner = sampling.Learner()
    change = after - before
    wanted, other = (change[pool, : learner.active].mean() for pool in (slice(None, 4), slice(4, None)))
    assert wanted > other


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_a_case_gives_the_same_numbers_again_and_they_can_be_kept(study):
    case = study.cases(Options(trial=True))[0]
    first, second = study.run(case, Keeper()), study.run(case, Keeper())
    assert json.dumps(first) == json.dumps(second)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_a_trial_draws_and_says_something_of_each_row(study):
    finding = find(study, Options(trial=True))
    assert {claim.row for claim in finding.claims} - {None} == {row.number for row in study.rows}
    assert any(claim.control for claim in finding.claims)
    for panel in finding.panels:
        assert {"label", "x", "value", "low", "high"} <= set(panel.curves.columns)
        assert np.isfinite(panel.curves["value"].astype(float)).all()
