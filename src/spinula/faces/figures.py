"""Figures: each takes an axis, draws on it and returns it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

# Okabe and Ito's palette: told apart by colour-blind readers too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, FAINT = "#222222", "#9a9a9a"
_STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#666666",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "svg.fonttype": "path",  # a report must look the same where a font is missing
    "svg.hashsalt": "spinula",  # same figure, same bytes
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house style."""
    with mpl.rc_context(_STYLE):
        yield


def size_distribution(ax: Axes, sizes: np.ndarray, families: pd.DataFrame | None, *, unit: str) -> Axes:
    """Draw the histogram of sizes (logarithmic axis) with the fitted families, best first."""
    from scipy import stats

    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    edges = np.geomspace(np.quantile(sizes, 0.001), sizes.max(), 41)
    counts, _ = np.histogram(sizes, edges)
    # Per unit of log-size, so that areas on the logarithmic axis are shares.
    ax.stairs(counts / len(sizes) / np.diff(np.log(edges)), edges, fill=True, color="#d9d9d9", label="imaged")
    x = np.geomspace(edges[0], edges[-1], 300)
    for row, colour in zip(families.itertuples() if families is not None else (), COLOURS, strict=False):
        p = row.parameters
        if row.family == "two log-normals":
            density = sum(
                w * stats.norm.pdf(np.log10(x), m, s) / np.log(10)
                for m, s, w in zip(p["means"], p["sds"], p["weights"], strict=True)
            )
        else:
            build = {"log-normal": stats.lognorm, "gamma": stats.gamma, "inverse gamma": stats.invgamma}[row.family]
            density = build(p["shape"], scale=p["scale"]).pdf(x) * x
        ax.plot(x, density, color=colour, label=f"{row.family}  (ΔAIC {row.delta:.0f})")
    ax.set(xscale="log", xlabel=f"size [{unit}]", ylabel="share per unit of log-size", title="Sizes")
    ax.set_ylim(0, 1.45 * ax.get_ylim()[1])  # room for the legend
    ax.legend(loc="upper left", ncols=2)
    return ax


def survival_curve(ax: Axes, frame: pd.DataFrame, *, label: str = "imaged", colour: str = COLOURS[0]) -> Axes:
    """Draw the survival of the first session's spines, with its clustered 95 % band."""
    ax.fill_between(frame["day"], frame["low"], frame["high"], color=colour, alpha=0.2, linewidth=0)
    ax.plot(frame["day"], frame["survival"], color=colour, marker="o", markersize=3.5, label=label)
    ax.set(ylim=(0, 1.03), xlabel="days since the first session", ylabel="fraction still present", title="Survival")
    return ax


def turnover_by_session(ax: Axes, frame: pd.DataFrame, *, label: str = "", colour: str = COLOURS[0]) -> Axes:
    """Draw the turnover ratio of each interval with its clustered 95 % interval."""
    x, value = frame["session"] + 1, frame["turnover_ratio"]
    reach = [value - frame["low"], frame["high"] - value]
    ax.errorbar(x, value, yerr=np.clip(reach, 0, None), color=colour, fmt="o", markersize=4, capsize=2, label=label)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="session", ylabel="(lost + gained) / (n1 + n2)", title="Turnover ratio")
    ax.autoscale(axis="y")
    ax.set_ylim(bottom=0)
    return ax


def change_against_size(ax: Axes, frame: pd.DataFrame, *, unit: str) -> Axes:
    """Draw the SD of change against size with the predictive band of the fitted law."""
    ax.fill_between(frame["size"], frame["low"], frame["high"], color=COLOURS[1], alpha=0.25, linewidth=0,
                    label="fitted law, 95 % band")  # fmt: skip
    ax.plot(frame["size"], frame["median"], color=COLOURS[1])
    inside = frame["inside"].to_numpy(bool)
    for shown, face, label in ((inside, INK, "imaged"), (~inside, "white", "imaged, outside the band")):
        if shown.any():
            rows = frame[shown]
            ax.plot(rows["size"], rows["observed"], "o", color=INK, markerfacecolor=face, markersize=5, label=label)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=f"size [{unit}]",
        ylabel=f"SD of change [{unit}]",
        title="Change against size",
    )
    _plain_log_ticks(ax)
    ax.legend(loc="upper left")
    return ax


def spread_line(ax: Axes, frame: pd.DataFrame, line: dict[str, float], *, unit: str) -> Axes:
    """Draw the spread per sqrt(day) against size, corrected for the error, and the line through it."""
    ax.errorbar(frame["size"], frame["spread"], yerr=1.96 * frame["spread_error"], fmt="o", color=INK, markersize=4,
                capsize=2, label="imaged, error taken out")  # fmt: skip
    x = np.linspace(0, frame["size"].max() * 1.05, 50)
    label = f"{line['floor']:.2g} + {line['slope']:.2g} × size"
    ax.plot(x, line["floor"] + line["slope"] * x, color=COLOURS[2], label=label)
    ax.set(
        xlim=(0, None),
        ylim=(0, None),
        xlabel=f"size [{unit}]",
        ylabel=f"spread [{unit}/√day]",
        title="Spread against size",
    )
    ax.legend(loc="upper left")
    return ax


def autocorrelation(ax: Axes, frame: pd.DataFrame, fit: Any = None) -> Axes:
    """Draw the correlation of log-size against lag, and the fitted law's."""
    ax.plot(frame["days"], frame["correlation"], "o", color=INK, markersize=4, label="imaged")
    if fit is not None:
        sd, noise, rate = (fit[name].value for name in ("log_sd", "log_noise", "recovery_rate"))
        days = np.linspace(0, frame["days"].max() * 1.05, 100)
        ax.plot(
            days, sd**2 * np.exp(-rate * days) / (sd**2 + noise**2), color=COLOURS[1], label="fitted law with error"
        )
    ax.set(xlim=(0, None), ylim=(min(0.0, frame["correlation"].min()), 1.02), xlabel="lag [days]",
           ylabel="correlation of log-size", title="Memory of size")  # fmt: skip
    ax.legend(loc="lower left")
    return ax


def truth_and_found(ax: Axes, rows: pd.DataFrame, conditions: list[str]) -> Axes:
    """Draw found / truth with its interval, quantity by quantity and condition by condition."""
    names = list(dict.fromkeys(rows["quantity"]))
    for index, condition in enumerate(conditions):
        mine = rows[rows["condition"] == condition].set_index("quantity").reindex(names)
        ratio = mine["found"] / mine["truth"]
        reach = np.array([mine["found"] - mine["low"], mine["high"] - mine["found"]]) / mine["truth"].to_numpy()
        y = np.arange(len(names)) + 0.18 * (2 * index - len(conditions) + 1)
        ax.errorbar(ratio, y, xerr=np.nan_to_num(np.clip(reach, 0, None)), fmt="o", color=COLOURS[index], markersize=4,
                    capsize=2, label=condition)  # fmt: skip
    ax.axvline(1, color=FAINT, linewidth=1, zorder=0)
    ax.set_yticks(np.arange(len(names)), names)
    ax.invert_yaxis()
    ax.set(xlabel="found / truth", title="What the images give back of the truth")
    ax.legend(loc="best")
    return ax


def truth_density(ax: Axes, edges: np.ndarray, mass: np.ndarray, *, colour: str, label: str) -> Axes:
    """Draw the density engine's stationary density per unit of log-size."""
    width = np.diff(np.log(edges))
    ax.plot(np.sqrt(edges[1:] * edges[:-1]), mass / width, color=colour, label=label)
    ax.set(xscale="log", xlabel="size [um3]", ylabel="share per unit of log-size", title="Sizes: images and the truth")
    return ax


def imaged_density(ax: Axes, sizes: np.ndarray, *, colour: str, label: str) -> Axes:
    """Draw the histogram of imaged sizes per unit of log-size, as steps."""
    edges = np.geomspace(np.quantile(sizes, 0.0005), sizes.max(), 45)
    counts, _ = np.histogram(sizes, edges)
    ax.stairs(counts / len(sizes) / np.diff(np.log(edges)), edges, color=colour, alpha=0.3, fill=True, label=label)
    return ax


def _plain_log_ticks(ax: Axes) -> None:
    """Write 0.1, 1, 10 rather than powers, and few enough not to touch."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(10, subs=(1.0, 3.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
        axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
