"""Turnover does not depend on the time step here; with plain Euler steps it does."""

from spinula import Boundary, Density, Dynamics, Layout, LinearLaw, Population

law = LinearLaw(recovery_rate=0.05, size_rest=0.07, noise_slope=0.2, noise_floor=0.01)
dynamics = Dynamics(law=law, boundary=Boundary(size_min=0.02, size_new=0.025))
print(f"density engine   {Density(dynamics).turnover_rate():.3f} eliminations per spine and day")
for dt in (1.0, 0.1):
    for scheme in ("additive", "euler"):
        layout = Layout(dendrites=20, spines_per_dendrite=200)
        population = Population(dynamics, seed=1, layout=layout, dt=dt, scheme=scheme)
        first, last = population.run(days=20, every=20)
        print(f"dt = {dt:4g} day, {scheme:8s} {last.eliminated / len(last) / 20:.3f}")
