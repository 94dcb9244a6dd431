"""Neurons find the inputs that fire together, while all their spines fluctuate, vanish and form."""

import numpy as np

from spinula import load_preset
from spinula.engines.network.spiking import Circuit, Edges, Living
from spinula.law.circuits.neurons import IntegrateAndFire
from spinula.law.circuits.timing import PairTiming

SOURCES, TOGETHER, CELLS, MINUTE = 200, 40, 20, 60_000
# The choice of time scales: 3 s of spikes stand for a day of spine life, a minute for 20 days.
living = Living(load_preset("neocortex_adult").dynamics, day=3000.0, tick=100.0)
rule = PairTiming(size_max=1.0, potentiation_step=4e-3, depression_step=4.4e-3)

# All sources fire at 8 per second, the first 40 of them within 5 ms of common moments.
rng = np.random.default_rng(3)
moments = rng.uniform(0, MINUTE, 480)
times = [
    moments + rng.uniform(0, 5, 480) if source < TOGETHER else rng.uniform(0, MINUTE, 480) for source in range(200)
]
pre, post = np.divmod(np.flatnonzero(rng.random(SOURCES * CELLS) < 0.5), CELLS)

for name, timing in (("spines that learn by the timing of spikes", rule), ("the same without timing", None)):
    circuit = Circuit(seed=1)
    sources = circuit.neurons(SOURCES, IntegrateAndFire(refractory_time=2.0), name="sources")
    cells = circuit.neurons(CELLS, IntegrateAndFire(), name="cells")
    spines = circuit.connect(
        sources, cells, Edges(pre, post), size=None, gain=12.0, delay=1.0, timing=timing, living=living
    )
    circuit.send(sources, np.concatenate(times), np.repeat(np.arange(SOURCES), 480), weight=200.0)
    print(f"{name}, 1 day = {living.day / 1000:g} s (x {living.compression:,.0f})")
    print("day   size, together  size, others  spines on those together  spines that are new")
    for snapshot in circuit.run(MINUTE, every=15_000.0):
        frame = circuit.connections(spines)
        together, new = frame["pre"] < TOGETHER, frame["spine_id"] >= len(pre)
        sizes = frame["size"].groupby(together).mean()
        print(
            f"{snapshot.time / living.day:3.0f}  {sizes[True]:10.3f} um3 {sizes[False]:9.3f} um3"
            f"{together.mean():20.0%} {new.mean():22.0%}"
        )
