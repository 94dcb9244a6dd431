"""Features of agents against slow copies; spines of agents that live by themselves against closed forms."""

import numpy as np
import pytest
from scipy import stats

from spinula.core.errors import InvalidInputError
from spinula.engines.agents import IntrinsicDynamics, Linear, OneHot, Pixels, SpineActorCritic, Tiles, live
from spinula.law import LinearLaw

DYNAMICS = IntrinsicDynamics(recovery_rate=1e-3, noise_slope=0.01, noise_floor=1e-4, size_min=1e-4, turnover=False)


def encoded(coder, observation):
    index, strength = np.zeros(coder.most, np.int64), np.zeros(coder.most)
    count = coder.encode(observation, index, strength)
    assert index[:count].max() < coder.count
    assert (strength[:count] >= 0).all()
    return dict(zip(index[:count].tolist(), strength[:count].tolist(), strict=True))


def test_tiles_near_share_features_and_tiles_far_do_not():
    coder = Tiles([-1.0, 0.0], [1.0, 10.0], tiles=4, tilings=8)
    shared = [
        len(set(encoded(coder, np.array([0.0, 5.0]))) & set(encoded(coder, np.array([x, 5.0]))))
        for x in (0.0, 0.1, 0.3, 0.6)
    ]
    assert shared[0] == 8
    assert shared == sorted(shared, reverse=True)
    assert shared[-1] == 0
    assert encoded(coder, np.array([-9.0, 99.0])) == encoded(coder, np.array([-1.0, 10.0]))
    assert sum(value**2 for value in encoded(coder, np.array([0.2, 3.0])).values()) == pytest.approx(1.0)
    with pytest.raises(InvalidInputError, match="bounds"):
        Tiles([0.0], [0.0])
    with pytest.raises(InvalidInputError, match="fewer"):
        Tiles([0.0] * 9, [1.0] * 9)


def test_linear_features_keep_the_sign_in_the_place():
    coder = Linear([1.0, 2.0])
    weight = np.array([1.0, -1.0, 3.0, -3.0, 0.5])
    for observation in ([0.3, -2.0], [-1.0, 1.0]):
        found = sum(weight[place] * value for place, value in encoded(coder, np.array(observation)).items())
        assert found * np.sqrt(3) == pytest.approx(observation[0] + 3 * observation[1] / 2 + 0.5)


def test_pixels_find_every_pair_once_and_no_other():
    coder, generator = Pixels((4, 5, 3), reach=1), np.random.default_rng(1)
    seen = {}
    for _ in range(200):
        image = generator.random((4, 5, 3)) < 0.2
        on = [tuple(int(part) for part in place) for place in np.argwhere(image)]
        pairs = {
            (one, two) for one in on for two in on
            if one[2] < two[2] and abs(one[0] - two[0]) <= 1 and abs(one[1] - two[1]) <= 1
        }  # fmt: skip
        found = encoded(coder, image) if on else {}
        assert len(found) == len(on) + len(pairs)
        # A feature must always mean the same pair: each pair is present exactly when its feature is.
        for feature in found:
            seen[feature] = seen.get(feature, {*on, *pairs}) & {*on, *pairs}
    assert all(seen.values())


def test_drift_alone_is_an_exponential_return():
    sizes = np.full((10, 3, 2), 0.3)
    calm = DYNAMICS.model_copy(update={"temperature": 0.0})
    for _ in range(100):
        live(sizes, calm, np.random.default_rng(1), 10)
    np.testing.assert_allclose(sizes, 0.1 + 0.2 * np.exp(-1.0), rtol=5e-3)


def test_sizes_settle_in_the_law_of_linear_spines():
    sizes, generator = np.full((1500, 3, 2), 0.1), np.random.default_rng(1)
    for _ in range(300):
        live(sizes, DYNAMICS, generator, 20)
    law = LinearLaw(recovery_rate=1e-3, size_rest=0.1, noise_slope=0.01, noise_floor=1e-4)
    # 9000 independent spines: a false alarm once in a hundred, seed fixed.
    assert stats.kstest(sizes.ravel(), law.stationary().cdf).pvalue > 0.01


def test_temperature_scales_the_fluctuation():
    spreads = []
    for temperature in (0.5, 1.0):
        sizes = np.full((3000, 3, 2), 0.1)
        live(sizes, DYNAMICS.model_copy(update={"temperature": temperature}), np.random.default_rng(1), 1)
        spreads.append(sizes.std())
    assert spreads[1] / spreads[0] == pytest.approx(2.0, rel=0.02)
    assert spreads[1] == pytest.approx(0.01 * 0.1 + 1e-4, rel=0.03)


def test_what_is_eliminated_forms_elsewhere():
    lively = IntrinsicDynamics(recovery_rate=0.0, noise_slope=0.05, size_min=0.05, size_new=0.06)
    agent = SpineActorCritic(OneHot(500), 2, seed=1, intrinsic=lively, density=0.5)
    before = agent.sizes > 0
    lost = sum(live(agent.sizes, lively, np.random.default_rng(1), 10) for _ in range(50))
    after = agent.sizes > 0
    assert lost > 100
    assert after.sum() == before.sum()
    assert (after & ~before).sum() > 50
    assert agent.sizes[after].min() > 0.05
    still = agent.sizes.copy()
    assert live(still, lively.model_copy(update={"turnover": False}), np.random.default_rng(1), 1000) == 0
    assert ((still > 0) == after).all()


def test_an_agent_lives_every_so_often_and_only_with_intrinsic_dynamics():
    moved = []
    for intrinsic in (DYNAMICS.model_copy(update={"every": 10}), None):
        agent = SpineActorCritic(OneHot(4), 2, seed=1, intrinsic=intrinsic)
        agent.begin(0)
        changes = []
        for _ in range(20):
            before = agent.sizes[3].copy()
            agent.learn(1, 0.0)
            changes.append(bool((agent.sizes[3] != before).any()))
        moved.append([step + 1 for step, change in enumerate(changes) if change])
    assert moved == [[10, 20], []]
