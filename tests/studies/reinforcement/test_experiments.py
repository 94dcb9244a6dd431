import numpy as np
import pytest

from spinula.core.errors import ConfigError, UnknownNameError
from spinula.studies.reinforcement import experiment_names, load_experiment, run_experiment
from spinula.studies.reinforcement.experiment import Condition
from spinula.studies.reinforcement.numbers import striatum
from spinula.studies.reinforcement.reading import is_experiment
from spinula.studies.reinforcement.running import run_variant, sessions, variants

SMALL = """
animals = 3
[about]
title = "small"
[[phase]]
name = "learn"
[[phase.trial]]
cue = "CS+"
reward = 1
count = 4
[[phase]]
name = "then"
days = 2
every_days = 0.5
[[phase.trial]]
cue = "CS-"
dip_s = 0.4
count = 2
"""


def _written(folder, text):
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", experiment_names())
def test_shipped_experiments_load_and_can_be_planned(name):
    experiment = load_experiment(name)
    assert is_experiment(name)
    for condition, value in variants(experiment):
        assert sessions(experiment, condition, value)


def test_protocols_of_dendrites_are_no_experiments():
    from spinula.studies.protocol import protocol_names

    assert not set(protocol_names()) & set(experiment_names())
    assert not is_experiment("iino2020")


def test_every_number_of_the_circuit_has_its_provenance():
    model, quantities = striatum()
    for table in ("circuit", "dopamine", "readout", "unreinforced"):
        for key, value in getattr(model, table).model_dump().items():
            entry = quantities[f"{table}.{key}"]
            assert entry.value == value
            assert entry.range is not None
            assert entry.where


def test_conditions_hold_in_their_phases_only(tmp_path):
    text = SMALL + '[[condition]]\nname = "x"\nsince = "then"\nset = {"dopamine.dip" = 0}\nclamped = ["d2"]\n'
    experiment = load_experiment(_written(tmp_path, text))
    planned = sessions(experiment, experiment.file.condition[0])
    assert [one.model.clamped for one in planned if one.model] == [(), ("d2",), ("d2",)]
    assert [one.day for one in planned] == [0.0, 1.0, 1.5]
    assert planned[-1].days == 0
    until = experiment.file.condition[0].model_copy(update={"since": None, "until": "learn"})
    assert [one.model.clamped for one in sessions(experiment, until) if one.model] == [("d2",), (), ()]


def test_a_sweep_changes_its_trials_only(tmp_path):
    sweep = '[sweep]\nfield = "{}"\nvalues = [2, 3]\nlabel = "x"\n'
    delays = load_experiment(_written(tmp_path, SMALL + sweep.format("delay_s")))
    first, then, _ = sessions(delays, Condition(name="control"), 3.0)
    assert (first.trials[0].delay_s, then.trials[0].delay_s) == (3.0, 0.8)
    dips = load_experiment(_written(tmp_path, SMALL + sweep.format("dip_s")))
    first, then, _ = sessions(dips, Condition(name="control"), 3.0)
    assert (first.trials[0].dip_s, then.trials[0].dip_s) == (0.0, 3.0)


def test_outcome_tables_have_every_condition_day_and_cue(tmp_path):
    experiment = load_experiment(_written(tmp_path, SMALL))
    *_, (done, outcome) = run_experiment(experiment, seed=5)
    assert done == 1
    assert outcome is not None
    table = outcome.sessions()
    assert len(table) == 3 * 2
    assert (table["licks_low"] <= table["licks"]).all()
    trials = outcome.trials(parts=2)
    assert len(trials) == 3 * 2 * 2
    assert trials["day"].is_monotonic_increasing
    # No trial of CS- on the first day: no dopamine of its trials.
    first = trials[(trials["phase"] == "learn") & (trials["cue"] == "CS-")]
    assert first["burst"].isna().all()
    assert outcome.course("control").records[0].cue.shape == (4, 3)
    with pytest.raises(KeyError):
        outcome.course("nothing")


def test_conditions_share_their_animals():
    experiment = load_experiment("discrimination")
    one, other = (run_variant(experiment, condition, seed=3, animals=2) for condition in experiment.file.condition[:2])
    np.testing.assert_array_equal(one.records[0].licks, other.records[0].licks)
    assert (one.records[-1].licks != other.records[-1].licks).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("reward = 1", "rewardd = 1"), r"small.toml:5: phase.0.trial.0.rewardd: unknown key"),
        (('cue = "CS-"', 'cue = "tone"'), r"phase.1.trial.0.cue: no cue is called 'tone'"),
        (('name = "then"', 'name = "learn"'), r"two phases have one name"),
        (('title = "small"', 'title = "small"\nsource = "nobody1900"'), r"'nobody1900' is not in references.bib"),
        (("animals = 3", 'animals = 3\ncues = ["CS+", "CS-", "CS-"]'), r"names a cue twice"),
    ],
)
def test_mistakes_in_a_file_name_their_place(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        load_experiment(_written(tmp_path, SMALL.replace(*change)))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ('since = "never"', r"condition.0.since: no phase is called 'never'"),
        ('set = {"dopamine.nothing" = 1}', r"condition.0.set: no number called"),
        ("drugs = {tea = 1.0}", r"condition.0.drugs: .*'tea' does nothing here"),
        ('set = {"circuit.overlap" = 0.5}\nsince = "then"', r"circuit.overlap cannot change between phases"),
        ('set = {"circuit.inputs" = 90}', r"2 cues of 80 inputs need 100 inputs"),
        ('[[condition]]\nname = "x"', r"two conditions have one name"),
    ],
)
def test_mistakes_in_a_condition_name_their_place(tmp_path, condition, message):
    with pytest.raises(ConfigError, match=message):
        load_experiment(_written(tmp_path, SMALL + f'[[condition]]\nname = "x"\n{condition}\n'))


def test_unknown_names_are_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'reversal'"):
        load_experiment("reversl")
