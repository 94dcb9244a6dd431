import gzip

import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import TableError
from spinula.core.table import example_table
from spinula.fit.readers.read import Reading, read_table

TIDY = "Mouse,Branch,Spine ID,Day,Head Volume\nm1,b1,1,0,0.1\nm1,b1,1,4,0.12\nm1,b1,2,0,0.2\n"


def _write(tmp_path, text, name="table.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def test_usual_names_are_recognised(tmp_path):
    table = read_table(_write(tmp_path, TIDY))
    assert table.frame["session"].tolist() == [0, 1, 0]
    assert table.size_unit == "um3"
    assert not table.panel().present[1, 1]


@pytest.mark.parametrize(
    ("change", "encoding"),
    [
        (lambda text: text.replace("\n", "\r"), "utf-8"),  # old Macintosh line ends
        (lambda text: text.replace(",", ";").replace(".", ","), "utf-8"),  # decimal comma
        (lambda text: text.replace(",", "\t"), "utf-8"),
        (lambda text: text.replace("m1", "mäuse"), "cp1252"),  # Windows-1252
        (lambda text: "\ufeff" + text, "utf-8"),
    ],
    ids=["CR", "decimal comma", "tabs", "Windows-1252", "byte order mark"],
)
def test_text_as_people_save_it(tmp_path, change, encoding):
    table = read_table(_write(tmp_path, change(TIDY), encoding=encoding))
    assert table.frame["size"].tolist() == [0.1, 0.12, 0.2]


def test_gzip_and_own_tables(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(TIDY.encode()))
    assert len(read_table(path)) == 3
    example_table().write(tmp_path / "own.csv")
    assert read_table(tmp_path / "own.csv").size_unit == "um3"


def test_names_can_be_given_and_rows_selected(tmp_path):
    path = _write(tmp_path, TIDY.replace("Branch", "zweig").replace("Head Volume", "v"))
    table = read_table(path, Reading(size="v", columns={"dendrite": "zweig"}, select={"Mouse": "m1"}))
    assert table.frame["dendrite"].unique().tolist() == ["b1"]
    with pytest.raises(TableError, match="no row has"):
        read_table(path, Reading(select={"Mouse": "m9"}))


@pytest.mark.parametrize(
    ("text", "reading", "message"),
    [
        (TIDY.replace("Spine ID", "what"), None, "no column is the spine_id"),
        (TIDY, Reading(size="nothing"), "is not in the file"),
        (TIDY, Reading(columns={"cell": "nothing"}), "is not in the file"),
        (TIDY.replace(",0.12", ",0.12,7"), None, "fields where the header has"),
        (TIDY.replace("b1,2,", "b1,-1,"), None, "-1 is not an identity"),
        (TIDY.replace("0.12", "n.a.!"), None, "is not a number"),
        (TIDY + "m1,b1,1,4,0.12\n", None, "second row for the same session"),
        ("", None, "is empty"),
    ],
)
def test_what_cannot_be_read_is_explained(tmp_path, text, reading, message):
    with pytest.raises(TableError, match=message):
        read_table(_write(tmp_path, text), reading)


def test_absent_and_binary_files(tmp_path):
    with pytest.raises(TableError, match="no such file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "x.csv").write_bytes(b"\x00\x01")
    with pytest.raises(TableError, match="binary"):
        read_table(tmp_path / "x.csv")
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(TIDY.encode())[:-12])
    with pytest.raises(TableError, match="gzip"):
        read_table(tmp_path / "x.csv.gz")


def test_state_codes(tmp_path):
    text = "dendrite,synapse_id,session,day,state,size\n" + "".join(f"a,{s},0,0,{s},\n" for s in range(5))
    table = read_table(_write(tmp_path, text))
    assert table.frame["present"].tolist() == [False, True, True, False, True]
    assert table.frame["observed"].tolist() == [True, True, True, False, True]
    unsure = read_table(_write(tmp_path, text), Reading(unsure="present"))
    assert unsure.frame["present"].tolist() == [False, True, True, True, True]


def test_wide_matrices(tmp_path):
    matrix = np.array([[0.1, 0.2, 0], [0, 0.3, 0.4]])
    np.save(tmp_path / "w.npy", matrix)
    table = read_table(tmp_path / "w.npy", Reading(days=[0, 4, 8]))
    assert table.panel().present.tolist() == [[True, True, False], [False, True, True]]
    pd.DataFrame(matrix, columns=["day0", "day4", "day9"]).assign(note="x").to_csv(tmp_path / "w.csv", index=False)
    assert read_table(tmp_path / "w.csv").panel().day[0].tolist() == [0, 4, 9]
    with pytest.raises(TableError, match="days"):
        read_table(tmp_path / "w.npy", Reading(days=[0, 4]))
