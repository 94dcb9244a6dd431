"""The law of a spine that is trained: the loss gradient is its drive, and what is not supported shrinks.

    size <- size + [-shrinkage - decay*size + drive]*dt + (noise_slope*size + noise_floor)*sqrt(dt)*noise
    size <= size_min  -> eliminated;  formed at size_new

One step of training is one unit of time and dt is the learning rate; drive = -sign*gradient (with momentum).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator

from spinula.core.quantity import quantity
from spinula.law import additive, intrinsic


def unsupported_drift(size, decay, shrinkage):
    """Return -shrinkage - decay*size: how fast a spine without a gradient shrinks, per unit of time."""
    return -shrinkage - decay * size


def stability(size, scale, power):
    """Return 1/(1 + (size/scale)^power): the share of its rate at which a spine of a size still changes."""
    return 1.0 / (1.0 + (size / scale) ** power)


class SizeStability(BaseModel):
    """Big spines are old and safe: the time step of a spine, all of its law, shortens with its size.

    dt(size) = dt/(1 + (size/scale)^power)

    Source
    ------
    [kasai2021] for the observation that large spines persist and small ones learn. The formula is assumed; it replaces
    nothing in :class:`TrainingLaw`, which knows no stability.

    Examples
    --------
    >>> SizeStability(scale=0.1, power=2.0).share(0.1)
    0.5
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scale: float = quantity(0.1, unit="1", what="size at which a spine changes at half its rate", gt=0)
    power: float = quantity(2.0, unit="1", what="how steeply stability rises with size", gt=0)

    def share(self, size):
        """Return the share of its rate at which a spine of a size still changes."""
        return stability(size, self.scale, self.power)


class TrainingLaw(BaseModel):
    """Drift, spread and boundary of a trained spine; sizes in units of weight.

    Source
    ------
    The law of [yasumatsu2008] with the gradient as drive, as reviewed by [kasai2021]. With noise_slope 0, size_min 0
    and a constant shrinkage it is DEEP R [bellec2018].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shrinkage: float = quantity(0.0, unit="1", what="constant shrinkage of what no gradient supports", ge=0)
    decay: float = quantity(0.0, unit="1", what="shrinkage in proportion to size (weight decay)", ge=0)
    noise_slope: float = quantity(0.0, unit="1", what="growth of the fluctuation with size", ge=0)
    noise_floor: float = quantity(0.0, unit="1", what="fluctuation at zero size", ge=0)
    size_min: float = quantity(0.0, unit="1", what="elimination threshold", ge=0)
    size_new: float = quantity(1e-6, unit="1", what="size of a newly formed spine at the peak learning rate", gt=0)

    @model_validator(mode="after")
    def _check(self) -> TrainingLaw:
        if self.size_new <= self.size_min:
            raise ValueError(f"size_new = {self.size_new:g} must exceed size_min = {self.size_min:g}")
        return self

    def advance(self, size, *, drive, noise, dt: float):
        """Move every spine one step (Ito-Euler).

        Examples
        --------
        >>> law = TrainingLaw(shrinkage=1e-3, decay=0.1)
        >>> round(law.advance(0.5, drive=0.2, noise=0.0, dt=0.1), 6)
        0.5149
        """
        drift = unsupported_drift(size, self.decay, self.shrinkage)
        spread = intrinsic.linear_spread(size, self.noise_slope, self.noise_floor)
        return additive.euler_step(size, drift + drive, spread, noise, dt, dt**0.5)
