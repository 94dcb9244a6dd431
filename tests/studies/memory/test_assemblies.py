import dataclasses

import numpy as np
import pytest

from spinula.studies.memory.assemblies import contacts, covariation, hebbian, reactivation
from spinula.studies.memory.study import Keeper, Options, find

SHORT = reactivation.case(1, rest=True, days=0.25, neurons=120) | {"settling": 1, "learning": 2}


class Cut(Exception):
    pass


@pytest.fixture(scope="module")
def whole():
    return reactivation.run(SHORT, Keeper())


@pytest.mark.slow
@pytest.mark.parametrize("hour", [6, 8])
def test_a_run_that_was_cut_goes_on_to_the_same_bytes(tmp_path, whole, hour):
    def tell(share):
        if round(share * 9) == hour:
            raise Cut

    keeper = Keeper(tmp_path / "state.npz", tell)
    with pytest.raises(Cut):
        reactivation.run(SHORT, keeper)
    told = []
    again = reactivation.run(SHORT, dataclasses.replace(keeper, tell=told.append))
    assert len(told) == 3  # the last checkpoint is that of the sixth hour
    assert again == whole


@pytest.mark.slow
def test_the_whole_run_writes_every_hour(whole):
    assert {len(whole[name]) for name in reactivation.RECORDED} == {9}
    assert whole["steps"] == 9 * 36_000


@pytest.mark.slow
def test_a_twin_begins_where_learning_ended_and_does_what_it_would_have_done_alone():
    resting, lost = (
        reactivation.case(7, rest=rest, days=0.1, neurons=100) | {"settling": 1, "learning": 1}
        for rest in (True, False)
    )
    reactivation._LEARNED.clear()
    alone = reactivation.run(lost, Keeper())
    reactivation._LEARNED.clear()
    reactivation.run(resting, Keeper())
    told = []
    assert reactivation.run(lost, Keeper(tell=told.append)) == alone
    assert len(told) == len(alone["weight"]) - 2  # the two hours of settling and learning are not run again
    other = reactivation.run(lost | {"seed": 8}, Keeper())
    assert other["contacts_0"][0] != alone["contacts_0"][0]


def test_survival_without_reactivation_is_as_published():
    days = np.linspace(0, 3, 301)
    np.testing.assert_allclose(
        reactivation.crossings(days, reactivation.survival(days)), (0.88, 1.37, 1.74), rtol=0.005
    )
    assert np.isnan(reactivation.crossings(days[:50], reactivation.survival(days[:50]))).all()


@pytest.mark.parametrize("regular", [True, False])
def test_phases_follow_each_other_to_the_end(regular):
    case = reactivation.case(4, rest=True, days=20, regular=regular)
    starts, kinds = reactivation.schedule(case)
    assert starts[-1] == (15 + 20 * 24) * 36_000
    assert (np.diff(starts) > 0).all()
    after = kinds[1 + 2 * 600 :]
    assert (set(after[::2]), set(after[1::2])) == ({1}, {0})
    hours = np.diff(starts)[1 + 2 * 600 : -1] / 36_000
    assert abs(hours[::2].mean() - 4) < (0.5 if regular else 2)
    assert (hours[::2].std() > 2) == (not regular)


def test_without_rest_only_sensory_phases_follow():
    _, kinds = reactivation.schedule(reactivation.case(1, rest=False, days=2))
    assert set(kinds[1 + 2 * 600 :]) == {1}


def test_modes_of_a_distribution():
    assert contacts.modes(np.array([0.5, 0.1, 0.05, 0.15, 0.2, 0.0])) == [0, 4]
    assert contacts.modes(np.array([0.1, 0.3, 0.4, 0.2])) == [2]
    assert contacts.modes(np.array([0.99, 0.001, 0.0, 0.009])) == [0]


def test_peaks_of_sizes():
    rng = np.random.default_rng(1)
    one, two = rng.lognormal(-2, 0.5, 4_000), rng.lognormal(1, 0.5, 4_000)
    assert hebbian.peaks(one) == 1
    assert hebbian.peaks(np.concatenate([one, two])) == 2


@pytest.mark.parametrize(
    "study",
    [
        contacts.STUDY,
        covariation.STUDY,
        pytest.param(hebbian.STUDY, marks=pytest.mark.slow),
        pytest.param(reactivation.STUDY, marks=pytest.mark.slow),
    ],
    ids=lambda study: study.name,
)
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_a_trial_ends_with_panels_and_claims(study):
    finding = find(study, Options(trial=True))
    assert finding.panels
    assert any(claim.control for claim in finding.claims)
    for panel in finding.panels:
        assert {"label", "x", "value", "low", "high"} <= set(panel.curves)
    assert {row.number for row in study.rows} == {claim.row for claim in finding.claims if claim.row is not None}
