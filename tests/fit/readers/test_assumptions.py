"""What a file leaves open is asked, or assumed and said; never guessed in silence."""

import json

import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import TableError
from spinula.core.table import SpineTable, example_table
from spinula.fit.readers import Reading, read_table
from spinula.fit.validate import check
from spinula.measures import turnover

TIDY = "mouse,dendrite,spine,session,day,volume\n"


@pytest.fixture
def read(tmp_path):
    def run(text, reading=None):
        path = tmp_path / "x.csv"
        path.write_text(text)
        return read_table(path, reading)

    return run


def _traps(table):
    return [finding.trap for finding in check(table)]


def test_an_error_names_the_row_and_the_column_of_the_file(read):
    text = TIDY + "m1,a,1,0,0,0.1\nm2,b,1,0,0,0.1\nm2,b,1,1,4,-0.1\n"
    for reading in (None, Reading(select={"mouse": "m2"})):
        with pytest.raises(TableError, match="is negative") as caught:
            read(text, reading)
        assert (caught.value.row, caught.value.column) == (4, "volume")
        assert "x.csv, row 4, column 'volume'" in str(caught.value)


def test_two_sizes_are_a_choice_for_the_user(read):
    text = "dendrite,spine,day,volume,area\na,1,0,1,2\n"
    with pytest.raises(TableError, match="any of volume, area"):
        read(text)
    assert read(text, Reading(size="area")).frame["size"].tolist() == [2]
    assert read(text.replace("volume", "size")).frame["size"].tolist() == [1]


def test_no_size_is_said_with_the_columns_that_could_be_one(read):
    table = read("dendrite,spine,day,x,spine_sum\na,1,0,1.5,0.1\na,1,4,1.5,0.2\n")
    assert _traps(table) == ["no size"]
    assert "spine_sum, x" in check(table)[0].cure


def test_sessions_without_days_are_said(read):
    table = read("dendrite,spine,session,volume\na,1,S1,0.1\na,1,S2,0.2\n")
    assert table.frame["day"].tolist() == [1, 2]
    assert _traps(table) == ["days assumed"]
    assert "days assumed" not in _traps(read("dendrite,spine,session,day,volume\na,1,S1,0,0.1\na,1,S2,4,0.2\n"))


def test_a_day_that_one_dendrite_missed_keeps_its_place(read):
    """Dendrite b was not imaged on day 4: its day 8 is the third session, and its spine is not lost on day 4."""
    rows = [f"{name},1,{day},0.1\n" for name, day in (("a", 0), ("a", 4), ("a", 8), ("b", 0), ("b", 8))]
    table = read("dendrite,spine,day,volume\n" + "".join(rows))
    assert table.panel().observed.tolist() == [[True, True, True], [True, False, True]]
    assert turnover(table).lost.tolist() == [0, 0]
    # Animals with days of their own are numbered apart, not spread over each other's days.
    apart = "".join(f"m{k},{k},1,{day},0.1\n" for k, days in enumerate(((0, 4, 8), (1, 5, 9))) for day in days)
    assert read("mouse,dendrite,spine,day,volume\n" + apart).frame["session"].tolist() == [0, 1, 2, 0, 1, 2]


def test_a_name_used_in_two_animals_is_two_dendrites(read):
    table = read(TIDY + "m1,1,1,0,0,0.1\nm2,1,1,0,0,0.1\n")
    assert table.frame["dendrite"].tolist() == ["m1_1", "m2_1"]
    assert _traps(table) == ["dendrite names repeat"]


def test_10_levels_that_differ_by_case_are_folded_and_said(read):
    rows = "".join(f"a,1,{day},0.1,{level}\n" for day, level in ((0, "Saline"), (4, "saline"), (8, "Saline ")))
    table = read("dendrite,spine,day,volume,treatment\n" + rows)
    assert table.frame["condition"].unique().tolist() == ["Saline"]
    (finding,) = check(table)
    assert (finding.level, finding.trap, finding.file) == ("warning", "levels differ by case", "x.csv")
    assert _traps(read("dendrite,spine,day,volume,treatment\na,1,0,0.1,Saline\na,1,4,0.1,Drug\n")) == []


def test_states_in_words_and_states_that_are_none(read):
    text = "dendrite,spine,session,day,state\na,1,0,0,Spine\na,2,0,0,unsure\na,3,0,0,absent\na,4,0,0,\n"
    table = read(text)
    assert table.frame["present"].tolist() == [True, False, False, False]
    assert table.frame["observed"].tolist() == [True, False, True, False]
    with pytest.raises(TableError, match="5 is no state") as caught:
        read("dendrite,spine,session,day,state\na,1,0,0,2\na,2,0,0,5\n")
    assert caught.value.row == 3


def test_the_size_of_an_unsure_spine_does_not_contradict_it(read):
    text = "dendrite,spine,session,day,state,volume\na,1,0,0,3,0.1\na,2,0,0,2,0.2\n"
    assert read(text).frame["size"].isna().tolist() == [True, False]
    assert read(text, Reading(unsure="present")).frame["size"].tolist() == [0.1, 0.2]


def test_presence_with_empty_cells_is_unobserved(read):
    table = read("dendrite,spine,session,day,present\na,1,0,0,1\na,1,1,4,\na,2,0,0,0\n")
    assert table.frame["observed"].tolist() == [True, False, True]
    assert table.frame["present"].tolist() == [True, False, False]


def test_presence_read_from_sizes_is_said(read):
    few = read("dendrite,spine,day,volume\n" + "".join(f"a,{k},0,{0.1 if k else ''}\n" for k in range(40)))
    many = read("dendrite,spine,day,volume\n" + "".join(f"a,{k},0,{0.1 if k % 2 else ''}\n" for k in range(40)))
    assert few.frame["present"].all()
    assert many.frame["present"].sum() == 20
    for table, word in ((few, "present, without"), (many, "absent")):
        assert word in next(str(f) for f in check(table) if f.trap == "presence from sizes")


def test_a_size_of_0_that_is_present_is_doubted():
    frame = example_table().frame
    frame.loc[frame["present"].idxmax(), "size"] = 0.0
    assert "size of 0" in _traps(SpineTable(frame))
    assert "size of 0" not in _traps(example_table())


def test_wide_tables_keep_their_labels(read):
    table = read("mouse,branch,spine,day0,day4,day9\nm,a,1,.1,.2,0\nm,b,1,.1,,.3\n", Reading(size_unit="um3"))
    assert table.frame["dendrite"].unique().tolist() == ["a", "b"]
    assert table.panel().present.tolist() == [[True, True, False], [True, False, True]]
    assert table.frame["animal"].unique().tolist() == ["m"]
    assert check(table) == []


def test_a_matrix_without_header_loses_no_row_and_asks_for_days(read):
    text = ".1,0,0\n.2,.1,0\n"
    with pytest.raises(TableError, match="first row holds sizes"):
        read(text)
    assert read(text, Reading(days=[0, 3, 5])).panel().size.shape == (2, 3)
    # Control: a header of days is a header.
    assert read("0,3.5,5\n.2,.1,0\n").panel().day.tolist() == [[0, 3.5, 5]]


@pytest.mark.parametrize(
    ("text", "message", "row", "column"),
    [
        ("day0,day4\n.1,.2\n.1,x\n", "is not a number", 3, "day4"),
        ("day0,day4\n-.1,.2\n", "is negative", 2, "day0"),
        ("day4,day0\n.1,.2\n", "do not rise", None, ""),
    ],
)
def test_a_cell_of_a_wide_table_is_named(read, text, message, row, column):
    with pytest.raises(TableError, match=message) as caught:
        read(text)
    assert (caught.value.row, caught.value.column) == (row, column)


def test_matrices_that_are_none(tmp_path):
    np.save(tmp_path / "a.npy", np.ones(4))
    np.save(tmp_path / "b.npy", np.array([["x", "y"]]))
    (tmp_path / "c.npy").write_bytes(b"not numpy")
    for name, message in (("a", "shape"), ("b", "holds"), ("c", "cannot be read"), ("d", "no such file")):
        with pytest.raises(TableError, match=message):
            read_table(tmp_path / f"{name}.npy")
    np.save(tmp_path / "e.npy", np.ones((4, 3)))
    assert _traps(read_table(tmp_path / "e.npy"))[0] == "days assumed"


def test_parquet_of_other_people(tmp_path, read):
    text = TIDY + "m1,a,1,0,0,0.1\nm1,a,1,1,4,0.2\n"
    table = read(text)
    pd.read_csv(tmp_path / "x.csv").to_parquet(tmp_path / "x.parquet")
    again = read_table(tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(again.frame, table.frame)
    (tmp_path / "y.parquet").write_bytes(b"PAR0")
    with pytest.raises(TableError, match="not Parquet"):
        read_table(tmp_path / "y.parquet")


def test_9_map_manager_text_is_recognised(read):
    with pytest.raises(TableError, match="Map Manager"):
        read("rows=308;cols=9;blocks=12;\r1\t2\r")


@pytest.mark.parametrize(("tail", "good"), [(",", True), (",7", False)])
def test_fields_beyond_the_header(read, tail, good):
    text = TIDY + f"m1,a,1,0,0,0.1{tail}\nm1,a,1,1,4,0.2{tail}\n"
    if good:
        assert read(text).frame["size"].tolist() == [0.1, 0.2]
    else:
        with pytest.raises(TableError, match="more fields than the header"):
            read(text)


def test_what_was_assumed_travels_with_the_table(read, tmp_path):
    table = read("dendrite,spine,session,volume\na,1,S1,0.1\na,1,S2,0.2\n")
    table.write(tmp_path / "out.csv")
    assert "days assumed" in _traps(read_table(tmp_path / "out.csv"))
    assert json.loads((tmp_path / "out.csv.json").read_text())["about"]["notes"]


def test_numbers_are_selected_as_numbers(read):
    text = "dendrite,spine,day,volume\n1.0,1,0,0.1\n2.0,1,0,0.1\n"
    assert len(read(text, Reading(select={"dendrite": "2"}))) == 1
    with pytest.raises(TableError, match=r"There are 1\.0, 2\.0"):
        read(text, Reading(select={"dendrite": "3"}))
