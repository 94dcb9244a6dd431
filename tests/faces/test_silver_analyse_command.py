"""`spinula silver analyse`: numbers, figure and series agree, and what cannot be is told."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.engines.silver.film.deposits import lay_wires, wire_graph
from spinula.faces.cli import app

RUN = CliRunner()


def run(*words):
    done = RUN.invoke(app, ["silver", "analyse", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def network(tmp_path):
    graph = wire_graph(lay_wires(side=20, density=0.4, length=7, seed=1), side=20, diameter=50, coat=2)
    graph.component().write(tmp_path / "graph.npz")
    return tmp_path / "graph.npz"


@pytest.mark.parametrize(
    ("what", "key", "low", "high"),
    [
        ("avalanches", "avalanches", 2, 1e6),
        ("lyapunov", "exponent_per_s", -10, 0),
        ("spectrum", "beta", 0.5, 3),
        ("memory", "capacity", 0.2, 40),
        ("waves", "square_network", 0, 0.44),
        ("narma", "network", 0, 1),
    ],
)
def test_each_analysis_writes_numbers_and_a_figure(what, key, low, high, network, tmp_path):
    out = tmp_path / "out"
    said = json.loads(run(network, "--what", what, "--law", "balance", "--voltage", 8, "--duration", 8, "--dt", 0.02,
                          "--seed", 1, "--out", out, "--json"))  # fmt: skip
    assert low < said[key] < high
    assert json.loads((out / "analysis.json").read_text())[key] == said[key]
    with Image.open(out / "analysis.png") as drawn:
        assert np.asarray(drawn.convert("L")).std() > 10
    assert json.loads((out / "run.json").read_text())["voltage"] == 8
    if what == "memory":
        with np.load(out / "series.npz") as series:
            assert series["told"][0] > 0.99
        assert said["resistors"] < 0.3 * said["capacity"]


def test_a_published_network_is_analysed_between_two_of_its_nodes(tmp_path):
    (tmp_path / "list.csv").write_text("tail,head\n1,2\n2,3\n3,4\n1,5\n5,4\n")
    said = json.loads(run(tmp_path / "list.csv", "--what", "lyapunov", "--law", "milano2022_compat", "--voltage", 0.3,
                          "--duration", 4, "--dt", 0.01, "--source", 1, "--sink", 4, "--seed", 1, "--out",
                          tmp_path / "out", "--json"))  # fmt: skip
    assert -5 < said["exponent_per_s"] < 0
    with pytest.raises(InvalidInputError, match="numbers of two nodes"):
        run(tmp_path / "list.csv", "--what", "memory", "--out", tmp_path / "b")


def test_what_is_not_known_is_told(network, tmp_path):
    with pytest.raises(UnknownNameError, match="avalanches"):
        run(network, "--what", "avalanche", "--out", tmp_path / "a")
    with pytest.raises(UnknownNameError, match="milano2022_compat"):
        run(network, "--what", "memory", "--law", "milano_compat", "--out", tmp_path / "a")
    with pytest.raises(InvalidInputError, match="Give a voltage"):
        run(network, "--what", "memory", "--law", "balance", "--out", tmp_path / "a")
    with pytest.raises(UnknownNameError, match="electrode"):
        run(network, "--what", "memory", "--source", "top", "--voltage", 1, "--out", tmp_path / "a")
