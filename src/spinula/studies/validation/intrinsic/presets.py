"""Rows 11 to 14: what the presets must reproduce when they are simulated and imaged."""

from __future__ import annotations

import numpy as np

from spinula.presets import load_preset
from spinula.studies.validation.intrinsic.runs import imaged_turnover, settled, survival_after
from spinula.studies.validation.row import Outcome, Row, within


def _activity(seed: int) -> Outcome:
    targets = {"neocortex_blocked": 0.075, "neocortex_deprived": 0.08, "neocortex_enriched": 0.15}
    found = {name: imaged_turnover(name, interval=2, seed=seed) for name in targets}
    passed = all(within(found[name], target, 0.02) for name, target in targets.items())
    return Outcome(" / ".join(f"{100 * value:.1f}" for value in found.values()) + " %", passed)


def _fragile_x(seed: int) -> Outcome:
    sizes, turnover = {}, {}
    for name in ("neocortex_adult", "fragile_x"):
        turnover[name] = imaged_turnover(name, interval=2, seed=seed)
        sizes[name] = settled(load_preset(name).dynamics, seed=seed, spines=100_000, dt=0.05).snapshot().size
    wild, knock_out = sizes["neocortex_adult"], sizes["fragile_x"]
    broad = [float(np.log(size).std()) for size in (wild, knock_out)]
    passed = (
        turnover["fragile_x"] > turnover["neocortex_adult"]
        and np.median(knock_out) < np.median(wild)
        and broad[1] > broad[0]
    )
    return Outcome(
        f"turnover {turnover['neocortex_adult']:.3f} -> {turnover['fragile_x']:.3f}, median "
        f"{np.median(wild):.4f} -> {np.median(knock_out):.4f} um3, SD of log {broad[0]:.2f} -> {broad[1]:.2f}",
        bool(passed),
        f"OPEN DISCREPANCY: the mean rises, {wild.mean():.4f} -> {knock_out.mean():.4f} um3, in this and in two "
        "other drift families, whereas the paper reports a smaller mean in the knock-out.",
    )


def _slope_ratio(seed: int) -> Outcome:
    wild, knock_out = (imaged_turnover(name, interval=2, seed=seed) for name in ("neocortex_adult", "fragile_x"))
    return Outcome(f"{knock_out / wild:.2f}", within(knock_out / wild, 1.8, 0.3), "of turnover imaged every 2 days")


def _stable(seed: int) -> Outcome:
    survival = survival_after("barrel_cortex", days=548, seed=seed, spines=20_000, dt=0.1)
    return Outcome(f"{100 * survival:.1f} %", within(survival, 0.739, 0.05))


ROWS = [
    Row(11, "neocortex blocked / deprived / enriched", "turnover ratio over 2 days", "7-8 / 8 / 15 %", "2 % absolute",
        "published", "nagaoka2016", _activity),
    Row(12, "fragile_x against neocortex_adult", "turnover up, median down, broader", "signs", "sign", "qualitative",
        "ishii2018", _fragile_x),
    Row(13, "fragile_x against neocortex_adult", "ratio of turnover, slope 0.25 : 0.20", "1.8", "0.3", "computed", "",
        _slope_ratio),
    Row(14, "barrel_cortex", "spines still there after 18 months", "73.9 %", "5 % absolute", "published", "zuo2005",
        _stable),
]  # fmt: skip
