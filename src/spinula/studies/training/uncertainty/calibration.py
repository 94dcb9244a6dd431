"""How far probabilities can be trusted: proper scores, calibration error, and telling known from unknown.

``probabilities`` are rows that sum to 1, Array of shape (samples, classes); ``labels`` are class numbers, (samples,).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from spinula.core.errors import InvalidInputError

BINS = 15
_SMALLEST = 1e-12


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return the probabilities of scores (logits), over the last axis.

    Examples
    --------
    >>> softmax(np.array([0.0, np.log(3.0)])).round(2).tolist()
    [0.25, 0.75]
    """
    scores = np.asarray(scores, float)
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def _checked(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    probabilities, labels = np.asarray(probabilities, float), np.asarray(labels)
    if probabilities.ndim != 2 or len(probabilities) != len(labels) or not len(labels):
        raise InvalidInputError(
            f"probabilities of shape {probabilities.shape} came with {labels.shape} labels; wanted (samples, classes) "
            "with one label a sample."
        )
    return probabilities, labels


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of -log p(label), in nats.

    Raises
    ------
    InvalidInputError
        If there are not as many labels as rows, or none.
    """
    probabilities, labels = _checked(probabilities, labels)
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, _SMALLEST)).mean())


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean squared distance of the probabilities from the truth, summed over classes (0 to 2).

    Source
    ------
    Brier's original score, over all classes.

    Examples
    --------
    >>> brier_score(np.array([[0.8, 0.2], [0.5, 0.5]]), np.array([0, 1])).__round__(2)
    0.29
    """
    probabilities, labels = _checked(probabilities, labels)
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(labels)), labels] = 1.0
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def reliability(
    probabilities: np.ndarray, labels: np.ndarray, *, bins: int = BINS, by: Literal["width", "mass"] = "width"
) -> np.ndarray:
    """Return per bin of confidence: samples, mean confidence, accuracy; shape (bins, 3), NaN where a bin is empty.

    ``by``: bins of equal width between 0 and 1, open below and closed above, or of equally many samples.
    """
    probabilities, labels = _checked(probabilities, labels)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    if by == "width":
        place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    else:
        place = np.empty(len(labels), int)
        place[np.argsort(confidence, kind="stable")] = np.arange(len(labels)) * bins // len(labels)
    count = np.bincount(place, minlength=bins).astype(float)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, weights=values, minlength=bins) / count for values in (confidence, right)]
    return np.stack([count, *means], axis=1)


def calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, *, bins: int = BINS, by: Literal["width", "mass"] = "width"
) -> float:
    """Return the expected calibration error: |accuracy - confidence| of the bins, weighted by their samples.

    Source
    ------
    [guo2017]: binned by the confidence of the predicted class. The estimate is biased upwards where bins hold few
    samples, the same way for all methods on one test set.

    Examples
    --------
    >>> calibration_error(np.array([[0.9, 0.1]] * 10), np.array([0] * 7 + [1] * 3)).__round__(2)
    0.2
    """
    count, confidence, accuracy = reliability(probabilities, labels, bins=bins, by=by).T
    used = count > 0
    return float((count[used] * np.abs(accuracy - confidence)[used]).sum() / count.sum())


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Return the entropy of every row, in nats: how undecided a prediction is."""
    return -(probabilities * np.log(np.maximum(probabilities, _SMALLEST))).sum(axis=-1)


def area_under_curve(inside: np.ndarray, outside: np.ndarray) -> float:
    """Return the probability that a value of ``outside`` exceeds one of ``inside`` (area under the ROC curve).

    Ties count one half. 0.5 is chance.

    Source
    ------
    The Mann-Whitney form of the area.

    Examples
    --------
    >>> area_under_curve(np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.4]))
    0.9166666666666666
    """
    from scipy.stats import rankdata

    inside, outside = np.asarray(inside, float), np.asarray(outside, float)
    if not len(inside) or not len(outside):
        raise InvalidInputError("an area under the curve needs values on both sides.")
    ranks = rankdata(np.concatenate([inside, outside]))[len(inside) :]
    above = ranks.sum() - len(outside) * (len(outside) + 1) / 2
    return float(above / (len(inside) * len(outside)))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities to the power 1/temperature, made to sum to 1: above 1 less certain, below 1 more."""
    return softmax(np.log(np.maximum(probabilities, _SMALLEST)) / temperature)


def best_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature (0.05 to 20) with the smallest negative log-likelihood; for held-out data.

    Source
    ------
    [guo2017]: temperature scaling, one number, fitted where the network was not trained.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(tempered(probabilities, np.exp(log_temperature)), labels)

    found: float = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded").x  # pyright: ignore
    return float(np.exp(found))


def assess(probabilities: np.ndarray, labels: np.ndarray, outside: np.ndarray | None = None) -> dict[str, float]:
    """Return all measures of one prediction.

    ``outside`` : probabilities for samples of another data set; their entropy, and one minus their largest
    probability, should exceed those of the test set.
    """
    found = {
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "nll": negative_log_likelihood(probabilities, labels),
        "brier": brier_score(probabilities, labels),
        "ece": calibration_error(probabilities, labels),
        "ece_mass": calibration_error(probabilities, labels, by="mass"),
    }
    if outside is not None:
        found["auroc_entropy"] = area_under_curve(entropy(probabilities), entropy(outside))
        found["auroc_softmax"] = area_under_curve(-probabilities.max(axis=1), -outside.max(axis=1))
    return found
