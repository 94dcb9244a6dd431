"""Spines of one mouse over nine irregular sessions [mapmanager]: the golden numbers."""

import pytest

from spinula import measures
from spinula.fit.readers.read import Reading, read_table
from spinula.fit.validate import check


@pytest.fixture(scope="module")
def table(data_dir):
    return read_table(data_dir / "mapmanager_rr30a" / "rr30a_spines_long.csv", Reading(size="ubssSum_ch2"))


def test_counts_and_all_turnover_ratios(table):
    found = measures.turnover(table, replicates=0)
    assert [*found.n1, found.n2.iloc[-1]] == [139, 133, 111, 156, 142, 135, 129, 135, 147]
    assert found.lost.tolist() == [22, 29, 4, 29, 25, 19, 11, 27]
    assert found.gained.tolist() == [16, 7, 49, 15, 18, 13, 17, 39]
    wanted = [0.140, 0.148, 0.199, 0.148, 0.155, 0.121, 0.106, 0.234]
    assert found.turnover_ratio.tolist() == pytest.approx(wanted, abs=5.1e-4)
    assert found.days.tolist() == pytest.approx([4.10, 2.89, 1.03, 0.83, 2.13, 0.97, 1.05, 6.97], abs=0.02)


def test_survival_curve(table):
    wanted = [1, 0.842, 0.698, 0.683, 0.619, 0.583, 0.561, 0.554, 0.496]
    assert measures.survival(table, replicates=0).survival.tolist() == pytest.approx(wanted, abs=5.1e-4)


def test_the_poor_image_and_the_drifting_brightness_are_seen(table):
    traps = {finding.trap for finding in check(table)}
    assert {"missed detection", "brightness drift", "present without size"} <= traps
