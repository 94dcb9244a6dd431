import pytest

from spinula.core.errors import ConfigError, UnknownNameError
from spinula.engines.density import Density
from spinula.presets import bibliography, load_preset, preset_names
from spinula.studies.slice_activity import compare_activity

WANTED = {
    "ca1_slice", "cortex_modulated", "striatum_d1", "striatum_d2", "neocortex_adult", "neocortex_deprived",
    "neocortex_enriched",
    "neocortex_blocked", "ca1_in_vivo", "barrel_cortex", "fragile_x", "auditory_cortex",
}  # fmt: skip


def test_all_presets_are_there():
    assert set(preset_names()) >= WANTED


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_says_where_its_numbers_come_from(name):
    preset = load_preset(name)
    assert preset.about.title
    for key, quantity in preset.quantities.items():
        assert quantity.where, key
        assert quantity.range is not None, key
    # A value that nobody read in a paper must not be shown as published.
    if preset.assumed:
        assert preset.about.status == "assumed"


@pytest.mark.parametrize("name", [name for name in preset_names() if load_preset(name).checks])
def test_a_preset_passes_its_exam(name):
    """By the density engine, without Monte Carlo (with activity: by simulation)."""
    preset = load_preset(name)
    density = Density(preset.dynamics)
    for check in preset.checks:
        if check.activity:
            found = compare_activity(name, seed=1, spines=3000).control
            assert found == pytest.approx(check.published, abs=check.tolerance)
            continue
        ratio = density.turnover_ratio(check.over_days)
        found = ratio if check.observable == "turnover_ratio" else 1 - ratio
        assert found == pytest.approx(check.published, abs=check.tolerance)


def test_a_preset_states_only_what_differs_from_its_base():
    base, fragile = load_preset("neocortex_adult"), load_preset("fragile_x")
    changed = [key for key in base.quantities if base.quantities[key].value != fragile.quantities[key].value]
    assert changed == ["law.noise_slope"]


_GOOD = """
[about]
title = "x"
status = "assumed"
[law]
family = "linear"
[law.recovery_rate]
value = 0.05
unit = "1/day"
how = "assumed"
[law.size_rest]
value = 0.1
unit = "um3"
how = "assumed"
[law.noise_slope]
value = 0.2
unit = "1/sqrt(day)"
how = "assumed"
[law.noise_floor]
value = 0.004
unit = "um3/sqrt(day)"
how = "assumed"
"""


def test_a_preset_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(_GOOD)
    assert load_preset(path).dynamics.law.noise_slope == 0.2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('unit = "um3"', 'unit = "nm3"', "Wanted 'um3'"),
        ("noise_slope", "noise_slop", "unknown key"),
        ("value = 0.2\n", "value = -0.2\n", "greater than"),
        (
            'how = "assumed"\n[law.size_rest]',
            'how = "stated"\nsource = "nobody1999"\n[law.size_rest]',
            "not in references",
        ),
        ('how = "assumed"\n[law.size_rest]', 'how = "stated"\n[law.size_rest]', "needs a source"),
        ('family = "linear"', 'family = "linar"', "is not a family"),
        ("[law.noise_floor]", "[law.noise_floor]\nrange = [1.0, 2.0]", "outside its own range"),
        ("value = 0.05", 'value = "fast"', "valid number"),
        ("[law.noise_floor]", "[boundary]\nsize_min = 0.02\n[law.noise_floor]", "boundary"),
        ("[law]", "[formation]\nmode = 'sometimes'\n[law]", "neither 'rate'"),
    ],
)
def test_a_wrong_preset_is_named_with_file_and_key(tmp_path, old, new, message):
    path = tmp_path / "mine.toml"
    path.write_text(_GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message) as caught:
        load_preset(path)
    assert "mine.toml" in str(caught.value)


def test_an_unknown_preset_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'fragile_x'"):
        load_preset("fragil_x")


def test_every_reference_has_author_title_and_year():
    for reference in bibliography().values():
        assert {"author", "title", "year"} <= set(reference.fields), reference.key


def test_formation_at_a_rate_is_a_quantity(tmp_path):
    path = tmp_path / "open.toml"
    entry = '[{}]\nvalue = {}\nunit = "{}"\nhow = "assumed"\n'
    path.write_text(
        _GOOD
        + entry.format("boundary.size_min", 0.02, "um3")
        + entry.format("boundary.size_new", 0.03, "um3")
        + '[formation]\nmode = "rate"\n'
        + entry.format("formation.rate", 0.1, "1/(um day)")
    )
    preset = load_preset(path)
    assert preset.dynamics.formation.rate == 0.1
    assert Density(preset.dynamics).spine_density() > 0
