"""`spinula run` of silver protocols, and a micrograph that becomes a trained device with its page in one command."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import ndimage
from typer.testing import CliRunner

from spinula.core.errors import InvalidInputError, SpinulaWarning, UnknownNameError
from spinula.faces.cli import app
from spinula.faces.silver.running import _first_device
from spinula.presets.shipped import shipped_path
from spinula.studies.silver.devices import load_device
from spinula.studies.silver.protocol.yields import Yield

RUN = CliRunner()


def run(*words):
    done = RUN.invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.slow
def test_a_protocol_runs_by_name_with_its_page_and_its_moving_picture(tmp_path):
    out = tmp_path / "pair"
    said = json.loads(run("run", "paired_pulse", "--seed", 0, "--replicates", 2, "--out", out, "--json"))
    verdicts = pd.read_csv(out / "verdicts.csv")
    assert [one["claim"] for one in said["verdicts"]] == verdicts["claim"].tolist()
    assert said["yields"][0]["films"] == 2
    points = pd.read_csv(out / "points.csv").set_index(["condition", "name", "number"])["value"]
    before, first, second = (
        points["50 ms", name, number] for name, number in (("before", 1), ("pair", 1), ("pair", 2))
    )
    assert (second - before) / (first - before) == pytest.approx(verdicts["value"][0], rel=1e-4)
    with Image.open(out / "movie.gif") as movie:
        assert movie.n_frames == 4  # two pulses and the pauses after them
        shown = []
        for frame in range(4):
            movie.seek(frame)
            shown.append(np.asarray(movie.convert("RGB"), float))
    # Currents are drawn while a pulse is on only: frames of pulse and pause differ, the two pauses hardly.
    assert np.abs(shown[0] - shown[1]).mean() > 1.5 * np.abs(shown[1] - shown[3]).mean()
    page = (out / "report.html").read_text()
    assert "data:image/gif" in page
    assert "law.neck_length" in page
    assert page.count("<b style") == len(verdicts)


READS = """device = {device!r}
grounded = ["a"]
about = {{ title = "reads first" }}
scale = {{ source = "a", sink = "b" }}
stimulus = [{{ name = "bell", electrode = "b", level = 2.0 }}]
probe = [{{ name = "path", source = "a", sink = "b" }}]
condition = [
    {{ name = "reads", step = [{{ read = "before" }}] }},
    {{ name = "given", step = [{{ give = "bell", read = "after" }}] }},
]
claim = [{{ name = "it conducts", of = "given.after", over = "reads.before", at_least = 10 }}]
"""


def test_the_first_film_that_is_a_device_is_shown_and_a_condition_that_only_reads_has_no_movie(tmp_path):
    device, protocol, out = tmp_path / "small.toml", tmp_path / "mine.toml", tmp_path / "out"
    text = shipped_path("device", "devices", "dewetted").read_text(encoding="utf-8")
    for key, value in (("side", 80), ("pad", 20)):
        text = re.sub(rf"(\[film.{key}\]\nvalue = )\S+", rf"\g<1>{value}", text)
    # One number is said to be stated by a paper: the page must not count it among those that are assumed.
    text = text.replace('how = "assumed"', 'how = "stated"\nsource = "wang2019"', 1)
    device.write_text(text, encoding="utf-8")
    protocol.write_text(READS.format(device=str(device)), encoding="utf-8")
    out.mkdir()
    (out / "movie.gif").write_bytes(b"of another run")
    said = json.loads(run("run", protocol, "--seed", 14, "--replicates", 2, "--out", out, "--force", "--json"))
    assert (said["seed"], said["film"]) == (14, 15)
    (found,) = said["yields"]
    assert (found["protocol"], found["films"], list(found["failed"])) == ("mine", 2, ["14"])
    assert said["verdicts"][0]["holds"]
    assert not (out / "movie.gif").exists()
    page = " ".join((out / "report.html").read_text().split())
    assert "grown from seed 15" in page
    assert "It is the first that is a device; film 14: an island touches" in page
    assert "moving picture" not in page
    count = len(load_device(device).quantities)
    assert f"{count - 1} of the {count} numbers of the device are" in page
    assert sorted(path.name for path in (out / "cases").iterdir()) == ["mine_14.json", "mine_15.json"]
    with pytest.raises(InvalidInputError, match="none of the 2 films is a device, of seed 14") as caught:
        _first_device(range(14, 16), [Yield("mine", 2, 0, 0.0, 1.0, {}, {14: "shorted.", 15: "does not switch."})])
    assert "--replicates" in str(caught.value)


@pytest.mark.slow
def test_a_noisy_micrograph_is_trained_and_its_doubt_is_on_the_page(tmp_path):
    film = load_device("dewetted").grow(0).film
    grey = ndimage.gaussian_filter(np.kron(np.where(film.silver, 180.0, 70.0), np.ones((2, 2))), 0.7)
    grey += 22 * np.random.default_rng(0).standard_normal(grey.shape)
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(tmp_path / "film.png")
    out = tmp_path / "trained"
    with pytest.warns(SpinulaWarning, match="noise is"):
        said = json.loads(
            run("silver", "image", tmp_path / "film.png", "--nm-per-px", 0.5, "--largest-gap", 12, "--train",
                "paired_pulse", "--out", out, "--json")
        )  # fmt: skip
    assert len(said["verdicts"]) == 2
    assert set(said["electrodes"]) == {"a", "b", "c"}
    page = (out / "report.html").read_text()
    assert "Picture." in page
    assert "noise is" in page
    assert "film.png at 0.5 nm per pixel" in page
    assert json.loads((out / "run.json").read_text())["doubts"]


def test_what_is_no_film_and_no_protocol_is_refused_before_anything_is_written(tmp_path):
    Image.fromarray(np.full((64, 64), 128, np.uint8)).save(tmp_path / "grey.png")
    out = tmp_path / "out"
    with pytest.raises(InvalidInputError, match="no contrast"):
        run("silver", "image", tmp_path / "grey.png", "--nm-per-px", 1, "--train", "pavlov", "--out", out)
    with pytest.raises(UnknownNameError, match="Did you mean 'pavlov'"):
        run("silver", "image", tmp_path / "grey.png", "--nm-per-px", 1, "--train", "pavlof", "--out", out)
    assert not out.exists()
