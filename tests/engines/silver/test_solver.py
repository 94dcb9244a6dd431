import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.engines.silver.netlist import read_netlist, write_netlist
from spinula.engines.silver.solver import Drive, Solver

ACROSS = {"left": Drive(voltage=1.0), "right": Drive(voltage=0.0)}


def conductances(gaps, seed=1, decades=3.0):
    """A tenth of all gaps conduct like a bridge, the rest spread over decades."""
    rng = np.random.default_rng(seed)
    values = 1e-7 * 10 ** (decades * (rng.random(gaps) - 0.5))
    values[rng.random(gaps) < 0.1] = 7.7e-5
    return values


def dense(graph, conductance):
    """The Laplacian of all islands, electrodes not yet joined."""
    matrix = np.zeros((len(graph.position),) * 2)
    for tail, head, g in zip(graph.tail, graph.head, conductance, strict=True):
        matrix[tail, tail] += g
        matrix[head, head] += g
        matrix[tail, head] -= g
        matrix[head, tail] -= g
    return matrix


def hold_laws_of_circuits(solver, solution):
    found = solver.residuals(solution)
    assert found["node"] < 1e-10
    assert found["total"] < 1e-10
    assert found["power"] < 1e-10
    assert found["maximum"] <= 1e-12


@pytest.mark.parametrize("islands", [12, 60, 400, 3000])
@pytest.mark.parametrize("decades", [0.0, 3.0])
def test_voltages_agree_with_a_dense_solution(make_planar, islands, decades):
    graph = make_planar(islands, seed=islands)
    g = conductances(len(graph.tail), decades=decades)
    solver = Solver(graph)
    solver.factor(g)
    solution = solver.solve(ACROSS)
    hold_laws_of_circuits(solver, solution)
    fixed = np.concatenate([graph.electrodes["left"], graph.electrodes["right"]])
    free = np.setdiff1d(np.flatnonzero(solver.connected), fixed)
    matrix, known = dense(graph, g), np.zeros(islands)
    known[graph.electrodes["left"]] = 1.0
    expected = np.linalg.solve(matrix[np.ix_(free, free)], -matrix[free] @ known)
    np.testing.assert_allclose(solution.voltage[free], expected, atol=3e-11)


def test_conductances_may_span_twelve_decades(make_planar):
    # In one row of bridges behind a weak gap, a Laplacian with a diagonal would lose the weak current.
    graph = make_planar(2000, seed=5)
    g = conductances(len(graph.tail), decades=12.0)
    solver = Solver(graph)
    exact = solver.factor(g)[0, 1]
    solution = solver.solve(ACROSS)
    hold_laws_of_circuits(solver, solution)
    assert solution.electrode_current[0] == pytest.approx(exact, rel=1e-12)
    scaled = solver.factor(g * 2.0**-40)[0, 1]
    assert scaled == pytest.approx(exact * 2.0**-40, rel=1e-13)


def test_a_graph_without_positions_is_cut_by_its_connections(make_planar):
    graph = make_planar(1500, seed=2)
    g = conductances(len(graph.tail))
    with_positions = Solver(graph).factor(g)
    graph.position = np.full_like(graph.position, np.nan)
    blind = Solver(graph)
    np.testing.assert_allclose(blind.factor(g), with_positions, rtol=1e-10)
    assert blind.plan.panel[-1] < 40 * len(g)


def test_series_and_parallel(make_network, make_chain):
    graph = make_chain(5)
    solver = Solver(graph)
    g = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert solver.factor(g)[0, 1] == pytest.approx(1 / np.sum(1 / g), rel=1e-14)
    double = make_network([[0, 0], [1, 0], [2, 0]], [[0, 1], [0, 1], [1, 2]], {"a": [0], "b": [2]})
    assert Solver(double).factor(np.array([1.0, 2.0, 6.0]))[0, 1] == pytest.approx(2.0, rel=1e-14)
    bridge = make_network(np.eye(4, 2), [[0, 1], [0, 2], [1, 3], [2, 3], [1, 2]], {"a": [0], "b": [3]})
    balanced = Solver(bridge)
    balanced.factor(np.array([1.0, 2.0, 3.0, 6.0, 5.0]))
    solution = balanced.solve({"a": Drive(voltage=1), "b": Drive(voltage=0)})
    assert abs(solution.current[4]) < 1e-15


def test_reciprocity_of_six_electrodes(make_planar):
    graph = make_planar(900, seed=3, pads=6)
    solver = Solver(graph)
    g = conductances(len(graph.tail))
    mutual = solver.factor(g)
    assert mutual.shape == (6, 6)
    assert np.array_equal(mutual, mutual.T)
    # The same by six separate solutions: volt at one electrode, current at another.
    for a in solver.electrodes:
        solution = solver.solve({name: Drive(voltage=float(name == a)) for name in solver.electrodes})
        hold_laws_of_circuits(solver, solution)
        k = solver.electrodes.index(a)
        others = np.arange(6) != k
        np.testing.assert_allclose(-solution.electrode_current[others], mutual[k, others], rtol=1e-9)
    # Transfer resistance: a current through one pair, the voltage at another pair, and the other way round.
    first = solver.solve({"left": Drive(voltage=0), "pad0": Drive(current=1e-6)})
    second = solver.solve({"left": Drive(voltage=0), "pad1": Drive(current=1e-6)})
    hold_laws_of_circuits(solver, first)
    at = {name: i for i, name in enumerate(solver.electrodes)}
    assert first.electrode_voltage[at["pad1"]] == pytest.approx(second.electrode_voltage[at["pad0"]], rel=1e-10)


def test_one_factor_serves_every_set_of_electrodes(make_planar):
    graph = make_planar(400, seed=4, pads=4)
    solver = Solver(graph)
    g = conductances(len(graph.tail))
    solver.factor(g)
    solution = solver.solve({"left": Drive(voltage=1), "pad0": Drive(voltage=0)})
    at = {name: i for i, name in enumerate(solver.electrodes)}
    # A floating electrode takes no current, but joins its islands.
    assert abs(solution.electrode_current[at["right"]]) < 1e-10 * abs(solution.electrode_current[at["left"]])
    assert 0 < solution.electrode_voltage[at["right"]] < 1
    assert np.ptp(solution.voltage[graph.electrodes["right"]]) == 0
    hold_laws_of_circuits(solver, solution)
    del graph.electrodes["right"], graph.electrodes["pad1"]
    apart = Solver(graph)
    apart.factor(g)
    loose = apart.solve({"left": Drive(voltage=1), "pad0": Drive(voltage=0)})
    assert loose.electrode_current[0] < solution.electrode_current[at["left"]]


def test_series_resistance_and_compliance(make_chain):
    solver = Solver(make_chain(4))
    solver.factor(np.full(4, 4e-4))  # 10 kohm in all
    ground = {"right": Drive(voltage=0)}
    plain = solver.solve({"left": Drive(voltage=1, resistance=3e4), **ground})
    assert plain.electrode_current[0] == pytest.approx(1 / 4e4, rel=1e-13)
    assert plain.electrode_voltage[0] == pytest.approx(0.25, rel=1e-13)
    for voltage, sign in ((1.0, 1), (-1.0, -1)):
        held = solver.solve({"left": Drive(voltage=voltage, compliance=1e-5), **ground})
        assert held.limited.tolist() == [True, False]
        assert held.electrode_current[0] == pytest.approx(sign * 1e-5, rel=1e-13)
        assert held.electrode_voltage[0] == pytest.approx(sign * 0.1, rel=1e-12)
    loose = solver.solve({"left": Drive(voltage=1, compliance=2e-4), **ground})
    assert not loose.limited.any()
    fed = solver.solve({"left": Drive(current=2e-5), **ground})
    assert fed.electrode_voltage[0] == pytest.approx(0.2, rel=1e-12)
    hold_laws_of_circuits(solver, fed)


def test_the_limit_lets_go_of_a_source_that_another_one_opposes(make_network):
    # Two sources feed one ground; alone either would exceed its limit, and the limits hold both.
    star = make_network([[0, 0], [1, 0], [0, 1], [1, 1]], [[0, 1], [0, 2], [0, 3]], {"a": [1], "b": [2], "c": [3]})
    solver = Solver(star)
    solver.factor(np.array([1e-3, 1e-3, 1e-4]))
    drives = {"a": Drive(voltage=1.0, compliance=5e-5), "b": Drive(voltage=0.3, compliance=5e-5), "c": Drive(voltage=0)}
    solution = solver.solve(drives)
    assert solution.limited[0]
    assert np.all(np.abs(solution.electrode_current[:2]) <= 5e-5 * (1 + 1e-9))
    for k, name in ((0, "a"), (1, "b")):
        if solution.limited[k]:
            push = drives[name].voltage - solution.electrode_voltage[k]
            assert push * np.sign(solution.electrode_current[k]) >= 0
        else:
            assert solution.electrode_voltage[k] == drives[name].voltage


def test_islands_without_a_path_have_no_voltage(make_network):
    graph = make_network(
        np.random.default_rng(0).random((6, 2)), [[0, 1], [1, 2], [3, 4], [4, 5]], {"a": [0], "b": [2]}
    )
    solver = Solver(graph)
    solver.factor(np.ones(4))
    solution = solver.solve({"a": Drive(voltage=1), "b": Drive(voltage=0)})
    assert np.isnan(solution.voltage[3:]).all()
    assert solution.current[2:].tolist() == [0, 0]
    assert solution.voltage[1] == pytest.approx(0.5)


def test_a_netlist_read_back_and_solved_another_way_gives_the_same_currents(make_planar):
    graph = make_planar(120, seed=6, pads=4)
    solver = Solver(graph)
    g = conductances(len(graph.tail))
    solver.factor(g)
    drives = {
        "left": Drive(voltage=0.8, resistance=3e3), "right": Drive(voltage=0.0), "pad0": Drive(current=1e-6)
    }  # fmt: skip
    solution = solver.solve(drives)
    elements = read_netlist(write_netlist(solver, g, drives))
    nodes = sorted({node for e in elements for node in e.nodes} - {"0"})
    sources = [e for e in elements if e.kind == "V"]
    at = {node: i for i, node in enumerate(nodes)}
    # Modified nodal analysis: what SPICE does.
    size = len(nodes) + len(sources)
    matrix, right = np.zeros((size, size)), np.zeros(size)
    for e in elements:
        a, b = (at.get(node, -1) for node in e.nodes)
        for here, there in ((a, b), (b, a)):
            if e.kind == "R" and here >= 0:
                matrix[here, here] += 1 / e.value
                if there >= 0:
                    matrix[here, there] -= 1 / e.value
        if e.kind == "I":  # flows through the source from its first node to its second
            right[b] += e.value
        if e.kind == "V":
            k = len(nodes) + sources.index(e)
            matrix[a, k] = matrix[k, a] = 1.0
            right[k] = e.value
    # Rows of very different scale: equilibrate, then refine once.
    scale = 1 / np.sqrt(np.abs(matrix).max(axis=1))
    balanced = matrix * scale[:, None] * scale[None, :]
    x = scale * np.linalg.solve(balanced, scale * right)
    x += scale * np.linalg.solve(balanced, scale * (right - matrix @ x))
    for k, name in enumerate(solver.electrodes):
        assert x[at[f"e_{name}"]] == pytest.approx(solution.electrode_voltage[k], rel=1e-9, abs=1e-14)
    current = {e.name: -x[len(nodes) + k] for k, e in enumerate(sources)}
    assert current["Vd_right"] == pytest.approx(solution.electrode_current[1], rel=1e-8)
    island = int(np.flatnonzero(solver.connected & ~np.isin(np.arange(120), np.concatenate(
        list(graph.electrodes.values()))))[7])  # fmt: skip
    assert x[at[f"i{island}"]] == pytest.approx(solution.voltage[island], rel=1e-9)


def test_bad_input_is_refused(make_planar, make_network, make_chain):
    solver = Solver(make_chain(3))
    with pytest.raises(InvalidInputError, match="no factor yet"):
        solver.solve(ACROSS)
    with pytest.raises(InvalidInputError, match="gap 1 has 0"):
        solver.factor(np.array([1.0, 0.0, 1.0]))
    with pytest.raises(InvalidInputError, match="2 numbers came"):
        solver.factor(np.ones(2))
    solver.factor(np.ones(3))
    with pytest.raises(UnknownNameError, match="Did you mean 'left'"):
        solver.solve({"lefft": Drive(voltage=1)})
    with pytest.raises(InvalidInputError, match="no electrode has a voltage"):
        solver.solve({"left": Drive(current=1e-6)})
    with pytest.raises(InvalidInputError, match="not both"):
        Drive(voltage=1, current=1)
    with pytest.raises(InvalidInputError, match="compliance > 0"):
        Drive(voltage=1, compliance=0)
    with pytest.raises(InvalidInputError, match="shorted"):
        Solver(make_network(np.eye(3, 2), [[0, 1], [1, 2]], {"a": [0, 1], "b": [1, 2]}))
    with pytest.raises(InvalidInputError, match="no electrode"):
        Solver(make_network(np.eye(3, 2), [[0, 1], [1, 2]], {}))
    with pytest.raises(InvalidInputError, match="compliance"):
        write_netlist(solver, np.ones(3), {"left": Drive(voltage=1, compliance=1)})
    with pytest.raises(InvalidInputError, match="line 2"):
        read_netlist("* t\nC1 a b 1\n")
