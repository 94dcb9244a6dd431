"""Spines stimulated together compete for calcium and protein along a stretch of dendrite.

    dC/dt = a1*C_xx - a2*C                                 C: calcium-like signal, left by the stimulus
    dQ/dt = b1*Q_xx - consumption*C*Q                      Q: inactive protein (P0 in the paper)
    dP/dt = b1*P_xx + activation*C*Q - deactivation*P      P: active protein
    dS/dt = zeta1*C + zeta2*P*F(S)                         S: size of a spine, 1 before the stimulus
    F(S)  = -tanh(phi*(S - nu))                            protein enlarges spines below nu, shrinks those above

This file has the local terms and the starting fields; :mod:`spinula.engines.competition.resources` adds diffusion.
Time in minutes. Positions in the unit of the published program, which draws them times 6.66 (unit not stated there).

Source: [chater2024], equations and values from the authors' program.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from spinula.core.errors import OutOfRangeError
from spinula.core.quantity import quantity


def calcium_reaction(calcium, decay):
    """Return -decay*calcium, 1/min."""
    return -decay * calcium


def inactive_reaction(calcium, inactive, consumption):
    """Return -consumption*calcium*inactive, 1/min."""
    return -consumption * calcium * inactive


def active_reaction(calcium, inactive, active, activation, deactivation):
    """Return activation*calcium*inactive - deactivation*active, 1/min."""
    return activation * calcium * inactive - deactivation * active


def growth_direction(size, steepness, balance_size, tanh):
    """Return F(S) = -tanh(steepness*(size - balance_size)); ``tanh`` is the function to use."""
    return -tanh(steepness * (size - balance_size))


def size_reaction(calcium, active, direction, by_calcium, by_protein):
    """Return by_calcium*calcium + by_protein*active*direction, 1/min."""
    return by_calcium * calcium + by_protein * active * direction


def stimulation_share(distances):
    """Return the share of the divided stimulus that each co-stimulated spine gets.

    share_i = [1 + sum over j of d_ij/(1 + d_ij)] / n

    1 for a lone spine or for spines far apart, 1/n for spines in one place.

    Parameters
    ----------
    distances : array, shape (..., n), position units
        From a spine to each of the n stimulated spines, itself (0) among them.

    Returns
    -------
    array, shape (...), 1

    Raises
    ------
    OutOfRangeError
        If a distance is negative or not finite.

    Source
    ------
    [chater2024]

    Examples
    --------
    >>> stimulation_share([[0.0, 1.0], [1.0, 0.0]])
    array([0.75, 0.75])
    """
    distances = np.asarray(distances, float)
    wrong = distances[~(np.isfinite(distances) & (distances >= 0))]
    if wrong.size:
        raise OutOfRangeError("distance", float(wrong.flat[0]), "wanted a finite number, not negative")
    return (1 + (distances / (1 + distances)).sum(axis=-1)) / distances.shape[-1]


class ResourceCompetition(BaseModel):
    """The constants of the resource model.

    The paper's general form has one rate for what inactive protein loses and what active protein gains; the program
    of its illustration has two (1 and 8). Hence two fields: give both the same value for the general form.

    Source
    ------
    [chater2024]: equations and names of the authors' program.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    calcium_diffusion: float = quantity(unit="1/min", what="a1, positions in units of the program", ge=0)
    calcium_decay: float = quantity(unit="1/min", what="a2", gt=0)
    protein_diffusion: float = quantity(unit="1/min", what="b1, of both forms of protein", ge=0)
    consumption: float = quantity(unit="1/min", what="loss of inactive protein per unit of calcium", ge=0)
    activation: float = quantity(unit="1/min", what="gain of active protein per unit of calcium (b2)", ge=0)
    deactivation: float = quantity(unit="1/min", what="gamma: loss of active protein", ge=0)
    by_calcium: float = quantity(unit="1/min", what="zeta1: growth per unit of calcium", ge=0)
    by_protein: float = quantity(unit="1/min", what="zeta2: growth per unit of active protein", ge=0)
    steepness: float = quantity(unit="1", what="phi: how sharply growth turns into shrinkage", gt=0)
    balance_size: float = quantity(unit="1", what="nu: size that active protein leaves as it is", gt=0)
    shared_stimulus: float = quantity(unit="1", what="C_s: calcium that each spine gets in full", ge=0)
    divided_stimulus: float = quantity(unit="1", what="C_d: calcium that co-stimulated spines divide", ge=0)
    protein_rest: float = quantity(unit="1", what="rho: inactive protein away from the stimulus", ge=0)
    sharpness: float = quantity(unit="1", what="falloff exp(-sharpness*distance^2) of a spine's stimulus", gt=0)

    @classmethod
    def illustration(cls) -> ResourceCompetition:
        """Return the values of the paper's illustration of seven spines; chosen by its authors, not fitted to data.

        Source
        ------
        [chater2024], the authors' program for the panel with one middle and one edge spine.

        Examples
        --------
        >>> model = ResourceCompetition.illustration()
        >>> model.consumption, model.activation, model.balance_size
        (1.0, 8.0, 1.2)
        """
        return cls(
            calcium_diffusion=0.001,
            calcium_decay=1.0,
            protein_diffusion=0.01,
            consumption=1.0,
            activation=8.0,
            deactivation=0.01,
            by_calcium=2.0,
            by_protein=1.0,
            steepness=1.0,
            balance_size=1.2,
            shared_stimulus=0.1,
            divided_stimulus=2.0,
            protein_rest=0.5,
            sharpness=1000.0,
        )

    def start(self, x: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return calcium and inactive protein just after spines were stimulated together.

        C(x) = sum_i (C_s + c_i)*G_i,  Q(x) = rho*[1 - sum_i (1 - c_i)*G_i],  c_i = C_d*share_i,
        G_i = exp(-sharpness*(x - x_i)^2)

        Parameters
        ----------
        x : array, shape (X,), position units
        positions : array, shape (n,), position units

        Raises
        ------
        OutOfRangeError
            If spines lie so close together that inactive protein would be negative.

        Source
        ------
        [chater2024]
        """
        share = stimulation_share(np.abs(positions[:, None] - positions[None, :]))
        divided = self.divided_stimulus * share
        bump = np.exp(-self.sharpness * (x[:, None] - positions[None, :]) ** 2)
        inactive = self.protein_rest * (1 - bump @ (1 - divided))
        if inactive.min() < 0:
            raise OutOfRangeError(
                "inactive protein", float(inactive.min()), "negative: the spines lie too close together for this model"
            )
        return bump @ (self.shared_stimulus + divided), inactive
