"""What all tests share: the real data, where they are present, and a Numba cache that knows the sources."""

import hashlib
import os
import tempfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]


def _sources_hash() -> str:
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted((_ROOT / "src").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


# Numba watches only the file of a kernel, not the law that the kernel inlines; a cache per state of the sources does.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"spinula-numba-{_sources_hash()}"))

# Threads of two test processes on two cores: those that wait by spinning take the time of those that work (tenfold).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The real longitudinal data; the test is skipped where they are absent."""
    path = Path(os.environ.get("SPINULA_DATA", _ROOT.parent / "shared" / "data"))
    if not path.exists():
        pytest.skip("the real data are not on this machine")
    return path


@pytest.fixture
def checked_solves(monkeypatch):
    """Hold every solution of a silver network to the laws of circuits: KCL, power, the maximum principle, to 1e-10."""
    import numpy as np

    from spinula.engines.silver.solver import Solver

    solve, factor, counted = Solver.solve, Solver.factor, {"solves": 0}

    def checked(self, drives, *, injected=None):
        solution = solve(self, drives, injected=injected)
        counted["solves"] += 1
        found, span = self.residuals(solution), np.abs(solution.electrode_voltage).max()
        # What rounding leaves of voltages in the best conductor is no current: networks that carry none are let be.
        largest = np.abs(solution.current).max(initial=0.0)
        noise = 1e-5 * solution.conductance.max(initial=0.0) * span
        assert found["node"] * largest <= 1e-10 * max(largest, noise), found
        assert abs(solution.electrode_current.sum()) <= 1e-10 * max(largest, noise), found
        if injected is None:
            lost = float(solution.conductance @ solution.drop**2)
            assert abs(solution.power - lost) <= 1e-10 * max(lost, noise * span), found
            assert found["maximum"] <= 1e-10 * max(span, 1e-300), found
        return solution

    def symmetric(self, conductance):
        mutual = factor(self, conductance)
        assert np.array_equal(mutual, mutual.T)
        assert (mutual >= 0).all()
        return mutual

    monkeypatch.setattr(Solver, "solve", checked)
    monkeypatch.setattr(Solver, "factor", symmetric)
    return counted
