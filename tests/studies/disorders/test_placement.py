"""Placement: statistics by hand, Bayes against a closed form, what cannot be told apart, and blind laboratories."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import InvalidInputError, TableError
from spinula.core.streams import Streams
from spinula.core.table import SpineTable
from spinula.presets.compose import compose
from spinula.presets.condition import load_condition
from spinula.studies.disorders.imaging import Laboratory, image
from spinula.studies.disorders.model import resting
from spinula.studies.disorders.placement import posterior, seen, simulated, tables, trial
from spinula.studies.disorders.placement.fitted import place_fitted

SMALL = replace(simulated.FIELD, dendrites=10, sessions=6)


def _animal():
    """Four spines over three sessions: one stays, one is lost, one is new and lost again, one comes last."""
    size = np.log(np.array([[2.0, 4.0, 4.0], [1.0, np.nan, np.nan], [np.nan, 1.0, np.nan], [np.nan, np.nan, 3.0]]))
    present = np.isfinite(size)
    return seen.Animal(present, np.ones_like(present), size, np.array([2, 2, 2]), np.array([0.0, 4.0, 8.0]))


def test_counts_by_hand():
    found = dict(zip(seen.STATISTICS, seen.summary(_animal(), np.zeros(4)), strict=True))
    assert found["density"] == pytest.approx(np.log(6 / 6))
    assert found["gain"] == pytest.approx(np.log((2 + 0.5) / 16))
    assert found["loss"] == pytest.approx(np.log((2 + 0.5) / (4 - 2 + 0.5)))
    assert found["last_survival"] == pytest.approx(np.log((1 + 0.5) / (2 - 1 + 0.5)))
    assert found["new_survival"] == pytest.approx(np.log((0 + 0.5) / (1 + 0.5)))
    assert np.isnan(found["mean"])  # too few sizes to say anything


def test_differences_do_not_depend_on_the_unit_of_size():
    control, mutant = (simulated.simulate(compose(one), SMALL, seed=5, count=2) for one in ("wild_type", "fragile_x"))
    plain = _difference(control, mutant)
    brighter = [[replace(one, log_size=one.log_size + 3.0) for one in group] for group in (control, mutant)]
    np.testing.assert_allclose(_difference(*brighter), plain, atol=1e-9)


def _difference(control, mutant):
    limits = seen.cuts(control)
    first, second = (np.mean([seen.summary(one, limits) for one in group], axis=0) for group in (control, mutant))
    return second - first


def test_what_is_not_imaged_is_no_loss():
    animal = _animal()
    hidden = animal.observed.copy()
    hidden[1, 1:] = False
    found = seen.summary(replace(animal, observed=hidden), np.zeros(4))
    assert found[list(seen.STATISTICS).index("loss")] == pytest.approx(np.log((1 + 0.5) / (3 - 1 + 0.5)))


def test_the_same_edit_has_one_candidate():
    found = {one.names for one in posterior.candidates()}
    assert ("duplication_15q", "neuroligin_3") in found
    assert ("no difference", "fragile_x_no_clustering") in found
    assert not any("psychosis_dopamine" in names for names in found)
    assert sum(len(names) for names in found) == len({name for names in found for name in names})


def _reference(shifts, sd, names):
    """Return a reference of normal statistics whose shifts and SD are given: the posterior is then known."""
    width = len(seen.STATISTICS)
    made = tuple(posterior.Candidate(tuple(one), compose("wild_type")) for one in names)
    mean = np.tile(np.array(shifts, float)[:, None], (1, width))
    covariance = np.tile(sd**2 * np.eye(width), (len(names), 1, 1))
    return posterior.Reference(made, mean, covariance, 10**9, SMALL)


def test_the_posterior_is_that_of_bayes():
    """Three normal candidates, one of two names: weights 1, 1 and 2 times exp(-distance^2/2), by hand."""
    width, sd = len(seen.STATISTICS), 0.5
    known = _reference([0.0, 0.1, 0.3], sd, [("a",), ("b",), ("c", "d")])
    away = np.array([-1.0, 1.0])[:, None] * np.ones(width) * sd * 0.5
    control, mutant = away, away + 0.12
    found = posterior.weigh(control, mutant, known)
    assert found.scatter < 1.0
    variance = sd**2 / 2 + sd**2 / 2
    weight = {one: n * np.exp(-0.5 * width * (0.12 - s) ** 2 / variance) for one, s, n in
              (("a", 0.0, 1), ("b", 0.1, 1), ("c = d", 0.3, 2))}  # fmt: skip
    for label, value in found.table.set_index("label")["probability"].items():
        assert value == pytest.approx(weight[label] / sum(weight.values()), rel=1e-6)


def test_animals_that_scatter_more_make_the_answer_less_sure():
    known = _reference([0.0, 0.5], 0.5, [("a",), ("b",)])
    width = len(seen.STATISTICS)
    calm, wild = (np.array([-1.0, 1.0])[:, None] * np.ones(width) * size for size in (0.1, 2.0))
    sure, unsure = (posterior.weigh(one, one + 0.5, known) for one in (calm, wild))
    assert unsure.scatter > 4.0
    assert unsure.table["probability"].max() < sure.table["probability"].max()


def test_a_difference_that_nothing_explains_is_told():
    known = _reference([0.0, 0.1], 0.1, [("a",), ("b",)])
    rows = np.array([-0.05, 0.05])[:, None] * np.ones(len(seen.STATISTICS))
    assert posterior.weigh(rows, rows + 0.1, known).fits
    assert not posterior.weigh(rows, rows - 2.0, known).fits


@pytest.mark.slow
def test_blind_laboratories_are_placed():
    """A dozen laboratories, random conditions; chance alone would be right in one of twenty."""
    known = posterior.reference(SMALL, seed=11, simulated=30)
    rows = list(trial.laboratories(known, seed=3, count=12))
    found = trial.score(rows)
    assert found["second"] >= 0.6
    assert found["brier"] < 0.7 * found["brier_chance"]
    assert found["first_by_condition"] <= found["first"] <= found["second"]
    bins = trial.reliability(rows)
    assert bins["count"].sum() == 12 * len(known.candidates)
    assert (bins["count"] * bins["right"]).sum() == pytest.approx(12)
    # Two groups of one kind of animal: nothing but chance is between them.
    control, same = (simulated.simulate(compose("wild_type"), SMALL, seed=n, count=8) for n in (21, 22))
    table = posterior.place(control, same, known).table.set_index("label")["probability"]
    assert table["no difference = fragile_x_no_clustering"] > table[["fragile_x", "fragile_x_barrel"]].max()


def _answered(said, right, others=19):
    """Return rows of laboratories whose first answer was given a probability, with how many were right of ten."""
    rest = {f"other {n}": (1.0 - said) / others for n in range(others)}
    edits = ["mine"] * right + ["other 0"] * (10 - right)
    return [{"condition": one, "edit": one, "first": "mine", "probabilities": {"mine": said} | rest} for one in edits]


def test_calibration_is_that_of_the_first_answers():
    """Said 0.9, right in 5 of 10: an error of 0.4 by hand, which a mean over all candidates would hide."""
    found = trial.score(_answered(0.9, 5))
    assert (found["confidence"], found["first"]) == (pytest.approx(0.9), 0.5)
    assert found["calibration_error"] == pytest.approx(0.4)
    assert trial.score(_answered(0.9, 9))["calibration_error"] == pytest.approx(0.0, abs=1e-12)
    # Two bins of unlike error, weighted by their laboratories: (20 * 0.41 + 10 * 0.1) / 30.
    mixed = [*_answered(0.9, 5), *_answered(0.92, 5), *_answered(0.6, 5)]
    assert trial.score(mixed)["calibration_error"] == pytest.approx((20 * 0.41 + 10 * 0.1) / 30)
    every = trial.reliability(_answered(0.9, 5))
    assert (every["count"] * (every["said"] - every["right"]).abs()).sum() / every["count"].sum() < 0.05
    assert trial.reliability(_answered(0.9, 5), first=True)["count"].tolist() == [10]


def test_amounts_can_be_drawn_from_their_ranges():
    """Every edit keeps its key and stays in its range; the same laboratories, and other mutants in them."""
    generator, moved = np.random.default_rng(4), 0
    for truth in posterior.candidates():
        for name in truth.names:
            drawn = trial._varied(name, truth, generator)
            edits = {} if name == posterior.NOTHING else {one.key: one for one in load_condition(name).edits}
            for change in drawn.changes:
                if not any(one.how == "derived" for one in edits.values()):
                    ((_, edit),) = change.edits
                    low, high = edits[change.key].range
                    assert low <= edit.amount <= high
                    moved += edit.amount != edits[change.key].amount
    assert moved >= 10
    known = _reference([0.0, 0.1], 0.5, [("no difference",), ("fragile_x",)])
    small = replace(SMALL, animals=2, dendrites=2, sessions=4)
    stated, varied = (
        list(trial.laboratories(known, seed=1, count=4, laboratory=small, vary=vary)) for vary in (False, True)
    )
    assert [one["edit"] for one in stated] == [one["edit"] for one in varied]
    differ = [one["probabilities"] != two["probabilities"] for one, two in zip(stated, varied, strict=True)]
    assert differ == [one["edit"] == "fragile_x" for one in stated]
    assert 0 < sum(differ) < 4


def test_the_tables_of_a_laboratory_say_how_it_images():
    laboratory = Laboratory(dendrites=6, sessions=4, every=3.0)
    table = _table("wild_type", laboratory)
    group = seen.animals_of(table)
    found = tables.laboratory_of(group, group)
    assert (found.dendrites, found.sessions, found.every) == (6, 4, pytest.approx(3.0, abs=0.1))
    assert found.length_um == pytest.approx(50.0, rel=0.2)
    with pytest.raises(TableError, match="fewer than two animals"):
        seen.animals_of(table.select(animal="m0"))
    with pytest.raises(TableError, match="three sessions"):
        seen.animals_of(table.select(session=[0, 1]))
    with pytest.raises(InvalidInputError, match="two or more of each"):
        posterior.place(group[:1], group, _reference([0.0], 1.0, [("a",)]))


def test_animals_on_other_days_are_refused():
    """The same kind of animal every 8 days loses more per interval than every 4: no edit is behind that."""
    control = _table("wild_type", Laboratory(dendrites=2, sessions=4, every=8.0))
    mutant = _table("wild_type", Laboratory(dendrites=2, sessions=4, every=4.0))
    with pytest.raises(InvalidInputError) as told:
        tables.place_tables(control, mutant, seed=1)
    for words in ("control m0 (days 0, 8, 16, 24)", "mutant m0 (days 0, 4, 8, 12)", "Leave out sessions or animals"):
        assert words in str(told.value)
    # Within a group too.
    one, other = seen.animals_of(mutant)
    late = replace(other, days=other.days * np.array([1, 1, 1.3, 1.3]))
    with pytest.raises(InvalidInputError, match=r"control m0 .* and control m1 .* 2 session\(s\) in common"):
        tables.same_schedule([one, late], [one, one])


def test_a_session_without_any_observation_is_none():
    table = _table("wild_type", Laboratory(dendrites=2, sessions=5, every=4.0))
    frame = table.frame.copy()
    missed = (frame["animal"] == "m1") & (frame["session"] == 4)
    frame.loc[missed, ["present", "observed"]] = False
    frame.loc[missed, "size"] = np.nan
    group = seen.animals_of(SpineTable(frame, "um3"))
    assert [one.present.shape[1] for one in group] == [len(one.days) for one in group] == [5, 4]
    assert [len(one.days) for one in tables.same_schedule(group, group)[0]] == [4, 4]


def test_unequal_intervals_are_refused():
    group = seen.animals_of(_table("wild_type", Laboratory(dendrites=2, sessions=4, every=4.0)))
    uneven = [replace(one, days=np.array([0.0, 1.0, 4.0, 12.0])) for one in group]
    with pytest.raises(InvalidInputError, match=r"not evenly apart \(days 0, 1, 4, 12\)"):
        tables.same_schedule(uneven, uneven)
    nearly = [replace(one, days=np.array([2.0, 6.2, 10.1, 13.9])) for one in group]
    assert tables.same_schedule(nearly, group)[2] == 0


def test_sessions_that_not_all_have_are_left_out():
    """A control that was imaged longer is placed as if it had not been."""
    laboratory = Laboratory(dendrites=2, sessions=6, every=4.0)
    longer, mutant = _table("wild_type", laboratory), _table("fragile_x", replace(laboratory, sessions=4))
    found = tables.place_tables(longer, mutant, seed=2, simulated=6)
    assert (found.laboratory.sessions, found.left_out) == (4, 2)
    cut = tables.place_tables(longer.select(session=[0, 1, 2, 3]), mutant, seed=2, simulated=6)
    assert cut.left_out == 0
    pd.testing.assert_frame_equal(found.placement.statistics, cut.placement.statistics)
    pd.testing.assert_frame_equal(found.placement.table, cut.placement.table)


def _table(name, laboratory):
    composition, frames = compose(name), []
    for number in range(2):
        frame = image(resting(composition).parts, composition, laboratory, Streams(8).child(f"{number}")).frame
        frames.append(frame.assign(animal=f"m{number}", dendrite=[f"m{number}{one}" for one in frame["dendrite"]]))
    return SpineTable(pd.concat(frames), "um3")


def _law(path, log_mean, log_sd):
    path.write_text(
        f"""[about]
title = "fit"
status = "fitted"
[law]
family = "log_ou"
[law.log_mean]
value = {log_mean}
unit = "log(um3)"
range = [{log_mean - 0.04}, {log_mean + 0.04}]
how = "fitted"
source = "data.csv"
where = "here"
[law.log_sd]
value = {log_sd}
unit = "1"
range = [{log_sd - 0.03}, {log_sd + 0.03}]
how = "fitted"
source = "data.csv"
where = "here"
[law.recovery_rate]
value = 0.05
unit = "1/day"
range = [0.04, 0.06]
how = "fitted"
source = "data.csv"
where = "here"
""",
        encoding="utf-8",
    )
    return path


def test_fitted_laws_are_placed_by_sizes_alone(tmp_path):
    """A law of the base's moments moved by those of an edit: that edit comes first, and formation cannot be seen."""

    def moments(name):
        now = resting(compose(name))
        logs = np.log(np.concatenate([part.density.sizes for part in now.parts]))
        mass = np.concatenate([part.mass for part in now.parts])
        mean = np.average(logs, weights=mass)
        return mean, np.sqrt(np.average((logs - mean) ** 2, weights=mass))

    base, other = (_law(tmp_path / f"{name}.toml", *moments(name)) for name in ("wild_type", "extra_large_spines"))
    found = place_fitted(base, other)
    assert found.table["label"].iloc[0] == "extra_large_spines"
    assert found.fits
    same = place_fitted(base, base).table
    (nothing,) = [names for names in same["names"] if "no difference" in names]
    assert {"low_spine_density", "cocaine_frontal", "setd1a"} <= set(nothing)
    assert same["names"].iloc[0] == nothing
