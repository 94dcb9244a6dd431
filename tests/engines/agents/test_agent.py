"""Agents of spines: where they are TD learning and where not, what dopamine may change, and their files."""

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.agents import (
    Features,
    LinearActorCritic,
    OneHot,
    OpponentActorCritic,
    SpineActorCritic,
    SpineRule,
)
from spinula.law.circuits.conditioning import temporal_difference

STATES, ACTIONS = 5, 3
EXACT = SpineRule(actor_rate=0.3, critic_rate=0.2, trace=0.7, discount=0.9, trace_cut=0.0)


class Overlapping(Features):
    """States that share inputs, so that an error is in the features and not only in a table."""

    def __init__(self):
        super().__init__(6, 6)
        rows = np.random.default_rng(0).random((STATES, 6))
        self.rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def encode(self, observation, index, strength):
        index[:6], strength[:6] = np.arange(6), self.rows[observation]
        return 6


def walk(agent, steps, seed=1):
    """Let an agent walk; yield state, action, reward, next state and whether the episode ended."""
    generator, state = np.random.default_rng(seed), 0
    action = agent.begin(state)
    for _ in range(steps):
        after, reward = int(generator.integers(STATES)), generator.normal(0.3 * action - 0.1 * state, 0.5)
        ended = bool(generator.random() < 0.1)
        following = agent.learn(after, reward, terminated=ended)
        yield state, action, reward, after, ended
        state = after
        action = agent.begin(state) if ended else following


def textbook(agent, steps, rule=EXACT):
    """Return how far an agent is from the textbook's actor-critic on the same walk: values, then policies."""
    rows = agent.features.rows
    weight, theta = np.zeros(6), np.zeros((ACTIONS, 6))
    eligible, eligible_actor = np.zeros(6), np.zeros((ACTIONS, 6))
    away = []
    for state, action, reward, after, ended in walk(agent, steps):
        x, y = rows[state], rows[after]
        liking = np.exp(theta @ x - (theta @ x).max())
        chance = liking / liking.sum()
        eligible = rule.discount * rule.trace * eligible + x
        gradient = (np.arange(ACTIONS) == action)[:, None] * x - chance[:, None] * x
        eligible_actor = rule.discount * rule.trace * eligible_actor + gradient
        error = reward + (0.0 if ended else rule.discount * weight @ y) - weight @ x
        weight = weight + rule.critic_rate * error * eligible
        theta = theta + rule.actor_rate * error * eligible_actor
        if ended:
            eligible, eligible_actor = np.zeros(6), np.zeros((ACTIONS, 6))
        likings = np.exp(rows @ theta.T - (rows @ theta.T).max(1, keepdims=True))
        policy = likings / likings.sum(1, keepdims=True)
        away.append([max(abs(agent.value(s) - rows[s] @ weight) for s in range(STATES)),
                     max(np.abs(agent.policy(s) - policy[s]).max() for s in range(STATES))])  # fmt: skip
    return np.array(away)


@pytest.mark.parametrize("kind", [SpineActorCritic, LinearActorCritic])
def test_linear_spines_are_the_actor_critic_of_the_textbook(kind):
    away = textbook(kind(Overlapping(), ACTIONS, EXACT, seed=1), 500)
    assert away.max() < 1e-6


def test_spines_are_td_of_the_law_when_only_values_are_learned():
    rule = EXACT.model_copy(update={"actor_rate": 0.0})
    agent, seen = SpineActorCritic(OneHot(4), 2, rule, seed=1), []
    rewards = np.random.default_rng(3).normal(0.5, 1.0, (30, 4))
    for given in rewards:
        seen.append(agent.value(0))
        agent.begin(0)
        for step in range(4):
            agent.learn(min(step + 1, 3), given[step], terminated=step == 3)
    wanted = temporal_difference(np.tile(np.eye(4), (30, 1, 1)), rewards, 0.2, discount=0.9, trace=0.7)
    np.testing.assert_allclose(seen, wanted, atol=1e-9)


@pytest.mark.parametrize(
    "change", [{"enlargement": "saturating"}, {"dips": "duration"}, {"d2_share": 0.5}, {"eligibility": "chosen"}]
)
def test_each_part_of_the_limit_is_needed(change):
    rule = EXACT.model_copy(update=change)
    assert textbook(SpineActorCritic(Overlapping(), ACTIONS, rule, seed=1), 500).max() > 0.01


def test_saturating_enlargement_is_linear_at_its_scale():
    # The slope of V*exp(-V/scale) vanishes at the scale: with a large gain sizes stay there.
    rule = EXACT.model_copy(update={"enlargement": "saturating", "actor_gain": 1e6, "critic_gain": 1e6})
    away = textbook(SpineActorCritic(Overlapping(), ACTIONS, rule, seed=1, size=rule.size_scale), 300)
    assert away.max() < 1e-6


def test_bursts_enlarge_d1_and_dips_d2_and_nothing_shrinks():
    agent = SpineActorCritic(OneHot(STATES), ACTIONS, EXACT, seed=1)
    before = agent.sizes.copy()
    for _ in walk(agent, 300):
        grown = agent.sizes - before
        assert (grown >= 0).all()
        assert (grown[..., 1 if agent.error > 0 else 0] == 0).all()
        before = agent.sizes.copy()
    assert (before > 0.1).any(axis=(0, 1)).all()


def test_only_the_spines_of_the_chosen_action_are_eligible_if_so_said():
    rule = SpineRule(eligibility="chosen", trace=0.0)
    agent = SpineActorCritic(OneHot(1), ACTIONS, rule, seed=1)
    chosen = agent.begin(0)
    agent.learn(0, 1.0, terminated=True)
    assert np.flatnonzero(agent.sizes[0, :ACTIONS, 0] > 0.1).tolist() == [chosen]


def test_vacant_sites_learn_nothing():
    agent = SpineActorCritic(OneHot(50), 2, EXACT, seed=1, density=0.5)
    vacant = agent.sizes == 0
    assert 0.4 < vacant.mean() < 0.6
    for state in range(49):
        agent.begin(state)
        agent.learn(state + 1, 1.0, terminated=True)
    assert (agent.sizes[vacant] == 0).all()


def test_short_dips_are_missed_when_dips_are_coded_by_duration():
    rule = SpineRule(actor_rate=0.0, critic_rate=1.0, discount=0.0, dips="duration")
    drops = []
    for error in (-0.25, -1.0):
        agent = SpineActorCritic(OneHot(1), 2, rule, seed=1)
        agent.begin(0)
        agent.learn(0, error, terminated=True)
        drops.append(agent.value(0))
    # A(0.2 s)/A(0.8 s) of the law: 0.0423/0.7888.
    assert drops == pytest.approx([-0.0537, -1.0], abs=2e-3)


def test_opal_multiplies_its_weights_and_keeps_them_above_zero():
    rule = SpineRule(actor_rate=0.1, critic_rate=0.0, discount=0.0, actor_gain=1.0, eligibility="chosen")
    agent = OpponentActorCritic(OneHot(1), 2, rule, seed=1)
    rewards, weight = [1.0, -1.0, 2.0, -30.0], np.ones((2, 2))
    for reward in rewards:
        chosen = agent.begin(0)
        agent.learn(0, reward, terminated=True)
        weight[chosen] = np.maximum(weight[chosen] * [1 + 0.1 * reward, 1 - 0.1 * reward], 0)
    np.testing.assert_allclose(agent.sizes[0, :2], weight)


def test_a_saved_agent_goes_on_as_if_it_had_not_been_saved(tmp_path):
    first = SpineActorCritic(Overlapping(), ACTIONS, EXACT, seed=1)
    list(walk(first, 100))
    first.save(tmp_path / "policy.npz")
    second = SpineActorCritic(Overlapping(), ACTIONS, EXACT, seed=2)
    second.load(tmp_path / "policy.npz")
    assert [action for _, action, *_ in walk(first, 100, 5)] == [action for _, action, *_ in walk(second, 100, 5)]
    np.testing.assert_array_equal(first.sizes, second.sizes)
    with pytest.raises(InvalidInputError, match="another world"):
        SpineActorCritic(OneHot(2), ACTIONS, seed=1).load(tmp_path / "policy.npz")


def test_what_cannot_be_an_agent_is_refused():
    for arguments in ({"actions": 1}, {"actions": 2, "density": 0.0}, {"actions": 2, "size": -1.0}):
        with pytest.raises(OutOfRangeError):
            SpineActorCritic(OneHot(2), **arguments, seed=1)


def test_the_room_is_reached_by_its_short_name():
    import spinula.agents

    assert spinula.agents.SpineActorCritic is SpineActorCritic
