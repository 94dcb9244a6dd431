"""Every row of the validation table, as `spinula verify` runs it."""

import pytest

from spinula.core.errors import UnknownNameError
from spinula.studies.validation import rows, run_rows

REQUIRED = {*range(1, 7), *range(10, 15), *range(16, 22), *range(24, 28), 29, 30, 7, 8, 9, *range(33, 48), "43b"}
# Of studies of memory.
REQUIRED |= {28, *range(48, 52), *range(53, 59), 62}
# Of disorders; from 501 on, the table of findings and two consequences.
REQUIRED |= {59, 60, 61, *range(501, 531)}
# Of learning from reward, in animals.
REQUIRED |= {f"{number}-network" for number in (39, 40, 41, 42, 43, "43b", 44, 45, 46)}


def test_all_required_rows_are_there():
    assert {row.number for row in rows()} >= REQUIRED


@pytest.mark.slow
@pytest.mark.parametrize("number", [row.number for row in rows()])
def test_row(number):
    (result,) = run_rows([number], seed=1)
    assert result.passed, f"{result.row.target}: {result.reproduced} {result.detail}"


@pytest.mark.slow
def test_the_open_discrepancy_is_shown():
    (result,) = run_rows([12], seed=1)
    assert "OPEN DISCREPANCY" in result.detail


def test_an_unknown_row_is_refused():
    with pytest.raises(UnknownNameError, match="no validation row"):
        list(run_rows([999], seed=1))
