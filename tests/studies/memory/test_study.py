"""What a study of memory is, on a toy made here: kept, resumed, its claims, and its rows of the validation table."""

import dataclasses

import numpy as np
import pytest

from spinula.core.errors import UnknownNameError
from spinula.core.streams import Streams
from spinula.studies.memory import STUDIES, study
from spinula.studies.memory.study import Claim, Finding, Keeper, Options, Panel, RowText, Study, curve, find, run_case
from spinula.studies.validation import memory as validation

ROW = RowText("toy", "walk", "end", "0", "-", "qualitative", "kasai2021")


def _toy(starts, *, cut_at=None):
    def cases(options):
        return [{"name": f"walk {seed}", "seed": seed} for seed in options.series(4)]

    def run(case, keeper):
        state = keeper.load() or {"done": np.array(0), "place": np.array(0.0)}
        starts.append((case["name"], int(state["done"])))
        place, steps = float(state["place"]), Streams(case["seed"]).generator("walk").standard_normal(10)
        for step in range(int(state["done"]), 10):
            if step == cut_at:
                raise KeyboardInterrupt
            place += steps[step]
            keeper.save(done=step + 1, place=place)
            keeper.tell((step + 1) / 10)
        return {"place": place}

    def conclude(pairs):
        places = [result["place"] for _, result in pairs]
        panel = Panel("Ends", "seed", "place", curve("walks", range(len(places)), places))
        claims = [
            Claim("The walks end apart.", f"SD {np.std(places):.2f}", bool(np.std(places) > 0), row="toy"),
            Claim("They do not end at one place.", "0 equal", len(set(places)) == len(places), row="toy", control=True),
        ]
        return Finding([panel], claims)

    return Study("toy", "A toy", "Where?", "Ten steps.", ("kasai2021",), cases, run, conclude, (ROW,))


def test_a_result_is_kept_and_read_again(tmp_path):
    starts = []
    first = find(_toy(starts), Options(), tmp_path)
    again = find(_toy(starts), Options(), tmp_path)
    apart = find(_toy([]), Options())
    assert len(starts) == 4
    assert [claim.found for claim in first.claims] == [claim.found for claim in again.claims]
    assert first.panels[0].curves.equals(apart.panels[0].curves)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"walk {seed}.json" for seed in (1, 2, 3, 4)]


def test_a_run_that_was_cut_goes_on_from_its_state(tmp_path):
    starts, case = [], {"name": "walk 1", "seed": 1}
    with pytest.raises(KeyboardInterrupt):
        run_case(_toy(starts, cut_at=6), case, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["walk 1.npz"]
    resumed = run_case(_toy(starts), case, tmp_path)
    assert starts == [("walk 1", 0), ("walk 1", 6)]
    assert resumed == run_case(_toy([]), case, None)
    assert [path.name for path in tmp_path.iterdir()] == ["walk 1.json"]  # the state goes when the result is there


def test_a_keeper_tells_keeps_and_forgets(tmp_path):
    told = []
    run_case(_toy([]), {"name": "walk 1", "seed": 1}, None, told.append)
    assert told == pytest.approx(np.arange(1, 11) / 10)
    keeper = Keeper(tmp_path / "state.npz")
    assert keeper.load() is None
    keeper.save(sizes=np.arange(3), day=2.5)
    assert keeper.load()["sizes"].tolist() == [0, 1, 2]
    keeper.save(day=3.0)
    assert {name: float(value) for name, value in keeper.load().items()} == {"day": 3.0}
    keeper.drop()
    keeper.drop()
    assert keeper.load() is None
    Keeper().save(day=1.0)
    assert Keeper().load() is None


@pytest.mark.parametrize(
    ("options", "seeds"),
    [(Options(), [1, 2, 3, 4, 5]), (Options(seed=7, seeds=2), [7, 8]), (Options(trial=True), [1, 2]),
     (Options(seeds=3, trial=True), [1, 2, 3])],
)  # fmt: skip
def test_options_say_which_seeds_a_condition_takes(options, seeds):
    assert list(options.series(5)) == seeds


def test_a_finding_passes_if_every_claim_and_every_control_does():
    good, bad = Claim("a", "1", True), Claim("b", "2", False, control=True)
    assert Finding([], [good]).passed
    assert not Finding([], [good, bad]).passed


def test_an_unknown_study_is_refused():
    with pytest.raises(UnknownNameError, match="no study called 'nothing'"):
        study("nothing")


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_says_what_it_is_and_names_its_cases_apart(name):
    from spinula.presets import bibliography

    found = study(name)
    cases = found.cases(Options())
    names = [case["name"] for case in cases]
    assert found.name == name
    assert len(set(names)) == len(names)
    assert all("/" not in text and isinstance(case["seed"], int) for text, case in zip(names, cases, strict=True))
    assert all((found.title, found.question, found.model, found.sources))
    assert {*found.sources, *(row.source for row in found.rows if row.source)} <= set(bibliography())


@pytest.fixture
def toy_row():
    starts = []
    known = {"toy": _toy(starts)}
    validation.finding.cache_clear()
    (row,) = validation.rows_of(lambda name: known[name], "toy")
    yield row, starts, known
    validation.finding.cache_clear()


def test_a_row_passes_with_its_claims_and_a_study_runs_once_for_all_of_them(toy_row):
    row, starts, *_ = toy_row
    one, two = row.run(1), row.run(1)
    assert (row.number, row.kind, row.source) == ("toy", "qualitative", "kasai2021")
    assert one.passed
    assert one == two
    assert one.reproduced.startswith("SD ")
    assert one.detail == "1 negative control holds"
    assert len(starts) == 4


@pytest.mark.parametrize("control", [False, True])
def test_a_row_fails_with_a_claim_or_a_control_and_without_a_claim(toy_row, control):
    row, _, known = toy_row
    failing = Claim("Never.", "not so", False, row="toy", control=control)

    def conclude(pairs):
        return Finding([], [Claim("Yes.", "so", True, row="toy"), failing])

    known["toy"] = dataclasses.replace(known["toy"], conclude=conclude)
    validation.finding.cache_clear()
    outcome = row.run(1)
    assert not outcome.passed
    assert "NOT: Never. (not so)" in outcome.detail
    known["toy"] = dataclasses.replace(known["toy"], conclude=lambda pairs: Finding([], []))
    validation.finding.cache_clear()
    assert not row.run(1).passed
