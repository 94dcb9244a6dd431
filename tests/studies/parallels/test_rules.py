"""Capacity by count and by linear programming, margins, and three factors as a gradient."""

import numpy as np
import pytest

from spinula.studies.parallels.pairs.rules import guess_errors
from spinula.studies.parallels.sides.capacity import errors_after, is_separable, separable_share, widest
from spinula.studies.parallels.sides.rules import RULES, Network, perturbed, steps


@pytest.mark.parametrize(("constrained", "patterns"), [(0, 20), (10, 10), (5, 15)])
def test_capacity_is_covers_count(constrained, patterns):
    assert separable_share(10, constrained, patterns) == pytest.approx(0.5)
    generator = np.random.default_rng(1)
    found = np.mean([is_separable(generator.standard_normal((patterns, 10)), constrained) for _ in range(300)])
    assert found == pytest.approx(0.5, abs=4 * 0.5 / 300**0.5)  # 1 in 16,000


def test_the_widest_margin_holds_and_keeps_signs():
    signed = np.random.default_rng(2).choice([-1.0, 1.0], (15, 40))
    weight = widest(signed, 40)
    assert (signed @ weight).min() == pytest.approx(1.0, abs=1e-6)
    assert weight.min() >= -1e-9
    free = widest(signed, 0)
    assert np.linalg.norm(free) < np.linalg.norm(weight)
    # The free one is the least-norm solution of the patterns that bind: a combination of patterns.
    assert np.linalg.lstsq(signed.T, free, rcond=None)[1].sum() < 1e-12
    assert widest(np.array([[1.0], [-1.0]]), 0) is None
    assert errors_after(signed, weight, 1e-6 * np.ones(40)) == 0.0


def test_three_factors_are_the_gradient_where_the_loss_is_quadratic():
    worst, power = guess_errors()
    assert worst < 1e-12
    assert power == pytest.approx(2.0, abs=0.05)


def test_the_gradient_is_that_of_the_loss_and_noise_finds_it():
    generator = np.random.default_rng(3)
    net = Network.drawn(generator, 1, (4, 5, 2))
    x, target = generator.standard_normal((4, 3)), generator.standard_normal((2, 3))
    second, first = steps(net, x, target, "gradient", generator)

    def loss():
        return 0.5 * ((net.forward(x)[1] - target) ** 2).sum() / 3

    for weight, change in ((net.first, first), (net.second, second)):
        before, weight[0, 1, 2] = loss(), weight[0, 1, 2] + 1e-6
        assert (loss() - before) / 1e-6 == pytest.approx(-change[0, 1, 2], rel=1e-4)
        weight[0, 1, 2] -= 1e-6
    guesses = np.mean([perturbed(net, x, target, generator)[0] for _ in range(4000)], axis=0)
    assert guesses[0] == pytest.approx(net.forward(x)[1][0] - target, abs=0.4)


def test_rules_differ_only_where_they_should():
    net = Network.drawn(np.random.default_rng(4), 2, (4, 5, 2))
    x, target = np.ones((4, 1)), np.ones((2, 1))
    made = {rule: steps(net, x, target, rule, np.random.default_rng(5)) for rule in RULES}
    assert (made["output only"][1] == 0).all()
    assert (made["feedback alignment"][0] == made["gradient"][0]).all()
    assert not np.allclose(made["feedback alignment"][1], made["gradient"][1])
