"""Conditions: what a preset changes, and what that does to training."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import InvalidInputError
from spinula.studies.training import load_data
from spinula.studies.training.conditions import (
    MEASURES,
    base_law,
    base_plan,
    conditioned,
    conditions,
    contrast,
    dose_response,
    ratios,
    trend,
)


def test_the_ratio_of_a_preset_to_its_base_is_applied_and_nothing_else():
    law = base_law()
    fragile, enriched = conditioned(law, "fragile_x"), conditioned(law, "neocortex_enriched")
    assert fragile.noise_slope == pytest.approx(1.25 * law.noise_slope)
    assert enriched.noise_floor == pytest.approx(0.011 / 0.004 * law.noise_floor)
    for changed, key in ((fragile, "noise_slope"), (enriched, "noise_floor")):
        assert changed.model_copy(update={key: getattr(law, key)}) == law
    assert set(ratios("fragile_x")["how"]) == {"assumed"}


def test_the_base_is_the_presets_law_on_another_clock():
    """Slope squared over recovery rate has no unit: it must not depend on the clock."""
    for clock in (0.01, 0.04):
        law = base_law(clock=clock)
        assert law.noise_slope**2 / law.decay == pytest.approx(0.2**2 / 0.05)


def test_what_has_no_counterpart_is_listed_or_refused():
    found = ratios("striatum_d1")
    assert found["target"].isna().all()
    with pytest.raises(InvalidInputError, match=r"has a counterpart in training \(it changes reinforcement"):
        conditioned(base_law(), "striatum_d1")
    with pytest.raises(InvalidInputError, match="has no base"):
        ratios("neocortex_adult")
    with pytest.raises(InvalidInputError, match="noise_slope is 0"):
        conditioned(base_law().model_copy(update={"noise_slope": 0.0}), "fragile_x")
    with pytest.raises(InvalidInputError, match="wanted a linear one"):
        base_law("auditory_cortex")


def test_effects_are_paired_by_seed():
    rows = [
        {"condition": name, "seed": seed, **dict.fromkeys(MEASURES, 0.9 + 0.01 * seed - away)}
        for name, away in (("base", 0.0), ("ill", 0.02)) for seed in range(4)
    ]  # fmt: skip
    found = contrast(rows)
    assert found["difference"].to_numpy() == pytest.approx(-0.02)
    assert found["low"].to_numpy() == pytest.approx(-0.02)  # the same in every seed: no spread
    assert found["effect"].iloc[0] == pytest.approx(-0.02 / np.std([0, 0.01, 0.02, 0.03], ddof=1))


def test_a_trend_is_one_sided_or_none():
    falling = [{"seed": s, "factor": f, "accuracy": -f + 0.01 * s} for s in range(4) for f in (0.0, 1.0, 2.0, 4.0)]
    assert trend(falling, replicates=200)["high"] < -0.8
    generator = np.random.default_rng(0)
    flat = [{**row, "accuracy": generator.random()} for row in falling * 1]
    found = trend(flat, replicates=200)
    assert found["low"] < 0 < found["high"]
    # The control without fluctuation is below ``above`` and must not count.
    assert trend([row for row in falling if row["factor"]], replicates=50) == trend(falling, replicates=50)


@pytest.mark.slow
def test_much_spread_harms_and_the_assumed_fragile_x_does_not():
    """Digits: six times the spread of the base costs accuracy in every seed; 1.25 times its slope cannot be told."""
    data = load_data("digits")
    plan = replace(base_plan(0.1, epochs=20), batch=32, hidden=(100, 50))
    rows = list(dose_response(data, plan, (0.0, 1.0, 6.0), seeds=3))
    wide = pd.DataFrame(rows).pivot(index="seed", columns="factor", values="accuracy")
    assert (wide[6.0] < wide[0.0] - 0.05).all()
    assert (wide[1.0] > wide[0.0] - 0.05).all()
    alive = pd.DataFrame(rows).pivot(index="seed", columns="factor", values="survival")
    assert (alive[6.0] < alive[0.0]).all()
    found = contrast(list(conditions(data, plan, ("fragile_x",), seeds=3))).set_index("measure")
    assert abs(found.loc["accuracy", "difference"]) < 0.03
    assert found.loc["accuracy", "seeds"] == 3
