"""Connections and spikes come back from files as they went, and bad files and circuits are refused by name."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import InvalidInputError, MissingExtraError, UnknownNameError
from spinula.engines.network import exchange
from spinula.engines.network.spiking import Circuit, Edges, Living, OutDegree
from spinula.law import Boundary, Dynamics, LinearLaw
from spinula.law.circuits.neurons import IntegrateAndFire
from spinula.law.circuits.timing import PairTiming, TripletTiming

h5py = pytest.importorskip("h5py")
MODEL = IntegrateAndFire(rest=-48.0)
PAIRS = PairTiming(size_max=0.2, potentiation_step=2e-3, depression_step=2e-3, lag=3.0)


def build():
    circuit = Circuit(seed=2)
    e, i = circuit.neurons(50, MODEL, name="E"), circuit.neurons(20, MODEL, name="I")
    circuit.set_potentials(e, np.linspace(-60, -51, 50))
    ee = circuit.connect(e, e, OutDegree(8), size=np.linspace(0.05, 0.15, 400), gain=6.0, delay=1.5, timing=PAIRS)
    # Neurons 0 to 9 have no edge; a pair has three contacts.
    pre, post = np.repeat(np.arange(10, 50), 3), np.repeat(np.arange(40) % 20, 3)
    ei = circuit.connect(e, i, Edges(pre, post), size=0.1, gain=5.0, delay=2.0)
    return circuit, ee, ei


@pytest.fixture(scope="module")
def ran():
    circuit, ee, ei = build()
    return circuit, ee, ei, list(circuit.run(120.0, every=40.0))


def test_an_edge_list_in_parquet_comes_back(ran, tmp_path):
    circuit, ee, _, _ = ran
    pytest.importorskip("pyarrow")
    from pyarrow import parquet

    exchange.write_edges(tmp_path / "ee.parquet", circuit, ee)
    found, wanted = exchange.read_edges(tmp_path / "ee.parquet"), circuit.connections(ee)
    pd.testing.assert_frame_equal(found.table.drop(columns="delay"), wanted)
    assert (found.pre, found.post, found.delay) == ("E", "E", 1.5)
    assert found.gain == pytest.approx(6.0)
    units = {field.name: field.metadata[b"unit"] for field in parquet.read_schema(tmp_path / "ee.parquet")}
    assert units == {
        "pre": b"index", "post": b"index", "spine_id": b"id", "size": b"um3", "weight": b"mV", "delay": b"ms"
    }  # fmt: skip


@pytest.mark.parametrize("way", ["parquet", "sonata"])
def test_what_was_written_builds_the_same_circuit(ran, tmp_path, way):
    path, again = tmp_path / "edges.h5", Circuit(seed=9)
    source, ee, _ = build()
    if way == "parquet":
        pytest.importorskip("pyarrow")
        exchange.write_edges(path, source, ee)
        found = exchange.read_edges(path)
    else:
        exchange.write_sonata_edges(path, source, source.projections)
        found = exchange.read_sonata_edges(path, "E_to_E")
    cells = again.neurons(50, MODEL, name="E")
    again.set_potentials(cells, np.linspace(-60, -51, 50))
    made = again.connect(cells, cells, found.edges, size=None, gain=found.gain, delay=found.delay, timing=PAIRS)
    spikes = exchange.spikes_of(again, again.run(120.0))
    before = exchange.spikes_of(source, ran[3])
    excitatory = before[before["population"] == "E"]
    assert len(excitatory) > 100
    np.testing.assert_array_equal(spikes[spikes["population"] == "E"], excitatory)
    np.testing.assert_array_equal(again.connections(made)["size"], ran[0].connections(ran[1])["size"])


def test_sonata_edges_have_the_published_layout(ran, tmp_path):
    circuit, _, ei, _ = ran
    exchange.write_sonata_edges(tmp_path / "edges.h5", circuit, circuit.projections)
    table = circuit.connections(ei)
    with h5py.File(tmp_path / "edges.h5") as file:
        assert file.attrs["magic"] == 0x0A7A
        assert file.attrs["magic"].dtype == np.uint32
        assert file.attrs["version"].tolist() == [0, 1]
        group = file["edges/E_to_I"]
        for name in ("source_node_id", "target_node_id", "edge_type_id", "edge_group_id", "edge_group_index"):
            assert group[name].shape == (120,)
            assert group[name].dtype.kind == "u"
        assert group["source_node_id"].attrs["node_population"] == "E"
        assert group["target_node_id"].attrs["node_population"] == "I"
        np.testing.assert_array_equal(group["0/syn_weight"], table["weight"])
        assert set(group["0/delay"][:]) == {2.0}
        for way, end, column in (("source_to_target", "source", "pre"), ("target_to_source", "target", "post")):
            nodes = group[f"indices/{way}/node_id_to_ranges"][:]
            ranges, ids = group[f"indices/{way}/range_to_edge_id"][:], group[f"{end}_node_id"][:]
            assert nodes.shape == (50 if end == "source" else 20, 2)
            for node, (first, stop) in enumerate(nodes):
                mine = [] if first < 0 else [np.arange(a, b) for a, b in ranges[first:stop]]
                found = np.concatenate([np.zeros(0, int), *mine])
                np.testing.assert_array_equal(np.sort(found), np.flatnonzero(ids == node))
                assert len(found) == (table[column] == node).sum()
        assert group["indices/source_to_target/node_id_to_ranges"][0].tolist() == [-1, -1]
    types = pd.read_csv(exchange.sonata.types_path(tmp_path / "edges.h5"), sep=" ")
    assert types["edge_type_id"].tolist() == [0, 1]
    assert types["population"].tolist() == ["E_to_E", "E_to_I"]
    found = exchange.read_sonata_edges(tmp_path / "edges.h5", "E_to_I")
    pd.testing.assert_frame_equal(found.table.drop(columns="delay"), table)
    with pytest.raises(InvalidInputError, match="say which population"):
        exchange.read_sonata_edges(tmp_path / "edges.h5")
    with pytest.raises(UnknownNameError, match="Did you mean 'E_to_I'"):
        exchange.read_sonata_edges(tmp_path / "edges.h5", "E_to_i")


def foreign(path, **changes):
    """A file of another program: two groups, no sizes, weights on edges, delays by type of edge."""
    data = {
        "source_node_id": [3, 0, 1], "target_node_id": [1, 2, 0], "edge_type_id": [100, 101, 100],
        "edge_group_id": [0, 1, 0], "edge_group_index": [1, 0, 0], "0/syn_weight": [0.5, 1.0], "1/syn_weight": [2.0],
    } | changes  # fmt: skip
    with h5py.File(path, "w") as file:
        for name, values in data.items():
            if values is not None:
                file[f"edges/A_to_B/{name}"] = values
    (path.parent / "types.csv").write_text("edge_type_id delay model_template\n100 1.5 NULL\n101 2.5 NULL\n")
    return path


def test_sonata_edges_of_others_are_understood(tmp_path):
    path = foreign(tmp_path / "edges.h5")
    with pytest.raises(InvalidInputError, match="Give gain"):
        exchange.read_sonata_edges(path)
    found = exchange.read_sonata_edges(path, types=tmp_path / "types.csv", gain=2.0)
    assert found.table["size"].tolist() == [0.5, 1.0, 0.25]
    assert found.table["delay"].tolist() == [1.5, 2.5, 1.5]
    with pytest.raises(InvalidInputError, match="one delay was wanted"):
        found.delay
    assert [(delay, part.table["pre"].tolist()) for delay, part in found.by_delay()] == [(1.5, [3, 1]), (2.5, [0])]
    assert exchange.read_sonata_edges(path, gain=2.0).table["delay"].isna().all()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"edge_group_id": None}, "no edge_group_id"),
        ({"edge_group_id": [0, 2, 0]}, "group 2, which the file does not hold"),
        ({"edge_group_index": [7, 0, 0]}, "has index 7"),
        ({"target_node_id": [1, 2]}, "one length"),
        ({"1/syn_weight": None, "1/other": [1.0]}, "edge 1 has no syn_weight"),
        ({"0/syn_weight": [0.5, -1.0]}, "row 0 .*size must"),
        ({"source_node_id": [3, -1, 1]}, "row 1 .*whole numbers"),
    ],
)
def test_sonata_edges_that_are_not_whole_are_refused(tmp_path, changes, match):
    with pytest.raises(InvalidInputError, match=match):
        exchange.read_sonata_edges(foreign(tmp_path / "edges.h5", **changes), gain=2.0)


def test_a_type_of_edge_that_is_missing_is_named(tmp_path):
    path = foreign(tmp_path / "edges.h5", edge_type_id=[100, 7, 100])
    with pytest.raises(InvalidInputError, match="no delay for edge_type_id 7"):
        exchange.read_sonata_edges(path, types=tmp_path / "types.csv", gain=2.0)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".h5"])
def test_spikes_come_back(ran, tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    circuit, _, _, snapshots = ran
    spikes = exchange.spikes_of(circuit, snapshots)
    assert set(spikes["population"]) == {"E", "I"}
    assert spikes["neuron"][spikes["population"] == "I"].max() < 20
    path = tmp_path / f"spikes{suffix}"
    exchange.write_spikes(path, spikes)
    order = ["time", "population", "neuron"]
    found = exchange.read_spikes(path).sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(found, spikes.sort_values(order, ignore_index=True), check_dtype=False)
    if suffix == ".h5":
        with h5py.File(path) as file:
            group = file["spikes/E"]
            assert h5py.check_enum_dtype(group.attrs.get_id("sorting").dtype)["by_time"] == group.attrs["sorting"]
            assert group["timestamps"].attrs["units"] == "milliseconds"
            assert (group["timestamps"].dtype, group["node_ids"].dtype) == (np.float64, np.uint64)
            assert (np.diff(group["timestamps"]) >= 0).all()


def test_bad_files_get_clear_errors(tmp_path):
    path = tmp_path / "spikes.h5"
    with pytest.raises(InvalidInputError, match="no such file"):
        exchange.read_spikes(path)
    path.write_text("words")
    for read in (exchange.read_spikes, exchange.read_sonata_edges):
        with pytest.raises(InvalidInputError, match="not an HDF5 file"):
            read(path)
    with h5py.File(path, "w") as file:
        file["spikes/E/timestamps"] = [1.0, 2.0]
    with pytest.raises(InvalidInputError, match="no node_ids"):
        exchange.read_spikes(path)
    with pytest.raises(InvalidInputError, match="no group /edges; it holds spikes"):
        exchange.read_sonata_edges(path)
    with h5py.File(path, "a") as file:
        file["spikes/E/node_ids"] = [1]
    with pytest.raises(InvalidInputError, match="2 timestamps for 1 node_ids"):
        exchange.read_spikes(path)
    with h5py.File(path, "a") as file:
        file["spikes/E/timestamps"].attrs["units"] = "seconds"
        del file["spikes/E/node_ids"]
        file["spikes/E/node_ids"] = [1, 2]
    with pytest.raises(InvalidInputError, match="in 'seconds'"):
        exchange.read_spikes(path)
    table = tmp_path / "spikes.csv"
    for content, match in (("time_ms,neuron\n1,2\n", "no column population"),
                           ("time_ms,population,neuron\n1,E,-2\n", "spike 0"),
                           ("time_ms,population,neuron\nsoon,E,2\n", "wanted numbers")):  # fmt: skip
        table.write_text(content)
        with pytest.raises(InvalidInputError, match=match):
            exchange.read_spikes(table)
    with pytest.raises(InvalidInputError, match="kept as"):
        exchange.write_spikes(tmp_path / "spikes.txt", pd.DataFrame())


def test_bad_edge_lists_get_clear_errors(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "edges.parquet"
    path.write_text("words")
    with pytest.raises(InvalidInputError, match="not a Parquet file"):
        exchange.read_edges(path)
    good = {"pre": [0, 1], "post": [1, 0], "size": [0.1, 0.2]}
    for change, match in (({"post": None}, "no column 'post'"), ({"size": [0.1, np.nan]}, "row 1"),
                          ({"pre": [0.5, 1]}, "row 0"), ({"pre": ["a", "b"]}, "wanted numbers"),
                          ({"delay": [1.0, 0.0]}, "above 0 ms")):  # fmt: skip
        columns = {name: values for name, values in (good | change).items() if values is not None}
        pd.DataFrame(columns).to_parquet(path)
        with pytest.raises(InvalidInputError, match=match):
            exchange.read_edges(path)
    pd.DataFrame(good).to_parquet(path)
    assert exchange.read_edges(path).table["spine_id"].tolist() == [-1, -1]


def test_a_missing_library_names_its_extra(ran, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"spinula\[sonata\]"):
        exchange.write_sonata_edges(tmp_path / "edges.h5", ran[0], [ran[1]])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"spinula\[parquet\]"):
        exchange.write_edges(tmp_path / "edges.parquet", ran[0], ran[1])


LIVELY = Dynamics(
    law=LinearLaw(recovery_rate=0.05, size_rest=0.1, noise_slope=0.2, noise_floor=0.01),
    boundary=Boundary(size_min=0.02, size_new=0.025),
)
TRIPLETS = TripletTiming(size_max=0.2, depression_step=2e-3, triplet_step=3e-3)


def handed(hand_over, *, model=MODEL, prepare=None, **options):
    circuit = Circuit(seed=1)
    cells = circuit.neurons(10, model, name="E")
    circuit.connect(cells, cells, OutDegree(3), **({"size": 0.1, "gain": 6.0, "delay": 1.5} | options))
    if prepare:
        prepare(circuit, cells)
    hand_over(circuit, None)


@pytest.mark.parametrize("hand_over", [exchange.to_nest, exchange.to_brian2])
@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"model": IntegrateAndFire(synapses="conductance")}, "population E: conductance synapses"),
        ({"timing": TRIPLETS}, "projection E to E: triplet timing"),
        ({"living": Living(LIVELY)}, "projection E to E: living spines"),
        ({"prepare": lambda circuit, cells: circuit.poisson(cells, rate=1.0, weight=1.0)}, "Poisson input"),
        ({"prepare": lambda circuit, cells: circuit.release([1.0])}, "dopamine"),
        ({"prepare": lambda circuit, cells: list(circuit.run(1.0))}, "has run"),
    ],
)
def test_what_others_cannot_be_handed_is_refused_by_name(hand_over, options, match):
    with pytest.raises(InvalidInputError, match=match):
        handed(hand_over, **options)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"timing": PAIRS.model_copy(update={"lag": 0.0})}, "lag = 0 ms; .* lag = 3 ms"),
        ({"timing": PAIRS.model_copy(update={"size_floor": 0.01})}, "size_floor"),
        ({"gain": -1.0}, "weight's sign"),
        ({"prepare": lambda circuit, cells: circuit.send(cells, [0.1], [0], weight=1.0)}, "second step"),
        ({"prepare": lambda circuit, cells: circuit.send(cells, [9.0], [0], weight=-1.0)}, "given spikes"),
    ],
)  # fmt: skip
def test_what_nest_alone_cannot_be_handed_is_refused_by_name(options, match):
    with pytest.raises(InvalidInputError, match=match):
        handed(exchange.to_nest, **options)


def test_the_page_on_exchange_runs_and_prints_what_it_says(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pyarrow")
    page = (Path(__file__).parents[3] / "docs" / "howto" / "exchange_a_circuit.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(page.split("```python\n")[1].split("```")[0], {})
    assert capsys.readouterr().out == page.split("```text\n")[1].split("```")[0]
    assert {path.name for path in tmp_path.iterdir()} == {"edges.h5", "edges_types.csv", "edges.parquet", "spikes.h5"}
