"""Exams: directions, misses with their reasons, ranges; the atlas says the same as the exams."""

import numpy as np
import pytest

from spinula.presets.condition import load_condition
from spinula.studies.disorders import phenotypes
from spinula.studies.disorders.atlas import answers_of, atlas, count, lines, table
from spinula.studies.disorders.exam import TABLE, answer, examine, findings
from spinula.studies.disorders.levels import MEASURES


def test_every_row_of_the_table_has_a_finding():
    assert {finding.row for _, finding in findings()} == set(TABLE)


def test_a_miss_has_its_reason_and_is_not_hidden():
    answers = list(examine(1))
    (missed,) = [one for one in answers if not one.agrees]
    assert (missed.finding.measure, missed.found) == ("mean_size", "up")
    assert "drift" in missed.finding.reason


@pytest.mark.slow
def test_no_reason_outlives_its_miss():
    """A reason beside a finding that is reproduced would be stale."""
    for one in examine():
        assert one.agrees != bool(one.finding.reason), (one.condition, one.finding.measure)


def test_a_wrong_direction_would_be_seen():
    condition = load_condition("large_spine_loss")
    right = condition.findings[0]
    assert answer(condition, right).agrees
    assert answer(condition, right).within
    assert not answer(condition, right.model_copy(update={"direction": "up"})).agrees
    assert not answer(condition, right.model_copy(update={"change": (-0.1, 0.0)})).within


def test_the_separate_edits_of_schizophrenia_do_not_pass_each_others_exam():
    """Negative control: a loss of all sizes fails the exam of the smallest spines, and so on."""
    small, large, even = (load_condition(n) for n in ("small_spine_loss", "large_spine_loss", "low_spine_density"))
    selective = small.findings[:2]  # small spines down, large ones the same
    assert all(answer(small, one).agrees for one in selective)
    for other in (large, even):
        assert not all(answer(other, one).agrees for one in selective)
    assert not all(answer(small, one).agrees for one in large.findings)


def test_ranges_move_one_edit_at_a_time():
    condition = load_condition("fear_frontal")
    one = answer(condition, condition.findings[0], ranges=True)
    assert one.low < one.effect < one.high
    assert one.robust
    tied = load_condition("small_spine_loss")
    assert answer(tied, tied.findings[0], ranges=True).robust is None


def test_what_the_edit_says_itself_is_told_apart():
    condition = load_condition("alzheimer_plaque")
    restated = {one.measure: answer(condition, one).restates for one in condition.findings}
    assert restated == {"elimination": False, "formation_rate": True, "spine_density": False, "onset_day": True}


def test_a_condition_has_a_line_for_each_background():
    found = [(condition.name, background) for condition, background in lines(["mmp9_inhibitor"])]
    assert sorted(found) == [("mmp9_inhibitor", ()), ("mmp9_inhibitor", ("fragile_x",))]


def test_the_atlas_agrees_with_the_exams():
    entries = list(atlas(["fragile_x", "large_spine_loss"]))
    verdicts = {
        (entry.condition.name, cell.measure): cell.verdict for entry in entries for cell in entry.cells.values()
    }
    assert verdicts["fragile_x", "turnover_ratio"] == "agrees"
    assert verdicts["fragile_x", "mean_size"] == "contradicts"
    assert verdicts["fragile_x", "survival"] == "no data"
    frame = table(entries)
    assert set(frame["measure"]) <= set(MEASURES)
    missed = frame[frame["verdict"] == "contradicts"]
    assert (missed["reason"] != "").all()
    total = count(answers_of(entries))
    assert total["findings"] == total["reproduced"] + total["missed"] == len(frame[frame["published"] != ""])


@pytest.mark.slow
def test_two_losses_two_memories():
    found = {(one.condition, one.measure): one for one in phenotypes.contrasts(phenotypes.phenotypes(seed=11, seeds=6))}
    assert found["small_spine_loss", "new_memory"].falls
    assert found["large_spine_loss", "remote_memory"].falls
    assert found["small_spine_loss", "new_memory"].high < found["large_spine_loss", "new_memory"].low
    assert not found["small_spine_loss", "remote_memory"].falls
    assert np.isclose(found["wild_type again", "new_memory"].ratio, 1.0, atol=0.1)
