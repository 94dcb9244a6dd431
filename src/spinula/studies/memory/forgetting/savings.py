"""Ebbinghaus' savings beside what intrinsic dynamics leave of a memory: from one initial size, and from a mixture.

The chance that a spine of a size is still there after a time comes from the Fokker-Planck equation, without chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar, nnls

from spinula.engines.density import Density
from spinula.presets import load_preset
from spinula.studies.memory.study import Claim, Panel, curve

# Savings of 1885 at 20 min, 1 h, 9 h and 1, 2, 6 and 31 days; remembered values [murre2015], the time of the third is
# rounded.
DAYS = np.array([20 / 1440, 1 / 24, 9 / 24, 1, 2, 6, 31])
SAVINGS = np.array([0.58, 0.44, 0.36, 0.34, 0.28, 0.25, 0.21])
_SHOWN = np.geomspace(0.01, 40, 60)
_SIZES = 80
# Heavy enough that the shares of a mixture add up to one within 1e-4.
_SUM = 100.0


def _retained(law: str, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return possible initial sizes and the survival of each, shape (days, sizes).

    Sizes reach from one part in a thousand above the threshold to what one spine in a thousand exceeds.
    """
    dynamics = load_preset(law).dynamics
    assert dynamics.boundary is not None
    density = Density(dynamics)
    edges, mass = density.stationary()
    largest = float(np.interp(0.999, np.cumsum(mass) / mass.sum(), edges[1:]))
    smallest = dynamics.boundary.size_min
    sizes = smallest + np.geomspace(1e-3 * smallest, largest - smallest, _SIZES)
    return sizes, density.survival(sizes, days).T


def _mixture(survival: np.ndarray, savings: np.ndarray) -> np.ndarray:
    """Return the shares of initial sizes, none negative, one in all, whose survival is nearest to the savings."""
    shares, _ = nnls(np.vstack([survival, np.full(survival.shape[1], _SUM)]), np.append(savings, _SUM))
    return shares


def _rms(found: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found - SAVINGS) ** 2)))


def _left_out(survival: np.ndarray, choose: Any) -> float:
    """Return the root-mean-square error at each datum of what is chosen on the others."""
    kept = [np.delete(np.arange(len(DAYS)), out) for out in range(len(DAYS))]
    shares = [choose(survival[rest], SAVINGS[rest]) for rest in kept]
    return _rms(np.array([survival[out] @ shares[out] for out in range(len(DAYS))]))


def _single(survival: np.ndarray, savings: np.ndarray) -> np.ndarray:
    """Return all of the share to the one initial size whose survival is nearest."""
    shares = np.zeros(survival.shape[1])
    shares[np.argmin(((survival - savings[:, None]) ** 2).sum(axis=0))] = 1.0
    return shares


def slope(days: np.ndarray, kept: np.ndarray) -> float:
    """Return the slope of log retention against log time, from one hour on."""
    late = days > 0.04
    return float(np.polyfit(np.log(days[late]), np.log(np.maximum(kept[late], 1e-12)), 1)[0])


def fit_savings(law: str) -> dict[str, Any]:
    """Fit one initial size and a mixture of sizes to the savings, for the law of a preset."""
    sizes, survival = _retained(law, DAYS)
    _, shown = _retained(law, _SHOWN)
    single, mixed = _single(survival, SAVINGS), _mixture(survival, SAVINGS)
    boundary = load_preset(law).dynamics.boundary
    assert boundary is not None
    near = sizes < 1.1 * boundary.size_min
    result: dict[str, Any] = {"near": float(mixed[near].sum()), "largest": float(sizes[mixed > 1e-3].max()),
                              "beyond": float(mixed[sizes > 0.1].sum())}  # fmt: skip
    for name, shares, choose in (("single", single, _single), ("mixture", mixed, _mixture)):
        result[name] = {
            "rms": _rms(survival @ shares), "left_out": _left_out(survival, choose),
            "slope": slope(DAYS, survival @ shares), "shown": (shown @ shares).tolist(),
            "size": float(sizes[np.argmax(shares)]),
        }  # fmt: skip
    return result


def exponential() -> tuple[float, np.ndarray]:
    """Return the error of the best single rate, and its curve."""

    def error(log_rate: float) -> float:
        return _rms(np.exp(-np.exp(log_rate) * DAYS))

    best = minimize_scalar(error, bounds=(-5, 5), method="bounded")
    return float(best.fun), np.exp(-np.exp(best.x) * _SHOWN)


def savings_panel(found: dict[str, dict[str, Any]]) -> Panel:
    """Draw the savings and what each law gives."""
    frames = [curve("Ebbinghaus (remembered)", DAYS, SAVINGS)]
    for law, fit in found.items():
        name = law.replace("_", " ")
        frames.append(curve(f"{name}, mixture of sizes", _SHOWN, fit["mixture"]["shown"]))
        frames.append(curve(f"{name}, one size", _SHOWN, fit["single"]["shown"]))
    frames.append(curve("one rate", _SHOWN, exponential()[1]))
    return Panel("Ebbinghaus' savings and what is left of spines", "days after learning", "savings; share left",
                 pd.concat(frames), log_x=True)  # fmt: skip


def savings_claims(found: dict[str, dict[str, Any]]) -> list[Claim]:
    """Say how near the savings one size and a mixture come, and at what price."""
    claims = []
    for law, fit in found.items():
        single, mixed = fit["single"], fit["mixture"]
        name = law.replace("_", " ")
        claims.append(
            Claim(
                f"{name}: a mixture of initial sizes foretells a left-out datum of Ebbinghaus at least twice as well "
                "as one size does.",
                f"error left out {mixed['left_out']:.3f}, one size {single['left_out']:.3f}; fitted "
                f"{mixed['rms']:.3f}, {single['rms']:.3f}; the mixture puts {100 * fit['near']:.0f} % within 10 % "
                f"of the threshold and {100 * fit['beyond']:.0f} % above 0.1 um3 (up to {fit['largest']:.2f})",
                2 * mixed["left_out"] < single["left_out"],
            )
        )
        claims.append(
            Claim(
                f"{name}: diffusion from one size falls more steeply than the savings, whose exponent is "
                f"{slope(DAYS, SAVINGS):.2f}.",
                f"exponent {single['slope']:.2f} from {single['size']:.4f} um3; of the mixture {mixed['slope']:.2f}",
                single["slope"] < 2 * slope(DAYS, SAVINGS),
            )
        )
    rate = exponential()[0]
    worst = max(fit["mixture"]["rms"] for fit in found.values())
    claims.append(
        Claim("No single rate of loss gives the savings: its error is more than three times that of either mixture.",
              f"{rate:.3f} against {worst:.3f} at most", rate > 3 * worst, control=True)
    )  # fmt: skip
    return claims
