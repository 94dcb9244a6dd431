"""The spiking circuit against step-by-step arithmetic, and that its bytes depend on the seed alone."""

import math

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError
from spinula.engines.network.spiking import Circuit, Edges, Living, OutDegree, Probability
from spinula.engines.population import Layout, Population
from spinula.law import Boundary, Dynamics, FormationRate, LinearLaw, LogOULaw
from spinula.law.circuits.neurons import IntegrateAndFire
from spinula.law.circuits.timing import InhibitoryTiming, PairTiming, ReinforcedTiming, TripletTiming

DRIVEN = IntegrateAndFire(rest=-47.0)
PAIRS = PairTiming(size_max=0.2, potentiation_step=2e-3, depression_step=2.1e-3, depression_time=30.0)
LIVELY = Dynamics(
    law=LinearLaw(recovery_rate=0.05, size_rest=0.1, noise_slope=0.2, noise_floor=0.01),
    boundary=Boundary(size_min=0.02, size_new=0.025),
)


def small(timing=None, living=None, *, threads=1, seed=3, wiring=None, **more):
    """Two populations with all four projections; excitatory ones among themselves learn and live."""
    circuit = Circuit(seed=seed, threads=threads, **more)
    e, i = circuit.neurons(80, DRIVEN, name="E"), circuit.neurons(20, DRIVEN, name="I")
    generator = np.random.default_rng(seed)
    circuit.set_potentials(e, generator.uniform(-60, -50, 80))
    circuit.set_potentials(i, generator.uniform(-60, -50, 20))
    ee = circuit.connect(e, e, wiring or OutDegree(20), size=0.1, gain=6.0, delay=0.8, timing=timing, living=living)
    circuit.connect(e, i, OutDegree(10), size=0.1, gain=6.0, delay=1.5)
    circuit.connect(i, e, Probability(0.3), size=1.0, gain=-5.0, delay=0.8, inhibitory=True)
    circuit.connect(i, i, OutDegree(5), size=1.0, gain=-5.0, delay=0.8, inhibitory=True)
    return circuit, ee


def spikes_of(snapshots):
    snapshots = list(snapshots)
    times = np.concatenate([snapshot.spike_times for snapshot in snapshots])
    return times, np.concatenate([snapshot.spike_neurons for snapshot in snapshots])


def test_a_membrane_follows_the_closed_form():
    model = IntegrateAndFire(rest=-60.0, threshold=0.0)
    circuit = Circuit(seed=1, precision="double")
    circuit.send(circuit.neurons(1, model, name="E"), [10.0], [0], weight=4.0)
    for _ in circuit.run(30.0):
        pass
    time = 20.0
    ratio = model.excitatory_time / (model.excitatory_time - model.membrane_time)
    wanted = -60.0 + 4.0 * ratio * (math.exp(-time / model.excitatory_time) - math.exp(-time / model.membrane_time))
    assert circuit.potentials[0] == pytest.approx(wanted, abs=1e-9)


def test_a_conductance_pulls_towards_its_reversal():
    model = IntegrateAndFire(synapses="conductance", rest=-60.0, threshold=100.0, excitatory_time=1e9)
    circuit = Circuit(seed=1, precision="double")
    circuit.send(circuit.neurons(1, model, name="E"), [0.1], [0], weight=1.0)
    for _ in circuit.run(300.0):
        pass
    assert circuit.potentials[0] == pytest.approx(-30.0, abs=1e-4)  # halfway between rest and 0 mV


def test_a_driven_neuron_fires_at_the_rate_of_the_formula():
    circuit = Circuit(seed=1)
    circuit.neurons(1, DRIVEN, name="E")
    (snapshot,) = circuit.run(10_000.0)
    period = 5.0 + 20.0 * math.log((-47.0 + 60.0) / (-47.0 + 50.0))
    # A spike waits for the end of its step; the refractory time is a whole number of them.
    assert 10_000.0 / period - len(snapshot.spike_times) == pytest.approx(
        0.0, abs=1.0 + 0.05 / period * len(snapshot.spike_times)
    )


def step_by_step(timing, edges, times, neurons, until):
    """Sizes after pairs counted one by one, presynaptic spikes 0.8 ms late."""
    ends = []
    for pre, post in edges:
        size, pre_trace, post_trace, slow, last = 0.1, 0.0, 0.0, 0.0, 0.0
        events = [(t + 0.8, 0) for t in times[neurons == pre] if t + 0.8 <= until + 1e-6]
        events += [(t, 1) for t in times[neurons == post]]
        steps = [round(10 * time) for time, _ in events]
        events = sorted(zip(steps, [kind for _, kind in events], strict=True), key=lambda event: (event[0], -event[1]))
        for step, kind in events:
            time = 0.1 * step
            passed, last = time - last, time
            pre_trace *= math.exp(-passed / timing.potentiation_time)
            post_trace *= math.exp(-passed / timing.depression_time)
            slow *= math.exp(-passed / getattr(timing, "triplet_time", 1.0))
            if kind == 0:
                # A postsynaptic spike of this very step, which came first, is no pair.
                recent = 1.0 if (step, 1) in events else 0.0
                loss, bias = getattr(timing, "depression_step", None), 0.0
                if loss is None:
                    loss, bias = -timing.step, -2e-3 * timing.step * timing.target_rate * timing.depression_time
                size = max(size - loss * (post_trace - recent) + bias, timing.size_floor)
                size = min(size, timing.size_max)
                pre_trace += 1.0
            else:
                gain = getattr(timing, "potentiation_step", getattr(timing, "step", 0.0))
                gain += getattr(timing, "triplet_step", 0.0) * slow
                size = min(size + gain * pre_trace, timing.size_max)
                post_trace, slow = post_trace + 1.0, slow + 1.0
        ends.append(size)
    return np.array(ends)


@pytest.mark.parametrize(
    "timing",
    [
        PAIRS,
        PairTiming(size_max=0.11, size_floor=0.095, potentiation_step=2e-3, depression_step=2.1e-3),
        TripletTiming(size_max=0.2, potentiation_step=1e-3, depression_step=2e-3, triplet_step=3e-3),
        InhibitoryTiming(size_max=0.3, step=2e-3, target_rate=8.0),
        InhibitoryTiming(size_max=0.104, step=2e-3, target_rate=4.0),
        # Windows that differ by much: sums of 32 bits must begin anew before the shorter one is forgotten.
        PairTiming(
            size_max=0.2, potentiation_step=2e-3, depression_step=1e-3, potentiation_time=10.0, depression_time=100.0
        ),
        PairTiming(size_max=0.2, potentiation_step=8e-3, depression_step=2e-3, potentiation_time=1.5),
    ],
    ids=["pair", "clipped", "triplet", "inhibitory", "inhibitory clipped", "long depression", "short potentiation"],
)
def test_late_sums_equal_pairs_counted_one_by_one(timing):
    circuit, ee = small(timing)
    times, neurons = spikes_of(circuit.run(700.0, every=90.0))
    assert len(times) > 300
    found = circuit.connections(ee)
    edges = found[["pre", "post"]].to_numpy()[::7]
    wanted = step_by_step(timing, edges, times, neurons, 700.0)
    assert np.ptp(wanted) > 0.005
    np.testing.assert_allclose(found["size"].to_numpy()[::7], wanted, atol=1e-6)  # 5e-4 of a pair
    assert found["size"].max() <= np.float32(timing.size_max)


def test_a_lag_lets_postsynaptic_spikes_come_later():
    timing = PairTiming(size_max=0.2, potentiation_step=2e-3, depression_step=2e-3, lag=2.0)
    changes = []
    for rule in (timing, timing.model_copy(update={"lag": 0.0})):
        circuit = Circuit(seed=1)
        a, b = (circuit.neurons(1, IntegrateAndFire(refractory_time=100.0), name=name) for name in "ab")
        edge = circuit.connect(a, b, Edges(np.array([0]), np.array([0])), size=0.1, gain=0.0, delay=1.0, timing=rule)
        circuit.send(a, [10.0], [0], weight=200.0)
        circuit.send(b, [10.0], [0], weight=200.0)
        (snapshot,) = circuit.run(60.0)
        assert len(snapshot.spike_times) == 2  # at once: the post spike reaches the synapse after the other, or before
        changes.append(circuit.connections(edge)["size"].iloc[0] - 0.1)
    assert changes[1] < 0 < changes[0]
    assert changes[0] == pytest.approx(2e-3 * math.exp(-1.0 / 20.0), rel=1e-4)


def rewarded(timing, bursts, until=900.0):
    """Sizes of all edges by small explicit steps of eligibility and dopamine, and by the circuit."""
    circuit, ee = small(timing)
    circuit.release(bursts, 0.5)
    times, neurons = spikes_of(circuit.run(until, every=130.0))
    found = circuit.connections(ee)
    return found, times, neurons


def eligibility_by_steps(timing, edge, spikes, bursts, until):
    pre, post = edge
    times, neurons = spikes
    arrivals = {round(10 * t) + 8 for t in times[neurons == pre]}
    fired = {round(10 * t) for t in times[neurons == post]}
    size, tag, pre_trace, post_trace, dopamine = 0.1, 0.0, 0.0, 0.0, 0.0
    bursts = {round(10 * t) for t in bursts}
    decay = [math.exp(-0.1 / t) for t in (timing.potentiation_time, timing.depression_time)]
    e, d = timing.eligibility_time, timing.dopamine_time
    both, alone = 1.0 / (1.0 / e + 1.0 / d), e
    for step in range(1, round(10 * until) + 1):
        size += (
            1e-3
            * tag
            * (dopamine * both * (1 - math.exp(-0.1 / both)) - timing.baseline * alone * (1 - math.exp(-0.1 / alone)))
        )
        tag, dopamine = tag * math.exp(-0.1 / e), dopamine * math.exp(-0.1 / d) + 0.5 * (step in bursts)
        pre_trace, post_trace = pre_trace * decay[0], post_trace * decay[1]
        if step in fired:
            tag += timing.potentiation_step * pre_trace
        if step in arrivals:
            tag, pre_trace = tag - timing.depression_step * post_trace, pre_trace + 1.0
        if step in fired:
            post_trace += 1.0
    return size


def test_gated_sizes_equal_small_steps_of_eligibility_and_dopamine():
    timing = ReinforcedTiming(
        size_max=9.0, size_floor=-9.0 + 9.0, potentiation_step=0.05, depression_step=0.02, baseline=0.05,
        eligibility_time=400.0,
    )  # fmt: skip
    bursts = [100.0, 350.0, 600.0]
    found, times, neurons = rewarded(timing, bursts)
    edges = found[["pre", "post"]].to_numpy()[::37]
    wanted = [eligibility_by_steps(timing, edge, (times, neurons), bursts, 900.0) for edge in edges]
    assert np.ptp(wanted) > 1e-3
    np.testing.assert_allclose(found["size"].to_numpy()[::37], wanted, atol=3e-7)
    unmoved, *_ = rewarded(timing.model_copy(update={"baseline": 0.0}), [])
    assert (unmoved["size"] == np.float32(0.1)).all()  # without dopamine an eligibility changes nothing


def fingerprint(circuit, projection, duration=1000.0, every=None):
    snapshots = list(circuit.run(duration, every=every))
    times, neurons = spikes_of(snapshots)
    frame = circuit.connections(projection)
    return times.tobytes() + neurons.tobytes() + frame.to_numpy().tobytes(), sum(s.formed for s in snapshots)


def test_bytes_depend_on_the_seed_alone():
    living = Living(LIVELY, day=100.0, tick=10.0)

    def run(seed=3, threads=1, every=None):
        circuit, ee = small(PAIRS, living, threads=threads, seed=seed)
        circuit.poisson(circuit.populations[0], rate=100.0, weight=0.5)
        return fingerprint(circuit, ee, every=every)

    bytes_one, formed = run()
    assert formed > 100
    assert run(threads=2)[0] == bytes_one
    assert run(threads=3)[0] == bytes_one
    assert run(every=37.0)[0] == bytes_one
    assert run(seed=4)[0] != bytes_one


def test_every_neuron_keeps_its_count_of_spines_and_pairs_their_limit():
    circuit, ee = small(PAIRS, Living(LIVELY, day=200.0, tick=20.0, contacts=2), wiring=Probability(0.2))
    before = circuit.connections(ee)
    formed = sum(snapshot.formed for snapshot in circuit.run(2000.0))
    after = circuit.connections(ee)
    assert formed > len(before)
    assert (after["post"].value_counts().sort_index() == before["post"].value_counts().sort_index()).all()
    assert after["spine_id"].is_unique
    assert len(before) < after["spine_id"].max() < len(before) + formed
    assert after.groupby(["pre", "post"]).size().max() == 2
    assert (after["pre"] != after["post"]).all()
    assert after["size"].min() >= np.float32(0.02)


def test_spines_without_spikes_turn_over_as_a_population_does():
    circuit = Circuit(seed=5, dt=1.0)
    cells = circuit.neurons(400, IntegrateAndFire(), name="E")
    living = Living(LIVELY, day=1000.0, tick=20.0)
    projection = circuit.connect(cells, cells, OutDegree(50), size=0.1, gain=6.0, delay=1.0, living=living)
    formed = [snapshot.formed for snapshot in circuit.run(120_000.0, every=20_000.0)][-1]
    sizes = circuit.connections(projection)["size"]
    population = Population(LIVELY, seed=5, layout=Layout(dendrites=20, spines_per_dendrite=1000), dt=0.02)
    *_, last = population.run(days=120, every=20)
    assert formed == pytest.approx(last.formed, rel=0.03)
    assert sizes.mean() == pytest.approx(last.size.mean(), rel=0.03)
    assert sizes.std() == pytest.approx(last.size.std(), rel=0.06)


def test_log_sizes_have_their_stationary_spread():
    law = LogOULaw(log_mean=math.log(0.1), log_sd=0.5, recovery_rate=0.2)
    circuit = Circuit(seed=5)
    cells = circuit.neurons(200, IntegrateAndFire(), name="E")
    living = Living(Dynamics(law=law), day=1000.0, tick=500.0)
    projection = circuit.connect(cells, cells, OutDegree(50), size=0.1, gain=6.0, delay=1.0, living=living)
    for _ in circuit.run(40_000.0):
        pass
    logs = np.log(circuit.connections(projection)["size"])
    assert logs.std() == pytest.approx(0.5, rel=0.03)
    assert logs.mean() == pytest.approx(math.log(0.1), abs=0.02)


def test_a_short_arena_grows_and_nothing_is_lost():
    # All-to-few wiring: rewiring makes some rows much longer than their room.
    generator = np.random.default_rng(1)
    wiring = Edges(np.repeat(np.arange(4), 60), generator.integers(0, 80, 240))
    circuit, ee = small(None, Living(LIVELY, day=100.0, tick=10.0, contacts=9), wiring=wiring)
    formed = sum(snapshot.formed for snapshot in circuit.run(3000.0))
    after = circuit.connections(ee)
    assert formed > 500
    assert len(after) == 240
    assert after["pre"].nunique() > 50


@pytest.mark.parametrize(
    "wrong",
    [
        lambda c, a: c.connect(a, a, OutDegree(100), size=0.1, gain=1.0, delay=1.0),
        lambda c, a: c.connect(a, a, OutDegree(3), size=0.1, gain=1.0, delay=0.01),
        lambda c, a: c.connect(a, a, Edges(np.array([0]), np.array([100])), size=0.1, gain=1.0, delay=1.0),
        lambda c, a: c.connect(a, a, Probability(1.5), size=0.1, gain=1.0, delay=1.0),
        lambda c, a: c.connect(a, a, OutDegree(3), size=[0.1, 0.2], gain=1.0, delay=1.0),
        lambda c, a: Living(Dynamics(law=LIVELY.law, boundary=LIVELY.boundary, formation=FormationRate(rate=1.0))),
        lambda c, a: c.neurons(5, DRIVEN, name="E"),
    ],
)
def test_what_cannot_be_built_is_refused(wrong):
    circuit = Circuit(seed=1)
    with pytest.raises(InvalidInputError):
        wrong(circuit, circuit.neurons(100, DRIVEN, name="E"))


def test_a_circuit_that_runs_is_not_changed():
    circuit, _ = small()
    next(circuit.run(1.0))
    with pytest.raises(InvalidInputError, match="has begun"):
        circuit.neurons(3, DRIVEN, name="more")
