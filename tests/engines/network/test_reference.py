"""The plain reference gives what NEST and Brian2 did, spike by spike and weight by weight."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

FROZEN = Path(__file__).with_name("frozen")


def _load(name):
    spec = importlib.util.spec_from_file_location(f"frozen_{name}", FROZEN / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


network, reference = _load("network"), _load("reference")
NUMBERS = network.Numbers()


@pytest.fixture(scope="module")
def edges():
    return network.build()


def _run(edges, axonal, duration_ms=network.FIRST_MS, early_ms=network.EARLY_MS, **more):
    delay = NUMBERS.steps(NUMBERS.delay)
    options = {"axonal": axonal, "dendritic": delay - axonal, "refractory": NUMBERS.steps(NUMBERS.refractory_time)}
    return reference.simulate(edges, NUMBERS, duration_ms, early_ms, **(options | more))


def _same(run, frozen):
    order = np.lexsort((run["neuron"], run["step"]))
    found = np.stack([run["step"][order], run["neuron"][order]])
    return np.array_equal(found, np.stack([frozen["step"], frozen["neuron"]]))


@pytest.mark.parametrize(("name", "axonal"), [("nest", 0), ("brian2", 0), ("brian2_axonal", 8)])
def test_all_spikes_of_the_first_200_ms_and_the_weights(edges, name, axonal):
    run, frozen = _run(edges, axonal), np.load(FROZEN / f"{name}.npz")
    assert _same(run, frozen)
    assert np.array_equal(frozen["edges"], network.sample(edges))
    assert np.abs(run["early"][frozen["edges"]] - frozen["early"]).max() < 1e-12
    assert np.mean(frozen["early"] != NUMBERS.weight_excitatory) > 0.2


@pytest.mark.parametrize(
    ("axonal", "more"),
    [(8, {}), (1, {}), (0, {"refractory": 49}), (0, {"dendritic": 9})],
    ids=["axonal", "a step on the axon", "refractory a step less", "a step later"],
)
def test_every_convention_shows_in_the_spikes(edges, axonal, more):
    """A test that compares 200 ms tells these conventions apart: one step is enough."""
    assert not _same(_run(edges, axonal, **more), np.load(FROZEN / "nest.npz"))


def test_single_precision_gives_the_same_spikes(edges):
    assert _same(_run(edges, 0, precision=np.float32), np.load(FROZEN / "nest.npz"))


def test_no_membrane_comes_near_the_threshold_for_100_ms(edges):
    state = reference.Reference(edges, NUMBERS, axonal=0, dendritic=8, refractory=50)
    for _ in range(NUMBERS.steps(100.0)):
        state.advance()
    assert state.margin > 8e-5


@pytest.mark.slow
@pytest.mark.parametrize(("name", "axonal"), [("nest", 0), ("brian2_axonal", 8)])
def test_ten_seconds(edges, name, axonal):
    """In 64 bits the order of sums decides no spike: every neuron's count, intervals and weights agree to the end."""
    run, frozen = _run(edges, axonal, network.LONG_MS, early_ms=network.LATE_MS), np.load(FROZEN / f"{name}.npz")
    rate, variation = network.summary(run["step"], run["neuron"], network.LONG_MS)
    assert np.array_equal(rate.astype(np.float32), frozen["rate"])
    assert np.allclose(variation, frozen["variation"], rtol=1e-6, equal_nan=True)
    assert np.abs(run["early"][frozen["edges"]] - frozen["late"]).max() < 1e-6
    counts, _ = np.histogram(run["early"][edges["plastic"]], frozen["bounds"])
    assert np.abs(counts - frozen["histogram"]).sum() < 20


def test_the_two_simulators_agree_for_ten_seconds_and_fire_irregularly():
    nest, brian2 = (np.load(FROZEN / f"{name}.npz") for name in ("nest", "brian2"))
    for prefix in ("", "twin_"):
        assert np.array_equal(nest[prefix + "rate"], brian2[prefix + "rate"])
        assert np.abs(nest[prefix + "late"] - brian2[prefix + "late"]).max() < 1e-6
    assert 3.0 < nest["rate"].mean() < 10.0
    assert np.nanmean(nest["variation"]) > 0.7
    # Twins are not copies: chaos is there, and the statistics survive it.
    assert np.corrcoef(nest["late"], nest["twin_late"])[0, 1] < 0.3
    assert np.corrcoef(nest["rate"], nest["twin_rate"])[0, 1] > 0.95
