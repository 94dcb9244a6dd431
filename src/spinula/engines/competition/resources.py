"""Run the resource model along a dendrite: spines stimulated together share calcium and protein by diffusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spinula.core.errors import NotConvergedError, OutOfRangeError
from spinula.law.plasticity import resources
from spinula.law.plasticity.resources import ResourceCompetition

_FIELDS = 4  # calcium, inactive protein, active protein, size: interleaved, so that the Jacobian is a band


@dataclass(frozen=True)
class CoStimulation:
    """What became of spines that were stimulated together.

    Attributes
    ----------
    minutes : array, shape (T,), min, after the stimulus
    positions : array, shape (n,), position units
    size : array, shape (T, n), 1: size of each spine over its size before
    x : array, shape (X,), position units
    calcium, inactive, active, size_field : array, shape (T, X), 1: the fields along the dendrite
    """

    minutes: np.ndarray
    positions: np.ndarray
    size: np.ndarray
    x: np.ndarray
    calcium: np.ndarray
    inactive: np.ndarray
    active: np.ndarray
    size_field: np.ndarray


def _curvature(field: np.ndarray, dx: float) -> np.ndarray:
    """Return the second derivative along x with no flux through the ends."""
    flux = np.diff(field) / dx
    curvature = np.empty_like(field)
    curvature[1:-1] = np.diff(flux) / dx
    curvature[0], curvature[-1] = 2 * flux[0] / dx, -2 * flux[-1] / dx  # half a cell at each end
    return curvature


def _rates(state: np.ndarray, model: ResourceCompetition, dx: float) -> np.ndarray:
    """Return the time derivative of the interleaved fields, 1/min."""
    calcium, inactive, active, size = state.reshape(-1, _FIELDS).T
    rates = np.empty((calcium.size, _FIELDS))
    rates[:, 0] = model.calcium_diffusion * _curvature(calcium, dx)
    rates[:, 0] += resources.calcium_reaction(calcium, model.calcium_decay)
    rates[:, 1] = model.protein_diffusion * _curvature(inactive, dx)
    rates[:, 1] += resources.inactive_reaction(calcium, inactive, model.consumption)
    rates[:, 2] = model.protein_diffusion * _curvature(active, dx)
    rates[:, 2] += resources.active_reaction(calcium, inactive, active, model.activation, model.deactivation)
    direction = resources.growth_direction(size, model.steepness, model.balance_size, np.tanh)
    rates[:, 3] = resources.size_reaction(calcium, active, direction, model.by_calcium, model.by_protein)
    return rates.ravel()


def _checked(positions: Sequence[float], minutes: Sequence[float], half_length: float, dx: float):
    """Return positions and minutes as arrays, or say what is wrong with them."""
    where, when = np.atleast_1d(np.asarray(positions, float)), np.atleast_1d(np.asarray(minutes, float))
    if where.ndim != 1 or where.size == 0:
        raise OutOfRangeError("number of positions", where.size, "wanted a row of at least one")
    if not 0 < dx <= half_length / 10 < np.inf:
        raise OutOfRangeError("dx", dx, "wanted a positive number, at most a tenth of half_length")
    outside = where[~(np.abs(where) <= half_length)]
    if outside.size:
        raise OutOfRangeError("position", float(outside[0]), f"wanted between -{half_length:g} and {half_length:g}")
    if when.size == 0 or not (np.isfinite(when).all() and when[0] >= 0 and (np.diff(when) > 0).all()):
        raise OutOfRangeError("minutes", float(when[0]) if when.size else np.nan, "wanted rising times from 0 on")
    return where, when


def co_stimulate(
    model: ResourceCompetition,
    positions: Sequence[float],
    *,
    minutes: Sequence[float] = (2.0, 10.0, 20.0, 30.0, 40.0),
    half_length: float = 2.0,
    dx: float = 0.01,
) -> CoStimulation:
    """Stimulate spines together at time 0 and return their sizes and the fields at given times.

    The equations of :mod:`spinula.law.plasticity.resources` by the method of lines: second-order differences, no
    flux through the ends (the published program holds the end points without diffusion instead), LSODA on a band.

    Parameters
    ----------
    positions : sequence of float, position units
        Of the stimulated spines, between -half_length and half_length.
    minutes : sequence of float, min
        Rising times from 0 on; the default is when the paper's spines were imaged.
    half_length, dx : float, position units
        The dendrite reaches from -half_length to half_length in steps of about dx.

    Raises
    ------
    OutOfRangeError
        If a position lies outside the dendrite, times do not rise, the grid is too coarse, or spines lie too close.
    NotConvergedError
        If the integrator stops early.

    Examples
    --------
    >>> lone = co_stimulate(ResourceCompetition.illustration(), [0.0], minutes=[2, 40])
    >>> lone.size.shape, bool(lone.size[0, 0] > 1)
    ((2, 1), True)
    """
    from scipy.integrate import solve_ivp

    where, when = _checked(positions, minutes, half_length, dx)
    x = np.linspace(-half_length, half_length, 2 * round(half_length / dx) + 1)
    dx = float(x[1] - x[0])
    state = np.zeros((x.size, _FIELDS))
    state[:, 0], state[:, 1] = model.start(x, where)
    state[:, 3] = 1.0
    end = max(float(when[-1]), 1e-9)
    done = solve_ivp(
        lambda _, y: _rates(y, model, dx), (0.0, end), state.ravel(), method="LSODA", t_eval=np.minimum(when, end),
        rtol=1e-7, atol=1e-9, lband=_FIELDS, uband=_FIELDS,
    )  # fmt: skip
    if not done.success:
        raise NotConvergedError(f"the fields along the dendrite: {done.message}")
    fields = done.y.T.reshape(when.size, x.size, _FIELDS)
    size = np.array([np.interp(where, x, row) for row in fields[:, :, 3]])
    return CoStimulation(when, where, size, x, *(np.ascontiguousarray(fields[:, :, k]) for k in range(_FIELDS)))
