"""Published networks are read, and published programs are reproduced with their errors, named as such."""

import numpy as np
import pytest
from scipy.io import savemat

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.engines.silver.device import Device
from spinula.engines.silver.graph import GapGraph
from spinula.engines.silver.published import read_network
from spinula.engines.silver.solver import Drive
from spinula.law.silver import RateBalance, TunnelThreshold
from spinula.law.silver.published import PROGRAMS, published_law

ACROSS = {"left": Drive(voltage=1.0), "right": Drive(voltage=0.0)}
# Two chains of three junctions side by side.
ENDS = np.array([[0, 1], [1, 2], [2, 5], [0, 3], [3, 4], [4, 5]])


def adjacency():
    matrix = np.zeros((6, 6))
    matrix[ENDS[:, 0], ENDS[:, 1]] = matrix[ENDS[:, 1], ENDS[:, 0]] = 1
    return matrix


def write(kind, path):
    place = np.arange(6.0)
    if kind == "matlab":
        savemat(path, {"adj_matrix": adjacency(), "xc": place, "yc": place**2, "number_of_wires": 6})
    elif kind == "matrix":
        np.savez(path, adjacency=adjacency())
    elif kind == "ends":
        np.savez(path, ends=ENDS + 1, distance=np.full(6, 3.0))
    else:
        path.write_text("tail,head,distance_nm\n" + "".join(f"{a + 1},{b + 1},3.0\n" for a, b in ENDS))


@pytest.mark.parametrize(
    ("kind", "name"), [("matlab", "n.mat"), ("matrix", "m.npz"), ("ends", "e.npz"), ("list", "l.csv")]
)
def test_a_network_is_the_same_from_every_kind_of_file(kind, name, tmp_path):
    write(kind, tmp_path / name)
    graph = read_network(tmp_path / name, electrodes={"left": [1], "right": [6]}, first=1)
    assert (graph.islands, graph.gaps) == (6, 6)
    assert {(a, b) for a, b in zip(graph.tail, graph.head, strict=True)} == {tuple(sorted(e)) for e in ENDS.tolist()}
    if kind == "matlab":
        np.testing.assert_allclose(graph.position[3], [3000, 9000])
    else:
        assert np.isfinite(graph.position).all()
    assert graph.distance[0] == (3.0 if kind in ("ends", "list") else 5.0)
    # Two chains of three between the electrodes: G = 2 g / 3.
    current = Device(graph, TunnelThreshold(), seed=0).solve(ACROSS).electrode_current[0]
    assert current == pytest.approx(2 * TunnelThreshold().conductance((0.0, 0, 0), distance=5.0) / 3, rel=1e-12)


def test_what_is_no_network_is_refused(tmp_path):
    wanted = {"left": [0], "right": [5]}
    savemat(tmp_path / "a.mat", {"something": np.eye(3)})
    with pytest.raises(InvalidInputError, match="adj_matrix"):
        read_network(tmp_path / "a.mat", electrodes=wanted)
    lopsided = np.triu(np.ones((6, 6)))
    np.savez(tmp_path / "b.npz", adjacency=lopsided)
    with pytest.raises(InvalidInputError, match="symmetric"):
        read_network(tmp_path / "b.npz", electrodes=wanted)
    (tmp_path / "c.csv").write_text("from,to\n1,2\n")
    with pytest.raises(InvalidInputError, match="tail and head"):
        read_network(tmp_path / "c.csv", electrodes=wanted)
    write("ends", tmp_path / "d.npz")
    with pytest.raises(InvalidInputError, match="below 2"):
        read_network(tmp_path / "d.npz", electrodes=wanted, first=2)
    write("matrix", tmp_path / "e.npz")
    with pytest.raises(InvalidInputError, match="does not have"):
        read_network(tmp_path / "e.npz", electrodes={"left": [0], "right": [9]})
    (tmp_path / "f.mat").write_bytes(b"MATLAB 7.3 MAT-file" + bytes(600))
    with pytest.raises(InvalidInputError, match="v7"):
        read_network(tmp_path / "f.mat", electrodes=wanted)
    with pytest.raises(InvalidInputError, match=r"\.mat"):
        read_network(tmp_path / "g.txt", electrodes=wanted)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"n.csv is no table: No columns.*\n.*tail and head"),
        ('tail,head\n0,1\n1,"2', r"n.csv is no table: .*\n.*tail and head"),
        ("tail,head\n0,1\n1,\n", r"n.csv, row 3, column 'head': is empty\n.*whole number"),
        ("tail,head\n0,1\n\n1,\n\n", r"n.csv, row 4, column 'head': is empty"),
        ("tail,head\n0,1\n1.5,2\n", r"n.csv, row 3, column 'tail': is 1.5\n.*whole number"),
        ("tail,head\n0,one\n", r"n.csv, row 2, column 'head': is one"),
        ("tail,head,distance_nm\n0,1,3\n1,2,\n", r"n.csv, row 3, column 'distance_nm': is empty\n.*above 0"),
        ("tail,head,width_nm\n0,1,-3\n1,2,3\n", r"n.csv, row 2, column 'width_nm': is -3"),
    ],
)
def test_a_table_that_is_wrong_names_its_row_and_the_cure(text, said, tmp_path):
    (tmp_path / "n.csv").write_text(text)
    with pytest.raises(InvalidInputError, match=said):
        read_network(tmp_path / "n.csv", electrodes={"left": [0], "right": [2]})


def test_a_file_that_was_cut_is_refused_wherever_it_was_cut(tmp_path):
    write("ends", tmp_path / "whole.npz")
    whole = (tmp_path / "whole.npz").read_bytes()
    for size in (0, 1, 3, 10, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        (tmp_path / "cut.npz").write_bytes(whole[:size])
        with pytest.raises(InvalidInputError, match=r"cut.npz is no whole .*\n.*savez"):
            read_network(tmp_path / "cut.npz", electrodes={"left": [1], "right": [6]}, first=1)
    with (tmp_path / "one.npz").open("wb") as file:
        np.save(file, ENDS)
    with pytest.raises(InvalidInputError, match=r"one.npz is no whole"):
        read_network(tmp_path / "one.npz", electrodes={"left": [1], "right": [6]}, first=1)


def settle(law, voltage, time, steps):
    state = (0.0, 0.0, 0.0)
    for _ in range(steps):
        state = law.step(state, voltage=voltage, distance=2.0, dt=time / steps)
    return float(state[0])


def test_milano_compat_has_the_published_programs_numbers_and_ours_does_not_depend_on_the_step():
    compat, ours = published_law("milano2022_compat"), RateBalance()
    for time, voltage, steps, published in (
        (2.0, 0.5, 40, 0.697), (2.0, 0.5, 200, 0.939), (2.0, 0.5, 2000, 0.994), (20.0, 0.01, 400, 0.0091),
        (20.0, 0.01, 4000, 0.083),
    ):  # fmt: skip
        assert settle(compat, voltage, time, steps) == pytest.approx(published, rel=0.01)
    for voltage, time, exact in ((0.5, 2.0, 0.0220), (0.01, 20.0, 0.00022)):
        found = [settle(ours, voltage, time, steps) for steps in (1, 40, 2000)]
        assert found == pytest.approx([found[0]] * 3, rel=1e-12)
        assert found[0] == pytest.approx(exact, rel=0.02)


def test_the_programs_of_the_tunnelling_junction_order_as_their_exponents_do():
    # On the published network: 3.290e-5 (ports), 3.244e-5 (MATLAB), 3.237e-5 S (physics) after 0.1 s.
    names = ("asn_simulation_compat", "hochstetter2021_compat")
    ports, matlab, physics = published_law(names[0]), published_law(names[1]), TunnelThreshold()
    thin = (0.009, 0.0, 0.0)  # half a nanometre is left
    s = 0.5
    for law, power, exponent in ((ports, 2, 10.19 * 0.81**2), (matlab, 1, 10.19 * 0.81**2)):
        tunnel = 2 / 0.17 * s**power / np.sqrt(0.81) * np.exp(exponent * s) / 4.7131e-5
        want = 1 / (tunnel + 1 / 7.77e-5) + 7.77e-8
        assert law.conductance(thin, distance=5.0) == pytest.approx(want, rel=1e-12)
    assert ports.conductance(thin, distance=5.0) > matlab.conductance(thin, distance=5.0)
    assert matlab.conductance(thin, distance=5.0) > physics.conductance(thin, distance=5.0)
    ac = published_law("hochstetter2021_ac_compat")
    ratio = ac.conductance((0.01, 0, 0), distance=5.0) / ac.conductance((0.0, 0, 0), distance=5.0)
    assert ratio == pytest.approx(7771, rel=1e-3)


def test_programs_are_named():
    assert all(entry.differs and entry.source for entry in PROGRAMS.values())
    with pytest.raises(UnknownNameError, match="milano2022_compat"):
        published_law("milano_compat")


def test_every_solve_of_these_tests_is_checked(checked_solves, monkeypatch):
    graph = GapGraph.from_edges(ENDS, 2.0, 2.0, electrodes={"left": [0], "right": [5]})
    device = Device(graph, TunnelThreshold(), seed=0)
    before = checked_solves["solves"]
    device.step(ACROSS, 1e-3)
    assert checked_solves["solves"] == before + 1
    # A solver that loses a current is found out.
    monkeypatch.setattr("spinula.engines.silver.solver.drop_voltages", lambda value, tail, head, drop: drop.fill(0.1))
    with pytest.raises(AssertionError):
        device.solve(ACROSS)
