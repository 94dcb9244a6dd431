"""Figures: each takes an axis, draws on it and returns it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, NullFormatter

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
    edges = _edges(sizes, 0.001, 41)
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
    _log_ticks(ax.xaxis)
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
    gaps = frame["days"].to_numpy()
    if np.ptp(gaps) < 0.05 * gaps.mean():
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_xlabel(f"session, {gaps.mean():.3g} days after the one before")
    else:  # a ratio means nothing without its interval
        ax.set_xticks(x, [f"{session}\n{gap:.2g} d" for session, gap in zip(x, gaps, strict=True)])
        ax.set_xlabel("session, and days since the one before")
    ax.set(ylabel="(lost + gained) / (n1 + n2)", title="Turnover ratio")
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
    _log_ticks(ax.xaxis)
    _log_ticks(ax.yaxis)
    ax.legend(loc="upper left")
    return ax


def spread_line(ax: Axes, frame: pd.DataFrame, line: dict[str, float], *, unit: str) -> Axes:
    """Draw the spread per sqrt(day) against size, corrected for the error, and the line through it.

    Bins in which the error explains more than all change have no spread; the legend counts them.
    """
    empty = int(frame["spread"].isna().sum())
    imaged = "imaged, error taken out" + (f" ({empty} of {len(frame)} bins: nothing left)" if empty else "")
    frame = frame[frame["spread"].notna()]
    ax.errorbar(frame["size"], frame["spread"], yerr=1.96 * frame["spread_error"], fmt="o", color=INK, markersize=4,
                capsize=2, label=imaged)  # fmt: skip
    x = np.linspace(0, frame["size"].max() * 1.05, 50)
    if np.isfinite(line.get("slope", np.nan)):
        sign = "−" if line["slope"] < 0 else "+"
        label = f"{line['floor']:.2g} {sign} {abs(line['slope']):.2g} × size"
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
    _log_ticks(ax.xaxis)
    return ax


def imaged_density(ax: Axes, sizes: np.ndarray, *, colour: str, label: str) -> Axes:
    """Draw the histogram of imaged sizes per unit of log-size, as steps."""
    edges = _edges(sizes, 0.0005, 45)
    counts, _ = np.histogram(sizes, edges)
    ax.stairs(counts / len(sizes) / np.diff(np.log(edges)), edges, color=colour, alpha=0.3, fill=True, label=label)
    return ax


def _edges(sizes: np.ndarray, tail: float, count: int) -> np.ndarray:
    """Return bin edges even in log-size, of some width even where all sizes are one."""
    low, high = np.quantile(sizes, tail), sizes.max()
    return np.geomspace(low, high, count) if high > 1.001 * low else np.geomspace(low / 1.1, high * 1.1, count)


class _FewLogTicks(Locator):
    """At most five ticks on a logarithmic axis, on the roundest numbers, whatever share of a decade it spans."""

    def __call__(self) -> list[float]:
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        low, high = sorted((vmin, vmax))
        decades = range(int(np.floor(np.log10(low))), int(np.floor(np.log10(high))) + 1)
        best: list[float] = []
        for firsts in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5, 7)):
            ticks = [float(f"{first}e{decade}") for decade in decades for first in firsts]
            ticks = [tick for tick in ticks if low <= tick <= high]
            if len(ticks) > 5:
                return best or ticks[:: len(ticks) // 5 + 1]
            best = ticks
        # Within a small part of a decade a logarithmic axis is nearly even.
        even = [float(tick) for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]
        return best if len(best) > 1 else even[:5]


def _log_ticks(axis: Any) -> None:
    """Write 0.1, 1, 10 rather than powers, and few enough not to touch."""
    axis.set_major_locator(_FewLogTicks())
    axis.set_major_formatter(FuncFormatter(_write_tick))
    axis.set_minor_formatter(NullFormatter())


def _write_tick(value: float, _: object = None) -> str:
    if 1e-3 <= value < 1e4:
        return f"{value:g}"
    power = int(np.floor(np.log10(value)))
    first = f"{value / 10**power:.2g}"
    return rf"$10^{{{power}}}$" if first == "1" else rf"${first}\times10^{{{power}}}$"
