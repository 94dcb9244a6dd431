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
