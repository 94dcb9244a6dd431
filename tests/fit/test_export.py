import numpy as np
import pytest

from spinula.core.table import SpineTable
from spinula.core.toml import read_toml
from spinula.engines.population import Population
from spinula.fit.export import preset_of, write_preset
from spinula.fit.likelihood import fit_log_ou
from spinula.presets.loader import load_preset


def test_preset_round_trip(simulate, tmp_path):
    fit = fit_log_ou(simulate(1), check=False)
    preset = load_preset(write_preset(fit, tmp_path / "mine.toml", title="Simulated", source="test"))
    assert preset.name == "mine"
    assert preset.about.status == "fitted"
    assert preset.dynamics.law == fit.law
    assert preset.microscope["log_noise"] == fit["log_noise"].value
    assert preset.assumed == []
    for name in ("log_mean", "log_sd", "recovery_rate"):
        quantity = preset.quantities[f"law.{name}"]
        assert quantity.how == "fitted"
        assert quantity.range == (fit[name].low, fit[name].high)
        assert "500 spines" in quantity.where


def test_engine_runs_the_fitted_law(simulate, tmp_path):
    fit = fit_log_ou(simulate(2, noise=0.0, day=np.linspace(0, 80, 11)), noise=0.0)
    dynamics = load_preset(write_preset(fit, tmp_path / "law.toml", title="t", source="s")).dynamics
    last = list(Population(dynamics, seed=1, dt=0.1).run(days=40, every=20.0))[-1]
    logs = np.log(last.size)
    assert logs.std() == pytest.approx(fit["log_sd"].value, rel=0.05)
    assert logs.mean() == pytest.approx(fit["log_mean"].value, abs=0.05)


def test_unit_of_the_table_is_kept(simulate, tmp_path):
    table = SpineTable(simulate(3, spines=60).frame, "a.u.")
    path = write_preset(fit_log_ou(table, check=False), tmp_path / "au.toml", title="t", source="s")
    assert read_toml(path)[0]["law"]["log_mean"]["unit"] == "log(a.u.)"
    assert path.read_text().startswith("# Written by spinula")
    load_preset(path)


def test_given_noise_is_marked_assumed_and_cautions_become_the_note(simulate, tmp_path):
    fit = fit_log_ou(simulate(4), noise=0.15, check=False)
    assert any("exceeds the recording" in caution for caution in fit.cautions)
    path = write_preset(fit, tmp_path / "given.toml", title="t", source="s")
    preset = load_preset(path)
    assert preset.assumed == ["observation.log_noise"]
    assert "exceeds the recording" in preset.about.note


def test_noise_at_its_bound_keeps_the_limit(simulate):
    fit = next(f for seed in range(20) if (f := fit_log_ou(simulate(seed, noise=0.0), check=False)).bounded)
    stated = preset_of(fit, title="t", source="s")["observation"]["log_noise"]
    assert stated["value"] == 0
    assert stated["range"][1] == fit["log_noise"].high > 0
