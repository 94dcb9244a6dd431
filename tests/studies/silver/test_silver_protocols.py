"""Protocols of silver devices: files are checked, what they say is done, and yields are counted with their controls."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinula.core.errors import ConfigError, InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.presets import shipped
from spinula.studies.silver.devices import device_names, load_device
from spinula.studies.silver.paths import path_threshold, switching_voltage
from spinula.studies.silver.protocol import is_silver, judge, load_silver, run_silver, silver_names
from spinula.studies.silver.protocol import yields as yields_module
from spinula.studies.silver.protocol.running import Player, statistic
from spinula.studies.silver.protocol.yields import read_yields, run_yields

SMALL = {"side": 80.0, "pad": 20.0}
PAVLOV = shipped.shipped_path("protocol", "silver", "pavlov").read_text(encoding="utf-8")
DEVICE = shipped.shipped_path("device", "devices", "dewetted").read_text(encoding="utf-8")


def test_every_shipped_file_loads_has_controls_and_one_device():
    assert device_names() == ["dewetted"]
    protocols = [load_silver(name) for name in silver_names()]
    assert len(protocols) == 12
    for protocol in protocols:
        assert protocol.file.device == "dewetted"
        assert any(claim.control for claim in protocol.file.claim) or protocol.name == "interest"
    assert is_silver("pavlov")
    assert not is_silver("matsuzaki2004")
    assert all(quantity.is_assumed for quantity in load_device("dewetted").quantities.values())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('electrode = "a"\nlevel', 'electrode = "d"\nlevel', "no electrode is called 'd'.*\n?.*Electrodes: a, b, c"),
        ('give = "bell+food"', 'give = "bell+wine"', "no stimulus is called 'wine'"),
        ('give = "bell+food"', 'give = "bell+"', "no stimulus is called ''"),
        ('give = "bell+food"', 'give = ["bell", ""]', "no stimulus is called ''"),
        ('of = "paired.after"', 'of = "pared.after"', "no condition is called 'pared'"),
        ('of = "paired.after"', 'of = "paired.pairings.11"', "there are 10 repetitions"),
        ('of = "paired.after"', 'of = "paired.pairings.mean"', "no statistic is called 'mean'"),
        ('of = "paired.after"', 'of = "paired.after@light"', "no probe is called 'light'"),
        ("level = 0.62", "levle = 0.62", "Did you mean 'level'"),
        ("level = 0.62", "level = 62", "less than or equal to 10"),
        ("at_least = 100", "", "at_least or at_most"),
        ('electrode = "b"', 'electrode = "a"', "two stimuli on one electrode"),
        (
            'name = "paired"\n',
            'name = "paired"\nset = { supply_use = -3.0 }\n',
            r"mine.toml:\d+: condition.0.set.supply_use",
        ),
        ('name = "paired"\n', 'name = "paired"\nset = { joule = nan }\n', r"condition.0.set.joule"),
        ('name = "paired"\n', 'name = "paired"\nset = { jule = 1.0 }\n', "no parameter 'jule'.*\n.*joule"),
        ('grounded = ["a", "b"]', 'device = "dewet"\ngrounded = ["a", "b"]', "device: no device called 'dewet'"),
        ('grounded = ["a", "b"]', "", "step.1.off: every electrode floats then"),
        (
            'name = "bell"\nsource = "a"',
            'name = "bell"\nsource = "b"',
            r"mine.toml:\d+: probe.0.sink: is the source, 'b'",
        ),
        ('[scale]\nsource = "a"', '[scale]\nsource = "b"', r"mine.toml:\d+: scale.sink: is the source, 'b'"),
    ],
)
def test_a_wrong_protocol_names_file_line_and_cure(tmp_path, old, new, said):
    path = tmp_path / "mine.toml"
    assert old in PAVLOV
    path.write_text(PAVLOV.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        load_silver(path)
    assert "mine.toml:" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('unit = "V/nm"', 'unit = "V"', "Wanted 'V/nm'"),
        ("[law.joule]", "[law.jule]", "unknown key"),
        ('how = "assumed"', 'how = "stated"', "needs a source"),
        ("value = 0.06", "value = -1.0", "field_threshold"),
    ],
)
def test_a_wrong_device_is_refused(tmp_path, old, new, said):
    path = tmp_path / "mine.toml"
    assert old in DEVICE
    path.write_text(DEVICE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        load_device(path)


def test_unknown_names_are_told():
    with pytest.raises(UnknownNameError, match="Did you mean 'pavlov'"):
        load_silver("pavlof")
    with pytest.raises(UnknownNameError, match="Did you mean 'dewetted'"):
        load_device("dewet")


def test_statistics_of_series():
    series = np.array([1.0, 3.0, 2.0, 4.0])
    found = [statistic(series, name) for name in ("first", "last", "largest", "smallest", "peak_at", "2")]
    assert found == [1.0, 4.0, 4.0, 1.0, 4.0, 3.0]
    assert statistic(series, "rises") == pytest.approx(2 / 3)
    assert statistic(series, "falls") == pytest.approx(1 / 3)
    assert statistic(np.arange(5.0), "linear") == pytest.approx(1.0)


@pytest.mark.slow
def test_a_film_shows_pavlov_and_fails_it_without_food():
    preset, protocol = load_device("dewetted"), load_silver("pavlov")
    graph = preset.grow(0).graph
    trace = run_silver(preset, protocol, seed=0, graph=graph)
    assert all(verdict.holds for verdict in judge(protocol, trace))
    # The unit of levels is the ramp's switching voltage, never below what the easiest path could need alone.
    volts = switching_voltage(lambda: preset.make(graph, seed=0), "a", "b", resistance=3000.0)
    assert trace.volts["bell"] == pytest.approx(0.62 * volts)
    assert volts > 0.9 * path_threshold(preset.make(graph, seed=0), "a", "b")
    # The same conditions with food too weak to count: pairing must teach nothing.
    weak = [one.model_copy(update={"level": -0.01}) if one.name == "food" else one for one in protocol.file.stimulus]
    weaker = type(protocol)("weak", protocol.file.model_copy(update={"stimulus": weak}), Path("weak"), "")
    found = {verdict.claim: verdict.holds for verdict in judge(weaker, run_silver(preset, weaker, seed=0, graph=graph))}
    assert not found["pairing teaches"]
    assert found["bell alone teaches nothing"]


def test_absent_stimuli_ground_or_float():
    preset, protocol = load_device("dewetted"), load_silver("second_order")
    player = Player(preset, protocol, preset.grow(1000, plan=SMALL).graph, seed=1000)
    assert set(player.drives("")) == {"a"}
    assert {name: drive.voltage < 0 for name, drive in player.drives("bell+food").items()} == {"a": False, "b": True}


def test_yields_go_on_where_they_were_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(yields_module, "load_device", lambda name: _Small(load_device(name)))
    assert [done for done, _ in run_yields(["paired_pulse"], [1000, 1001], tmp_path)] == [1, 2]
    monkeypatch.setattr(yields_module, "run_silver", lambda *_, **__: pytest.fail("ran what was kept"))
    (first,) = read_yields(["paired_pulse"], [1000, 1001], tmp_path)
    assert first.films == 2
    assert 0 <= first.low <= first.shown / 2 <= first.high <= 1
    assert set(first.claims) == {claim.name for claim in load_silver("paired_pulse").file.claim}
    # A film that is no device counts as one that shows nothing.
    monkeypatch.setattr(yields_module, "run_silver", _short)
    (second,) = read_yields(["paired_pulse"], [1000, 1001, 1002], tmp_path)
    assert (second.films, second.shown, list(second.failed)) == (3, first.shown, [1002])


def test_yields_of_a_protocol_by_path_stay_in_their_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(yields_module, "run_silver", _short)
    path, out = tmp_path / "protocols" / "mine.toml", tmp_path / "out"
    path.parent.mkdir()
    path.write_text(PAVLOV, encoding="utf-8")
    (found,) = read_yields([str(path)], [1000, 1001], out)
    assert (found.protocol, found.films, found.shown) == ("mine", 2, 0)
    assert [file.name for file in path.parent.iterdir()] == ["mine.toml"]
    assert sorted(file.name for file in out.iterdir()) == ["mine_1000.json", "mine_1001.json"]
    other = path.rename(path.with_name("pavlov.toml"))
    with pytest.raises(InvalidInputError, match="two cases are called 'pavlov_0'"):
        read_yields(["pavlov", str(other)], [0], out)


SWEEP = shipped.shipped_path("protocol", "silver", "dc_sweep").read_text(encoding="utf-8")


def test_where_a_sweep_switches_is_known_of_the_first_probe_alone(tmp_path):
    path, term = tmp_path / "mine.toml", "sweeps.first.up.1"
    text = SWEEP.replace("[[condition]]", '[[probe]]\nname = "other"\nsource = "a"\nsink = "c"\n\n[[condition]]', 1)
    assert term in text
    for probe in ("", "@path"):
        path.write_text(text.replace(term, term + probe), encoding="utf-8")
        assert load_silver(path).file.claim[1].over == term + probe
    path.write_text(text.replace(term, f"{term}@other"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"claim.1.over.*first probe alone.*\n.*without @other"):
        load_silver(path)


def test_a_film_that_lost_an_electrode_is_no_device():
    protocol, graph = load_silver("second_order"), load_device("dewetted").grow(1000, plan=SMALL).graph
    less = replace(graph, electrodes={name: graph.electrodes[name] for name in ("a", "b")})
    with pytest.raises(InvalidInputError, match="does not join electrode 'c'"):
        run_silver(load_device("dewetted"), protocol, seed=1000, graph=less)


def test_a_mistake_is_no_film_that_fails(tmp_path, monkeypatch):
    for error in (ConfigError("mine.toml", "law.joule", "is too large"), OutOfRangeError("dt", 0.0, "wanted more")):
        monkeypatch.setattr(yields_module, "run_silver", _raise(error))
        with pytest.raises(type(error)):
            read_yields(["pavlov"], [0], tmp_path)
    assert not list(tmp_path.glob("*.json"))


def _raise(error):
    def run(*_, **__):
        raise error

    return run


def _short(*_, **__):
    raise InvalidInputError("electrodes are shorted.")


class _Small:
    """The device's preset, on smaller films."""

    def __init__(self, preset):
        self.preset, self.circuit = preset, preset.circuit

    def grow(self, seed):
        return self.preset.grow(seed, plan=SMALL)

    def make(self, graph, *, seed, law=None):
        return self.preset.make(graph, seed=seed, law=law)
