"""How many random patterns a perceptron can separate when some of its weights must keep their signs.

Patterns in general position whose law does not change when any input or pattern changes its sign: the weights that fit
are a subspace of dimension N that meets 2^(constrained + patterns) orthants, and each is as likely to be the one that
is wanted. The share of separable sets is therefore Cover's count of orthants over all of them,

    share = 2^(1 - n) * sum_{k < N} binomial(n - 1, k),   n = constrained weights + patterns

so that half of them are separable at patterns/N = 2 - constrained/N.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog, nnls
from scipy.special import ndtr
from scipy.stats import binom


def separable_share(weights: int, constrained: int, patterns: int) -> float:
    """Return the share of random sets of patterns that can be separated.

    Source
    ------
    [cover1965] for the count; for sign constraints the same count, derived; the limit 1 of [amit1989] follows.

    Examples
    --------
    >>> separable_share(30, 0, 60), separable_share(30, 30, 30), separable_share(30, 15, 45)
    (0.5, 0.5, 0.5)
    """
    return float(binom.cdf(weights - 1, constrained + patterns - 1, 0.5))


def is_separable(signed: np.ndarray, constrained: int) -> bool:
    """Tell whether weights exist with signed @ w > 0, the first ``constrained`` of them not negative.

    Parameters
    ----------
    signed : Array, shape (patterns, weights), patterns times their wanted signs
    """
    patterns, weights = signed.shape
    bounds = [(0.0, None)] * constrained + [(None, None)] * (weights - constrained)
    found = linprog(np.zeros(weights), A_ub=-signed, b_ub=-np.ones(patterns), bounds=bounds, method="highs")
    return found.status == 0


def widest(signed: np.ndarray, constrained: int) -> np.ndarray | None:
    """Return the shortest weights with signed @ w >= 1 (those of the widest margin), or None if there are none.

    Parameters
    ----------
    signed : Array, shape (patterns, weights)
    constrained : int, the first so many weights are not negative
    """
    patterns, weights = signed.shape
    rows = np.vstack([signed, np.eye(weights)[:constrained]])
    wanted = np.concatenate([np.ones(patterns), np.zeros(constrained)])
    # Least distance by non-negative least squares (Lawson and Hanson).
    system = np.vstack([rows.T, wanted])
    target = np.append(np.zeros(weights), 1.0)
    dual, _ = nnls(system, target, maxiter=60 * len(rows))
    left = system @ dual - target
    if np.linalg.norm(left) < 1e-7:
        return None
    return -left[:-1] / left[-1]


def errors_after(signed: np.ndarray, weight: np.ndarray, spread: np.ndarray) -> float:
    """Return the expected share of patterns on the wrong side when each weight has moved by spread * normal.

    Parameters
    ----------
    spread : Array, shape (weights,), SD of each weight's move
    """
    return float(ndtr(-(signed @ weight) / np.sqrt(signed**2 @ spread**2)).mean())
