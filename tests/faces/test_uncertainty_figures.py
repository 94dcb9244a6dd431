"""The figures of uncertainty, conditions and the network as a cortex draw what they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from spinula.faces.uncertainty_figures import (
    change_beside,
    dose_and_response,
    measure_by_method,
    survival_beside,
)


@pytest.fixture
def ax():
    return Figure().subplots()


def test_methods_are_drawn_in_their_order_with_both_temperatures(ax):
    found = pd.DataFrame(
        {"method": method, "measure": "ece", "tempered": tempered, "mean": mean, "low": mean - 0.1, "high": mean + 0.2}
        for method, mean in (("b", 2.0), ("a", 1.0))
        for tempered in (False, True)
    )
    measure_by_method(ax, found, "ece", {"a": "first", "b": "second"}, label="error")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["first", "second"]
    points = [container.lines[0].get_xdata() for container in ax.containers]
    assert np.array_equal(points, [[1.0, 2.0]] * 2)
    assert ax.yaxis_inverted()


def test_dose_and_response_joins_the_means(ax):
    rows = pd.DataFrame({"factor": [0, 0, 2, 2], "accuracy": [0.9, 1.0, 0.5, 0.7]})
    dose_and_response(ax, rows, label="digits")
    assert ax.lines[1].get_ydata() == pytest.approx([95.0, 60.0])


def test_curves_of_networks_and_cortices_are_put_side_by_side(ax):
    curve = pd.DataFrame({"session": [0, 1], "survival": [1.0, 0.5], "low": [1.0, 0.4], "high": [1.0, 0.6]})
    survival_beside(ax, {"network": curve, "cortex": curve})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["network", "cortex"]
    other = Figure().subplots()
    change_beside(other, {"network": pd.DataFrame({"size": [1.0, 3.0], "sd": [0.2, 0.4], "n": [1, 1]})})
    assert other.lines[0].get_xdata() == pytest.approx([0.5, 1.5])  # over the mean size
    assert other.lines[0].get_ydata() == pytest.approx([0.1, 0.2])
