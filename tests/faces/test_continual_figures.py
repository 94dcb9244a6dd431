"""The figure of the continual studies draws what it is given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from spinula.faces.continual_figures import draw_continual, final_bars, online_accuracy


def _online(seeds=3):
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {"method": method, "seed": seed, "task": task, "accuracy": level + 0.01 * generator.standard_normal()}
        for method, level in (("spine", 0.87), ("dense", 0.8), ("sparse_evolutionary", 0.5))
        for seed in range(seeds)
        for task in range(1, 31)
    )


def _split():
    return pd.DataFrame(
        {"method": method, "seed": seed, "average": 0.9 + 0.01 * seed, "forgetting": 0.05}
        for method in ("dense", "ewc", "spine_replay")
        for seed in range(3)
    )


def test_lines_are_moving_means_and_uncoloured_methods_are_left_out():
    frame = _online()
    frame["accuracy"] = np.where(frame["method"] == "spine", 0.01 * frame["task"], 0.5)
    ax = online_accuracy(Figure().subplots(), frame, smooth=5)
    assert len(ax.lines) == 2
    assert ax.lines[0].get_ydata()[10] == pytest.approx(11.0)  # the mean of tasks 9 to 13
    assert len(online_accuracy(Figure().subplots(), _online(seeds=1)).collections) == 0  # one seed has no interval


def test_bars_are_means_with_their_numbers():
    ax = final_bars(Figure().subplots(), _split(), column="average", title="")
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([91.0] * 3)
    assert [text.get_text() for text in ax.texts] == ["91.0"] * 3
    assert [label.get_text() for label in ax.get_yticklabels()] == ["spines + replay", "dense + EWC", "dense"]


def test_the_page_figure_is_small(tmp_path):
    path = draw_continual(tmp_path / "continual.png", _online(), _split(), _split())
    assert 10_000 < path.stat().st_size < 200_000
