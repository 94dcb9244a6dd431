"""The equations of storage against what follows from them by another way."""

import math

import numpy as np
import pytest
from scipy import linalg, optimize

from spinula.law.circuits.storage import cascade, compensation, eigenvalues, sampling


def _walk(variables, steps):
    """Return the variables after each step of the chain's own equation, from a memory of 1."""
    into, out = cascade.rates(variables)
    u, seen = np.zeros(variables), []
    u[0] = 1.0
    for _ in range(steps):
        seen.append(u.copy())
        before, behind = np.concatenate([[0.0], u[:-1]]), np.concatenate([u[1:], [0.0]])
        u = u + cascade.flow(before, u, behind, into, out)
    return np.array(seen)


def test_what_a_memory_leaves_is_what_the_steps_of_the_chain_leave():
    assert cascade.Cascade(6).left(np.arange(500)) == pytest.approx(_walk(6, 500)[:, 0], rel=1e-9)


@pytest.mark.parametrize(("first", "everywhere"), [(0.0, 0.0), (0.7, 0.0), (0.0, 0.3)])
def test_the_covariance_stays_as_it_is_under_one_more_step(first, everywhere):
    chain = cascade.Cascade(4, first, everywhere)
    into, out = cascade.rates(4)
    matrix = np.diag(1 - into - out) + np.diag(into[1:], -1) + np.diag(out[:-1], 1)
    noise = np.eye(4) * everywhere**2
    noise[0, 0] += 1 + first**2
    before = chain.covariance()
    assert matrix @ before @ matrix.T + noise == pytest.approx(before, rel=1e-9)


def test_a_chain_of_one_variable_is_a_leak():
    assert cascade.Cascade(1).left(np.array([0, 1, 2])) == pytest.approx([1, 7 / 8, 49 / 64])


def test_the_signal_falls_as_the_root_of_the_age_until_the_last_variable_leaks():
    chain, age = cascade.Cascade(12), np.geomspace(10, 1e6, 200)
    slope = np.gradient(np.log(chain.left(age)), np.log(age))
    assert abs(slope + 0.5).max() < 0.07  # each variable leaves a ripple, the first ones the largest
    assert np.polyfit(np.log(age), np.log(chain.left(age)), 1)[0] == pytest.approx(-0.5, abs=0.01)


def test_the_lifetime_is_where_signal_equals_noise():
    chain = cascade.Cascade(8)
    assert chain.signal_to_noise(chain.lifetime(1e4), 1e4) == pytest.approx(1.0, rel=1e-6)
    assert chain.lifetime(1.0) == 0.0


def test_a_slow_variable_lives_as_its_formula_says():
    time, synapses = 50.0, 1e4
    age = cascade.slow_lifetime(time, synapses)
    assert np.exp(-age / time) * (2 * synapses / time) ** 0.5 == pytest.approx(1.0)


def test_the_best_compensation_is_the_lowest_of_the_steady_gradient():
    found = optimize.minimize_scalar(
        lambda c: compensation.steady_gradient(c, 0.02, 7.0, 2.0, 0.6), bounds=(1e-4, 1.0), method="bounded",
        options={"xatol": 1e-9},
    )  # fmt: skip
    assert found.x == pytest.approx(compensation.best_compensation(0.02, 7.0, 2.0), rel=1e-4)


def _covariance(weights, noise):
    moving = weights - np.eye(len(weights))
    return linalg.solve_continuous_lyapunov(moving, -2 * noise * np.eye(len(weights)))


def test_imaginary_parts_do_not_change_the_covariance_that_homeostasis_sees():
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    for imaginary in (0.0, 0.4, 3.0):
        assert _covariance(0.5 * np.eye(2) + imaginary * turn, 0.05) == pytest.approx(0.1 * np.eye(2))


def test_homeostasis_rests_at_its_real_part_and_returns_at_its_rate():
    noise, target, speed = 0.05, 0.1, 0.01
    rest = eigenvalues.resting_real(noise, target)
    tau = eigenvalues.relaxation_time(rest, noise, speed)
    real, dt = rest + 1e-4, tau / 10_000
    for _ in range(10_000):
        variance = _covariance(np.array([[real]]), noise)[0, 0]
        real += dt * speed * eigenvalues.homeostasis(variance**0.5, variance**0.5, 1.0, target)
    assert (real - rest) / 1e-4 == pytest.approx(np.exp(-1), rel=0.01)


def test_shares_read_the_memories_that_were_written():
    a, b = np.eye(5)[:2]
    symmetric, turning = np.outer(a, b) + np.outer(b, a), np.outer(a, b) - np.outer(b, a)
    both = 0.3 * symmetric + 0.7 * turning
    assert eigenvalues.symmetric_share(both, a, b) == pytest.approx(0.3)
    assert eigenvalues.antisymmetric_share(both, a, b) == pytest.approx(0.7)
    assert np.linalg.eigvals(turning).imag.max() == pytest.approx(1.0)
    assert np.linalg.eigvals(symmetric).real.max() == pytest.approx(1.0)


def test_the_prior_alone_gives_the_variance_of_a_linear_step():
    numbers = sampling.parameter_numbers(0.04, 0.1, (0.5, 2.0), 7.0)
    rng = np.random.default_rng(3)
    theta = np.full(20_000, 4.0)
    for _ in range(1000):
        theta = sampling.parameter_step(theta, 0.0, rng.standard_normal(len(theta)), numbers)
    assert theta.mean() == pytest.approx(0.5, abs=0.02)
    assert theta.var() == pytest.approx(0.1 * 4.0, rel=0.05)


def test_reward_pushes_as_its_gain_says():
    _, pull, push, _ = sampling.parameter_numbers(0.04, 0.1, (0.5, 2.0), 7.0)
    assert (pull, push) == pytest.approx((0.01, 0.28))


def test_weights_of_arrays_are_those_of_numbers():
    theta = np.array([-2.0, 0.0, 0.1, 3.0, 5.0])
    assert sampling.weight(theta, 3.0, np.exp) == pytest.approx([sampling.weight(t, 3.0, math.exp) for t in theta])
    assert (sampling.weight(theta, 3.0, np.exp) > 0).tolist() == [False, False, True, True, True]
