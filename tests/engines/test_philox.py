import numpy as np
import pytest
from scipy import stats

from spinula.engines import philox


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        # Known answers of Philox4x32-10, from the generator's own distribution.
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
         (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ],
)  # fmt: skip
def test_known_answers(counter, key, words):
    found = philox.philox(*map(np.uint32, counter), *map(np.uint32, key))
    assert tuple(map(int, found)) == words


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normals_are_normal(dtype):
    """Moments within 4 standard errors, KS p > 0.001 (false alarm below 0.2 %)."""
    count = 250_000
    words, normals = np.empty((4, count), np.uint32), np.empty((4, count), dtype)
    philox.fill_words(
        np.arange(count, dtype=np.uint32), np.uint32(1), np.uint32(2), np.uint32(0), np.uint64(3), words, count
    )
    philox.fill_normals(words, normals, count)
    x = normals.ravel().astype(float)
    n = len(x)
    assert abs(x.mean()) < 4 / np.sqrt(n)
    assert abs(x.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs(stats.skew(x)) < 4 * np.sqrt(6 / n)
    assert abs(stats.kurtosis(x)) < 4 * np.sqrt(24 / n)
    assert 4.3 < np.abs(x).max() < 6.7
    assert stats.kstest(x, "norm").pvalue > 0.001
    assert np.abs(np.corrcoef(normals)[np.triu_indices(4, 1)]).max() < 4 / np.sqrt(count)


def test_single_and_double_normals_agree():
    words = np.random.default_rng(1).integers(0, 2**32, (4, 5000), dtype=np.uint32)
    single, double = np.empty((4, 5000), np.float32), np.empty((4, 5000))
    philox.fill_normals(words, single, 5000)
    philox.fill_normals(words, double, 5000)
    assert np.abs(single - double).max() < 2e-5
