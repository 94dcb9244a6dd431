"""Numbers that carry their unit, their bounds and the paper they come from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

How = Literal["stated", "digitised", "fitted", "assumed"]

# Spellings that people use for one unit; the right-hand side is ours.
_SPELLINGS = {
    "um^3": "um3",
    "µm3": "um3",
    "µm^3": "um3",
    "μm3": "um3",
    "fL": "um3",
    "days": "day",
    "d": "day",
    "1/d": "1/day",
    "/day": "1/day",
    "per day": "1/day",
    "day^-1": "1/day",
    "day^-1/2": "1/sqrt(day)",
    "µm": "um",
    "micron": "um",
    "1/µm": "1/um",
    "dimensionless": "1",
    "": "1",
}


def canonical_unit(unit: str) -> str:
    """Return spinula's spelling of a unit.

    Examples
    --------
    >>> canonical_unit("um^3"), canonical_unit("d"), canonical_unit("1/day")
    ('um3', 'day', '1/day')
    """
    unit = unit.strip()
    return _SPELLINGS.get(unit, unit)


class Quantity(BaseModel):
    """A number with its unit and its provenance, as a preset TOML states it.

    ``how`` says how the value was got: *stated* in the source, *digitised* from a figure, *fitted* to data,
    or *assumed* (from memory or by design); an assumed value says so wherever it is shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    unit: str
    range: tuple[float, float] | None = None
    source: str = ""
    where: str = ""
    how: How

    @model_validator(mode="after")
    def _check(self) -> Quantity:
        if self.range is not None and not self.range[0] <= self.value <= self.range[1]:
            raise ValueError(f"value {self.value:g} lies outside its own range {list(self.range)}")
        if self.how != "assumed" and not self.source:
            raise ValueError(f"how = {self.how!r} needs a source (a key of references.bib)")
        return self

    @property
    def is_assumed(self) -> bool:
        """Whether the value is from memory or design rather than from a source that was read."""
        return self.how == "assumed"


def quantity(
    default: Any = ..., *, unit: str, what: str,
    gt: float | None = None, ge: float | None = None, lt: float | None = None, le: float | None = None,
) -> Any:  # fmt: skip
    """Declare a model field with its unit, its meaning and its bounds.

    Examples
    --------
    >>> class Decay(BaseModel):
    ...     rate: float = quantity(unit="1/day", what="decay rate", gt=0)
    >>> unit_of(Decay, "rate")
    '1/day'
    """
    extra = {"unit": unit}
    return Field(default, description=what, json_schema_extra=extra, allow_inf_nan=False, gt=gt, ge=ge, lt=lt, le=le)


def unit_of(model: type[BaseModel], field: str) -> str:
    """Return the unit that a model declares for a field."""
    extra = model.model_fields[field].json_schema_extra
    return str(extra["unit"]) if isinstance(extra, dict) and "unit" in extra else "1"
