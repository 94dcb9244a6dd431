"""One step of an actor-critic as one compiled call: error, dopamine, spines, traces, policy, choice.

Arrays that all kernels share (f features; c cells, one per action and, last, the critic's; a actions):

    sizes    (f, c, 2)  D1 and D2 spine of each feature on each cell; 0 at a vacant site
    traces   (f, c)     eligibility of the synapses
    listed   (3, f)     the features whose traces are not 0; where in that list a feature stands (-1: not in it);
                        whether it was ever in it
    memory   (8 + a)    what one step leaves to the next; places named below; from 8 on, the policy
    numbers  (16)       the rule; places named below
    index, strength     the active features, the first ``count`` entries

A signed-weight actor-critic and OpAL are other ways to change the same arrays, so that comparisons differ by the rule.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from spinula.law.circuits import conditioning
from spinula.law.modulation import dips

enlarged = njit(conditioning.enlarged)
duration_gain = njit(dips.duration_gain)

# Places in ``memory``.
VALUE, ERROR, LISTED, BURSTS, DIPS, STEPS = range(6)
POLICY = 8
# Places in ``numbers``.
(ACTOR_RATE, CRITIC_RATE, ACTOR_GAIN, CRITIC_GAIN, TRACE, TRACE_CUT, SIZE_SCALE, DIP, LONGEST_DIP, DIP_HALF, DIP_POWER,
 ERROR_SCALE, SOFTMAX, RULE, D2_SHARE, DISCOUNT) = range(16)  # fmt: skip
SPINES, SIGNED, OPPONENT = 0.0, 1.0, 2.0


@njit(cache=True)
def preference(sizes, numbers, index, strength, count, cell):
    """Return gain * sum of strength*(D1 - D2) over the active features of a cell."""
    total = 0.0
    for k in range(count):
        total += strength[k] * (sizes[index[k], cell, 0] - sizes[index[k], cell, 1])
    last = cell == sizes.shape[1] - 1
    return total * (numbers[CRITIC_GAIN] if last else numbers[ACTOR_GAIN])


@njit(cache=True)
def weigh(sizes, memory, numbers, index, strength, count):
    """Write the softmax policy at the active features into ``memory``."""
    actions = sizes.shape[1] - 1
    top = -np.inf
    for action in range(actions):
        liking = preference(sizes, numbers, index, strength, count, action)
        memory[POLICY + action] = liking
        top = max(top, liking)
    total = 0.0
    for action in range(actions):
        memory[POLICY + action] = math.exp(memory[POLICY + action] - top)
        total += memory[POLICY + action]
    for action in range(actions):
        memory[POLICY + action] /= total


@njit(cache=True)
def drawn(memory, actions, luck):
    """Return the action at which the cumulative policy passes ``luck``."""
    passed = 0.0
    for action in range(actions):
        passed += memory[POLICY + action]
        if luck < passed:
            return action
    return actions - 1


@njit(cache=True)
def _likeliest_other(memory, actions, chosen):
    top = 0.0
    for action in range(actions):
        if action != chosen:
            top = max(top, memory[POLICY + action])
    return top


@njit(cache=True)
def choose(sizes, traces, listed, memory, numbers, index, strength, count, luck):
    """Choose an action, and make the synapses eligible that took part; return the action."""
    actions = sizes.shape[1] - 1
    weigh(sizes, memory, numbers, index, strength, count)
    chosen = drawn(memory, actions, luck)
    memory[VALUE] = preference(sizes, numbers, index, strength, count, actions)
    # A shift that is the same for all actions leaves the policy's course as it is, and no eligibility below 0.
    shift = 0.0 if numbers[RULE] == SIGNED else _likeliest_other(memory, actions, chosen)
    for k in range(count):
        feature, x = index[k], strength[k]
        if listed[1, feature] < 0:
            place = int(memory[LISTED])
            listed[0, place], listed[1, feature], listed[2, feature] = feature, place, 1
            memory[LISTED] += 1.0
        traces[feature, actions] += x
        if numbers[SOFTMAX] > 0.0:
            for action in range(actions):
                mine = 1.0 if action == chosen else 0.0
                traces[feature, action] += (mine - memory[POLICY + action] + shift) * x
        else:
            traces[feature, chosen] += x
    return chosen


@njit(cache=True)
def dip_strength(error, numbers):
    """Return what a dip for an error below 0 does: its size, or the response to the dip's duration if dips have one."""
    if error >= 0.0:
        return 0.0
    if numbers[DIP] == 0.0:
        return -error * numbers[D2_SHARE]
    usual = duration_gain(numbers[DIP], numbers[DIP_HALF], numbers[DIP_POWER])
    pause = min(-error / numbers[ERROR_SCALE] * numbers[DIP], numbers[LONGEST_DIP])
    share = duration_gain(pause, numbers[DIP_HALF], numbers[DIP_POWER]) / usual
    return share * numbers[ERROR_SCALE] * numbers[D2_SHARE]


@njit(cache=True)
def _grown(size, strength, scale):
    if size <= 0.0 or strength <= 0.0:
        return size
    # Relative to the enlargement at the scale of sizes, where it depends least on size.
    return size + (strength if scale == 0.0 else enlarged(size, strength * math.e / scale, scale))


@njit(cache=True)
def _taught(sizes, feature, cell, amount, burst, dip, numbers):
    """Change one pair of synapses: ``amount`` is rate times eligibility over gain."""
    rule, scale = numbers[RULE], numbers[SIZE_SCALE]
    if rule == SPINES:
        sizes[feature, cell, 0] = _grown(sizes[feature, cell, 0], amount * burst, scale)
        sizes[feature, cell, 1] = _grown(sizes[feature, cell, 1], amount * dip, scale)
        return
    error = burst - dip
    if rule == SIGNED or cell == sizes.shape[1] - 1:
        sizes[feature, cell, 0] += amount * error
    else:
        # Hebbian terms of OpAL; a weight that a large error would make negative stays at 0.
        sizes[feature, cell, 0] = max(sizes[feature, cell, 0] * (1.0 + amount * error), 0.0)
        sizes[feature, cell, 1] = max(sizes[feature, cell, 1] * (1.0 - amount * error), 0.0)


@njit(cache=True)
def learn(sizes, traces, listed, memory, numbers, index, strength, count, reward, discount):
    """Let the error of a step change all eligible synapses, and their traces decay."""
    cells = sizes.shape[1]
    later = preference(sizes, numbers, index, strength, count, cells - 1) if discount > 0.0 else 0.0
    error = reward + discount * later - memory[VALUE]
    burst, dip = max(error, 0.0), dip_strength(error, numbers)
    memory[ERROR] = error
    memory[BURSTS] += burst
    memory[DIPS] += max(-error, 0.0)
    memory[STEPS] += 1.0
    actor = numbers[ACTOR_RATE] / (numbers[ACTOR_GAIN] if numbers[RULE] != OPPONENT else 1.0)
    critic = numbers[CRITIC_RATE] / numbers[CRITIC_GAIN]
    decay, place = numbers[TRACE] * numbers[DISCOUNT], 0
    while place < int(memory[LISTED]):
        feature, alive = listed[0, place], False
        for cell in range(cells):
            eligible = traces[feature, cell]
            if eligible == 0.0:
                continue
            rate = critic if cell == cells - 1 else actor
            _taught(sizes, feature, cell, rate * eligible, burst, dip, numbers)
            traces[feature, cell] = eligible * decay
            alive = alive or abs(eligible * decay) > numbers[TRACE_CUT]
        if alive:
            place += 1
        else:
            _forget(traces, listed, memory, place)


@njit(cache=True)
def _forget(traces, listed, memory, place):
    """Take a feature from the list of eligible ones; the last of the list takes its place."""
    feature = listed[0, place]
    traces[feature, :] = 0.0
    memory[LISTED] -= 1.0
    last = listed[0, int(memory[LISTED])]
    listed[0, place], listed[1, last] = last, place
    listed[1, feature] = -1


@njit(cache=True)
def forget(traces, listed, memory):
    """End an episode: no synapse is eligible any more."""
    while memory[LISTED] > 0.0:
        _forget(traces, listed, memory, int(memory[LISTED]) - 1)


@njit(cache=True)
def step(sizes, traces, listed, memory, numbers, index, strength, count, event):
    """Learn from a step and choose the next action; ``event`` is (reward, discount, luck), luck < 0 ends an episode."""
    reward, discount, luck = event
    learn(sizes, traces, listed, memory, numbers, index, strength, count, reward, discount)
    if luck < 0.0:
        forget(traces, listed, memory)
        return -1
    return choose(sizes, traces, listed, memory, numbers, index, strength, count, luck)
