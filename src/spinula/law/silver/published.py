"""Junctions as published programs compute them, their errors included: for comparison with their output only.

Each entry says how it differs from the law that bears the model's name here. Nothing uses them unless it is asked to.
"""

from __future__ import annotations

from dataclasses import dataclass

from spinula.core.errors import UnknownNameError
from spinula.law.silver.balance import RateBalanceAsPublished
from spinula.law.silver.junction import JunctionLaw
from spinula.law.silver.tunnel import TunnelThreshold


@dataclass(frozen=True)
class Published:
    """A program's junction, the key of its paper, and what in it is not what its equations say."""

    law: JunctionLaw
    source: str
    differs: str


_MATLAB = {"decay": 10.19, "prefactor": 4.7131e-5, "barrier_power": 2.0}

PROGRAMS: dict[str, Published] = {
    "milano2022_compat": Published(
        RateBalanceAsPublished(), "milano2022",
        "a misplaced parenthesis: g(t + dt) = a + (1 - a) g exp(-(kp + kd) dt) in place of a + (g - a) exp(...); the "
        "result depends on dt and is no solution of the equation",
    ),
    "hochstetter2021_compat": Published(
        TunnelThreshold.as_published(), "hochstetter2021",
        "the barrier enters the tunnelling exponent squared, where Simmons' formula has its square root",
    ),
    "hochstetter2021_ac_compat": Published(
        TunnelThreshold(off=1e-8, reset_voltage=0.01, **_MATLAB), "hochstetter2021",
        "as hochstetter2021_compat, with the parameters of the alternating-current runs: off 1e-8 S, reset 0.01 V",
    ),
    "asn_simulation_compat": Published(
        TunnelThreshold.as_ported(), "hochstetter2021",
        "as hochstetter2021_compat, and the distance before the exponential is squared as well (two Python ports)",
    ),
}  # fmt: skip


def published_law(name: str) -> JunctionLaw:
    """Return the junction of a published program.

    Raises
    ------
    UnknownNameError
        If there is no program of that name.
    """
    if name not in PROGRAMS:
        raise UnknownNameError("published program", name, PROGRAMS)
    return PROGRAMS[name].law
