import numpy as np
import pandas as pd
import pytest

from spinula import measures
from spinula.core.errors import TableError
from spinula.core.table import SpineTable


def _panel(x):
    spines, sessions = x.shape
    frame = pd.DataFrame(
        {"dendrite": np.repeat(np.arange(spines) % 10, sessions).astype(str),
         "spine_id": np.repeat(np.arange(spines), sessions),
         "session": np.tile(np.arange(sessions), spines), "day": 2.0 * np.tile(np.arange(sessions), spines),
         "size": x.ravel(), "present": True, "observed": True}
    )  # fmt: skip
    return SpineTable(frame)


def _kesten(seed=1, spines=600, sessions=8):
    rng = np.random.default_rng(seed)
    x = [np.full(spines, 1.0)]
    for _ in range(60 + sessions):
        x.append(x[-1] * rng.normal(0.9, 0.1, spines) + rng.normal(0.1, 0.02, spines))
    return np.array(x[-sessions:]).T


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("log-normal", lambda rng: np.exp(rng.normal(-2, 0.6, 2000))),
        ("gamma", lambda rng: rng.gamma(2.0, 0.05, 2000)),
        ("inverse gamma", lambda rng: 1 / rng.gamma(3.5, 5.0, 2000)),
        (
            "two log-normals",
            lambda rng: 10 ** np.concatenate([rng.normal(-1.5, 0.15, 1400), rng.normal(-0.6, 0.15, 600)]),
        ),
    ],
)
def test_the_true_family_wins(name, draw):
    """The nested mixture may tie with the log-normal within its penalty."""
    found = measures.compare_distributions(draw(np.random.default_rng(4)))
    row = found.set_index("family").loc[name]
    assert row.delta < 4
    assert found.family.nunique() == 4


def test_truncation_is_undone():
    """A third of the sample lies below the floor: the truncated fit finds the mean, the naive one does not."""
    rng = np.random.default_rng(2)
    x = np.exp(rng.normal(-2, 0.5, 6000))
    floor = float(np.quantile(x, 0.33))
    seen = x[x > floor]
    aware, naive = (
        measures.compare_distributions(seen, size_floor=f).set_index("family").loc["log-normal"].parameters
        for f in (floor, 0.0)
    )
    assert np.log(aware["scale"]) == pytest.approx(-2, abs=0.1)
    assert abs(np.log(naive["scale"]) + 2) > 0.2


def test_kesten_regression_recovers_the_map():
    found = measures.kesten_regression(_panel(_kesten()))
    assert found.slope.low < 0.9 < found.slope.high
    assert found.slope.value == pytest.approx(0.9, abs=0.03)
    assert found.intercept.value == pytest.approx(0.1, abs=0.03)


def test_change_by_size_is_the_plain_sd():
    x = _kesten()
    found = measures.change_by_size(_panel(x), bins=5)
    before, change = x[:, :-1].ravel(), np.diff(x, axis=1).ravel()
    lowest = before < np.quantile(before, 0.2)
    assert found.sd[0] == pytest.approx(change[lowest].std(), rel=1e-9)
    assert ((found.low < found.sd) & (found.sd < found.high)).all()
    assert found.days.tolist() == [2.0] * 5


def test_memory_of_an_autoregression():
    rng = np.random.default_rng(3)
    x = [rng.normal(0, 1, 3000)]
    for _ in range(5):
        x.append(0.8 * x[-1] + 0.6 * rng.normal(0, 1, 3000))
    table = _panel(np.exp(np.array(x).T))
    found = measures.autocorrelation(table)
    assert found.correlation.to_numpy() == pytest.approx(0.8 ** found.lag.to_numpy(), abs=0.03)
    change = measures.mean_squared_change(table)
    assert change.msd.to_numpy() == pytest.approx(2 * (1 - 0.8 ** change.lag.to_numpy()), rel=0.06)


def test_too_few_sizes_are_named():
    with pytest.raises(TableError, match="at least"):
        measures.compare_distributions(np.ones(5))
    with pytest.raises(TableError, match="pairs of sizes"):
        measures.change_by_size(_panel(np.ones((2, 3))))


def test_sizes_that_are_all_one_have_no_distribution():
    with pytest.raises(TableError, match=r"all sizes are 0\.1"):
        measures.compare_distributions(np.full(50, 0.1))
