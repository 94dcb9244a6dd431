"""The same spines, three microscopes: turnover depends on what can be seen."""

from spinula import Layout, Microscope, Population, load_preset, turnover

dynamics = load_preset("ca1_in_vivo").dynamics
for name, microscope in {
    "perfect": Microscope(),
    "misses 10 %": Microscope(detection=0.9),
    "sees only above 0.05 um3": Microscope(size_floor=0.05),
}.items():
    population = Population(dynamics, seed=1, layout=Layout(dendrites=20, spines_per_dendrite=100))
    table = microscope.image(population.run(days=16, every=4), seed=1)
    print(f"{name:26s} turnover ratio over 4 days {turnover(table).turnover_ratio.mean():.3f}")
