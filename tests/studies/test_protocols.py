"""Protocols: every one that ships runs, and every mistake in a file points into it."""

import numpy as np
import pytest

from spinula.core.errors import ConfigError, UnknownNameError
from spinula.studies.protocol import load_protocol, protocol_names, run_protocol
from spinula.studies.protocol.running import complete, variants

GOOD = """
[about]
title = "test"

[dendrite]
preset = "ca1_slice"
length_um = 40
replicates = 3
slow_min = 5

[[group]]
name = "stimulated"
positions_um = [10, 30]
size_um3 = 0.06

[[event]]
name = "uncaging"
kind = "uncaging"
spines = "stimulated"
at_min = 10
pulses = 60
rate_hz = 1
magnesium_free = true

[[event]]
name = "puff"
kind = "dopamine"
at_s = 601
burst = 1

[recording]
at_min = [0, 10, 12, 60]
zero_s = 600
"""


def _last(protocol, seed=1, **more):
    *_, (_, result) = run_protocol(protocol, seed=seed, **more)
    return result


@pytest.fixture
def write(tmp_path):
    def made(*changes):
        text = GOOD
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "uncaging.toml"
        path.write_text(text)
        return path

    return made


MISTAKES = {
    "event before the start": (("at_min = 10\n", "at_min = -10\n"), "event.0", "before the start", 20),
    "spine off the branch": (("positions_um = [10, 30]", "positions_um = [10, 300]"), "group.0.positions_um",
                             "a spine at 300 um is off the branch", 13),
    "negative dip": (("burst = 1", "dip_s = -0.4"), "event.1.dip_s", "greater than 0", 29),
    "unknown transmitter": (('kind = "dopamine"', 'kind = "dopamin"'), "event.1.kind", "Did you mean 'dopamine'?", 27),
    "mixed units": (("at_s = 601", "at_s = 601\nat_min = 10"), "event.1", "mixed units", 29),
    "no time": (("at_s = 601\n", ""), "event.1", "give one of at_s, at_min, at_day", 25),
    "unknown key": (("pulses = 60", "pulse = 60"), "event.0.pulse", "Did you mean 'pulses'?", 21),
    "unknown group": (('spines = "stimulated"', 'spines = "stimulate"'), "event.0.spines", "stimulate", 19),
    "unknown preset": (('preset = "ca1_slice"', 'preset = "ca1"'), "dendrite.preset", "no preset called", 6),
    "train without a rate": (("rate_hz = 1\n", ""), "event.0", "needs rate_hz", 16),
    "burst and dip": (("burst = 1", "burst = 1\ndip_s = 1"), "event.1", "either burst or dip_s", 25),
    "falling times": (("at_min = [0, 10, 12, 60]", "at_min = [0, 12, 10]"), "recording", "must rise", 31),
    "image before the start": (("at_min = [0, 10", "at_min = [-5, 10"), "recording", "before the start", 31),
    "sizes that do not fit": (("size_um3 = 0.06", "sizes_um3 = [0.06]"), "group.0", "1 sizes for 2 positions", 11),
    "unknown source": (('title = "test"', 'title = "test"\nsource = "no1999"'), "about.source", "references.bib", 4),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_points_into_the_file(name, write):
    change, key, message, line = MISTAKES[name]
    path = write(change)
    with pytest.raises(ConfigError) as caught:
        _last(load_protocol(path))
    assert caught.value.file == str(path)
    assert caught.value.key == key
    assert message in str(caught.value)
    assert caught.value.line == line


def test_an_unknown_protocol_names_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'hayama2013'"):
        load_protocol("hayama2014")


def test_a_condition_that_changes_an_unknown_number_is_refused(write):
    condition = "[recording]", '[[condition]]\nname = "x"\n[condition.set]\n"potentiation.gain" = 1\n\n[recording]'
    with pytest.raises(ConfigError, match=r"potentiation\.gain"):
        _last(load_protocol(write(condition)))


@pytest.mark.parametrize("name", [name for name in protocol_names() if not load_protocol(name).file.competition])
def test_each_protocol_runs_and_names_its_source(name):
    protocol = load_protocol(name)
    assert protocol.file.about.source
    assert protocol.file.about.note
    result = _last(protocol, replicates=2)
    assert result.spines["condition"].nunique() == max(1, len(protocol.file.condition))
    assert len(result.compare()) == len(protocol.file.expect)
    assert np.isfinite(result.spines["size"]).all()
    assert (result.spines["size"] > 0).all()
    assert len(result.table())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in protocol_names() if load_protocol(name).file.expect])
def test_what_was_published_comes_out(name):
    compared = _last(load_protocol(name)).compare()
    assert compared["agrees"].all(), compared


def test_same_seed_same_table_and_another_seed_another(write):
    protocol = load_protocol(write())
    one, two, other = (_last(protocol, seed=seed).spines for seed in (1, 1, 2))
    assert one.equals(two)
    assert not one.equals(other)


def test_conditions_share_their_noise_so_that_unstimulated_spines_are_equal(write):
    added = "[recording]", '[[condition]]\nname = "a"\n\n[[condition]]\nname = "b"\nwithout = ["puff"]\n\n[recording]'
    spines = _last(load_protocol(write(added))).spines
    first, second = (spines[spines["condition"] == name]["size"].to_numpy() for name in "ab")
    assert (first == second).all()


def test_a_run_goes_on_from_what_it_kept(write, tmp_path):
    added = "[recording]", '[[condition]]\nname = "a"\n\n[[condition]]\nname = "b"\nwithout = ["puff"]\n\n[recording]'
    protocol, store = load_protocol(write(added)), tmp_path / "partial"
    store.mkdir()
    whole = _last(protocol)
    run = run_protocol(protocol, seed=1, store=store)
    next(run)
    run.close()
    assert len(list(store.iterdir())) == 1
    assert _last(protocol, store=store).spines.equals(whole.spines)


def test_repetitions_are_unrolled(write):
    path = write(("burst = 1", "burst = 1\nrepeats = 4\nevery_s = 10"))
    pulses = _last(load_protocol(path)).pulses
    assert pulses[pulses["kind"] == "dopamine burst"]["time_s"].tolist() == [601, 611, 621, 631]


def test_a_sweep_runs_every_value(write):
    sweep = (
        "[recording]",
        '[sweep]\nevent = "puff"\nfield = "at_s"\nvalues = [601, 602]\nlabel = "s"\norigin = 600\n\n[recording]',
    )
    protocol = load_protocol(write(sweep))
    assert len(variants(protocol)) == 2
    assert sorted(_last(protocol).spines["value"].unique()) == [1, 2]


def test_spines_that_vanish_count_as_zero():
    result = _last(load_protocol("hayama2013"), replicates=10)
    frame = complete(result.spines)
    assert (frame["size"] == 0).any()
    first = result.spines[(result.spines["condition"] == "no GABA") & result.spines["start"].notna()]
    mine = frame[frame["condition"] == "no GABA"]
    assert len(mine) == len(first[["dendrite", "spine_id"]].drop_duplicates()) * frame["time"].nunique()


_TREE = "1 1 0 0 0 5 -1\n2 3 10 0 0 0.5 1\n3 3 30 0 0 0.5 2\n4 3 40 10 0 0.4 3\n5 3 40 -10 0 0.4 3\n"


def test_a_reconstructed_tree_is_a_dendrite_too(write, tmp_path):
    pytest.importorskip("morphio")
    (tmp_path / "cell.swc").write_text(_TREE)
    spines = _last(load_protocol(write(("length_um = 40", 'swc = "cell.swc"')))).spines
    assert set(spines[spines["group"] == "stimulated"]["position_um"]) == {10, 30}
    late = spines[(spines["time"] == 2) & (spines["group"] == "stimulated")]
    assert (late["size"] > 1.5 * late["start"]).all()
    far = ("length_um = 40", 'swc = "cell.swc"'), ("positions_um = [10, 30]", "positions_um = [10, 90]")
    with pytest.raises(ConfigError, match=r"group\.0\.positions_um: a spine at 90 um is off the dendrite"):
        _last(load_protocol(write(*far)))
