"""Many cases: serially, over processes and on a Dask cluster, with workers that are killed on the way."""

import json
import threading
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, MissingExtraError, OutOfRangeError, SpinulaError, UsageError
from spinula.studies.memory.study import Finding, Study, run_case
from spinula.studies.sweeps import point_name, run_cases, sweep

CASES = [{"name": f"seed {seed}", "seed": seed} for seed in range(8)]


def _walk(victim=None, deaths=1):
    """Make a study of random walks, kept half-way; the worker of the victim waits there to be killed."""
    # Inside the function, so that worker processes are handed its code and need not import this file.

    def run(case, keeper):
        import os
        import time

        from spinula.core.streams import Streams

        folder = keeper.path.parent
        steps = Streams(case["seed"]).generator("walk").standard_normal(1000)
        state = keeper.load()
        with (folder / "starts.txt").open("a") as log:
            log.write(f"{case['name']}:{0 if state is None else int(state['step'])}:{os.getpid()}\n")
        half = steps[:500].sum() if state is None else float(state["place"])
        keeper.save(step=500, place=half)
        begun = (folder / "starts.txt").read_text().count(f"{case['name']}:")
        if case["name"] == victim and begun <= deaths:
            time.sleep(120)
        return {"place": float(half + steps[500:].sum())}

    return Study("walk", "", "", "", (), lambda options: CASES, run, lambda pairs: Finding([], []))


def _kill_whoever_runs(victim, folder, stop):
    """Send SIGKILL to every process that begins the victim, until told to stop."""
    import os
    import signal

    killed = set()
    while not stop.wait(0.05):
        log = folder / "starts.txt"
        for line in log.read_text().splitlines() if log.exists() else ():
            name, _, pid = line.split(":")
            if name == victim and pid and pid not in killed:
                killed.add(pid)
                os.kill(int(pid), signal.SIGKILL)
                return


def _results(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.json")}


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serial")
    found = list(run_cases(partial(run_case, _walk()), CASES, folder))
    assert [case for case, _ in found] == CASES
    return _results(folder)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", silence_logs=50
    ) as made:
        yield made.scheduler_address


def _run_with_a_kill(folder, **where):
    stop = threading.Event()
    killer = threading.Thread(target=_kill_whoever_runs, args=("seed 3", folder, stop))
    killer.start()
    try:
        return list(run_cases(partial(run_case, _walk(victim="seed 3")), CASES, folder, **where))
    finally:
        stop.set()
        killer.join()


def _holds_what_a_serial_run_gives(found, folder, serial):
    assert Counter(case["name"] for case, _ in found) == Counter(case["name"] for case in CASES)
    assert _results(folder) == serial
    assert {case["name"]: result for case, result in found} == {
        name.removesuffix(".json"): json.loads(content) for name, content in serial.items()
    }
    assert {path.suffix for path in folder.iterdir()} == {".json", ".txt"}  # no state and no half-written file is left
    starts = [line.split(":") for line in (folder / "starts.txt").read_text().splitlines()]
    victim = [(int(step), pid) for name, step, pid in starts if name == "seed 3"]
    assert [step for step, _ in victim] == [0, 500]  # begun, killed, and taken up where its state was kept
    assert victim[0][1] != victim[1][1]
    return starts


@pytest.mark.slow
def test_a_killed_worker_of_a_cluster_loses_and_doubles_nothing(cluster, serial, tmp_path):
    found = _run_with_a_kill(tmp_path, cluster=cluster)
    starts = _holds_what_a_serial_run_gives(found, tmp_path, serial)
    again = list(run_cases(partial(run_case, _walk()), CASES, tmp_path, cluster=cluster))
    assert again == [(case, json.loads(serial[f"{case['name']}.json"])) for case in CASES]
    assert len((tmp_path / "starts.txt").read_text().splitlines()) == len(starts)  # nothing was run again


@pytest.mark.slow
def test_a_killed_process_loses_and_doubles_nothing(serial, tmp_path):
    _holds_what_a_serial_run_gives(_run_with_a_kill(tmp_path, jobs=2), tmp_path, serial)


@pytest.mark.slow
def test_a_case_that_kills_its_worker_every_time_is_named(cluster, tmp_path):
    def work(case, folder):
        import os
        import signal

        if case["seed"] == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return case["seed"]

    for where in ({"cluster": cluster}, {"jobs": 2}):
        folder = tmp_path / "-".join(where)
        with pytest.raises(SpinulaError, match=r"seed 3.* killed 4 times"):
            list(run_cases(work, CASES[2:4], folder, **where))


@pytest.mark.slow
def test_an_error_of_a_case_comes_through_and_what_was_finished_stays(cluster, tmp_path):
    def work(case, folder):
        if case["seed"] == 7:
            raise ValueError("seven")
        return case["seed"]

    for where in ({}, {"jobs": 2}, {"cluster": cluster}):
        folder = tmp_path / ("-".join(where) or "serial")
        with pytest.raises(ValueError, match="seven"):
            list(run_cases(work, CASES, folder, **where))
        assert {"seed 7.json"}.isdisjoint(_results(folder))
    assert len(_results(tmp_path / "serial")) == 7


def test_a_run_that_was_cut_goes_on(serial, tmp_path):
    running = run_cases(partial(run_case, _walk()), CASES, tmp_path)
    for _ in range(3):
        next(running)
    running.close()
    assert len(_results(tmp_path)) == 3
    list(run_cases(partial(run_case, _walk()), CASES, tmp_path))
    assert _results(tmp_path) == serial
    assert len((tmp_path / "starts.txt").read_text().splitlines()) == len(CASES)


def test_what_cannot_be_run_is_refused(tmp_path, monkeypatch):
    def run(cases, **where):
        return list(run_cases(lambda case, folder: 1, cases, tmp_path, **where))

    for path in (f"{tmp_path}/seed 0", "..\\seed 0"):
        with pytest.raises(InvalidInputError, match=r"seed 0', a path"):
            list(run_cases(run, [{"name": path}], tmp_path / "paths"))
    with pytest.raises(InvalidInputError, match="two cases are called 'seed 0'"):
        run([*CASES, CASES[0]])
    with pytest.raises(OutOfRangeError, match="jobs"):
        run(CASES, jobs=0)
    with pytest.raises(UsageError, match="give one"):
        run(CASES, jobs=2, cluster="tcp://127.0.0.1:1")
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"spinula\[cluster\]"):
        run(CASES, cluster="tcp://127.0.0.1:1")


def test_a_scheduler_that_is_not_there_is_named(tmp_path):
    distributed = pytest.importorskip("distributed")
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        pytest.raises(UsageError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"),
    ):
        list(run_cases(lambda case, folder: 1, CASES, tmp_path, cluster="tcp://127.0.0.1:9"))
    assert distributed is not None


def _power(base, exponent):
    return {"value": base**exponent}


def test_a_sweep_calls_every_point_once_and_grows(tmp_path):
    found = list(sweep(_power, {"base": [2, np.float64(0.5)], "exponent": [1, 2]}, tmp_path))
    assert [(p["base"], p["exponent"], r["value"]) for p, r in found] == [
        (2, 1, 2),
        (2, 2, 4),
        (0.5, 1, 0.5),
        (0.5, 2, 0.25),
    ]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("base*")}
    assert len(before) == 4
    assert len(list(sweep(_power, {"base": [2, 0.5], "exponent": [1, 2, 3]}, tmp_path))) == 6
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_sweep_refuses_another_function_and_values_without_a_name(tmp_path):
    list(sweep(_power, {"base": [2], "exponent": [1]}, tmp_path))
    with pytest.raises(InvalidInputError, match="_power, not of"):
        list(sweep(max, {"base": [2], "exponent": [1]}, tmp_path))
    with pytest.raises(InvalidInputError, match="is a list"):
        list(sweep(_power, {"base": [[2]], "exponent": [1]}, tmp_path / "b"))


def test_names_of_points_are_names_of_files_and_tell_values_apart():
    values = [1, 1.0, True, "1", "true", None, "null", "a/b", "a,b=c", "x" * 300, "x" * 301, -0.5, float("nan")]
    names = [point_name({"p": value}) for value in values]
    assert len(set(names)) == len(values)
    assert all("/" not in name and len(name.encode()) < 220 for name in names)
