"""The command `run`: what it prints and writes, how it goes on, how it says what is wrong."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from spinula.core.table import SpineTable


def _run(*arguments, check=0):
    command = [sys.executable, "-m", "spinula.faces.cli", "run", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == check, done.stderr
    return done


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "hayama"
    done = _run("hayama2013", "--out", out, "--replicates", 6, "--seed", 5, "--json")
    return out, json.loads(done.stdout)


def test_run_prints_one_document_and_writes_its_files(finished):
    out, document = finished
    assert document["seed"] == 5
    assert document["compared"][0]["published"] == -35
    assert sorted(os.listdir(out)) == [
        "changes.csv", "events.csv", "report.html", "run.json", "spines.csv", "table.csv", "table.csv.json",
    ]  # fmt: skip
    assert "hayama2013" in json.loads((out / "run.json").read_text())["sources"]


def test_the_table_is_a_spine_table_and_events_are_listed(finished):
    out, _ = finished
    table = SpineTable.read(out / "table.csv")
    assert table.size_unit == "um3"
    assert table.frame["condition"].unique().tolist() == ["GABA at the spine"]
    events = pd.read_csv(out / "events.csv")
    assert events["kind"].value_counts().to_dict() == {"gaba": 80, "spike": 80, "glutamate": 80}


def test_the_report_shows_its_figures_and_says_what_is_assumed(finished):
    page = (finished[0] / "report.html").read_text()
    assert page.count("<svg") == 3
    assert "Change by position and time" in page
    assert "Change against distance" in page
    assert "assumed" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_a_finished_run_is_kept_and_resume_has_nothing_to_do(finished):
    out, _ = finished
    assert "--force" in _run("hayama2013", "--out", out, check=2).stderr
    assert "nothing to do" in _run("hayama2013", "--out", out, "--replicates", 6, "--resume").stderr
    assert "another run" in _run("hayama2013", "--out", out, "--replicates", 7, "--resume", check=3).stderr


def test_a_part_of_a_run_goes_on_to_the_same_bytes(finished, tmp_path):
    out, _ = finished
    again = tmp_path / "again"
    _run("hayama2013", "--out", again, "--replicates", 6, "--seed", 5)
    assert (again / "spines.csv").read_bytes() == (out / "spines.csv").read_bytes()


def test_the_competition_of_several_spines_has_a_report(tmp_path):
    done = _run("chater2024", "--out", tmp_path / "c", "--json")
    assert {row["count"] for row in json.loads(done.stdout)["growth"]} == {1, 3, 7, 15}
    assert (tmp_path / "c" / "report.html").read_text().count("<svg") == 2


def test_errors_point_into_the_file(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text('[about]\ntitle = "x"\n\n[dendrite]\npreset = "ca1_slice"\n\n[[event]]\nkind = "dopamin"\n')
    assert f"{path}:8: event.0.kind" in _run(path, check=3).stderr
    assert "Did you mean 'hayama2013'" in _run("hayama213", check=2).stderr
