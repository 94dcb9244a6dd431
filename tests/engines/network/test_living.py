"""Spines of a circuit that are formed at a rate, scaled by their neuron's rate, and named at every delivery."""

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.network.spiking import Circuit, Living, OutDegree
from spinula.engines.population import Layout, Population
from spinula.law import Boundary, Dynamics, FormationRate, LinearLaw, LogOULaw
from spinula.law.circuits.neurons import IntegrateAndFire
from spinula.law.circuits.timing import PairTiming
from spinula.law.plasticity.homeostasis import Homeostasis

LAW = LinearLaw(recovery_rate=0.05, size_rest=0.1, noise_slope=0.2, noise_floor=0.01)
BOUNDARY = Boundary(size_min=0.02, size_new=0.03)
RATED = Dynamics(law=LAW, boundary=BOUNDARY, formation=FormationRate(rate=0.2))
STEADY = Dynamics(law=LogOULaw(log_mean=np.log(0.1), log_sd=1e-4, recovery_rate=1e-3))


def silent(living, *, threads=1, seed=5, neurons=200, degree=20, **more):
    circuit = Circuit(seed=seed, dt=1.0, threads=threads)
    cells = circuit.neurons(neurons, IntegrateAndFire(), name="E")
    options = {"size": None, "gain": 6.0, "delay": 1.0} | more
    return circuit, circuit.connect(cells, cells, OutDegree(degree), living=living, **options)


def test_formation_at_a_rate_gives_the_density_and_turnover_of_a_population():
    living = Living(RATED, day=1000.0, tick=50.0, length_um=40.0)
    circuit, projection = silent(living)
    snapshots = list(circuit.run(100_000.0, every=20_000.0))
    layout = Layout(dendrites=200, spines_per_dendrite=20, length_um=40.0)
    population = Population(RATED, seed=5, layout=layout, dt=0.05)
    theirs = list(population.run(days=100, every=20))[1:]
    frame = circuit.connections(projection)
    assert len(frame) == pytest.approx(len(theirs[-1]), rel=0.03)
    formed, expected = sum(s.formed for s in snapshots), 0.2 * 40 * 200 * 100
    assert formed == pytest.approx(expected, abs=4 * np.sqrt(expected))
    assert sum(s.eliminated for s in snapshots) == pytest.approx(sum(s.eliminated for s in theirs), rel=0.02)
    assert len(frame) == 200 * 20 + formed - sum(s.eliminated for s in snapshots)
    assert frame["size"].mean() == pytest.approx(theirs[-1].size.mean(), rel=0.05)
    assert frame["spine_id"].is_unique
    assert not frame.duplicated(["pre", "post"]).any()


def test_bytes_do_not_depend_on_threads():
    def run(threads):
        living = Living(RATED, day=500.0, tick=50.0, length_um=40.0, scaling=Homeostasis(
            target_rate=2.0, scaling_time=5.0, rate_time=1.0))  # fmt: skip
        timing = PairTiming(size_max=1.0, potentiation_step=1e-3, depression_step=1e-3)
        circuit, projection = silent(living, threads=threads, timing=timing)
        circuit.poisson(circuit.populations[0], rate=300.0, weight=4.0)
        circuit.watch(projection)
        (snapshot,) = circuit.run(3000.0)
        frame = circuit.connections(projection)
        return len(snapshot.spike_times), frame.to_numpy().tobytes(), snapshot.delivered.to_numpy().tobytes()

    one = run(1)
    assert one[0] > 300
    assert run(2) == one
    assert run(3) == one


def test_silent_neurons_scale_their_spines_up_by_one_factor_and_those_on_target_do_not():
    scaling = Homeostasis(target_rate=5.0, scaling_time=4.0, rate_time=0.1)
    living = Living(STEADY, day=1000.0, tick=100.0, scaling=scaling)
    circuit, projection = silent(living)
    before = circuit.connections(projection)["size"].to_numpy()
    for _ in circuit.run(8000.0):
        pass
    growth = circuit.connections(projection)["size"].to_numpy() / before
    # The running rate starts on target and falls within 0.1 s; the law pulls back by 1e-3 per day.
    assert np.log(growth).mean() == pytest.approx(8 / 4, rel=0.02)
    assert np.log(growth).std() < 0.001
    unscaled, same = silent(Living(STEADY, day=1000.0, tick=100.0))
    for _ in unscaled.run(8000.0):
        pass
    assert np.log(unscaled.connections(same)["size"] / before).mean() == pytest.approx(0.0, abs=0.001)


def test_scaling_brings_neurons_to_their_target():
    def rates(scaling):
        circuit = Circuit(seed=7)
        sources = circuit.neurons(200, IntegrateAndFire(), name="sources")
        cells = circuit.neurons(100, IntegrateAndFire(), name="cells")
        circuit.poisson(sources, rate=300.0, weight=5.0)
        living = Living(STEADY, day=1000.0, tick=200.0, scaling=scaling)
        circuit.connect(sources, cells, OutDegree(50), size=None, gain=3.0, delay=1.0, living=living)
        *_, last = circuit.run(30_000.0, every=10_000.0)
        return np.bincount(last.spike_neurons, minlength=300)[200:] / 10

    scaled = rates(Homeostasis(target_rate=5.0, scaling_time=2.0, rate_time=2.0))
    assert scaled.mean() == pytest.approx(5.0, rel=0.1)
    free = rates(None)
    assert abs(free.mean() - 5.0) > 1.0
    assert np.abs(scaled - 5.0).max() < 1.0


def test_every_delivery_names_a_spine_that_exists():
    living = Living(RATED, day=200.0, tick=20.0, length_um=40.0)
    circuit, projection = silent(living)
    circuit.watch(projection)
    circuit.poisson(circuit.populations[0], rate=300.0, weight=4.0)
    times, neurons, ended, alive = [], [], 0, circuit.connections(projection)
    for snapshot in circuit.run(1000.0, every=20.0):
        times.append(snapshot.spike_times)
        neurons.append(snapshot.spike_neurons)
        arrived = snapshot.delivered
        if snapshot.time > 20.0:
            # No tick lies within a snapshot but at its end: what existed at its beginning is what can be reached.
            assert set(arrived["spine_id"]) <= set(alive["spine_id"])
            both = arrived.merge(alive, on="spine_id", suffixes=("", "_then"))
            assert (both["pre"] == both["pre_then"]).all()
            assert (both["post"] == both["post_then"]).all()
            fired = np.concatenate(times)
            late = (fired > snapshot.time - 20.5) & (fired < snapshot.time - 0.5)
            sent = alive.groupby("pre").size().reindex(range(200), fill_value=0).to_numpy()
            assert len(arrived) == sent[np.concatenate(neurons)[late].astype(int)].sum()
            ended += snapshot.eliminated
        alive = circuit.connections(projection)
    assert ended > 300


def test_what_cannot_be_is_refused():
    with pytest.raises(InvalidInputError, match="length_um"):
        Living(RATED)
    with pytest.raises(InvalidInputError, match="shorter tick"):
        Living(RATED, day=1.0, tick=1000.0, length_um=40.0)
    with pytest.raises(InvalidInputError, match="give sizes"):
        silent(None)
    circuit, projection = silent(None, size=0.1)
    with pytest.raises(InvalidInputError, match="identity"):
        circuit.watch(projection)


def test_two_equal_sources_are_independent():
    circuit = Circuit(seed=3)
    cells = [circuit.neurons(200, IntegrateAndFire(), name=name) for name in ("a", "b")]
    for _ in range(2):
        circuit.poisson(cells[0], rate=100.0, weight=20.0)
    circuit.poisson(cells[1], rate=100.0, weight=20.0)
    (snapshot,) = circuit.run(1000.0)
    count = np.bincount(snapshot.spike_neurons, minlength=400)
    # Equal trains would meet in the same step and move the membrane twice as far, not fire it twice as often.
    assert count[:200].mean() > 1.5 * count[200:].mean()


def test_ids_that_are_used_up_end_the_run_with_an_error():
    circuit, _ = silent(Living(RATED, day=200.0, tick=20.0, length_um=40.0))
    list(circuit.run(20.0))
    circuit._lives[0].last_id = circuit._lives[0].next_id + 10
    with pytest.raises(OutOfRangeError, match="used up"):
        list(circuit.run(200.0))


def test_pairs_keep_their_limit_where_nearly_all_are_connected():
    lively = Dynamics(law=LAW, boundary=Boundary(size_min=0.02, size_new=0.025))
    circuit, projection = silent(Living(lively, day=100.0, tick=10.0), neurons=60, degree=58)
    formed = sum(snapshot.formed for snapshot in circuit.run(300.0, every=100.0))
    frame = circuit.connections(projection)
    assert formed > 500
    assert len(frame) == 60 * 58
    assert not frame.duplicated(["pre", "post"]).any()
    assert (frame["pre"] != frame["post"]).all()
