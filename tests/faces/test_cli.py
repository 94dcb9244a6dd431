import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from spinula.core.table import SpineTable


def _run(*arguments, check=None, **more):
    done = subprocess.run(
        [sys.executable, "-m", "spinula.faces.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        **more,
    )
    assert "Traceback" not in done.stderr, done.stderr
    if check is not None:
        assert done.returncode == check, done.stderr
    return done


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "sim"
    _run("simulate", "neocortex_adult", "--out", out, "--days", 16, "--every", 4, "--spines", 400, "--seed", 3, check=0)
    return out


def test_simulate_writes_a_table_and_its_provenance(simulated):
    table = SpineTable.read(simulated / "table.csv")
    run = json.loads((simulated / "run.json").read_text())
    assert table.frame["session"].max() == 4
    assert run["seed"] == 3
    assert sorted(os.listdir(simulated)) == ["run.json", "table.csv", "table.csv.json"]


def test_a_finished_run_is_not_overwritten(simulated):
    done = _run("simulate", "neocortex_adult", "--out", simulated, check=2)
    assert "--force" in done.stderr


def test_a_seed_is_drawn_printed_and_stored(tmp_path):
    done = _run("simulate", "fragile_x", "--out", tmp_path / "x", "--days", 4, "--spines", 100, "--json", check=0)
    document = json.loads(done.stdout)
    assert document["schema_version"] == 1
    assert f"seed {document['seed']}" in done.stderr
    assert json.loads((tmp_path / "x" / "run.json").read_text())["seed"] == document["seed"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["simulate", "fragil_x", "--out", "{out}"], 2, "Did you mean 'fragile_x'"),
        (["simulate", "fragile_x", "--out", "{out}", "--set", "law.noise_slop=1"], 3, "unknown key"),
        (["simulate", "fragile_x", "--out", "{out}", "--set", "law.noise_slope=-1"], 3, "greater than"),
        (["simulate", "fragile_x", "--out", "{out}", "--set", "nonsense"], 2, "KEY=NUMBER"),
        (["simulate", "fragile_x", "--out", "{out}", "--dt", "50"], 3, "too large"),
        (["fit", "nowhere.csv", "--out", "{out}"], 3, "no such file"),
        (["show", "nothing.toml"], 3, "no such file"),
        (["verify", "999"], 2, "no validation row"),
        (["nonsense"], 2, "No such command"),
        (["simulate", "fragile_x"], 2, "--out"),
        (["simulate", "fragile_x", "--out", "{out}", "--days", "2"], 2, "one session only"),
        (["simulate", "fragile_x", "--out", "{out}", "--force", "--resume"], 2, "give one"),
        (["simulate", "fragile_x", "--out", "{file}"], 2, "is a file"),
        (["fit", ".", "--out", "{out}"], 2, "is a folder"),
    ],
)
def test_errors_are_messages_with_exit_codes(tmp_path, arguments, code, message):
    (tmp_path / "file").write_text("mine")
    places = {"out": tmp_path / "o", "file": tmp_path / "file"}
    done = _run(*[argument.format(**places) for argument in arguments], check=code)
    assert not (tmp_path / "o" / "run.json").exists()
    assert message in re.sub(r"\s+", " ", done.stderr)
    assert done.stdout == ""


def test_list_show_and_cite():
    document = json.loads(_run("list", "--json", check=0).stdout)
    assert {"neocortex_adult", "fragile_x"} <= {preset["name"] for preset in document["presets"]}
    assert "turnover" in {measure["name"] for measure in document["measures"]}
    shown = _run("show", "fragile_x", check=0).stdout
    assert "assumed" in shown
    assert json.loads(_run("show", "fragile_x", "--json", check=0).stdout)["dynamics"]["law"]["noise_slope"] == 0.25
    assert "@article{yasumatsu2008" in _run("cite", "ca1_slice", check=0).stdout
    assert _run("--version", check=0).stdout.startswith("spinula ")


def test_colour_is_off_when_asked():
    done = _run("show", "fragile_x", check=0, env={**os.environ, "NO_COLOR": "1"})
    assert "\x1b[" not in done.stdout


def test_verify_prints_and_reports(tmp_path):
    document = json.loads(_run("verify", 2, 30, "--json", check=0).stdout)
    assert document["passed"] == 2
    assert {"target", "reproduced", "tolerance", "passed"} <= set(document["rows"][0])


def test_a_row_that_fails_is_code_1(monkeypatch):
    from spinula.faces import cli
    from spinula.studies.validation import row, table

    failing = row.Row(2, "m", "q", "t", "-", "analytic", "", lambda seed: row.Outcome("x", False))
    monkeypatch.setattr(table, "rows", lambda: [failing])
    monkeypatch.setattr(sys, "argv", ["spinula", "verify", "2"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1


def test_fit_writes_everything_and_the_law_runs_again(simulated, tmp_path):
    out = tmp_path / "fit"
    done = _run("fit", simulated / "table.csv", "--out", out, "--seed", 1, "--replicates", 50, "--json", check=0)
    document = json.loads(done.stdout)
    assert document["fit"]["estimates"]["log_sd"]["value"] > 0
    assert {"report.html", "numbers.json", "fitted.toml", "run.json", "tables"} == set(os.listdir(out))
    page = (out / "report.html").read_text()
    assert page.count("<svg") >= 5
    outside = [url for url in re.findall(r"""(?:src|href)=["']?([^"'\s>]+)""", page) if not url.startswith("#")]
    assert outside == []
    assert "<script" not in page
    assert "http" not in page.replace('xmlns:xlink="http://www.w3.org/1999/xlink"', "").replace(
        'xmlns="http://www.w3.org/2000/svg"', ""
    )
    assert "spinula fit" in page
    _run(
        "simulate", out / "fitted.toml", "--out", tmp_path / "again", "--days", 8, "--spines", 100, "--seed", 1, check=0
    )
    assert SpineTable.read(tmp_path / "again" / "table.csv").frame["size"].median() > 0


def test_a_killed_simulation_goes_on_to_the_same_bytes(tmp_path):
    arguments = [
        "simulate",
        "neocortex_adult",
        "--days",
        "60",
        "--every",
        "1",
        "--spines",
        "3000",
        "--dt",
        "0.005",
        "--seed",
        "5",
    ]
    _run(*arguments, "--out", tmp_path / "whole", check=0)
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "spinula.faces.cli", *arguments, "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    limit = time.time() + 60
    while len(list((out / "partial").glob("*.pickle"))) < 5 and time.time() < limit:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "table.csv").exists()
    with np.load(out / "partial" / "checkpoint.npz") as checkpoint:  # whole, though the run was killed
        assert 0 < checkpoint["session"] < 60
    _run(*arguments, "--out", out, "--resume", check=0)
    assert (out / "table.csv").read_bytes() == (tmp_path / "whole" / "table.csv").read_bytes()
    assert not (out / "partial").exists()


def test_resuming_another_run_is_refused(tmp_path):
    out = tmp_path / "o"
    (out / "partial").mkdir(parents=True)
    (out / "partial" / "plan.json").write_text('{"fingerprint": "other"}')
    done = _run("simulate", "fragile_x", "--out", out, "--seed", 1, "--resume", check=3)
    assert "another run" in done.stderr


def test_resume_never_replaces_a_finished_run_by_another(tmp_path):
    start = ("simulate", "neocortex_adult", "--out", tmp_path, "--days", 8, "--spines", 100)
    _run(*start, "--seed", 1, check=0)
    before = (tmp_path / "table.csv").read_bytes()
    for other in (["--seed", 2], ["--seed", 1, "--log-noise", 0.2]):
        assert "another run" in _run(*start, *other, "--resume", check=3).stderr
    done = _run(*start, "--resume", check=0)
    assert "seed 1" in done.stderr
    assert "finished already" in done.stderr
    assert (tmp_path / "table.csv").read_bytes() == before


def test_resume_does_not_take_a_folder_that_is_not_a_run(tmp_path):
    (tmp_path / "table.csv").write_text("mine")
    _run("simulate", "fragile_x", "--out", tmp_path, "--resume", check=2)
    assert (tmp_path / "table.csv").read_text() == "mine"


def test_force_removes_the_last_run_and_nothing_else(tmp_path):
    for name in ("report.html", "fitted.toml", "notes.txt"):
        (tmp_path / name).write_text("old")
    _run("simulate", "fragile_x", "--out", tmp_path, "--days", 4, "--spines", 50, "--seed", 1, "--force", check=0)
    assert sorted(os.listdir(tmp_path)) == ["notes.txt", "run.json", "table.csv", "table.csv.json"]


def test_sessions_fall_on_the_days_that_were_asked_for(tmp_path):
    arguments = ("--days", 8, "--every", 3, "--dt", 0.07, "--spines", 50, "--seed", 1, "--json")
    done = _run("simulate", "fragile_x", "--out", tmp_path, *arguments, check=0)
    assert json.loads(done.stdout)["sessions"] == 3
    assert "last session is on day 6" in done.stderr
    assert np.allclose(SpineTable.read(tmp_path / "table.csv").frame["day"].unique(), [0, 3, 6])


def test_a_table_without_a_law_is_reported_with_the_exit_code_of_its_error(tmp_path):
    rows = [f"{spine % 4},{spine},{session},{4 * session},0.1" for spine in range(40) for session in range(5)]
    (tmp_path / "same.csv").write_text("\n".join(["dendrite,spine_id,session,day,size", *rows]))
    done = _run("fit", tmp_path / "same.csv", "--out", tmp_path / "o", "--seed", 1, "--replicates", 20, check=4)
    assert "no law was fitted" in done.stderr
    assert (tmp_path / "o" / "report.html").exists()
    assert not (tmp_path / "o" / "fitted.toml").exists()


@pytest.mark.slow
def test_a_killed_fit_goes_on_to_the_same_numbers(simulated, tmp_path):
    arguments = ["fit", str(simulated / "table.csv"), "--seed", "1", "--replicates", "400"]
    _run(*arguments, "--out", tmp_path / "whole", check=0)
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "spinula.faces.cli", *arguments, "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    limit = time.time() + 60
    while not list((out / "partial").glob("*/fit.json")) and time.time() < limit:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "report.html").exists()
    assert _run(*arguments, "--size-unit", "um3", "--out", out, "--resume").returncode == 3  # another run
    _run(*arguments, "--out", out, "--resume", check=0)
    assert (out / "numbers.json").read_bytes() == (tmp_path / "whole" / "numbers.json").read_bytes()
    assert not (out / "partial").exists()


def test_interrupt_leaves_code_130(tmp_path):
    arguments = ["simulate", "neocortex_adult", "--days", "4000", "--every", "1", "--spines", "2000", "--seed", "5"]
    command = [sys.executable, "-m", "spinula.faces.cli", *arguments, "--out", str(tmp_path / "o")]
    # A shell may have started the tests with SIGINT ignored, which children inherit.
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))  # fmt: skip
    limit = time.time() + 60
    while not list((tmp_path / "o" / "partial").glob("*.pickle")) and time.time() < limit:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in stderr
