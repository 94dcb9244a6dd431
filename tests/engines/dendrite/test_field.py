"""Signals along a dendrite: closed forms, conservation, symmetry, and exact sums whatever the tick."""

import numpy as np
import pytest

from spinula.engines.dendrite import branch, field
from spinula.engines.dendrite.field import diffuse, drop, gather, path_between, settle
from spinula.engines.dendrite.geometry import DEPTH, VOLUME, _tree
from spinula.law.plasticity.depression import exposure

REACH, TIME = 6.0, 900.0


def _arm(number, above, direction, *, length=30.0, radius=0.5):
    points = np.outer(np.linspace(0, length, 4), direction) + (0 if above < 0 else np.array([30.0, 0, 0]))
    return number, above, points, np.full(4, radius)


def _fork(**changes):
    """Three equal arms that meet in one point, each cut into 60 nodes."""
    arms = [_arm(0, -1, [1, 0, 0]), _arm(1, 0, [1, 1, 0] / np.sqrt(2)), _arm(2, 0, [1, -1, 0] / np.sqrt(2), **changes)]
    return _tree(arms, 0.5)


def _exposed(geometry, node, tick, seconds):
    """Sum of what every node is exposed to after one event of amount 2*reach/time at a node."""
    cable = geometry.cable
    values, work, total = np.zeros(len(cable)), np.empty(len(cable)), np.zeros(len(cable))
    drop(cable, values, node, 2 * REACH / TIME)
    for _ in range(round(seconds / tick)):
        diffuse(cable, REACH, TIME, tick, values, work)
        total += values * tick
    return total


def test_diffusion_on_a_branch_is_the_closed_form():
    """A long branch with fine nodes and ticks; 1 % of the peak, from the first-order time step."""
    geometry = branch(120.0, step_um=0.25)
    node = len(geometry.cable) // 2
    x = geometry.cable[:, DEPTH] - geometry.cable[node, DEPTH]
    for seconds in (300.0, 1800.0):
        wanted = [exposure(d, seconds, 1.0, REACH, TIME) for d in x]
        assert _exposed(geometry, node, 1.0, seconds) == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize("geometry", [branch(40.0), _fork(), _fork(radius=0.2)], ids=["branch", "fork", "thin arm"])
def test_what_is_lost_is_the_loss_and_nothing_leaves_by_the_ends(geometry):
    cable = geometry.cable
    rng = np.random.default_rng(1)
    values, work = rng.random(len(cable)), np.empty(len(cable))
    amount = values @ cable[:, VOLUME]
    for tick in (5.0, 50.0):
        diffuse(cable, REACH, TIME, tick, values, work)
        amount /= 1 + tick / TIME
        assert values @ cable[:, VOLUME] == pytest.approx(amount, rel=1e-12)
    settle(cable, REACH, values, work)
    assert values @ cable[:, VOLUME] == pytest.approx(amount, rel=1e-12)
    assert (values > 0).all()


@pytest.mark.parametrize("geometry", [branch(40.0), _fork()], ids=["branch", "fork"])
def test_the_summed_exposure_is_exact_for_any_tick(geometry):
    settled, work = np.zeros(len(geometry.cable)), np.empty(len(geometry.cable))
    drop(geometry.cable, settled, 17, 2 * REACH)
    settle(geometry.cable, REACH, settled, work)
    for tick in (7.0, 60.0, 1000.0):
        assert _exposed(geometry, 17, tick, 60_000.0) == pytest.approx(settled, rel=1e-9)


def test_what_settles_far_from_ends_is_the_exponential_profile():
    """Nodes of 0.25 um cost less than 0.1 % of the peak."""
    geometry = branch(200.0, step_um=0.25)
    node = len(geometry.cable) // 2
    values, work = np.zeros(len(geometry.cable)), np.empty(len(geometry.cable))
    drop(geometry.cable, values, node, 2 * REACH)
    settle(geometry.cable, REACH, values, work)
    away = np.abs(geometry.cable[:, DEPTH] - geometry.cable[node, DEPTH])
    assert values == pytest.approx(np.exp(-away / REACH), abs=1e-3)


def test_a_sealed_end_doubles_what_is_released_there():
    geometry = branch(100.0, step_um=0.1)
    values, work = np.zeros(len(geometry.cable)), np.empty(len(geometry.cable))
    drop(geometry.cable, values, 0, 2 * REACH)
    settle(geometry.cable, REACH, values, work)
    assert values[0] == pytest.approx(2.0, rel=0.02)


def test_equal_arms_share_equally_at_a_fork():
    """A signal from far up one arm meets two arms instead of one: what passes is 2/3 of what a branch would pass."""
    geometry = _fork()
    count = len(geometry.cable) // 3
    values, work = np.zeros(3 * count), np.empty(3 * count)
    drop(geometry.cable, values, count - 20, 2 * REACH)
    settle(geometry.cable, REACH, values, work)
    one, other = values[count : 2 * count], values[2 * count :]
    assert one == pytest.approx(other, rel=1e-12)
    line, work = np.zeros(2 * count), np.empty(2 * count)
    straight = branch(60.0)
    drop(straight.cable, line, count - 20, 2 * REACH)
    settle(straight.cable, REACH, line, work)
    assert one[:30] == pytest.approx(2 / 3 * line[count : count + 30], rel=0.05)


def test_a_thin_arm_is_filled_to_the_same_level_by_a_thick_one():
    """In the steady state the level is continuous; a thin arm takes less away."""
    equal, thin = _fork(), _fork(radius=0.1)
    levels = []
    for geometry in (equal, thin):
        values, work = np.zeros(180), np.empty(180)
        values[50] = 1.0
        settle(geometry.cable, REACH, values, work)
        assert values[120] == pytest.approx(values[60], rel=0.1)
        levels.append(values[60])
    assert levels[1] > 1.2 * levels[0]


def test_gathering_sums_what_fades_with_the_path_and_knows_no_ends():
    for geometry in (branch(30.0), _fork(), _tree([_arm(0, -1, [1, 0, 0]), _arm(1, -1, [0, 1, 0])], 0.5)):
        count = len(geometry.cable)
        amounts = np.random.default_rng(2).random(count) * (np.arange(count) % 7 == 0)
        paths = np.array([[path_between(geometry.cable, i, j) for j in range(count)] for i in range(count)])
        values = amounts.copy()
        gather(geometry.cable, 3.0, values, np.empty(count))
        assert values == pytest.approx(np.exp(-paths / 3.0) @ amounts, rel=1e-12)


def test_separate_trees_do_not_talk():
    geometry = _tree([_arm(0, -1, [1, 0, 0]), _arm(1, -1, [0, 1, 0])], 0.5)
    cable, count = geometry.cable, len(geometry.cable)
    assert path_between(cable, 0, count - 1) == np.inf
    assert path_between(cable, 0, 10) == pytest.approx(5.0)
    exposed = _exposed(geometry, 10, 50.0, 5000.0)
    assert exposed[: count // 2].min() > 0
    assert (exposed[count // 2 :] == 0).all()


def test_paths_are_symmetric_and_go_through_the_fork():
    cable = _fork().cable
    assert path_between(cable, 70, 130) == path_between(cable, 130, 70) == pytest.approx(10.5, abs=0.5)
    assert path_between(cable, 33, 33) == 0.0
    assert path_between(cable, 50, 70) == pytest.approx(10.0)


def test_a_matrix_eliminated_once_gives_the_same_solution():
    cable = branch(40.0, step_um=0.5).cable
    once, again, work = np.zeros(len(cable)), np.zeros(len(cable)), np.zeros(len(cable))
    once[30] = again[30] = 2.0
    factor, inverse = np.zeros(len(cable)), np.zeros(len(cable))
    field.eliminate(cable, 3.0, 1.5, factor, inverse)
    field.solve_tree(cable, 3.0, 1.5, once, work)
    field.solve_eliminated(cable, factor, inverse, again)
    np.testing.assert_allclose(again, once, rtol=1e-13)
