"""A network read as a cortex: known curves are found, lives are told apart, and a static network shows nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import InvalidInputError
from spinula.core.table import SpineTable
from spinula.engines.sparse.rules import RULES
from spinula.fit.readers.read import Reading, read_table
from spinula.measures import survival, turnover
from spinula.studies.training import Plan, load_data, train
from spinula.studies.training.as_cortex import (
    MEASURES,
    compare,
    last_sessions,
    read,
    simulated_cortex,
    stable_fraction,
)
from spinula.studies.training.conditions import base_plan


def _table(present, sizes=None):
    """Spines on 20 dendrites from a matrix of (spines, sessions)."""
    spine, session = np.nonzero(present)
    size = np.ones(len(spine)) if sizes is None else sizes[spine, session]
    frame = pd.DataFrame({"dendrite": [f"d{k % 20}" for k in spine], "spine_id": spine, "session": session,
                          "day": session.astype(float), "size": size, "present": True, "observed": True})  # fmt: skip
    return SpineTable(frame, "a.u.")


def test_a_connection_that_comes_back_is_a_new_spine():
    present = np.array([[1, 1, 0, 1, 1], [1, 1, 1, 1, 1], [0, 1, 1, 0, 1]] * 40, bool)
    found = last_sessions(_table(present), 5)
    assert len(found.frame) == present.sum()
    lives = found.frame.groupby(["dendrite", "spine_id"])["session"]
    assert ((lives.max() - lives.min() + 1) == lives.count()).all()  # no life has a gap
    assert survival(found, replicates=0)["survival"].tolist() == pytest.approx([1, 1, 0.5, 0.5, 0.5])
    assert survival(_table(present), replicates=0)["survival"].tolist() == pytest.approx([1, 1, 0.5, 1, 1])
    assert sorted(last_sessions(_table(present), 3).frame["session"].unique()) == [0, 1, 2]
    with pytest.raises(InvalidInputError, match="at most the 5"):
        last_sessions(_table(present), 6)


@pytest.mark.parametrize(("stable", "lifetime"), [(0.4, 2.0), (0.0, 3.0), (1.0, 1.0)])
def test_the_stable_share_and_the_lifetime_are_recovered(stable, lifetime):
    generator = np.random.default_rng(0)
    life = np.where(generator.random(4000) < stable, np.inf, generator.exponential(lifetime, 4000))
    found = stable_fraction(_table(life[:, None] > np.arange(9)), replicates=100)
    assert found["stable"][0] == pytest.approx(stable, abs=0.05)
    assert found["stable"][1] - 1e-6 <= found["stable"][0] <= found["stable"][2] + 1e-6
    if stable < 1:
        assert found["lifetime"][0] == pytest.approx(lifetime, rel=0.15)


def test_the_growth_of_change_with_size_is_found_and_absent_in_the_control():
    generator = np.random.default_rng(1)
    size = np.exp(generator.normal(0, 0.8, (3000, 1)))
    noise = generator.standard_normal((3000, 5))
    for slope, floor in ((0.2, 0.05), (0.0, 0.1)):
        sizes = np.abs(size + (slope * size + floor * size.mean()) * noise)
        found = read(_table(np.ones_like(sizes, bool), sizes)).set_index("measure")
        # Two independent errors: the SD of a change is sqrt(2) of one's.
        assert found.loc["spread_slope", "value"] == pytest.approx(np.sqrt(2) * slope, abs=0.05)
        assert found.loc["turnover_ratio", "value"] == 0
        assert np.isnan(found.loc["log_hazard_old_over_young", "value"])


@pytest.fixture(scope="module")
def network():
    data = load_data("digits")
    plan = replace(base_plan(0.1, epochs=10), batch=32, hidden=(100, 50))
    *_, (_, trained) = train(plan, data, record=True)
    *_, (_, static) = train(replace(plan, rule=RULES["static"]), data, record=True)
    return trained.table, static.table


def test_a_network_and_a_cortex_have_the_same_rows(network):
    spines, static = network
    cortex = simulated_cortex(sessions=6, spines=600)
    found = compare(spines, {"simulated": cortex})
    assert found["measure"].tolist() == list(MEASURES)
    rows = found.set_index("measure")
    assert rows.loc["skewness", "same_direction"]
    assert rows.loc["survival_large_minus_small", "same_direction"]
    assert rows.loc["turnover_ratio", "same_direction"] is None  # a level has no direction
    assert rows.loc["turnover_ratio", "network"] == pytest.approx(
        turnover(last_sessions(spines, 6), replicates=0)["turnover_ratio"].mean()
    )
    # The control: a static network loses nothing, and is told from the cortex.
    still = compare(static, {"simulated": cortex}).set_index("measure")
    assert still.loc["turnover_ratio", "network"] == 0
    assert still.loc["survival", "network"] == 1
    assert still.loc["survival", "overlaps"] is False
    with pytest.raises(InvalidInputError, match="no cortex"):
        compare(spines, {})


@pytest.mark.slow
def test_beside_synapses_in_vivo(network, data_dir):
    path = data_dir / "melander2021_psd95" / "melander2021_weights_long.csv.gz"
    imaged = read_table(path, Reading(size="psd95_norm", select={"cell_type": "pyr"}))
    found = compare(network[0], {"pyramidal": imaged}).set_index("measure")
    assert found.loc["skewness", "same_direction"]
    assert found.loc["survival_large_minus_small", "same_direction"]
    assert found["value"].notna().all()


def test_the_rule_without_spread_is_told_apart(network):
    """The growth of change with size is what the spread gives."""
    data = load_data("digits")
    plan = Plan(replace(base_plan(0.1).rule, law=base_plan(0.1).rule.law.model_copy(
        update={"noise_slope": 0.0, "noise_floor": 0.0})), 0.1, (100, 50), 10, 32)  # fmt: skip
    *_, (_, quiet) = train(plan, data, record=True)
    with_spread, without = (
        read(last_sessions(table, 5)).set_index("measure").loc["spread_slope", "value"]
        for table in (network[0], quiet.table)
    )
    assert with_spread > without
