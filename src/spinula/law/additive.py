"""Every law of this floor in the coordinate in which its noise is additive (Lamperti's).

With y = integral of dV/spread(V) the law  dV = drift dt + spread dW  (Ito)  becomes

    dy = [ (drift + drive)/spread - spread'/2 ] dt + dW,

a Brownian motion with a drift. Two things follow that plain Euler lacks: a step keeps the size positive and has no
multiplicative error, and the chance of having crossed the elimination threshold between two steps is the closed form
of the Brownian bridge, whatever the step. Two maps back to sizes cover all families:

    spread = a*V + b          V(y + h) = V + spread/a * (exp(a*h) - 1)
    spread = sqrt(c*V^2 + d)  V(y + h) = V*cosh(sqrt(c)*h) + spread/sqrt(c) * sinh(sqrt(c)*h)

The functions are plain arithmetic: floats, arrays and tensors, and Numba compiles the same ones. Two habits serve the
kernels: what needs an exponential is handed one, and no function of a step contains a number of its own (a literal
would make 32-bit arithmetic 64-bit).
"""

from __future__ import annotations

from math import asinh, log, sqrt


def euler_step(size, drift, spread, noise, dt, root_dt):
    """Return size + drift*dt + spread*root_dt*noise: one Ito-Euler step."""
    return size + drift * dt + spread * root_dt * noise


def additive_increment(drift, spread, half_slope, noise, dt, root_dt):
    """Return how far one step moves in the additive coordinate, in sqrt(day).

    Parameters
    ----------
    drift : Array, um3/day, the law's drift plus any drive
    spread : Array, um3/sqrt(day)
    half_slope : Array, 1/sqrt(day), half of d spread / d size
    noise : Array, standard normal
    dt, root_dt : float, day and sqrt(day)

    Source
    ------
    Ito's formula; see the module's text.
    """
    return (drift / spread - half_slope) * dt + root_dt * noise


def shift_linear(size, spread, noise_slope, increment, expm1):
    """Return the size after an increment of the additive coordinate, for spread = noise_slope*size + noise_floor."""
    return size + spread / noise_slope * expm1(noise_slope * increment)


def shift_quadratic(size, spread, root_c, half, increment, expm1):
    """Return the size after an increment of the additive coordinate, for spread^2 = root_c^2*size^2 + d.

    ``half`` is 0.5 in the arithmetic of the caller. With u = expm1(sqrt(c)*h) and v = expm1(-sqrt(c)*h) the module's
    formula has cosh = 1 + (u + v)/2 and sinh = (u - v)/2.
    """
    up, down = expm1(root_c * increment), expm1(-root_c * increment)
    slope = spread / root_c
    return size + half * ((size + slope) * up + (size - slope) * down)


def distance_linear(size, size_min, noise_slope, noise_floor):
    """Return y(size) - y(size_min) in sqrt(day), for spread = noise_slope*size + noise_floor (scalars)."""
    if noise_slope == 0.0:
        return (size - size_min) / noise_floor
    return log((noise_slope * size + noise_floor) / (noise_slope * size_min + noise_floor)) / noise_slope


def distance_quadratic(size, size_min, root_c, floor):
    """Return y(size) - y(size_min) in sqrt(day), for spread^2 = root_c^2*size^2 + floor^2 (scalars)."""
    return (asinh(size * root_c / floor) - asinh(size_min * root_c / floor)) / root_c


def bridge_crossing(before, after, dt):
    """Return the exponent of the chance that a Brownian bridge touched 0 between two points above it.

    chance = exp(-bridge_crossing), = exp(-2*before*after/dt): exact for any constant drift.

    Parameters
    ----------
    before, after : float, sqrt(day), distances from the threshold in the additive coordinate
    dt : float, day

    Source
    ------
    [borodin2002] formula 1.2.8, by the reflection principle.

    Examples
    --------
    >>> bridge_crossing(1.0, 0.5, 0.1)
    10.0
    """
    return 2.0 * before * after / dt


def crossing_moment(before, after, normal, uniform):
    """Return when, as a share of the step, a Brownian path that is known to have crossed 0 first did so.

    The first passage time T of the bridge from ``before`` > 0 to ``after`` (of either sign) over a unit step satisfies
    T/(1-T) ~ inverse Gaussian(mean before/|after|, shape before^2), given that it crosses; drawn here from one normal
    and one uniform. Distances are in units of sqrt(dt).

    Source
    ------
    Inverse-Gaussian draw of [michael1976]; the time change by the definition of the Brownian bridge.
    """
    if before <= 0.0:
        return 0.0
    distance = abs(after)
    square = normal * normal
    if distance < 1e-9 * before:  # the mean is infinite: a Levy-distributed time
        odds = before * before / max(square, 1e-300)
        return odds / (1.0 + odds)
    mean = before / distance
    shape = before * before
    half = mean * square / (2.0 * shape)
    # The smaller root of the quadratic, in the form that does not cancel.
    root = mean / (1.0 + half + sqrt(half * (half + 2.0)))
    odds = root if uniform <= mean / (mean + root) else mean * mean / root
    return odds / (1.0 + odds)
