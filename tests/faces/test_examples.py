import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# Kernels of circuits compile for half a minute, and for minutes on a machine that is busy.
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_prints(path):
    done = subprocess.run([sys.executable, "-W", "error", str(path)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_example_protocol_runs(tmp_path):
    path = Path(__file__).parents[2] / "examples" / "uncaging.toml"
    command = [sys.executable, "-m", "spinula.faces.cli", "run", path, "--out", tmp_path / "out", "--replicates", "3"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").exists()


def _first_code(page):
    """Run the first Python block of a page; return what it printed, and the page."""
    text = (Path(__file__).parents[2] / page).read_text(encoding="utf-8")
    code = text.split("```python")[1].split("```")[0]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout, text


def test_the_readme_runs():
    assert "recovery_rate" in _first_code("README.md")[0]


def test_the_page_on_circuits_runs_and_prints_what_it_says():
    printed, text = _first_code("docs/explanation/circuits.md")
    shown = text.split("prints\n\n```\n")[1].split("```")[0]
    # Another processor may round otherwise, and spikes then differ in time: the lines must be the same, and the first.
    assert printed.splitlines()[0] == shown.splitlines()[0]
    assert [len(line.split()) for line in printed.splitlines()] == [len(line.split()) for line in shown.splitlines()]
    rates = [[float(line.split()[2]) for line in block.splitlines()[1:5]] for block in (printed, shown)]
    assert rates[0] == pytest.approx(rates[1], rel=0.1)


def test_spines_find_the_inputs_that_fire_together():
    path = Path(__file__).parents[2] / "examples" / "inputs_that_fire_together.py"
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=600)
    rows = [line.split() for line in done.stdout.splitlines() if line[:3].strip().isdigit()]
    together, others, share = (np.array([float(row[k].rstrip("%")) for row in rows]) for k in (1, 3, 5))
    # Four days each; with plasticity first, then without.
    assert together[3] > 3 * others[3]
    assert share[3] > 30
    assert together[7] == pytest.approx(others[7], rel=0.2)
    assert share[7] == pytest.approx(20, abs=2)
