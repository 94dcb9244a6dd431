"""Competition: the rows of the validation table, and growth of spines stimulated together."""

import numpy as np
import pytest

from spinula.core.errors import OutOfRangeError
from spinula.law.plasticity.resources import ResourceCompetition
from spinula.studies.competition import multi_spine_growth
from spinula.studies.validation.extrinsic.competition import ROWS


def test_the_closed_forms_row_passes():
    outcome = ROWS[0].run(1)
    assert outcome.passed, outcome
    assert "33,030" in outcome.reproduced


@pytest.mark.slow
def test_the_molecules_row_passes():
    """The nearest edge of a band, of the power at F = 0.5, lies 3.3 standard errors away: false alarm 6e-4."""
    outcome = ROWS[1].run(1)
    assert outcome.passed, outcome


def test_growth_by_number_of_spines():
    table = multi_spine_growth().set_index(["count", "minute"])
    early = table.xs(2.0, level="minute")
    assert (early.loc[[3, 7, 15], "growth"] < early.loc[1, "growth"]).all()
    assert (early.loc[[3, 7, 15], "edge"] > early.loc[[3, 7, 15], "middle"]).all()
    assert early.loc[1, "edge"] == early.loc[1, "middle"] == early.loc[1, "growth"]
    assert (np.diff(table.xs(10.0, level="minute")["growth"]) < 0).all()
    # What the published distances do not give at 2 min: a further fall from 7 to 15 spines.
    assert early.loc[15, "growth"] > early.loc[7, "growth"]
    assert early.loc[15, "share"] > early.loc[7, "share"]


def test_within_one_stretch_growth_falls_with_every_spine_added():
    table = multi_spine_growth(stretch=1.26, minutes=[2.0])
    assert (np.diff(table["share"]) < 0).all()
    assert (np.diff(table["growth"]) < 0).all()


def test_all_arguments_matter():
    base = multi_spine_growth([3], minutes=[2.0])
    more = ResourceCompetition.illustration().model_copy(update={"by_calcium": 4.0})
    assert multi_spine_growth([3], minutes=[2.0], model=more)["growth"][0] > base["growth"][0]
    assert multi_spine_growth([2, 4], minutes=[2.0, 5.0])["count"].tolist() == [2, 2, 4, 4]


@pytest.mark.parametrize(("counts", "stretch", "what"), [([0], None, "count"), ([3], -1.0, "stretch")])
def test_bad_input_says_so(counts, stretch, what):
    with pytest.raises(OutOfRangeError, match=what):
        multi_spine_growth(counts, stretch=stretch)
