import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter

from spinula import measures
from spinula.core.errors import TableError
from spinula.core.table import SpineTable, example_table
from spinula.measures.intervals import bootstrap, clusters, permutation_test, sums


def _random_table(seed=0, dendrites=6, spines=30, sessions=6, loss=0.15):
    rng = np.random.default_rng(seed)
    rows = []
    for dendrite in range(dendrites):
        for spine in range(spines):
            born = int(rng.integers(0, 3)) if rng.random() < 0.4 else 0
            life = rng.geometric(loss)
            size = np.exp(rng.normal(-2, 0.5))
            for session in range(born, min(sessions, born + life)):
                rows.append(
                    (
                        f"m{dendrite // 2}",
                        f"d{dendrite}",
                        spine,
                        session,
                        3.0 * session,
                        size * np.exp(rng.normal(0, 0.2)),
                    )
                )
    frame = pd.DataFrame(rows, columns=["animal", "dendrite", "spine_id", "session", "day", "size"])
    return SpineTable(frame.assign(present=True, observed=True))


def test_turnover_counts_by_hand():
    found = measures.turnover(example_table())
    assert found[["n1", "n2", "lost", "gained"]].to_numpy().tolist() == [[4, 4, 1, 1], [2, 2, 0, 0]]
    assert found.loss_rate[0] == pytest.approx(-np.log(0.75) / 4)


def test_unobserved_is_not_lost():
    frame = example_table().frame
    dropped = SpineTable(frame[~((frame.dendrite == "d1") & (frame.session == 2))])
    assert measures.turnover(dropped).lost.tolist() == [1]
    # Control: the same rows as absences are losses.
    absent = frame.copy()
    rows = (absent.dendrite == "d1") & (absent.session == 2)
    absent.loc[rows, ["present", "size"]] = [False, np.nan]
    assert measures.turnover(SpineTable(absent)).lost[1] == 2


def test_intervals_are_clustered():
    """Doubling every spine within its dendrite must not narrow the interval; treating dendrites as animals may."""
    table = _random_table()
    frame = table.frame
    copy = frame.assign(spine_id=frame.spine_id + 1000)
    doubled = SpineTable(pd.concat([frame, copy]))
    one, two = (measures.turnover(t, seed=1) for t in (table, doubled))
    assert (two.high - two.low).to_numpy() == pytest.approx((one.high - one.low).to_numpy(), rel=1e-9)


def test_the_bootstrap_covers():
    """A mean of 20 clusters, 300 times: coverage of nominal 95 % between 89 and 97 % (false alarm below 1 %)."""
    rng, hits = np.random.default_rng(1), 0
    for trial in range(300):
        values = rng.normal(1, 1, 20)
        totals = np.stack([values, np.ones(20)], axis=-1)
        low, high = bootstrap(totals, lambda t: t[..., 0] / t[..., 1], replicates=400, seed=trial)
        hits += low <= 1 <= high
    assert 0.89 < hits / 300 < 0.97


def test_clusters_are_animals_then_dendrites_then_spines():
    spines = example_table().panel().spines
    assert clusters(spines)[1] == "animal"
    assert clusters(spines.assign(animal="x"))[1] == "dendrite"
    assert clusters(spines.assign(animal="x", dendrite="y"))[1] == "spine"
    assert sums(np.array([0, 0, 1]), np.array([1.0, 2.0, 3.0])).tolist() == [3, 3]


def test_survival_and_its_band():
    found = measures.survival(_random_table(), seed=1)
    assert found.survival.iloc[0] == 1
    assert (np.diff(found.survival) <= 0).all()
    assert ((found.low <= found.survival) & (found.survival <= found.high)).all()


@pytest.mark.parametrize("session", [0, None])
def test_kaplan_meier_is_lifelines(session):
    from spinula.measures.survival import durations

    table = _random_table(seed=3)
    found = measures.kaplan_meier(table, session=session, replicates=0)
    _, length, lost = durations(table.panel(), session)
    reference = KaplanMeierFitter().fit(length, lost)
    wanted = reference.predict(found.day.to_numpy()).to_numpy()
    assert found.survival.to_numpy() == pytest.approx(wanted, abs=1e-12)
    bounds = reference.confidence_interval_.loc[found.day.iloc[1:-1]].to_numpy()
    assert found[["low", "high"]].iloc[1:-1].to_numpy() == pytest.approx(bounds, abs=2e-4)


def test_censored_spines_are_not_lost():
    from spinula.measures.survival import durations

    _, length, lost = durations(example_table().panel(), 0)
    assert lost.tolist() == [False, True, False, False]
    assert length.tolist() == [8, 2, 4, 4]


def test_survival_by_size_has_the_sign_of_the_data():
    rng = np.random.default_rng(1)
    size = np.exp(rng.normal(0, 1, 400))
    alive = rng.random(400) < size / (1 + size)
    first = pd.DataFrame({"dendrite": "a", "spine_id": range(400), "session": 0, "day": 0.0, "size": size})
    last = first[alive].assign(session=1, day=5.0)
    table = SpineTable(pd.concat([first, last]).assign(present=True, observed=True))
    found = measures.survival_by_size(table, until=1)
    assert found.n.tolist() == [100] * 4
    assert (np.diff(found.survival) > 0).all()


def test_density_by_hand():
    frame = pd.DataFrame(
        {"dendrite": "a", "spine_id": [1, 2, 3, 1, 2], "session": [0, 0, 0, 1, 1], "day": [0.0, 0, 0, 1, 1],
         "position_um": [0.0, 4, 10, 0, 4], "present": True, "observed": True}
    )  # fmt: skip
    assert measures.spine_density(SpineTable(frame)).value == pytest.approx((3 / 10 + 2 / 4) / 2)
    with pytest.raises(TableError, match="no position"):
        measures.spine_density(SpineTable(frame.drop(columns="position_um")))


def test_one_session_is_not_enough():
    table = example_table()
    with pytest.raises(TableError, match="single session"):
        measures.turnover(SpineTable(table.frame[table.frame.session == 0]))
    with pytest.raises(TableError, match="no spine is present"):
        measures.survival(table, session=7)


def test_permutation_finds_a_difference_and_no_difference():
    rng = np.random.default_rng(2)
    assert permutation_test(rng.normal(0, 1, 8), rng.normal(4, 1, 8)) < 0.01
    assert permutation_test(rng.normal(0, 1, 8), rng.normal(0, 1, 8)) > 0.05


def test_lifetimes():
    table = _random_table(seed=5, dendrites=12, spines=60, sessions=8)
    hazard = measures.age_hazard(table, bins=3)
    assert ((hazard.low <= hazard.hazard) & (hazard.hazard <= hazard.high)).all()
    assert len(measures.life_by_size(table)) == 4
    # In these tables size says nothing of age: the control for the correlation.
    assert measures.size_age_correlation(table).low < 0 < measures.size_age_correlation(table).high
