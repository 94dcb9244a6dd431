"""Synapses as Markov chains: rows are laws, two levels have their closed form, simulated spines forget as they do."""

import numpy as np
import pytest

from spinula.studies.parallels.pairs.stability import exponent, lives, storing
from spinula.studies.parallels.sides.synapses import best_binary, binary, lifetime


@pytest.mark.parametrize("chance", [0.02, 0.1, 0.5])
def test_two_levels_forget_by_the_closed_form(chance):
    ages = np.arange(40)
    assert binary(chance).signal(ages) == pytest.approx(chance * (1 - chance) ** ages.astype(float), rel=1e-12)
    assert binary(chance).noise == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["spines", "spines, all sizes alike", "spines without fluctuation"])
def test_chains_of_spines_are_laws_and_do_what_simulated_spines_do(kind):
    spines = storing(kind)
    chain = spines.synapse()
    for moves in (chain.up, chain.down):
        assert moves.sum(axis=1) == pytest.approx(1.0)
        assert moves.min() >= 0
    assert chain.stationary @ chain.mean == pytest.approx(chain.stationary, abs=1e-12)
    generator = np.random.default_rng(1)
    start = np.maximum(chain.stationary, 0)
    size = generator.choice(chain.weight, 200_000, p=start / start.sum())
    for _ in range(30):
        memory = generator.choice([-1.0, 1.0], len(size))
        size = spines.step(size, memory, generator.standard_normal(len(size)))
    # Six standard errors: 1 in 10^8, and the width of the levels.
    assert np.mean(memory * (size - size.mean())) == pytest.approx(
        chain.signal(np.array([0]))[0], abs=6 * chain.noise / len(size) ** 0.5
    )
    assert size.mean() == pytest.approx(chain.stationary @ chain.weight, rel=0.02)


def test_the_best_chance_is_where_no_other_lives_longer():
    chance, life = best_binary(1e4)
    ages = np.arange(2000)
    for factor in (0.5, 0.9, 1.0, 1.1, 2.0):
        q = chance * factor
        assert lifetime(ages, q * (1 - q) ** ages.astype(float), 1e4) <= life + 1e-6
    assert np.isnan(lifetime(ages, np.ones(2000), 1e4))
    assert lifetime(ages, np.full(2000, 1e-3), 1e4) == 0.0


def test_only_chains_of_variables_escape_the_logarithm():
    grown = {name: exponent(life) for name, life in lives().items()}
    assert grown["binary, chance chosen for N"] == pytest.approx(0.5, abs=0.02)
    assert grown["chain of variables (Benna-Fusi)"] > 0.85
    assert max(grown["spines"], grown["binary"]) < 0.15
