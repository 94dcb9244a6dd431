"""Every row of the validation table, as `spinula verify` runs it; each is run once."""

import pytest

from spinula.core.errors import UnknownNameError
from spinula.studies.validation import rows, run_rows
from spinula.studies.validation.memory import finding

REQUIRED = {*range(1, 7), *range(10, 15), *range(16, 22), *range(24, 28), 29, 30, 7, 8, 9, *range(33, 48), "43b"}
# Of studies of memory.
REQUIRED |= {28, *range(48, 52), *range(53, 59), 62}
# Of disorders; from 501 on, the table of findings and two consequences.
REQUIRED |= {59, 60, 61, *range(501, 531)}
# Of learning from reward, in animals.
REQUIRED |= {f"{number}-network" for number in (39, 40, 41, 42, 43, "43b", 44, 45, 46, "46b", "46c")}
# Of placement and circuits of disorders, of parallels with machine learning, and of silver (19 fails: see its page).
REQUIRED |= {531, 532, 533, *range(601, 608)}
REQUIRED |= {f"{number}-silver" for number in (4, 5, 8, 9, 10, *range(12, 19), *range(20, 27))}


def _studies(row):
    """Return the names of the studies whose claims a row gathers."""
    return getattr(row.run, "keywords", {}).get("names", ())


def _together():
    """Return rows that share a study, directly or through another row, in groups: they run in one process."""
    groups = []
    for row in filter(_studies, rows()):
        met = [group for group in groups if any(set(_studies(row)) & set(_studies(other)) for other in group)]
        groups = [group for group in groups if group not in met] + [[row, *(other for group in met for other in group)]]
    return groups


# Of the silver network: what it is like.
REQUIRED |= {f"{number}-silver" for number in (4, 5, 8, 9, 10, 12, 25, 26)}


def test_all_required_rows_are_there():
    assert {row.number for row in rows()} >= REQUIRED


@pytest.mark.slow
@pytest.mark.parametrize("number", [row.number for row in rows() if not _studies(row)])
def test_row(number):
    (result,) = run_rows([number], seed=1)
    assert result.passed, f"{result.row.target}: {result.reproduced} {result.detail}"
    if number == 12:
        assert "OPEN DISCREPANCY" in result.detail


@pytest.mark.slow
@pytest.mark.parametrize("group", _together(), ids=lambda group: "-".join(_studies(group[0])))
def test_rows_of_a_study_and_every_claim_and_control(group):
    for result in run_rows([row.number for row in group], seed=1):
        assert result.passed, f"{result.row.target}: {result.reproduced} {result.detail}"
    for row in group:
        for name in _studies(row):
            claims = finding(row.run.keywords["study"], name, 1).claims
            assert [claim.text for claim in claims if not claim.passed] == []
            assert any(claim.control for claim in claims)


def test_an_unknown_row_is_refused():
    with pytest.raises(UnknownNameError, match="no validation row"):
        list(run_rows([999], seed=1))
