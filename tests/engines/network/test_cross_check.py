"""The same network in other simulators: their spikes one by one at first, their statistics over ten seconds."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from spinula.engines.network.spiking import Circuit, Edges
from spinula.law.circuits.neurons import IntegrateAndFire
from spinula.law.circuits.timing import PairTiming

FROZEN = Path(__file__).parent / "frozen"
_spec = importlib.util.spec_from_file_location("frozen_network", FROZEN / "network.py")
network = importlib.util.module_from_spec(_spec)
__import__("sys").modules["frozen_network"] = network
_spec.loader.exec_module(network)


def circuit_of(made, *, lag, precision="double", threads=1):
    """Build the network of the cross-check; sizes are weights, gains one."""
    numbers = network.Numbers()
    model = IntegrateAndFire(
        membrane_time=numbers.membrane_time, rest=numbers.rest, threshold=numbers.threshold, reset=numbers.reset,
        refractory_time=numbers.refractory_time, excitatory_time=numbers.excitatory_time,
        inhibitory_time=numbers.inhibitory_time,
    )  # fmt: skip
    circuit = Circuit(seed=1, precision=precision, threads=threads)
    cells = (circuit.neurons(800, model, name="E"), circuit.neurons(200, model, name="I"))
    timing = PairTiming(
        size_max=numbers.weight_max, potentiation_step=numbers.potentiation_step, lag=lag,
        depression_step=numbers.depression_step, potentiation_time=20.0, depression_time=20.0,
    )  # fmt: skip
    learning = None
    for a, pre in enumerate(cells):
        circuit.set_potentials(pre, made["v"][pre.first : pre.stop])
        for b, post in enumerate(cells):
            mine = ((made["pre"] >= 800) == a) & ((made["post"] >= 800) == b)
            edges = Edges(made["pre"][mine] - pre.first, made["post"][mine] - post.first, np.abs(made["weight"][mine]))
            projection = circuit.connect(
                pre, post, edges, size=None, gain=-1.0 if a else 1.0, delay=numbers.delay, inhibitory=bool(a),
                timing=timing if a == b == 0 else None,
            )  # fmt: skip
            learning = learning or projection
    return circuit, learning


@pytest.fixture(scope="module")
def made():
    return network.build()


@pytest.mark.parametrize(("simulator", "lag"), [("nest", 1.6), ("brian2", 1.6), ("brian2_axonal", 0.0)])
def test_spikes_are_those_of_other_simulators(made, simulator, lag):
    frozen = np.load(FROZEN / f"{simulator}.npz")
    circuit, _ = circuit_of(made, lag=lag)
    (snapshot,) = circuit.run(200.0)
    ours = np.stack([np.round(snapshot.spike_times * 10).astype(int) - 1, snapshot.spike_neurons], axis=1)
    theirs = np.stack([frozen["step"], frozen["neuron"]], axis=1)
    first = theirs[theirs[:, 0] < 1000]
    assert len(first) > 300
    np.testing.assert_array_equal(ours[: len(first)], first[np.lexsort(first.T[::-1])])
    # Beyond 100 ms rounding could decide; in double precision it does not.
    np.testing.assert_array_equal(ours, theirs[np.lexsort(theirs.T[::-1])])


def test_single_precision_gives_the_spikes_of_the_first_100_ms(made):
    frozen = np.load(FROZEN / "nest.npz")
    circuit, _ = circuit_of(made, lag=1.6, precision="single", threads=2)
    (snapshot,) = circuit.run(100.0)
    first = frozen["step"] < 1000
    assert sorted(
        zip(np.round(snapshot.spike_times * 10).astype(int) - 1, snapshot.spike_neurons, strict=True)
    ) == sorted(zip(frozen["step"][first], frozen["neuron"][first], strict=True))


def sent_last(circuit, learning, snapshot, lag):
    """Return the sizes as the last presynaptic spike sent them: without the potentiation that waits for the next.

    That is what other simulators call the weight. A size that was clipped since comes out too small.
    """
    numbers, frame = network.Numbers(), circuit.connections(learning)
    steps, size = np.round(snapshot.spike_times * 10).astype(int), frame["size"].to_numpy(float)
    trains = [steps[snapshot.spike_neurons == n] for n in range(800)]
    window, stop = numbers.timing_time / numbers.dt, steps.max()
    for edge, (pre, post) in enumerate(zip(frame["pre"], frame["post"], strict=True)):
        arrived, back = trains[pre] + numbers.steps(numbers.delay), trains[post] + numbers.steps(lag)
        arrived, back = arrived[arrived <= stop], back[back <= stop]
        if not len(arrived):
            continue
        last = arrived[-1]
        trace = np.exp((arrived - last) / window).sum()
        size[edge] -= numbers.potentiation_step * trace * np.exp((last - back[back > last]) / window).sum()
    return size


def test_ten_seconds_are_those_of_nest(made):
    """In double precision every neuron fires as often as in NEST, 53,000 spikes, and the weights are the same."""
    frozen = np.load(FROZEN / "nest.npz")
    circuit, learning = circuit_of(made, lag=1.6)
    (snapshot,) = circuit.run(10_000.0)
    np.testing.assert_array_equal(np.bincount(snapshot.spike_neurons, minlength=1000), np.round(10 * frozen["rate"]))
    plastic = np.flatnonzero(made["plastic"])
    plastic = plastic[np.lexsort((made["post"][plastic], made["pre"][plastic]))]
    size = np.zeros(len(made["pre"]))
    size[plastic] = sent_last(circuit, learning, snapshot, 1.6)
    apart = np.abs(size[frozen["edges"]] - frozen["late"])
    assert np.median(apart) < 1e-6
    # The few that were clipped, or whose spike was on its way at the end.
    assert np.mean(apart > 1e-3) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize(("simulator", "lag"), [("nest", 1.6), ("brian2_axonal", 0.0)])
def test_ten_seconds_in_single_precision_have_the_statistics_of_other_simulators(made, simulator, lag):
    frozen = np.load(FROZEN / f"{simulator}.npz")
    circuit, learning = circuit_of(made, lag=lag, precision="single")
    (snapshot,) = circuit.run(10_000.0)
    steps = np.round(snapshot.spike_times * 10).astype(int)
    rate, variation = network.summary(steps, snapshot.spike_neurons, 10_000.0)
    # What may differ is what a run of the other simulator and its twin differ by.
    apart = np.std(frozen["rate"] - frozen["twin_rate"])
    for group in (slice(0, 800), slice(800, 1000)):
        difference = rate[group].mean() - frozen["rate"][group].mean()
        assert abs(difference) < 4 * apart / np.sqrt(len(rate[group])) + 0.05
    assert np.corrcoef(rate, frozen["rate"])[0, 1] > np.corrcoef(frozen["rate"], frozen["twin_rate"])[0, 1] - 0.01
    # Over fourteen runs from potentials 0.1 mV apart the network's mean had sd 0.011.
    assert np.nanmean(variation) == pytest.approx(np.nanmean(frozen["variation"]), abs=0.035)
    sizes = sent_last(circuit, learning, snapshot, lag)
    ours = np.cumsum(np.histogram(sizes, frozen["bounds"])[0]) / len(sizes)
    theirs = np.cumsum(frozen["histogram"]) / frozen["histogram"].sum()
    # A twin's distance is 0.004; clipping, which sent_last cannot undo, adds 0.009 where all else is the same.
    assert np.abs(ours - theirs).max() < 0.02
    assert sizes.mean() == pytest.approx(frozen["histogram"] @ (frozen["bounds"][1:] + frozen["bounds"][:-1])
                                         / 2 / frozen["histogram"].sum(), abs=0.015)  # fmt: skip
