"""PSD-95 at synapses in vivo [melander2021]: the authors' numbers, recomputed from the tables."""

import numpy as np
import pytest

from spinula import measures
from spinula.fit.readers.read import Reading, read_table

FOLDER = "melander2021_psd95"


@pytest.fixture(scope="module")
def presence(data_dir):
    path = data_dir / FOLDER / "melander2021_presence_long.csv.gz"
    # The authors count an unsure synapse as there.
    return {kind: read_table(path, Reading(select={"cell_type": kind}, unsure="present")) for kind in ("pyr", "pv")}


@pytest.fixture(scope="module")
def weights(data_dir):
    path = data_dir / FOLDER / "melander2021_weights_long.csv.gz"
    return {kind: read_table(path, Reading(size="psd95_norm", select={"cell_type": kind})) for kind in ("pyr", "pv")}


@pytest.mark.parametrize(("kind", "value", "error"), [("pyr", 1.01771, 0.05637), ("pv", 0.86991, 0.01822)])
def test_density(presence, kind, value, error):
    found = measures.spine_density(presence[kind])
    assert found.value == pytest.approx(value, abs=6e-6)
    assert found.error == pytest.approx(error, abs=6e-6)


@pytest.mark.parametrize(("state", "value", "error"), [(2, 0.66590, 0.05419), (1, 0.33698, 0.01984)])
def test_density_of_spines_and_of_shaft_synapses(presence, state, value, error):
    """Counted over the same length: that of all synapses of the session."""
    found = measures.spine_density(presence["pyr"], only={"state": [state]})
    assert found.value == pytest.approx(value, abs=6e-6)
    assert found.error == pytest.approx(error, abs=6e-6)


@pytest.mark.parametrize(("kind", "mean", "sem", "n"), [("pyr", 0.7713, 0.0246, 594), ("pv", 0.9293, 0.0124, 683)])
def test_survival_to_day_24(presence, kind, mean, sem, n):
    found = measures.survival(presence[kind], replicates=0).loc[6]
    assert found["mean"] == pytest.approx(mean, abs=6e-5)
    assert found["sem"] == pytest.approx(sem, abs=6e-5)
    assert found["n"] == n


@pytest.mark.parametrize(
    ("kind", "wanted"), [("pyr", (0.5000, 0.6129, 0.8065, 0.9758)), ("pv", (0.7692, 0.9231, 0.9808, 1.0000))]
)
def test_survival_by_size_quartile(weights, kind, wanted):
    assert measures.survival_by_size(weights[kind], until=6).survival.to_numpy() == pytest.approx(wanted, abs=6e-5)


@pytest.mark.parametrize(("kind", "value", "error"), [("pyr", 0.117239, 0.009781), ("pv", 0.029483, 0.003886)])
def test_dynamic_fraction(presence, kind, value, error):
    found = measures.dynamic_fraction(presence[kind])
    assert found.value == pytest.approx(value, abs=6e-7)
    assert found.error == pytest.approx(error, abs=6e-7)


def test_seven_dendrites_lack_the_last_session_and_lose_nothing_there(presence):
    panel = presence["pv"].panel()
    missing = ~panel.observed[:, 7]
    assert panel.spines["dendrite"][missing].nunique() == 7
    naive = 1 - (panel.present[:, 6] & panel.present[:, 7]).sum() / panel.present[:, 6].sum()
    found = measures.turnover(presence["pv"], replicates=0).loss.iloc[-1]
    assert naive > 0.3
    assert found < 0.03


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("pyr", (0.905, 0.863, 0.830, 0.809, 0.774, 0.751)), ("pv", (0.809, 0.776, 0.754, 0.737, 0.714, 0.707))],
)
def test_lag_correlations(weights, kind, wanted):
    found = measures.autocorrelation(weights[kind], max_lag=6)
    assert found.days.tolist() == [4, 8, 12, 16, 20, 24]
    assert found.correlation.to_numpy() == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize(
    ("kind", "slope", "intercept", "pairs"), [("pyr", 0.917, 0.134, 3010), ("pv", 0.830, 0.187, 2699)]
)
def test_kesten_regression(weights, kind, slope, intercept, pairs):
    found = measures.kesten_regression(weights[kind], replicates=0)
    assert (found.slope.value, found.intercept.value) == pytest.approx((slope, intercept), abs=6e-4)
    assert found.pairs == pairs


@pytest.mark.parametrize(
    ("kind", "size", "sd"),
    [
        ("pyr", (0.32, 0.61, 0.92, 1.36, 2.30, 4.69), (0.247, 0.267, 0.361, 0.529, 0.776, 1.294)),
        ("pv", (0.52, 0.77, 0.93, 1.10, 1.34, 2.01), (0.188, 0.220, 0.244, 0.268, 0.303, 0.442)),
    ],
)
def test_sd_of_change_by_size_sextile(weights, kind, size, sd):
    """Sizes are rounded, so that one or two of 3,010 pairs lie on an edge: .0012 in the fourth bin of pyr."""
    found = measures.change_by_size(weights[kind], replicates=0)
    assert found["size"].to_numpy() == pytest.approx(size, abs=6e-3)
    assert found.sd.to_numpy() == pytest.approx(sd, abs=1.2e-3)


def test_the_authors_matrices_read_as_they_are(data_dir):
    files = sorted((data_dir / FOLDER / "raw_npy" / "norm_pyr").glob("*.npy"))
    tables = [read_table(path, Reading(days=list(range(0, 4 * np.load(path).shape[1], 4)))) for path in files]
    assert len(tables) == 14
    assert sum(int(table.panel().present.sum()) for table in tables) == 3731
