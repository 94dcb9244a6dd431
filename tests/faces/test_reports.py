import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from spinula.faces import figures
from spinula.faces.report import write_comparison_report, write_fit_report
from spinula.studies.intrinsic import compare

RUN = {"spinula": "0", "command": "test", "seed": 1, "sources": ["kasai2021"]}


@pytest.fixture(scope="module")
def comparison():
    found = None
    for _, latest in compare(seed=2, spines=600, days=24, replicates=60):
        found = latest
    return found


def test_the_images_give_back_the_truth(comparison):
    """Turnover and survival against the density engine, whose Monte Carlo error is nil: the 95 % intervals, widened."""
    rows = comparison.rows
    for row in rows[rows.quantity.isin(["turnover ratio", "survival"])].itertuples():
        reach = row.high - row.low
        assert row.low - reach < row.truth < row.high + reach
    slopes = rows[rows.quantity.str.startswith("noise slope")].set_index("condition")["found"]
    assert slopes["fragile_x"] > slopes["neocortex_adult"]


@pytest.mark.slow
def test_pages_render_in_a_browser_without_the_network(comparison, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no Chromium on this machine")
    write_comparison_report(tmp_path / "comparison.html", comparison, RUN)
    write_fit_report(tmp_path / "fit.html", comparison.conditions[0].analysis, RUN)
    for name in ("comparison", "fit"):
        log = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", str(tmp_path / f"{name}.html")],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        assert log.stdout.count("<svg") >= 5
        assert "http://" not in log.stdout.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
            "http://creativecommons.org", ""
        )


def test_every_figure_returns_its_labelled_axis(comparison):
    analysis = comparison.conditions[0].analysis
    tables = analysis.tables
    drawn = [
        lambda ax: figures.size_distribution(ax, analysis.sizes, tables["families"], unit="um3"),
        lambda ax: figures.survival_curve(ax, tables["survival"]),
        lambda ax: figures.turnover_by_session(ax, tables["turnover"]),
        lambda ax: figures.change_against_size(ax, tables["predictive"], unit="um3"),
        lambda ax: figures.spread_line(ax, tables["moments"], analysis.line, unit="um3"),
        lambda ax: figures.autocorrelation(ax, tables["autocorrelation"], analysis.fit),
        lambda ax: figures.truth_and_found(ax, comparison.rows, ["neocortex_adult", "fragile_x"]),
        lambda ax: figures.truth_density(ax, np.geomspace(0.02, 1, 11), np.full(10, 0.1), colour="k", label="x"),
        lambda ax: figures.imaged_density(ax, analysis.sizes, colour="k", label="x"),
    ]
    for paint in drawn:
        with figures.style():
            ax = Figure().add_subplot()
            assert paint(ax) is ax
    assert isinstance(comparison.rows, pd.DataFrame)


def test_a_spread_that_the_error_explains_is_counted_not_drawn():
    frame = pd.DataFrame({"size": [1.0, 2.0, 9.0], "spread": [0.2, 0.3, np.nan], "spread_error": [0.1, 0.1, np.nan]})
    line = {"floor": 0.4, "slope": -0.1}
    ax = figures.spread_line(Figure().add_subplot(), frame, line, unit="um3")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "0.4 − 0.1 × size" in labels
    assert any("1 of 3 bins" in label for label in labels)
    assert ax.get_xlim()[1] < 9


@pytest.mark.parametrize("span", [(0.03, 0.3), (0.001, 900.0), (6e4, 4e5), (0.11, 0.13), (1.0, 1.1), (1e-9, 1e9)])
def test_logarithmic_axes_have_few_round_ticks(span):
    ax = Figure().add_subplot()
    ax.set(xscale="log", xlim=span)
    figures._log_ticks(ax.xaxis)
    ticks = ax.xaxis.get_major_locator()()
    assert 2 <= len(ticks) <= 5
    assert all(span[0] <= tick <= span[1] for tick in ticks)


def test_sizes_that_are_all_one_are_drawn():
    figures.size_distribution(Figure().add_subplot(), np.full(50, 0.1), None, unit="um3")
