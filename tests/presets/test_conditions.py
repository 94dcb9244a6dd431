"""Conditions: every number has its source, compositions commute, and what does not fit together is refused."""

from itertools import permutations

import pytest

from spinula.core.errors import ConfigError, InvalidInputError, UnknownNameError
from spinula.law import LinearLaw, LinearQuadraticLaw
from spinula.presets import bibliography, load_preset
from spinula.presets.compose import compose, is_composition
from spinula.presets.condition import Edit, condition_names, load_condition
from spinula.presets.levers import Levers
from spinula.studies.disorders.levels import MEASURES

WANTED = {
    "fragile_x", "fragile_x_barrel", "fragile_x_juvenile", "fragile_x_no_clustering", "duplication_15q",
    "neuroligin_3", "low_spine_density", "small_spine_loss", "large_spine_loss", "extra_large_spines",
    "calcineurin_knockout", "rac1_active", "disc1_knockdown", "deletion_22q11", "setd1a", "psychosis_dopamine",
    "rgs_low", "d2_receptor_high", "chronic_stress_prefrontal", "chronic_stress_amygdala", "fear_frontal",
    "fear_auditory", "acute_stress_amygdala", "cocaine", "cocaine_frontal", "alzheimer_plaque", "down_syndrome",
    "intellectual_disability", "obsessive_compulsive", "mmp9_inhibitor", "calcium_block", "ketamine",
    "ketamine_no_spines", "pak_inhibitor", "d2_antagonist_low", "d2_antagonist_moderate", "d2_antagonist_high",
    "extinction_frontal", "extinction_auditory", "juvenile", "adolescent", "aged",
}  # fmt: skip


def test_all_conditions_are_there():
    assert set(condition_names()) == WANTED
    assert set(condition_names("age")) == {"juvenile", "adolescent", "aged"}


@pytest.mark.parametrize("name", condition_names())
def test_a_condition_says_where_its_numbers_come_from(name):
    condition = load_condition(name)
    for one in [*condition.edits, *condition.findings]:
        assert one.where
        assert one.how in ("read", "derived", "assumed")
        assert one.how != "read" or one.source in bibliography()
    for finding in condition.findings:
        assert finding.measure in MEASURES
        assert set(finding.background) <= {*condition_names(), "striatum_d2"}
    compose(name)


@pytest.mark.parametrize("name", ["down_syndrome", "intellectual_disability", "obsessive_compulsive"])
def test_what_nobody_read_is_assumed_as_a_whole(name):
    condition = load_condition(name)
    assert len(condition.assumed) == len(condition.edits)
    assert {finding.how for finding in condition.findings} == {"assumed"}


def test_a_condition_takes_its_numbers_from_the_preset_of_its_name():
    """One copy of each number: the file of the condition has none."""
    preset = load_preset("fragile_x")
    assert compose("fragile_x").dynamics == preset.dynamics
    (edit,) = load_condition("fragile_x").edits
    assert edit.how == "assumed"
    assert edit.factor == pytest.approx(1.25)


def test_the_order_of_names_does_not_matter():
    names = ("fragile_x", "mmp9_inhibitor", "aged")
    composed = [compose(list(order)) for order in permutations(names)]
    assert len({one.name for one in composed}) == 1
    assert len({one.dynamics.model_dump_json() + one.levers.model_dump_json() for one in composed}) == 1


def test_nothing_is_changed_without_a_condition():
    plain = compose("wild_type")
    assert plain.dynamics == load_preset("neocortex_adult").dynamics
    assert plain.levers == Levers()
    assert not plain.changes


def test_factors_multiply_and_a_drug_restores_a_share():
    both = compose("fragile_x+juvenile")
    assert both.dynamics.law.noise_slope == pytest.approx(0.2 * 1.25 * 1.3)
    assert compose("fragile_x+mmp9_inhibitor").dynamics.law.noise_slope == pytest.approx(0.2)
    # The drug does nothing where there is nothing to restore.
    assert compose("mmp9_inhibitor").dynamics == load_preset("neocortex_adult").dynamics
    assert compose("disc1_knockdown+pak_inhibitor").levers.elimination.rate == pytest.approx(0.2 * 0.005)


def test_crowding_turns_a_linear_law_into_a_quadratic_one():
    assert isinstance(compose("wild_type").dynamics.law, LinearLaw)
    law = compose("large_spine_loss").dynamics.law
    assert isinstance(law, LinearQuadraticLaw)
    assert law.crowding == 0.1


def test_a_composition_tells_what_moved_and_by_whom():
    (change,) = compose("fragile_x+juvenile").changes[:1]
    assert change.key == "law.noise_slope"
    assert {name for name, _ in change.edits} == {"fragile_x", "juvenile"}
    assert change.base == 0.2
    assert not change.beyond
    (slope,) = [one for one in compose("fragile_x_juvenile+juvenile+fear_frontal").changes if "slope" in one.key]
    assert slope.value == pytest.approx(0.338)
    beyond = compose("neocortex_adult", edits=[("x", Edit(key="law.noise_slope", factor=3.0, range=(1, 4), where="w",
                                                         how="assumed"))])  # fmt: skip
    assert beyond.changes[0].beyond


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ("small_spine_loss+large_spine_loss", "cannot go with"),
        ("ketamine+ketamine_no_spines", "cannot go with"),
        ("d2_antagonist_low+d2_antagonist_high", "cannot go with"),
        ("juvenile+aged", "two ages"),
        ("calcineurin_knockout+fragile_x", "more than one base"),
        ("neocortex_adult+ca1_slice", "more than one base"),
        ("disc1_knockdown+fear_frontal", "sets it to"),
        ("auditory_cortex+fragile_x", "no such number"),
        ("fragile_x_barrel+fragile_x_juvenile", "cannot go with"),
    ],
)
def test_what_does_not_fit_together_is_refused(names, what):
    with pytest.raises(InvalidInputError, match=what):
        compose(names)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="fragile_x"):
        compose("fragil_x+mmp9_inhibitor")


def test_bounds_of_the_law_hold_for_a_composition():
    edit = Edit(key="boundary.size_new", factor=0.5, range=(0.1, 1), where="w", how="assumed")
    with pytest.raises(ConfigError, match="must exceed size_min"):
        compose("wild_type", edits=[("x", edit)])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('key = "law.noise_slop"\nfactor = 2.0', "is no number that can be edited"),
        ('key = "law.noise_slope"\nfactor = 9.0', "outside its own range"),
        ('key = "law.noise_slope"\nfactor = 2.0\nvalue = 2.0', "give one of"),
        ('key = "elimination.rate"\nvalue = 2.0\nunit = "1/s"', "Wanted '1/day'"),
        ('key = "elimination.rate"\nvalue = 2.0', "a value needs its unit"),
        ('key = "law.noise_slope"\nfactor = 2.0\nsource = "nobody1900"', "not in references.bib"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path, text, what):
    path = tmp_path / "mine.toml"
    path.write_text(
        f'base = "neocortex_adult"\n[about]\ntitle = "x"\nkind = "disorder"\n[[edit]]\n{text}\nrange = [0.5, 4.0]\n'
        'where = "w"\nhow = "assumed"\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match=what) as caught:
        load_condition(str(path))
    assert "mine.toml" in str(caught.value)


def test_a_file_of_ones_own_can_be_composed(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'base = "neocortex_adult"\n[about]\ntitle = "x"\nkind = "disorder"\n[[edit]]\nkey = "law.noise_floor"\n'
        'factor = 2.0\nrange = [1.0, 3.0]\nwhere = "w"\nhow = "assumed"\n',
        encoding="utf-8",
    )
    assert compose([str(path), "mmp9_inhibitor"]).dynamics.law.noise_floor == pytest.approx(0.008)


def test_a_name_with_a_plus_is_a_composition():
    assert is_composition("fragile_x+aged")
    assert is_composition("ketamine")
    assert not is_composition("neocortex_adult")
