"""Simulate adult neocortex, image it every four days with an error, and fit what was seen."""

from spinula import Layout, Microscope, Population, fit_log_ou, load_preset, survival, turnover

preset = load_preset("neocortex_adult")
population = Population(preset.dynamics, seed=1, layout=Layout.for_spines(1000, spine_density=0.5))
table = Microscope(log_noise=0.15, size_floor=0.02).image(population.run(days=40, every=4), seed=1, animals=4)
print(turnover(table)[["session", "n1", "turnover_ratio", "low", "high"]].to_string(index=False))
print(survival(table)[["day", "survival", "low", "high"]].to_string(index=False))
print(fit_log_ou(table, noise=0.15, check=False).frame())
