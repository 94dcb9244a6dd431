import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import TableError
from spinula.core.table import SpineTable, example_table, sidecar


def _frame(**changes):
    frame = pd.DataFrame(
        {"dendrite": ["a", "a", "a", "b"], "spine_id": [1, 1, 2, 1], "session": [0, 1, 0, 0], "day": [0.0, 4, 0, 0],
         "size": [0.1, 0.2, 0.3, 0.4], "present": True, "observed": True}
    )  # fmt: skip
    return frame.assign(**changes)


def test_a_missing_row_is_an_absence_only_where_the_dendrite_was_imaged():
    panel = SpineTable(_frame()).panel()
    assert panel.observed.tolist() == [[True, True], [True, True], [True, False]]
    assert panel.present.tolist() == [[True, True], [True, False], [True, False]]
    assert np.isnan(panel.day[2, 1])


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_written_and_read_back_it_is_the_same(tmp_path, suffix):
    table = example_table()
    path = tmp_path / f"table{suffix}"
    table.write(path)
    again = SpineTable.read(path)
    pd.testing.assert_frame_equal(again.frame, table.frame, check_dtype=False)
    assert again.size_unit == "um3"
    assert sidecar(path).exists() == (suffix != ".parquet")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spine_id": [1, 1, 1, 1], "session": [0, 1, 0, 0]}, "second row for the same session"),
        ({"observed": [False, True, True, True]}, "present, but not observed"),
        ({"size": [-0.1, 0.2, 0.3, 0.4]}, "negative"),
        ({"size": [np.inf, 0.2, 0.3, 0.4]}, "infinite"),
        ({"present": [False, True, True, True]}, "absent has a size"),
        ({"size": ["0,1", 0.2, 0.3, 0.4]}, "not a number"),
        ({"day": [0.0, -1, 0, 0]}, "not after that of the session before"),
        ({"day": [0.0, 4, 1, 0]}, "several days"),
        ({"session": [0, 0.5, 0, 0]}, "not a whole number"),
        ({"present": ["maybe", 1, 1, 1]}, "neither true nor false"),
        ({"animal": ["x", "x", "y", "x"]}, "more than one animal"),
        ({"day": [None, 4, 0, 0]}, "is empty"),
    ],
)
def test_rows_that_contradict_themselves_are_named(changes, message):
    with pytest.raises(TableError, match=message) as caught:
        SpineTable(_frame(**changes))
    assert caught.value.column


def test_a_missing_column_is_named_with_those_found():
    with pytest.raises(TableError, match="'day'"):
        SpineTable(_frame().drop(columns="day"))


def test_select_keeps_what_matches():
    assert set(example_table().select(animal=["m2"]).frame["dendrite"]) == {"d2"}
