"""A circuit that is saved, loaded elsewhere and continued gives the bytes of one that was never interrupted."""

import json

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError
from spinula.engines.network.spiking import Circuit, Living, OutDegree, Probability
from spinula.law import Boundary, Dynamics, FormationRate, LinearLaw
from spinula.law.circuits.neurons import IntegrateAndFire
from spinula.law.circuits.timing import InhibitoryTiming, PairTiming, ReinforcedTiming, TripletTiming
from spinula.law.plasticity.homeostasis import Homeostasis

MODEL = IntegrateAndFire(rest=-49.0)
PAIRS = PairTiming(size_max=0.2, potentiation_step=2e-3, depression_step=2.1e-3, depression_time=30.0, lag=1.2)
TRIPLETS = TripletTiming(size_max=0.2, potentiation_step=1e-3, depression_step=2e-3, triplet_step=3e-3)
REWARD = ReinforcedTiming(
    size_max=0.2, potentiation_step=0.05, depression_step=0.05, eligibility_time=400.0, baseline=0.02
)
LAW = LinearLaw(recovery_rate=0.05, size_rest=0.1, noise_slope=0.2, noise_floor=0.01)
REPLACED = Dynamics(law=LAW, boundary=Boundary(size_min=0.02, size_new=0.025))
RATED = Dynamics(law=LAW, boundary=REPLACED.boundary, formation=FormationRate(rate=0.2))
SCALING = Homeostasis(target_rate=6.0, scaling_time=20.0, rate_time=0.2)
# A day in 20 ms: half of the spines are renewed in a second, so that rows overflow and move.
LIVES = {
    "none": None,
    "replaced": Living(REPLACED, day=20.0, tick=10.0, contacts=2, scaling=SCALING),
    "rated": Living(RATED, day=20.0, tick=10.0, length_um=40.0),
}
TIMINGS = {"pairs": PAIRS, "triplets": TRIPLETS, "reward": REWARD, "none": None}


def build(timing=PAIRS, living=None, *, threads=1, seed=3, gain=6.0, precision="single"):
    """Two populations; spikes are up to 3 ms on their way; input drawn, given, and bursts of dopamine."""
    circuit = Circuit(seed=seed, threads=threads, precision=precision)
    e, i = circuit.neurons(100, MODEL, name="E"), circuit.neurons(30, IntegrateAndFire(rest=-52.0), name="I")
    circuit.set_potentials(e, np.random.default_rng(seed).uniform(-60, -50, 100))
    learning = circuit.connect(
        e, e, OutDegree(20), size=0.1, gain=gain, delay=3.0, timing=timing, living=living
    )  # fmt: skip
    circuit.connect(e, i, Probability(0.2), size=0.1, gain=6.0, delay=1.5)
    rule = InhibitoryTiming(size_max=3.0, step=0.01, target_rate=8.0)
    circuit.connect(i, e, Probability(0.3), size=1.0, gain=-2.0, delay=0.8, inhibitory=True, timing=rule)
    circuit.poisson(e, rate=200.0, weight=1.5)
    circuit.send(e, [100.0, 499.9, 500.0, 500.1, 700.0], [1, 2, 3, 4, 5], weight=30.0)
    circuit.send(i, [10.0, 600.0], [1, 2], weight=30.0)
    circuit.release([50.0, 500.0, 620.0], 0.5)
    circuit.watch(learning if timing or living else circuit.projections[2])
    return circuit


def outcome(circuit, snapshots):
    """All that can be seen of a run, as bytes: spikes, deliveries, counts, potentials and connections at its end."""
    seen = [len(snapshots[0].spike_times)]
    for snapshot in snapshots:
        seen += [snapshot.time, snapshot.spike_times.tobytes(), snapshot.spike_neurons.tobytes()]
        seen += [snapshot.formed, snapshot.eliminated, snapshot.delivered.to_numpy().tobytes()]
    tables = [circuit.connections(projection).to_numpy().tobytes() for projection in circuit.projections]
    return [*seen, circuit.potentials.tobytes(), *tables]


@pytest.mark.parametrize(
    ("timing", "living", "precision"),
    [("pairs", "none", "double"), ("triplets", "none", "single"), ("reward", "none", "single"),
     ("pairs", "replaced", "single"), ("pairs", "rated", "single"), ("reward", "replaced", "single"),
     ("none", "rated", "single"), ("none", "none", "single")],
)  # fmt: skip
def test_a_run_that_was_cut_gives_the_bytes_of_one_in_one_go(tmp_path, timing, living, precision):
    rules = (TIMINGS[timing], LIVES[living])
    whole = build(*rules, precision=precision)
    _, *late = whole.run(1000.0, every=250.0)
    wanted = outcome(whole, late[1:])
    assert wanted[0] > 50
    assert living == "none" or min(late[-1].formed, late[-1].eliminated) > 100
    for before, after in ((1, 1), (1, 3), (2, 1)):
        cut, path = build(*rules, threads=before, precision=precision), tmp_path / "circuit.npz"
        for _ in cut.run(500.0):
            pass
        cut.save(path)
        again = build(*rules, threads=after, precision=precision)
        again.load(path)
        assert again.time == 500.0
        assert outcome(again, list(again.run(500.0, every=250.0))) == wanted, (before, after)


def test_saving_changes_nothing_and_the_file_does_not_know_the_threads(tmp_path):
    contents = []
    for threads in (1, 3):
        circuit = build(REWARD, LIVES["replaced"], threads=threads)
        for _ in circuit.run(333.3):
            pass
        circuit.save(tmp_path / "a.npz")
        circuit.save(tmp_path / "b.npz")
        again = build(REWARD, LIVES["replaced"], threads=4 - threads)
        again.load(tmp_path / "a.npz")
        again.save(tmp_path / "c.npz")
        for name in "abc":
            with np.load(tmp_path / f"{name}.npz") as file:
                contents.append({key: file[key].tobytes() for key in file.files})
    assert len(contents[0]) > 25
    for content in contents[1:]:
        assert [key for key in contents[0] if content[key] != contents[0][key]] == []


def test_input_still_to_come_is_that_of_the_file_and_more_can_be_sent(tmp_path):
    circuit = build()
    for _ in circuit.run(100.0):
        pass
    circuit.send(circuit.populations[0], [150.0], [17], weight=5000.0)
    circuit.save(tmp_path / "circuit.npz")

    def spikes(more):
        again = build()
        again.send(again.populations[0], [150.0], [18], weight=5000.0)  # before loading: replaced
        again.load(tmp_path / "circuit.npz")
        if more:
            again.send(again.populations[0], [150.0], [19], weight=5000.0)
        (snapshot,) = again.run(60.0)
        soon = (snapshot.spike_times > 149.9) & (snapshot.spike_times < 150.35)
        return set(snapshot.spike_neurons[soon].tolist())

    without, more = spikes(False), spikes(True)
    assert 17 in without
    assert 18 not in without | more
    assert more - without == {19}


@pytest.mark.parametrize(
    ("other", "match"),
    [
        ({"seed": 4}, "seed is 3 in the file, 4 here"),
        ({"gain": 6.5}, r"projection 0 \(E to E\), gain is 6.0 in the file, 6.5 here"),
        ({"precision": "double"}, "precision"),
        ({"timing": TRIPLETS}, "timing"),
        ({"living": LIVES["rated"]}, "living"),
    ],
)
def test_a_checkpoint_of_another_circuit_is_refused(tmp_path, other, match):
    circuit = build()
    for _ in circuit.run(20.0):
        pass
    circuit.save(tmp_path / "circuit.npz")
    another = build(**other)
    with pytest.raises(InvalidInputError, match=match):
        another.load(tmp_path / "circuit.npz")
    assert another.time == 0.0


def test_other_sizes_at_the_beginning_are_another_circuit(tmp_path):
    def one(size):
        circuit = Circuit(seed=1)
        cells = circuit.neurons(20, MODEL, name="E")
        circuit.connect(cells, cells, OutDegree(3), size=size, gain=1.0, delay=1.0)
        return circuit

    one(np.full(60, 0.1)).save(tmp_path / "circuit.npz")
    one(np.full(60, 0.1)).load(tmp_path / "circuit.npz")
    with pytest.raises(InvalidInputError, match="connections"):
        one(np.full(60, 0.2)).load(tmp_path / "circuit.npz")


def test_a_cut_write_leaves_the_old_file(tmp_path, monkeypatch):
    circuit, path = build(), tmp_path / "circuit.npz"
    circuit.save(path)
    before = path.read_bytes()

    def full(file, **_):
        file.write(b"half of it")
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError, match="no space"):
            circuit.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["circuit.npz"]
    build().load(path)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "circuit.npz"
    with pytest.raises(InvalidInputError, match="no such checkpoint"):
        build().load(path)
    circuit = build()
    circuit.save(path)
    whole = path.read_bytes()
    for content in (b"", b"words", whole[: len(whole) // 2], whole.replace(whole[5000:5008], b"damaged!")):
        path.write_bytes(content)
        with pytest.raises(InvalidInputError, match="damaged"):
            build().load(path)
    np.savez(path, sizes=np.zeros(3))
    with pytest.raises(InvalidInputError, match="no checkpoint"):
        build().load(path)
    np.savez(path, about=np.array(json.dumps({"kind": "circuit of spinula", "version": 99})))
    with pytest.raises(InvalidInputError, match="version 99"):
        build().load(path)
