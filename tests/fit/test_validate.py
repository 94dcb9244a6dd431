"""The traps of real files, by number: each is caught or handled, and a sound table is left alone."""

import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import TableError
from spinula.core.table import SpineTable
from spinula.fit.readers.read import Reading, read_table
from spinula.fit.validate import check, compare_matches, normalise
from spinula.measures import turnover


def _table(size, present=None, **columns):
    spines, sessions = size.shape
    present = np.ones(size.shape, bool) if present is None else present
    frame = pd.DataFrame(
        {"dendrite": "a", "spine_id": np.repeat(np.arange(spines), sessions),
         "session": np.tile(np.arange(sessions), spines),
         "day": 2.0 * np.tile(np.arange(sessions), spines), "size": np.where(present, size, np.nan).ravel(),
         "present": present.ravel(), "observed": True, **columns}
    )  # fmt: skip
    return SpineTable(frame)


def _sizes(spines=60, sessions=5, seed=0):
    rng = np.random.default_rng(seed)
    base = np.exp(rng.normal(0, 0.6, (spines, 1)))
    return base * np.exp(rng.normal(0, 0.15, (spines, sessions)))


def _traps(table):
    return [finding.trap for finding in check(table)]


def test_a_sound_table_raises_no_doubt():
    assert check(_table(_sizes())) == []


def test_1_a_pooled_group_beside_its_parts_is_refused(tmp_path):
    text = "dendrite,spine_id,session,day,size,group\n" + "".join(
        f"a,{spine},{s},{s},0.1,{group}\n" for spine in (1, 2) for s in (0, 1) for group in ("f", "c")
    )
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(TableError, match="pooled") as caught:
        read_table(tmp_path / "x.csv")
    assert caught.value.row is not None
    assert caught.value.column == "spine_id"


def test_2_rows_that_are_not_tracked():
    rng = np.random.default_rng(1)
    assert "not tracked" in _traps(_table(np.exp(rng.normal(0, 0.5, (60, 5)))))


def test_3_a_session_that_was_not_imaged_is_noted_and_is_no_loss():
    frame = _table(_sizes()).frame
    both = pd.concat([frame, frame.assign(dendrite="b")])
    table = SpineTable(both[~((both.dendrite == "b") & (both.session == 4))])
    assert _traps(table) == ["session not imaged"]
    assert turnover(table).lost.sum() == 0


def test_4_presence_and_size_are_separate_and_unsure_is_unobserved(tmp_path):
    frame = _table(_sizes()).frame
    frame.loc[3, "size"] = np.nan
    frame.loc[7, ["present", "observed", "size"]] = [False, False, np.nan]
    assert set(_traps(SpineTable(frame))) == {"present without size", "unsure"}


def test_5_a_poor_image_that_looks_like_turnover():
    present = np.ones((60, 5), bool)
    present[:15, 2] = False
    assert "missed detection" in _traps(_table(_sizes(), present))
    # Control: spines that are lost for good are no missed detection.
    present[:15, 2:] = False
    assert "missed detection" not in _traps(_table(_sizes(), present))


@pytest.mark.parametrize("how", ["band", "center"])
def test_6_brightness_that_drifts_is_named_and_taken_out(how):
    table = _table(_sizes(200) * np.array([1, 1.2, 1.5, 1.1, 0.9]))
    assert "brightness drift" in _traps(table)
    assert "brightness drift" not in _traps(normalise(table, how))


def test_7_match_files_that_disagree():
    first = np.array([[1, 1], [2, 0], [3, 4], [4, -1]])
    second = np.array([[1, 2], [2, 0], [3, 4], [4, 7]])
    assert compare_matches(first, second) == [(1, 1, 2)]
    assert compare_matches(first, first) == []


def test_7_unknown_identity_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text("dendrite,spine,session,day,size\na,-1,0,0,0.1\na,2,0,0,0.1\n")
    with pytest.raises(TableError, match="unknown match"):
        read_table(tmp_path / "x.csv")


def test_8_saturation():
    size = np.minimum(_sizes() * 120, 255)
    assert "saturation" in _traps(_table(size))


def test_9_line_ends_and_decimal_commas(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"dendrite;spine;session;day;size\ra;1;0;0,5;0,1\ra;1;1;4,5;0,2\r")
    table = read_table(tmp_path / "x.csv")
    assert table.frame["day"].tolist() == [0.5, 4.5]


def test_9_irregular_days_are_kept(tmp_path):
    (tmp_path / "x.csv").write_text("dendrite,spine,day,size\na,1,0,0.1\na,1,4.1,0.1\na,1,6.99,0.1\n")
    assert read_table(tmp_path / "x.csv", Reading()).panel().day.tolist() == [[0, 4.1, 6.99]]


def test_10_levels_that_differ_by_case():
    size = _sizes()
    frame = _table(size).frame
    frame["condition"] = np.where(np.arange(len(frame)) % 2, "Saline", "saline")
    assert "levels differ by case" in _traps(SpineTable(frame))
