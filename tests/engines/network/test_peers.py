"""A circuit handed to NEST and to Brian2 fires the same spikes there; where they are not installed, this is skipped."""

import importlib
import warnings

import numpy as np
import pytest

from spinula.engines.network.exchange import spikes_of, to_brian2, to_nest, write_sonata_edges, write_spikes
from spinula.engines.network.spiking import Circuit, Edges
from spinula.law.circuits.neurons import IntegrateAndFire
from spinula.law.circuits.timing import PairTiming

pytestmark = pytest.mark.filterwarnings("ignore")


def simulator(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError:
            return pytest.skip(f"{name} is not installed")


def build(lag=1.6, *, timing=True, threads=1):
    """300 and 60 neurons of different constants; several contacts per pair, three delays, spikes sent from outside."""
    circuit = Circuit(seed=1, precision="double", threads=threads)
    e = circuit.neurons(300, IntegrateAndFire(rest=-48.0), name="E")
    quick = IntegrateAndFire(
        rest=-52.0, membrane_time=12.0, refractory_time=2.0, excitatory_time=3.0, inhibitory_time=7.0
    )  # fmt: skip
    i = circuit.neurons(60, quick, name="I")
    generator = np.random.default_rng(5)
    for cells in (e, i):
        circuit.set_potentials(cells, generator.uniform(-60, -50, cells.count))
    rule = PairTiming(
        size_max=0.2, potentiation_step=0.02, depression_step=0.021, potentiation_time=17.0, depression_time=23.0,
        lag=lag,
    )  # fmt: skip

    def edges(pre, post, count, size):
        sizes = generator.uniform(0.5, 1.5, count) * size
        return Edges(generator.integers(pre.count, size=count), generator.integers(post.count, size=count), sizes)

    learning = circuit.connect(
        e, e, edges(e, e, 9000, 0.1), size=None, gain=8.0, delay=0.8, timing=rule if timing else None
    )
    circuit.connect(e, i, edges(e, i, 2000, 0.1), size=None, gain=12.0, delay=1.5)
    circuit.connect(i, e, edges(i, e, 3000, 1.0), size=None, gain=-4.0, delay=0.5, inhibitory=True)
    circuit.send(e, generator.uniform(1.0, 90.0, 400), generator.integers(300, size=400), weight=60.0)
    circuit.send(i, [20.0, 20.0, 50.0], [3, 4, 5], weight=[-50.0, -20.0, -9.0], inhibitory=True)
    return circuit, learning


def ours(circuit, learning, duration):
    (snapshot,) = circuit.run(duration)
    return (np.round(snapshot.spike_times, 6), snapshot.spike_neurons), circuit.connections(learning)["size"].to_numpy()


def test_nest_fires_the_same_spikes():
    nest = simulator("nest")
    made = to_nest(build()[0], nest)
    nest.Simulate(100.0)
    times, neurons = made.spikes()
    (wanted_times, wanted_neurons), _ = ours(*build(), 100.0)
    assert len(wanted_times) > 500
    assert len(set(wanted_neurons[wanted_neurons >= 300])) > 10
    np.testing.assert_array_equal(np.round(times, 6), wanted_times)
    np.testing.assert_array_equal(neurons, wanted_neurons)


@pytest.mark.parametrize("lag", [0.0, 1.6, 3.0])
def test_brian2_fires_the_same_spikes_and_its_synapses_get_the_same_sizes(lag):
    brian2 = simulator("brian2")
    brian2.prefs.codegen.target = "numpy"
    circuit, _ = build(lag)
    made = to_brian2(circuit, brian2)
    made.network.run(100.0 * brian2.ms)
    times, neurons = made.spikes()
    (wanted_times, wanted_neurons), sizes = ours(*build(lag), 100.0)
    np.testing.assert_array_equal(np.round(times, 6), wanted_times)
    np.testing.assert_array_equal(neurons, wanted_neurons)
    table = circuit.connections(circuit.projections[0])  # in the order in which the synapses were made
    assert np.abs(sizes - table["size"]).max() > 0.02
    np.testing.assert_allclose(np.asarray(made.synapses[0].size), sizes, atol=1e-5)


def test_without_learning_the_spikes_are_others():
    """The negative control: in 100 ms what is learned moves spikes, so that equal spikes mean equal learning."""
    (times, neurons), _ = ours(*build(), 100.0)
    (other_times, other_neurons), _ = ours(*build(timing=False), 100.0)
    same = len(set(zip(times, neurons, strict=True)) & set(zip(other_times, other_neurons, strict=True)))
    assert same < len(times)
    (lagged_times, lagged_neurons), _ = ours(*build(0.0), 100.0)
    assert set(zip(times, neurons, strict=True)) != set(zip(lagged_times, lagged_neurons, strict=True))


def test_files_are_read_by_the_reader_of_sonata(tmp_path):
    libsonata = simulator("libsonata")
    circuit, _ = build()
    snapshots = list(circuit.run(50.0))
    write_sonata_edges(tmp_path / "edges.h5", circuit, circuit.projections)
    storage = libsonata.EdgeStorage(str(tmp_path / "edges.h5"))
    assert storage.population_names == {"E_to_E", "E_to_I", "I_to_E"}
    edges, table = storage.open_population("E_to_I"), circuit.connections(circuit.projections[1])
    assert (edges.source, edges.target, edges.size) == ("E", "I", 2000)
    for neuron in (0, 7, 299):
        mine = edges.efferent_edges([neuron])
        assert sorted(edges.target_nodes(mine)) == sorted(table["post"][table["pre"] == neuron])
    for neuron in (0, 59):
        mine = edges.afferent_edges([neuron])
        rows = table[table["post"] == neuron]
        assert sorted(edges.source_nodes(mine)) == sorted(rows["pre"])
        np.testing.assert_allclose(sorted(edges.get_attribute("syn_weight", mine)), sorted(rows["weight"]))
        assert set(edges.get_attribute("delay", mine)) == {1.5}
    spikes = spikes_of(circuit, snapshots)
    write_spikes(tmp_path / "spikes.h5", spikes)
    reader = libsonata.SpikeReader(str(tmp_path / "spikes.h5"))
    assert set(reader.get_population_names()) == {"E", "I"}
    assert reader["E"].sorting == "by_time"
    found, mine = reader["E"].get_dict(), spikes[spikes["population"] == "E"]
    np.testing.assert_array_equal(found["timestamps"], mine["time"])
    np.testing.assert_array_equal(found["node_ids"], mine["neuron"])
