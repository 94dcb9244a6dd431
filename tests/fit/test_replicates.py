import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from spinula.core.errors import OutputExistsError, UsageError
from spinula.fit.likelihood import fit_log_ou
from spinula.fit.replicates import Part, digest_of, fit_many, resampled, split


def test_one_fit_per_dendrite(simulate, tmp_path):
    table = simulate(1, spines=150)
    results = list(fit_many(split(table), out=tmp_path))
    assert [result.name for result in results] == ["0", "1", "2"]
    alone = fit_log_ou(table.select(dendrite="1"), check=False)
    assert results[1].fit == alone
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.json", "1.json", "2.json"]


def test_finished_parts_are_not_made_again(simulate, tmp_path):
    table = simulate(2, spines=100)
    first = list(fit_many(split(table), out=tmp_path))

    def fail():
        raise AssertionError("made again")

    parts = [Part(part.name, part.digest, fail) for part in split(table)]
    assert list(fit_many(parts, out=tmp_path, resume=True)) == first


def test_other_data_or_options_are_fitted_anew(simulate, tmp_path):
    a, b = simulate(3, spines=100), simulate(4, spines=100)
    first = list(fit_many(split(a), out=tmp_path))
    assert digest_of(a) != digest_of(b)
    second = list(fit_many(split(b), out=tmp_path, resume=True))
    assert first[0].fit != second[0].fit
    third = list(fit_many(split(b), out=tmp_path, resume=True, noise=0.15))
    assert third[0].fit.fixed == ["log_noise"]


def test_refuses_a_used_folder_without_resume(simulate, tmp_path):
    table = simulate(5, spines=50)
    list(fit_many(split(table), out=tmp_path))
    with pytest.raises(OutputExistsError):
        fit_many(split(table), out=tmp_path)


def test_a_part_that_cannot_be_fitted_does_not_stop_the_others(simulate, make_table, tmp_path):
    white = make_table(np.random.default_rng(6).standard_normal((100, 6)), np.arange(6.0))
    parts = [Part("white", digest_of(white), lambda: white), *split(simulate(6, spines=50))]
    for resume in (False, True):
        bad, good = fit_many(parts, out=tmp_path, resume=resume)
        assert bad.fit is None
        assert "no memory" in bad.problem
        assert good.fit is not None


def test_half_written_file_counts_as_unfinished(simulate, tmp_path):
    table = simulate(7, spines=50)
    (tmp_path / "0.json").write_text('{"schema_version": 1, "na')
    assert next(iter(fit_many(split(table), out=tmp_path, resume=True))).fit is not None
    assert json.loads((tmp_path / "0.json").read_text())["problem"] == ""


def test_names_make_safe_and_distinct_files(simulate, tmp_path):
    table = simulate(8, spines=50)
    parts = [Part(name, digest_of(table), lambda: table) for name in ("a/b", "a:b", "../c")]
    list(fit_many(parts, out=tmp_path / "in"))
    assert len(list((tmp_path / "in").glob("*.json"))) == 3
    assert list(tmp_path.glob("*.json")) == []


def test_bootstrap_spread_agrees_with_the_robust_error(simulate):
    table = simulate(9, spines=400, per_dendrite=10)
    fit = fit_log_ou(table, check=False, errors="dendrite")
    rates = [result.fit["recovery_rate"].value for result in fit_many(resampled(table, replicates=60, seed=1))]
    # SD of 60 replicates is known to 9 %; 0.35 is about four of them.
    assert np.std(np.log(rates), ddof=1) == pytest.approx(
        fit["recovery_rate"].error / fit["recovery_rate"].value, rel=0.35
    )


def test_a_replicate_depends_on_seed_and_number_only(simulate):
    table = simulate(10, spines=100, per_dendrite=10)
    few, many = resampled(table, replicates=3, seed=1), resampled(table, replicates=9, seed=1)
    assert few[2].make().frame.equals(many[2].make().frame)
    assert not few[2].make().frame.equals(resampled(table, replicates=3, seed=2)[2].make().frame)
    assert few[0].make().frame["dendrite"].nunique() == 10
    with pytest.raises(UsageError):
        resampled(table, replicates=3, seed=1, by="spine")
    with pytest.raises(UsageError):
        split(table, "spine_id")


SCRIPT = """
import sys, time
sys.path.insert(0, {here!r})
from spinula.core.table import SpineTable
from spinula.fit.replicates import fit_many, resampled
table = SpineTable.read(sys.argv[1])
for result in fit_many(resampled(table, replicates=12, seed=3), out=sys.argv[2], resume=True):
    print(result.name, flush=True)
    time.sleep(float(sys.argv[3]))
"""


def test_killed_run_leaves_whole_files_and_goes_on(simulate, tmp_path):
    table = simulate(11, spines=100, per_dendrite=10)
    table.write(tmp_path / "table.csv")
    out = tmp_path / "parts"

    def start(pause):
        command = [sys.executable, "-c", SCRIPT.format(here=""), str(tmp_path / "table.csv"), str(out), str(pause)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with start(0.05) as run:
        for _ in range(3):
            run.stdout.readline()
        os.kill(run.pid, signal.SIGKILL)
    done = {path.name: path.read_bytes() for path in out.glob("*.json")}
    assert 3 <= len(done) < 12
    assert all(json.loads(text)["fit"] for text in done.values())
    began = time.time_ns()
    with start(0) as run:
        names = run.stdout.read().split()
    assert run.returncode == 0
    assert len(names) == 12
    for name, text in done.items():
        assert (out / name).read_bytes() == text
        assert (out / name).stat().st_mtime_ns < began
    whole = list(fit_many(resampled(table, replicates=12, seed=3)))
    read = list(fit_many(resampled(table, replicates=12, seed=3), out=out, resume=True))
    assert [part.fit["log_sd"].value for part in read] == pytest.approx([part.fit["log_sd"].value for part in whole])
