"""`spinula silver grow` and `silver image`: what they write agrees with itself, and bad input is told."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage
from typer.testing import CliRunner

from spinula.core.errors import InvalidInputError, OutputExistsError, UnknownNameError
from spinula.engines.silver.film.fields import spinodal
from spinula.engines.silver.graph import GapGraph
from spinula.faces.cli import app

RUN = CliRunner()


def run(*words):
    done = RUN.invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize(
    "how",
    [
        ["--electrodes", "stripes"],
        ["--electrodes", "ring", "--electrode-count", 6, "--electrode-width", 0.12],
        ["--kind", "cahn-hilliard", "--electrodes", "none", "--particles", 2000],
        ["--electrodes", "interdigitated", "--electrode-count", 2, "--electrode-width", 0.05, "--coverage", 0.3],
    ],
)
def test_a_grown_film_is_written_as_graph_tables_and_figure(tmp_path, how):
    out = tmp_path / "film"
    said = json.loads(
        run("silver", "grow", "--size", 192, "--wavelength", 40, "--seed", 3, "--out", out, "--json", *how)
    )
    graph, gaps = GapGraph.read(out / "graph.npz"), pd.read_csv(out / "gaps.csv")
    islands = pd.read_csv(out / "islands.csv")
    assert (said["islands"], said["gaps"]) == (graph.islands, graph.gaps) == (len(islands), len(gaps))
    assert np.allclose(gaps["distance_nm"], graph.distance, rtol=1e-5)
    assert gaps["distance_nm"].max() <= 30
    assert islands["electrode"].notna().sum() == sum(said["electrodes"].values())
    with Image.open(out / "film.png") as drawn:
        assert np.asarray(drawn.convert("L")).std() > 20


def test_a_micrograph_becomes_a_graph_in_one_command(tmp_path):
    film = spinodal((256, 256), nm_per_px=2.0, wavelength=60, coverage=0.42, seed=5)
    grey = ndimage.gaussian_filter(np.where(film.silver, 180.0, 70.0), 0.7)
    Image.fromarray(grey.astype(np.uint8)).save(tmp_path / "film.png")
    out = tmp_path / "read"
    said = json.loads(run("silver", "image", tmp_path / "film.png", "--nm-per-px", 2, "--out", out, "--json"))
    assert said["coverage"] == pytest.approx(film.coverage, abs=0.02)
    assert json.loads((out / "run.json").read_text())["picture"]["separability"] > 0.84
    with pytest.raises(OutputExistsError):
        run("silver", "image", tmp_path / "film.png", "--nm-per-px", 2, "--out", out)


def test_bad_input_is_told(tmp_path):
    with pytest.raises(UnknownNameError, match="spinodal"):
        run("silver", "grow", "--kind", "spinodl", "--out", tmp_path / "a")
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(tmp_path / "blank.png")
    with pytest.raises(InvalidInputError, match="no contrast"):
        run("silver", "image", tmp_path / "blank.png", "--nm-per-px", 2, "--out", tmp_path / "b")
    assert not (tmp_path / "b").exists()
    done = RUN.invoke(app, ["silver", "image", str(tmp_path / "blank.png")])
    assert done.exit_code == 2  # nothing in a picture says its scale
