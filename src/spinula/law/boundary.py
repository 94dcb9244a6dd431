"""Where spines end and begin: elimination at a smallest size, formation at a rate per dendrite length."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spinula.core.quantity import quantity
from spinula.law.intrinsic import LinearLaw, LinearQuadraticLaw, LogRevertingLaw
from spinula.law.kesten import KestenLaw, KestenMap
from spinula.law.logsize import LogOULaw, TwoTimeLogOULaw

Law = LinearLaw | LinearQuadraticLaw | LogRevertingLaw | LogOULaw | TwoTimeLogOULaw | KestenLaw | KestenMap
FAMILIES: dict[str, type[Law]] = {
    law.model_fields["family"].default: law
    for law in (
        LinearLaw,
        LinearQuadraticLaw,
        LogRevertingLaw,
        LogOULaw,
        TwoTimeLogOULaw,
        KestenLaw,
        KestenMap,
    )
}


class Boundary(BaseModel):
    """The smallest size a spine can have, and the size with which one begins.

    Source
    ------
    [yasumatsu2008]: elimination where fluctuation meets a lower bound, formation slightly above it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size_min: float = quantity(unit="um3", what="elimination threshold", gt=0)
    size_new: float = quantity(unit="um3", what="size of a newly formed spine", gt=0)

    @model_validator(mode="after")
    def _check(self) -> Boundary:
        if self.size_new <= self.size_min:
            raise ValueError(f"size_new = {self.size_new:g} um3 must exceed size_min = {self.size_min:g} um3")
        return self


class FixedCount(BaseModel):
    """Every eliminated spine is replaced at once by a new one: the number of spines never changes.

    A convenience for closed comparisons; it hides changes of density, so that disorders which change the density
    need :class:`FormationRate`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["fixed_count"] = "fixed_count"


class FormationRate(BaseModel):
    """New spines appear at a rate per dendrite length: the density is an outcome, rate * mean lifetime."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["rate"] = "rate"
    rate: float = quantity(unit="1/(um day)", what="formation rate per dendrite length", ge=0)


Formation = Annotated[FixedCount | FormationRate, Field(discriminator="mode")]


class Dynamics(BaseModel):
    """A complete intrinsic model: a law, where spines end and begin, and how they are formed.

    Without a ``boundary`` nothing is eliminated or formed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    law: Annotated[Law, Field(discriminator="family")]
    boundary: Boundary | None = None
    formation: Formation = FixedCount()
