"""Figures of one analysis of a network: avalanches, growth of a difference, spectrum, memory, scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from spinula.core.files import replacing
from spinula.faces.figures import COLOURS, FAINT, style
from spinula.studies.silver.analysis.run import Analysis

_NAMES = {"network": "network", "resistors": "resistors", "raw": "raw input", "echo": "echo state,\nCPU"}


def draw_tail(ax: Axes, values: np.ndarray, *, exponent: float | None, low: float | None, name: str) -> Axes:
    """Draw the share of avalanches that reach a size or more, and the fitted power law from its lower cut on."""
    known, count = np.unique(values, return_counts=True)
    reach = 1 - np.concatenate([[0], np.cumsum(count)[:-1]]) / len(values)
    ax.plot(known, reach, ".", color=COLOURS[0], markersize=4, label="measured")
    if exponent is not None and low is not None:
        x = known[known >= low].astype(float)
        share = float((values >= low).mean())
        ax.plot(x, share * (x / x[0]) ** (1 - exponent), color=COLOURS[1], label=f"exponent {exponent:.2f}")
    ax.set(xscale="log", yscale="log", xlabel=name, ylabel="share that reaches it")
    ax.legend()
    return ax


def _avalanches(figure: Any, found: Analysis) -> None:
    axes = figure.subplots(1, 2)
    said = found.numbers
    for ax, name, unit, exponent in zip(axes, ("size", "duration"), ("events", "bins"), ("tau", "alpha"), strict=True):
        draw_tail(ax, found.series[name], exponent=said.get(exponent), low=said.get(f"{name}_from"),
                  name=f"{name} [{unit}]")  # fmt: skip
    axes[0].set_title(f"{said['avalanches']} avalanches of {said['events']} events")
    if "gamma" in said:
        axes[1].set_title(f"crackling: {said['gamma']:.2f} measured, {said['crackling']:.2f} expected")


def _lyapunov(figure: Any, found: Analysis) -> None:
    ax = figure.subplots()
    growth = found.series["growth"]
    mean = np.cumsum(growth) / np.arange(1, len(growth) + 1)
    start = max(1, len(mean) // 200)
    ax.plot(np.arange(start, len(mean)), mean[start:], color=COLOURS[0])
    ax.axhline(0, color=FAINT, linewidth=0.8)
    ax.set(xlabel="step", ylabel="mean rate of growth so far [1/s]")
    ax.set_title(f"{found.numbers['exponent_per_s']:+.3g} ± {found.numbers['error_per_s']:.2g} per second")


def _spectrum(figure: Any, found: Analysis) -> None:
    ax = figure.subplots()
    frequency, power, said = found.series["frequency"], found.series["power"], found.numbers
    ax.loglog(frequency, power, color=COLOURS[0], linewidth=1, label="measured")
    inside = (frequency >= said["band_from_Hz"]) & (frequency <= said["band_to_Hz"])
    x = frequency[inside]
    level = np.exp(np.mean(np.log(power[inside])) + said["beta"] * np.mean(np.log(x)))
    ax.loglog(x, level * x ** -said["beta"], color=COLOURS[1], label="fit")
    ax.set(xlabel="frequency [Hz]", ylabel="power of the current [A²/Hz]")
    ax.set_title(f"β = {said['beta']:.2f} ({said['beta_from']:.2f} to {said['beta_to']:.2f})")
    ax.legend()


def _memory(figure: Any, found: Analysis) -> None:
    ax = figure.subplots()
    delays = np.arange(len(found.series["told"]))
    ax.bar(delays - 0.2, found.series["told"], 0.4, color=COLOURS[0], label="network")
    ax.bar(delays + 0.2, found.series["resistors"], 0.4, color=FAINT, label="resistors")
    ax.axhline(found.numbers["chance_per_delay"], color=COLOURS[1], linewidth=1, label="chance")
    ax.set(xlabel="delay [values]", ylabel="share of variance told", ylim=(0, 1.02))
    ax.set_title(f"memory capacity {found.numbers['capacity']:.2f}; resistors {found.numbers['resistors']:.2f}")
    ax.legend()


def _scores(figure: Any, found: Analysis) -> None:
    ax, said = figure.subplots(), found.numbers
    if found.what == "waves":
        names = ("square", "shifted", "double")
        for k, who in enumerate(("network", "resistors", "raw")):
            bars = [said[f"{name}_{who}"] for name in names]
            ax.bar(np.arange(3) + 0.27 * (k - 1), bars, 0.25, color=(COLOURS[0], FAINT, COLOURS[4])[k],
                   label=_NAMES[who])  # fmt: skip
        ax.set_xticks(range(3), names)
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    else:
        who = [name for name in _NAMES if name in said]
        values, names = [said[name] for name in who], [_NAMES[name] for name in who]
        if found.what == "digits":
            errors = [1.96 * said[f"{name}_error"] for name in who]
            ax.errorbar(names, values, yerr=errors, fmt="o", color=COLOURS[0], capsize=4)
            ax.margins(x=0.2)
        else:
            ax.bar(names, values, color=COLOURS[0])
    if found.what == "digits":
        ax.set(ylabel="share of digits told right", title="digits, with 95 % intervals")
    else:
        ax.set(ylabel="error (RNMSE): 0 perfect, 1 the mean", title=found.what)


_DRAWN = {"avalanches": _avalanches, "lyapunov": _lyapunov, "spectrum": _spectrum, "memory": _memory,
          "waves": _scores, "narma": _scores, "digits": _scores}  # fmt: skip


def save_analysis(path: Path, found: Analysis) -> None:
    """Write the figure of an analysis."""
    with style():
        wide = 9.0 if found.what == "avalanches" else 6.0
        figure = plt.figure(figsize=(wide, 3.8), layout="constrained")
        _DRAWN[found.what](figure, found)
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=160)
        plt.close(figure)
