"""Memory, tasks, digits and energy: known answers, and what resistors cannot do."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, NotConvergedError
from spinula.engines.silver.device import Device
from spinula.engines.silver.solver import Drive
from spinula.law.silver import RateBalance, SilverGap
from spinula.studies.silver.analysis import digits, energy, reservoir, tasks

FEEDING = reservoir.Feeding(offset=5.0, gain=3.0, hold=0.1, islands=30)


def graph(side=8, seed=0):
    number = np.arange(side * side).reshape(side, side)
    pairs = np.concatenate([
        np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
        np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
    ])  # fmt: skip
    rng = np.random.default_rng(seed)
    pairs = pairs[rng.random(len(pairs)) < 0.9]
    row, column = np.divmod(np.arange(side * side), side)
    return SimpleNamespace(
        position=np.column_stack([column, row]) + 0.1 * rng.random((side * side, 2)), tail=pairs[:, 0].copy(),
        head=pairs[:, 1].copy(), distance=np.full(len(pairs), 2.0),
        electrodes={"left": number[:, 0].copy(), "right": number[:, -1].copy()},
    )  # fmt: skip


def make():
    return Device(graph(), RateBalance(), seed=1)


def test_a_readout_is_the_ridge_solution():
    rng = np.random.default_rng(1)
    features, target = rng.standard_normal((200, 5)) * [1, 10, 0.1, 3, 1] + 4, rng.standard_normal((200, 2))
    found = reservoir.train_readout(features, target, ridge=0.3).predict(features)
    inner = (features - features.mean(0)) / features.std(0)
    exact = np.linalg.solve(inner.T @ inner + 0.3 * 200 * np.eye(5), inner.T @ (target - target.mean(0)))
    np.testing.assert_allclose(found, inner @ exact + target.mean(0), atol=1e-12)
    still = np.column_stack([features, np.full(200, 7.0)])  # a feature that never moves changes nothing
    np.testing.assert_allclose(reservoir.train_readout(still, target, ridge=0.3).predict(still), found, atol=1e-12)


@pytest.mark.parametrize("length", [5, 12])
def test_a_delay_line_remembers_as_many_steps_as_it_is_long(length):
    signal = np.random.default_rng(2).uniform(-1, 1, 3000)
    line = np.column_stack([np.roll(signal, delay) for delay in range(length + 1)])
    found = tasks.memory_capacity(line, signal, longest=30, seed=1)
    assert found.total == pytest.approx(length, abs=0.1)
    assert found.told[: length + 1].min() > 0.999
    assert found.told[length + 1 :].max() < 0.02
    # Half of it buried in as much noise is told to one half.
    noisy = line + np.random.default_rng(3).uniform(-1, 1, line.shape)
    assert tasks.memory_capacity(noisy, signal, longest=30, seed=1).total == pytest.approx(length / 2, abs=0.5)


def test_a_network_remembers_and_resistors_do_not():
    signal = np.random.default_rng(4).uniform(-1, 1, 1200)
    alive = tasks.memory_capacity(reservoir.feed(make(), signal, FEEDING), signal, longest=20, seed=1)
    frozen = reservoir.Feeding(**{**FEEDING.__dict__, "frozen": True})
    dead = tasks.memory_capacity(reservoir.feed(make(), signal, frozen), signal, longest=20, seed=1)
    assert alive.total > 0.7
    assert dead.total < 0.1
    assert dead.told[0] == pytest.approx(1.0, abs=1e-6)  # it passes the present on


def test_only_a_network_bends_a_wave():
    found = tasks.score_waves(make, FEEDING, periods=12)
    for name, limit in {"square": 0.42, "shifted": 0.3, "double": 0.7}.items():
        assert found[name].network < limit, name
        assert found[name].resistors == pytest.approx(found[name].raw, abs=1e-4)
        assert found[name].network < 0.97 * found[name].raw
    # A sine is orthogonal to its quarter shift and to its double: a linear system at one moment can do nothing.
    assert found["double"].raw == pytest.approx(1.0, abs=0.01)
    # The best straight line of a square wave: its fundamental holds 8/pi^2 of the variance.
    assert found["square"].raw == pytest.approx(np.sqrt(1 - 8 / np.pi**2), abs=0.01)


def test_narma_is_its_equation_and_the_network_beats_its_controls():
    signal, value = tasks.narma10(400, 1)
    k = 200
    want = 0.3 * value[k] + 0.05 * value[k] * value[k - 9 : k + 1].sum() + 1.5 * signal[k - 9] * signal[k] + 0.1
    assert value[k + 1] == want
    found = tasks.score_narma(make, FEEDING, steps=900, seed=1)
    assert found.network < 0.9
    assert found.resistors > 0.97


def test_an_input_that_makes_narma_diverge_is_refused(monkeypatch):
    class High:
        def uniform(self, low, high, count):
            return np.full(count, 1.0)

    monkeypatch.setattr(tasks.np.random, "default_rng", lambda seed: High())
    with pytest.raises(NotConvergedError, match="another seed"):
        tasks.narma10(300, 1)


def test_digits_are_told_and_a_cut_run_goes_on(tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    net = digits.with_inputs(graph(12, 3))

    def fresh():
        return Device(net, RateBalance(), seed=1)

    showing = digits.Showing(gain=8.0, hold=0.3, islands=24)
    found = digits.score_digits(fresh, showing, seed=1, pictures=300, folder=tmp_path)
    assert found.network[0] > 0.8
    # Of frozen resistors a linear read-out sees a linear image of the picture, no more.
    assert found.resistors[0] <= found.raw[0] + 0.03
    assert found.energy > 0
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npz")}
    assert len(before) == 6
    (tmp_path / "network" / "pictures_00100.npz").unlink()
    again = digits.score_digits(fresh, showing, seed=1, pictures=300, folder=tmp_path)
    assert again.network == found.network
    assert again.energy == pytest.approx(found.energy, rel=1e-12)
    assert sum(file.stat().st_mtime_ns == stamp for file, stamp in before.items()) == 5
    with pytest.raises(InvalidInputError, match="other settings"):
        digits.score_digits(fresh, digits.Showing(gain=9.0, hold=0.3), seed=1, pictures=300, folder=tmp_path)
    assert json.loads((tmp_path / "network" / "settings.json").read_text())["gain"] == 8.0


def test_pictures_do_not_see_each_other():
    pytest.importorskip("sklearn")
    images, labels = digits.load_pictures()
    assert (images.shape, images.max(), labels.max()) == ((1797, 8, 8), 1.0, 9)
    net = digits.with_inputs(graph(12, 3))
    showing = digits.Showing(gain=8.0, hold=0.3)
    both, _ = digits.picture_features(lambda: Device(net, RateBalance(), seed=1), images[:2], showing)
    other, _ = digits.picture_features(lambda: Device(net, RateBalance(), seed=1), images[1:2], showing)
    assert np.array_equal(both[1], other[0])
    wrong = np.random.default_rng(0).permutation(labels)  # without a relation there is nothing to learn
    assert digits.accuracy(images.reshape(-1, 64), wrong)[0] < 0.2


def test_the_energy_of_a_pulse_is_that_of_ohms_law_and_its_events_are_counted():
    chain = SimpleNamespace(
        position=np.column_stack([np.arange(3.0), np.zeros(3)]), tail=np.array([0, 1]), head=np.array([1, 2]),
        distance=np.array([2.0, 2.0]), electrodes={"left": np.array([0]), "right": np.array([2])},
    )  # fmt: skip
    drives = {"left": Drive(voltage=1.2, resistance=3e3), "right": Drive(voltage=0.0)}
    found = energy.pulse_energy(Device(chain, SilverGap(), seed=0), drives, 0.2)
    assert found.events == 2
    assert found.per_event == found.fed / 2
    # Fed and lost belong to one current: fed/lost = G's share of the voltage over the resistor's.
    assert 0 < found.in_series < 1.2 * 0.2 * 1.2 / 3e3
    weak = energy.pulse_energy(
        Device(chain, SilverGap(), seed=0), {"left": Drive(voltage=0.1), "right": Drive(voltage=0.0)}, 0.2
    )
    assert (weak.events, weak.per_event) == (0, np.inf)
    assert weak.fed == pytest.approx(0.1**2 * 0.2 / (2 / SilverGap().conductance((0, 1, 0), distance=2.0)), rel=1e-6)
    with pytest.raises(InvalidInputError, match="no events"):
        energy.pulse_energy(Device(chain, RateBalance(), seed=0), drives, 0.2)
    cost = energy.processor_energy(seconds=2.0, multiply_adds=1e9, watts=5.0)
    assert cost.measured == 10.0
    assert cost.bound == pytest.approx(4.6e-3)
