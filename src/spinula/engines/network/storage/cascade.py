"""Synapses of many variables that store one random memory per step, each run on bits that can be drawn again."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit

from spinula.engines import philox
from spinula.law.circuits.storage import cascade

BLOCK = 128  # synapses that share one call of the generator: four words of 32 bits

Plan = namedtuple("Plan", "into out noise steps memories noises")
Plan.__doc__ = (
    """Rates of the chain and noise of each variable, shape (variables,); steps; keys of memories and noise."""
)

_flow = njit(cascade.flow, fastmath=True)


@njit(nogil=True)
def _unpack(word, signs):
    for bit in range(32):
        signs[bit] = np.float32(2.0) * np.float32((np.uint32(word) >> np.uint32(bit)) & np.uint32(1)) - np.float32(1.0)


@njit(nogil=True)
def _signs(step, block, variable, key, signs):
    """Write a block's signs, +1 or -1, for one step and one variable."""
    k0, k1 = philox.split_key(key)
    a, b, c, d = philox.philox(np.uint32(step), np.uint32(block), np.uint32(variable), np.uint32(0), k0, k1)
    _unpack(a, signs[:32])
    _unpack(b, signs[32:64])
    _unpack(c, signs[64:96])
    _unpack(d, signs[96:])


@njit(cache=True, nogil=True, fastmath=True)
def store(state, plan):
    """Store a memory per step and return the overlap of the final weights with the memory of each age.

    Noise is +-``noise`` with a fair sign, which sums to a normal within a few steps.

    Parameters
    ----------
    state : Array, shape (blocks, variables, BLOCK), float32; left as it is at the end
    plan : Plan

    Returns
    -------
    Array, shape (steps,): mean over synapses of memory*weight; entry 0 is the memory stored last
    """
    blocks, variables, _ = state.shape
    overlap = np.zeros(plan.steps)
    signs, change = np.zeros(BLOCK, np.float32), np.zeros((variables, BLOCK), np.float32)
    nothing = np.zeros(BLOCK, np.float32)
    for block in range(blocks):
        u = state[block]
        for step in range(plan.steps):
            for k in range(variables):
                into, out = plan.into[k], plan.out[k]
                before = u[k - 1] if k > 0 else nothing
                behind = u[k + 1] if k + 1 < variables else nothing
                for s in range(BLOCK):
                    change[k, s] = _flow(before[s], u[k, s], behind[s], into, out)
            for k in range(variables):
                for s in range(BLOCK):
                    u[k, s] += change[k, s]
                if plan.noise[k] > 0.0:
                    _signs(step, block, k, plan.noises, signs)
                    for s in range(BLOCK):
                        u[k, s] += plan.noise[k] * signs[s]
            _signs(step, block, 0, plan.memories, signs)
            for s in range(BLOCK):
                u[0, s] += signs[s]
        for step in range(plan.steps):
            _signs(step, block, 0, plan.memories, signs)
            shared = np.float32(0.0)
            for s in range(BLOCK):
                shared += signs[s] * u[0, s]
            overlap[plan.steps - 1 - step] += shared
    return overlap / (blocks * BLOCK)
