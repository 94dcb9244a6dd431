"""Rows of the limits in which spines and machine learning are the same: closed forms, without long runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from spinula.presets import load_preset
from spinula.studies.parallels.pairs import dopamine, fluctuation, prior, rules
from spinula.studies.parallels.sides.capacity import is_separable, separable_share
from spinula.studies.parallels.sides.synapses import binary
from spinula.studies.validation.row import Outcome, Row


def _limit(seed: int, *, error: Callable[[int], float], tolerance: float) -> Outcome:
    found = error(seed)
    return Outcome(f"error {found:.1e}", bool(found <= tolerance))


def _row(number: int, texts: tuple[str, str], tolerance: float, source: str, error: Callable[[int], float]) -> Row:
    return Row(number, texts[0], texts[1], "equal", f"{tolerance:g}", "analytic", source,
               partial(_limit, error=error, tolerance=tolerance))  # fmt: skip


def _flux(seed: int) -> float:
    return fluctuation.flux_error(load_preset("neocortex_adult").dynamics.law)


def _modes(seed: int) -> float:
    return max(prior.mode_errors(seed, problems=60).values())


def _guess(seed: int) -> float:
    return rules.guess_errors(seed)[0]


def _forgetting(seed: int) -> float:
    ages = np.arange(30)
    return float(np.abs(binary(0.1).signal(ages) / (0.1 * 0.9 ** ages.astype(float)) - 1).max())


def _expectiles(seed: int) -> float:
    return dopamine.expectile_error()


def _capacity(seed: int) -> float:
    """Return how far shares of separable sets are from Cover's count, in standard errors, largest of three."""
    generator, sets, worst = np.random.default_rng(seed), 400, 0.0
    for constrained, patterns in ((0, 40), (10, 30), (20, 20)):
        share = separable_share(20, constrained, patterns)
        drawn = [is_separable(generator.standard_normal((patterns, 20)), constrained) for _ in range(sets)]
        worst = max(worst, abs(float(np.mean(drawn)) - share) / float(np.sqrt(share * (1 - share) / sets)))
    return worst


ROWS = [
    _row(601, ("affine spread, linear recovery", "flux of the inverse gamma law, relative"), 1e-6, "yasumatsu2008",
         _flux),
    _row(602, ("constant spread on a linear posterior", "variance against that of discrete steps, relative"), 0.03,
         "welling2011", fluctuation.variance_error),
    _row(603, ("spine under a loss", "zero of the noise-free drift against modes, three calculi"), 1e-6, "", _modes),
    _row(604, ("noise times change of a quadratic loss", "mean over all noise against the gradient"), 1e-12,
         "williams1992", _guess),
    _row(605, ("perceptron with signs fixed", "separable share against Cover's count [s.e.]"), 4.0, "cover1965",
         _capacity),
    _row(606, ("unequal gains of bursts and dips", "settled value against the expectile"), 1e-9, "dabney2020",
         _expectiles),
    _row(607, ("bounded synapses of two levels", "signal against q (1 - q)^age, relative"), 1e-12, "fusi2007",
         _forgetting),
]  # fmt: skip
