"""Figures of a dendrite: change against time, position and time, delay, distance; each draws on an axis it is given."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm

from spinula.faces.figures import FAINT, INK

# Okabe and Ito's palette, its grey and black included.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7a7a7a", INK)
MARKERS = "os^Dv<>P"


def time_course(ax: Axes, changes: pd.DataFrame, published: pd.DataFrame, *, group: str, unit: str) -> Axes:
    """Draw the mean change of a group against time, one line per condition, with published points."""
    mine = changes[changes["group"] == group]
    for index, (condition, rows) in enumerate(mine.groupby("condition", sort=False)):
        colour = COLOURS[index % len(COLOURS)]
        ax.errorbar(rows["time"], rows["change"], yerr=rows["sem"], color=colour, marker=MARKERS[index % len(MARKERS)],
                    markersize=3, capsize=1.5, linewidth=1.2, label=condition)  # fmt: skip
        _published(ax, published[(published["condition"] == condition) & (published["group"] == group)], "time", colour)
    ax.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    ax.axvline(0, color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
    ax.set(xlabel=f"time after stimulation [{unit}]", ylabel="change of volume [%]", title=f"Spines: {group}")
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, -12), max(high, 12))
    _legend(ax, mine["condition"].nunique())
    return ax


def timing_curve(ax: Axes, changes: pd.DataFrame, published: pd.DataFrame, *, group: str, label: str) -> Axes:
    """Draw the last change of a group against the value that was swept, with published points."""
    last = changes[(changes["time"] == changes["time"].max()) & (changes["group"] == group)]
    for index, (condition, rows) in enumerate(last.groupby("condition", sort=False)):
        colour = COLOURS[index % len(COLOURS)]
        ax.errorbar(rows["value"], rows["change"], yerr=rows["sem"], color=colour,
                    marker=MARKERS[index % len(MARKERS)], markersize=4, capsize=2, label=condition)  # fmt: skip
        _published(
            ax, published[(published["condition"] == condition) & (published["group"] == group)], "value", colour
        )
    ax.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    ax.set(xlabel=label, ylabel="change of volume [%]", title=f"Spines: {group}, last image")
    _legend(ax, last["condition"].nunique())
    return ax


def _published(ax: Axes, rows: pd.DataFrame, column: str, colour: str) -> None:
    """Draw published numbers: filled where a source states them, hollow where they are assumed."""
    for assumed, part in rows.groupby(rows["how"] == "assumed"):
        name = "remembered, with its band" if assumed else "published, with its band"
        ax.errorbar(part[column], part["published"], yerr=part["tolerance"], fmt="D", markersize=6, capsize=4,
                    color=colour, markerfacecolor="white" if assumed else colour, markeredgecolor=INK, alpha=0.8,
                    zorder=5, label=name)  # fmt: skip


def _legend(ax: Axes, count: int) -> None:
    handles, labels = ax.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    low, high = ax.get_ylim()
    columns = 1 if count < 5 else 2
    ax.set_ylim(low, high + (0.09 * -(-len(unique) // columns) + 0.02) * (high - low))
    ax.legend(unique.values(), unique.keys(), loc="upper left", ncols=columns, fontsize=7)


def kymograph(ax: Axes, spines: pd.DataFrame, *, unit: str) -> Axes:
    """Draw the mean change of each spine (over dendrites) by position and time; a triangle marks stimulated ones."""
    frame = spines[spines["start"].notna()].assign(change=lambda f: 100 * (f["size"] / f["start"] - 1))
    wide = frame.pivot_table(index="position_um", columns="time", values="change", aggfunc="mean")
    places, times = wide.index.to_numpy(), wide.columns.to_numpy()
    # A picture is shown from its moment to the next one's, a spine up to half way to the next, at most 1 um.
    until = np.append(times, times[-1] + np.diff(times)[-1])
    half = np.minimum(0.5 * np.diff(places), 1.0)
    below, above = places - np.append(1.0, half), places + np.append(half, 1.0)
    reach = max(10.0, float(np.nanquantile(np.abs(wide.to_numpy()), 0.995)))
    norm = TwoSlopeNorm(0, -min(reach, 100), reach)
    for low, high, row in zip(below, above, wide.to_numpy(), strict=True):
        mesh = ax.pcolormesh(until, [low, high], row[None, :], cmap="RdBu_r", norm=norm)
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.set_label("change of volume [%]")
    hit = frame.loc[frame["distance_um"] == 0, "position_um"].unique()
    ax.plot(np.full(len(hit), 1.0), hit, marker="<", color=INK, linestyle="", markersize=5, clip_on=False,
            transform=ax.get_yaxis_transform())  # fmt: skip
    ax.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    ax.set(xlabel=f"time after stimulation [{unit}]", ylabel="position on the dendrite [um]",
           title=f"Position and time: {spines['condition'].iloc[0]}")  # fmt: skip
    return ax


def distance_profile(ax: Axes, spines: pd.DataFrame, *, unit: str) -> Axes:
    """Draw the last change of spines against the path to the nearest stimulated spine, one line per condition."""
    from spinula.studies.protocol.running import complete

    frame = complete(spines)
    last = frame[frame["time"] == frame["time"].max()]
    last = last.assign(change=100 * (last["size"] / last["start"] - 1))
    bins = np.array([-0.01, 0.01, 3, 6, 10, 15, 20, 30, 1e6])
    for index, condition in enumerate(spines["condition"].unique()):
        rows = last[last["condition"] == condition]
        grouped = rows.groupby(pd.cut(rows["distance_um"], bins), observed=True)
        mean, sem, where = grouped["change"].mean(), grouped["change"].sem(), grouped["distance_um"].mean()
        kept = where < 40
        ax.errorbar(where[kept], mean[kept], yerr=sem[kept], color=COLOURS[index % len(COLOURS)],
                    marker=MARKERS[index % len(MARKERS)], markersize=4, capsize=2, linewidth=1.2,
                    label=condition)  # fmt: skip
    ax.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    ax.set(xlabel="distance to the stimulated spine [um]", ylabel="change of volume [%]",
           title=f"Distance, {last['time'].iloc[0]:g} {unit} after stimulation")  # fmt: skip
    _legend(ax, last["condition"].nunique())
    return ax


def population_size(ax: Axes, population: pd.DataFrame, *, unit: str) -> Axes:
    """Draw the mean size of all spines against time, one line per condition."""
    for index, (condition, rows) in enumerate(population.groupby("condition", sort=False)):
        ax.plot(rows["time"], rows["mean"], color=COLOURS[index], marker=MARKERS[index], markersize=4, label=condition)
    ax.axvline(0, color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
    ax.set(xlabel=f"time [{unit}]", ylabel="mean volume of all spines [um3]", title="All spines")
    ax.set_ylim(bottom=0)
    ax.legend(loc="lower left")
    return ax


def release_course(ax: Axes, spines: pd.DataFrame, *, group: str, unit: str) -> Axes:
    """Draw the gain of release of the boutons of a group against time, one line per condition."""
    mine = spines[spines["group"] == group]
    for index, (condition, rows) in enumerate(mine.groupby("condition", sort=False)):
        mean = 100 * (rows.groupby("time")["release"].mean() - 1)
        ax.plot(mean.index, mean, color=COLOURS[index], marker=MARKERS[index], markersize=4, label=condition)
    ax.axvspan(0, 20, color="#eeeeee", zorder=0, label="first 20 min")
    ax.set(xlabel=f"time after stimulation [{unit}]", ylabel="gain of release [%]", title="Release of the boutons")
    ax.legend(loc="upper right")
    return ax


def multi_spine(ax: Axes, table: pd.DataFrame, *, minute: float) -> Axes:
    """Draw growth per spine against how many were stimulated at once: mean, edge and middle."""
    rows = table[table["minute"] == minute]
    for index, column in enumerate(("growth", "edge", "middle")):
        ax.plot(rows["count"], 100 * rows[column], color=COLOURS[index], marker=MARKERS[index], markersize=4,
                label={"growth": "mean"}.get(column, column))  # fmt: skip
    ax.set(xlabel="spines stimulated at once", ylabel="growth [%]", title=f"Growth per spine after {minute:g} min",
           xticks=rows["count"])  # fmt: skip
    ax.set_ylim(0, 1.25 * ax.get_ylim()[1])
    ax.legend(loc="lower right")
    return ax
