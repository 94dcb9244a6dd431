"""``spinula train``: its files, its refusals, and runs that are killed and go on."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("sklearn")
_SPINULA = [sys.executable, "-m", "spinula.faces.cli", "train"]


def _run(*arguments, check=0):
    done = subprocess.run([*_SPINULA, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == check, done.stderr
    return done


def test_rules_and_models_that_are_not_there_are_refused(tmp_path):
    out = ("--out", tmp_path / "x")
    assert "it has spine, deep_r, static, dense" in _run("--model", "cnn", "--rule", "rigl", *out, check=3).stderr
    assert "Did you mean 'transformer'" in _run("--model", "transfomer", *out, check=2).stderr
    assert "no hidden layers of your own" in _run("--model", "cnn", "--hidden", 8, *out, check=2).stderr
    (tmp_path / "text.txt").write_text("to be or not to be, " * 600)
    reading = ("--data", "text", "--files", tmp_path / "text.txt")
    assert "learns images" in _run("--model", "cnn", *reading, *out, check=3).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("--hidden", 32, "--density", 0.2, "--epochs", 25, "--table"),
        ("--model", "cnn", "--epochs", 4, "--density", 0.2),
    ],
    ids=["mlp", "cnn"],
)
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, arguments):
    if "cnn" in arguments:
        pytest.importorskip("torch")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    _run(*arguments, "--seed", 3, "--out", whole)
    begun = subprocess.Popen([*_SPINULA, *map(str, arguments), "--seed", "3", "--out", str(cut)])
    history = cut / "history.csv"
    while not history.exists() or len(history.read_text().splitlines()) < 3:
        assert begun.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    assert (cut / "partial").exists()
    assert not (cut / "report.html").exists()
    assert "--resume goes on" in _run(*arguments, "--seed", 3, "--out", cut, check=2).stderr
    assert "another run" in _run(*arguments, "--seed", 4, "--out", cut, "--resume", check=3).stderr
    _run(*arguments, "--out", cut, "--resume")
    names = ["network.npz", "history.csv", *(["table.csv"] if "--table" in arguments else ["model.pt"])]
    for name in names:
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name
    assert not (cut / "partial").exists()
    lines = [json.loads(line) for line in (cut / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, len(lines) + 1))
    assert len(lines) == arguments[arguments.index("--epochs") + 1]
    assert "nothing to do" in _run(*arguments, "--out", cut, "--resume").stderr
    _run(*arguments, "--seed", 4, "--out", cut, "--force")
    assert (whole / "network.npz").read_bytes() != (cut / "network.npz").read_bytes()


@pytest.mark.slow
def test_a_transformer_on_a_file_reports_bits_and_writes_its_weights(tmp_path):
    torch = pytest.importorskip("torch")
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat. " * 800)
    out = tmp_path / "t"
    arguments = ["--model", "transformer", "--files", text, "--epochs", 2, "--width", 16, "--depth", 1, "--context", 16]
    document = json.loads(_run(*arguments, "--seed", 1, "--out", out, "--json").stdout)
    assert document["bits"] < 4
    page = (out / "report.html").read_text()
    assert page.count("<svg") == 7
    assert "bits per character" in page
    saved = torch.load(out / "model.pt", weights_only=True)
    with np.load(out / "network.npz") as network:
        assert network["layers"].tolist()[0] == "blocks.0.attention.inward"
        assert np.array_equal(network["weight0"], saved["blocks.0.attention.inward.weights"].numpy())
    dense = tmp_path / "dense"
    _run(*arguments, "--rule", "dense", "--seed", 1, "--out", dense)
    assert (dense / "report.html").read_text().count("<svg") == 2
