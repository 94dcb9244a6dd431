"""Counter-based random numbers for Numba kernels: a draw is a function of (key, counter) and of nothing else.

The same spine at the same step gets the same number whatever the number of threads, the order of the work or the
point at which a run was cut and resumed. The generator is Philox4x32-10; normals are Box-Muller on its output. All
loops are plain elementwise arithmetic on 32-bit lanes, which LLVM turns into vector instructions; a call to libm
would stop that, hence the polynomials (single precision, relative error below 5e-7).

Source: [salmon2011] for Philox; [moshier1989] (Cephes) for the minimax coefficients of log, sin and cos.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

_single = np.float32
_word = np.uint32

LANES = 256  # spines per tile: a tile of noise (4 x 256 words) stays in the first-level cache
_VECTOR = {"fastmath": True, "error_model": "numpy"}


@intrinsic
def _float_of(typingctx, bits):  # type: ignore[no-untyped-def]
    """Read 32 bits as a float32."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.uint32), generate


@intrinsic
def _bits_of(typingctx, value):  # type: ignore[no-untyped-def]
    """Read a float32 as 32 bits."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.uint32(types.float32), generate


@njit(forceinline=True)
def _round(c0, c1, c2, c3, k0, k1):
    low = np.uint64(c0) * np.uint64(0xD2511F53)
    high = np.uint64(c2) * np.uint64(0xCD9E8D57)
    shift = np.uint64(32)
    return _word(high >> shift) ^ c1 ^ k0, _word(high), _word(low >> shift) ^ c3 ^ k1, _word(low)


@njit(forceinline=True)
def philox(c0, c1, c2, c3, k0, k1):
    """Return four random 32-bit words for a counter of four words and a key of two (Philox4x32-10)."""
    for _ in range(10):
        c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
        k0 = _word(k0 + _word(0x9E3779B9))
        k1 = _word(k1 + _word(0xBB67AE85))
    return c0, c1, c2, c3


@njit(forceinline=True)
def unit(word):
    """Return a double in (0, 1) from a 32-bit word: never 0, never 1."""
    return (np.float64(word) + 0.5) * 2.3283064365386963e-10


@njit(forceinline=True)
def split_key(key):
    """Return a 64-bit key as two words."""
    return _word(key & np.uint64(0xFFFFFFFF)), _word(key >> np.uint64(32))


@njit(forceinline=True, **_VECTOR)
def _log_single(x):
    """Natural logarithm of a positive float32."""
    bits = _bits_of(x)
    exponent = np.int32(bits >> _word(23)) - np.int32(127)
    mantissa = _float_of((bits & _word(0x007FFFFF)) | _word(0x3F800000))
    upper = mantissa > _single(1.41421356)
    mantissa = _single(0.5) * mantissa if upper else mantissa
    exponent = exponent + np.int32(1) if upper else exponent
    t = mantissa - _single(1)
    square = t * t
    y = _single(7.0376836292e-2)
    y = y * t + _single(-1.1514610310e-1)
    y = y * t + _single(1.1676998740e-1)
    y = y * t + _single(-1.2420140846e-1)
    y = y * t + _single(1.4249322787e-1)
    y = y * t + _single(-1.6668057665e-1)
    y = y * t + _single(2.0000714765e-1)
    y = y * t + _single(-2.4999993993e-1)
    y = y * t + _single(3.3333331174e-1)
    scale = _single(exponent)
    y = y * t * square + scale * _single(-2.12194440e-4) - _single(0.5) * square
    return t + y + scale * _single(0.693359375)


@njit(forceinline=True, **_VECTOR)
def _expm1_single(x):
    """exp(x) - 1 of a float32 for |x| <= 4 (beyond, x is held at the bound: no admissible step reaches it)."""
    x = min(max(x, _single(-4)), _single(4))
    y = x * _single(0.125)
    p = _single(1 / 40320)
    p = p * y + _single(1 / 5040)
    p = p * y + _single(1 / 720)
    p = p * y + _single(1 / 120)
    p = p * y + _single(1 / 24)
    p = p * y + _single(1 / 6)
    p = p * y + _single(1 / 2)
    p = (p * y + _single(1)) * y
    p = p * (p + _single(2))
    p = p * (p + _single(2))
    return p * (p + _single(2))


@njit(forceinline=True, **_VECTOR)
def _turn_single(word):
    """Sine and cosine of 2*pi*word/2^32 as float32."""
    quarter = _word(word + _word(0x20000000)) >> _word(30)
    x = _single(np.int32(word - _word(quarter << _word(30)))) * _single(1.4629180792671596e-09)
    z = x * x
    sine = ((_single(-1.9515295891e-4) * z + _single(8.3321608736e-3)) * z + _single(-1.6666654611e-1)) * z * x + x
    cosine = (_single(2.443315711809948e-5) * z + _single(-1.388731625493765e-3)) * z + _single(4.166664568298827e-2)
    cosine = cosine * z * z - _single(0.5) * z + _single(1)
    odd = (quarter & _word(1)) != _word(0)
    first, second = (cosine if odd else sine), (sine if odd else cosine)
    first = -first if (quarter & _word(2)) != _word(0) else first
    second = -second if (_word(quarter + _word(1)) & _word(2)) != _word(0) else second
    return first, second


def log(x):
    """Natural logarithm, in the precision of its argument."""
    return math.log(x)


@overload(log)
def _log(x):
    if x == types.float32:
        return lambda x: _log_single(x)
    return lambda x: np.log(x)


def expm1(x):
    """exp(x) - 1, in the precision of its argument."""
    return math.expm1(x)


@overload(expm1)
def _expm1(x):
    if x == types.float32:
        return lambda x: _expm1_single(x)
    return lambda x: np.expm1(x)


@njit(forceinline=True, **_VECTOR)
def _pair_single(a, b):
    radius = np.sqrt(_single(-2) * _log_single((_single(a) + _single(0.5)) * _single(2.3283064365386963e-10)))
    sine, cosine = _turn_single(b)
    return radius * sine, radius * cosine


@njit(forceinline=True)
def normal_pair(a, b):
    """Return two independent standard normals (double) from two random words."""
    radius = math.sqrt(-2.0 * math.log(unit(a)))
    angle = 2.0 * math.pi * unit(b)
    return radius * math.sin(angle), radius * math.cos(angle)


def _pair(a, b, like):
    raise AssertionError("exists in compiled code only")


@overload(_pair)
def _pair_overload(a, b, like):
    if like == types.float32:
        return lambda a, b, like: _pair_single(a, b)
    return lambda a, b, like: normal_pair(a, b)


@njit(**_VECTOR)
def fill_words(low, high, block, purpose, key, words, count):
    """Fill words[4, :count] with random words for the counters (low[i], high, block, purpose)."""
    k0, k1 = split_key(key)
    for i in range(count):
        words[0, i], words[1, i], words[2, i], words[3, i] = philox(low[i], high, block, purpose, k0, k1)


@njit(**_VECTOR)
def fill_normals(words, normals, count):
    """Turn words[4, :count] into standard normals in the precision of ``normals``."""
    like = normals[0, 0]
    for i in range(count):
        a, b = _pair(words[0, i], words[1, i], like)
        c, d = _pair(words[2, i], words[3, i], like)
        normals[0, i], normals[1, i], normals[2, i], normals[3, i] = a, b, c, d


@njit(**_VECTOR)
def fill_first(words, normals, count):
    """Turn words[:2, :count] into one standard normal each, normals[0, :count]: those of ``fill_normals``, alone."""
    like = normals[0, 0]
    for i in range(count):
        normals[0, i] = _pair(words[0, i], words[1, i], like)[0]
