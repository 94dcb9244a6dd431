"""The population engine beside NumPy, JAX and torch on the same SDE, one process, one thread and two.

    dV = rate*(rest - V) dt + (slope*V + floor) dW,  Euler, float32, no boundary (peers have none)

Prints ns of CPU time per spine and step (median of rounds, engines in turn), ratios, the share of the random-number and
memory limits, and then what elimination costs on top.

    python benchmarks/bench_population.py [--spines 1000000] [--memory]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numba
import numpy as np

from spinula.engines import philox
from spinula.engines.population import Layout, Population
from spinula.law import Boundary, Dynamics, LinearLaw

LAW = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.004)
DT, STEPS, ROUNDS = 0.01, 20, 5
RATE, REST, SLOPE, FLOOR = (np.float32(x) for x in (0.05, 0.09, 0.2, 0.004))


def spinula_runner(spines, *, scheme="euler", threads=1, boundary=None, dt=DT):
    each = 1000
    layout = Layout(dendrites=spines // each, spines_per_dendrite=each)
    dynamics = Dynamics(law=LAW, boundary=boundary)
    population = Population(dynamics, seed=1, layout=layout, dt=dt, scheme=scheme, initial=None if boundary else 0.09)
    population.advance(4, threads=threads)
    return lambda: population.advance(STEPS, threads=threads)


def numpy_runner(spines):
    generator = np.random.Generator(np.random.SFC64(1))
    size, noise, spread = np.full(spines, 0.09, np.float32), np.empty(spines, np.float32), np.empty(spines, np.float32)
    root = np.float32(np.sqrt(DT))

    def run():
        for _ in range(STEPS):
            generator.standard_normal(dtype=np.float32, out=noise)
            np.multiply(size, SLOPE * root, out=spread)
            spread.__iadd__(FLOOR * root)
            noise.__imul__(spread)
            size.__imul__(np.float32(1 - RATE * np.float32(DT)))
            size.__iadd__(np.float32(RATE * REST * np.float32(DT)))
            size.__iadd__(noise)

    return run


def jax_runner(spines):
    import jax
    import jax.numpy as jnp

    def step(carry, key):
        noise = jax.random.normal(key, (spines,), jnp.float32)
        return carry + RATE * (REST - carry) * DT + (SLOPE * carry + FLOOR) * np.float32(np.sqrt(DT)) * noise, None

    @jax.jit
    def many(size, key):
        return jax.lax.scan(step, size, jax.random.split(key, STEPS))[0]

    state = [jnp.full(spines, 0.09, jnp.float32), jax.random.PRNGKey(0)]

    def run():
        state[1], key = jax.random.split(state[1])
        state[0] = many(state[0], key).block_until_ready()

    return run


def torch_runner(spines):
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(1)
    size, root = torch.full((spines,), 0.09), float(np.sqrt(DT))

    def run():
        with torch.no_grad():
            for _ in range(STEPS):
                noise = torch.randn(spines)
                size.add_(RATE * (REST - size) * DT + (SLOPE * size + FLOOR) * root * noise)

    return run


def limits(spines):
    """Return ns per number: the bare Gaussian generator, and reading and writing a float32 stream."""
    words, normals = np.empty((4, philox.LANES), np.uint32), np.empty((4, philox.LANES), np.float32)
    numbers = np.arange(philox.LANES, dtype=np.uint32)

    array = np.ones(spines, np.float32)

    @numba.njit(fastmath=True)
    def stream(values):
        for i in range(values.size):
            values[i] = values[i] * np.float32(1.0000001)

    blocks = 5000
    gaussian = numba.njit(_gaussian)
    found = []
    for function, arguments, count in ((gaussian, (numbers, words, normals, blocks), 4 * philox.LANES * blocks),
                                       (stream, (array,), spines)):  # fmt: skip
        function(*arguments)
        found.append(statistics.median(timed(lambda f=function, a=arguments: f(*a)) for _ in range(5)) / count * 1e9)
    return found


def _gaussian(numbers, words, normals, blocks):
    for block in range(blocks):
        philox.fill_words(numbers, np.uint32(0), np.uint32(block), np.uint32(0), np.uint64(7), words, words.shape[1])
        philox.fill_normals(words, normals, words.shape[1])


def timed(run):
    start = time.process_time()
    run()
    return time.process_time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spines", type=int, default=1_000_000)
    parser.add_argument("--memory", action="store_true", help="only run 10 million spines and print the peak memory")
    options = parser.parse_args()
    if options.memory:
        return memory()
    makers = {"spinula": spinula_runner, "NumPy (SFC64, in place)": numpy_runner, "JAX jit": jax_runner,
              "torch": torch_runner}  # fmt: skip
    runners = {}
    for name, make in makers.items():
        try:
            runners[name] = make(options.spines)
        except ImportError as error:
            print(f"skipped {name}: {error}")
    for run in runners.values():
        run()
    rounds = {name: [] for name in runners}
    for _ in range(ROUNDS):
        for name, run in runners.items():
            rounds[name].append(timed(run) / STEPS / options.spines * 1e9)
    ours = statistics.median(rounds["spinula"])
    print(
        f"{options.spines:,} spines, float32, Euler, dt {DT} day, one thread, median of {ROUNDS}: ns CPU per spine-step"
    )
    for name, values in rounds.items():
        value = statistics.median(values)
        print(f"  {name:26s} {value:7.2f}   {value / ours:5.1f} x spinula")
    gaussian, stream = limits(options.spines)
    print(
        f"  limits: Gaussian generator alone {gaussian:.2f} ({100 * gaussian / ours:.0f} % of spinula's time), ", end=""
    )
    print(f"float32 read and write {stream:.2f} ({100 * stream / ours:.0f} %)")
    print("spinula in full, ns CPU per spine-step, and wall time on 2 threads:")
    boundary = Boundary(size_min=0.02, size_new=0.03)
    for label, scheme, edge, dt in (("additive step, no boundary", "additive", None, DT),
                                    ("additive step, bridge, dt 0.01", "additive", boundary, 0.01),
                                    ("additive step, bridge, dt 0.05", "additive", boundary, 0.05)):  # fmt: skip
        one = spinula_runner(options.spines, scheme=scheme, boundary=edge, dt=dt)
        cpu = statistics.median(timed(one) for _ in range(ROUNDS)) / STEPS / options.spines * 1e9
        walls = []
        for threads in (1, 2):
            run = spinula_runner(options.spines, scheme=scheme, boundary=edge, dt=dt, threads=threads)
            found = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                run()
                found.append(time.perf_counter() - start)
            walls.append(statistics.median(found) / STEPS / options.spines * 1e9)
        gain = walls[0] / walls[1]
        print(f"  {label:32s} {cpu:6.2f}   wall {walls[0]:.2f} -> {walls[1]:.2f} ({gain:.2f} x on 2 threads)")


def memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    layout = Layout(dendrites=10_000, spines_per_dendrite=1000)
    population = Population(Dynamics(law=LAW, boundary=Boundary(size_min=0.02, size_new=0.03)), seed=1, layout=layout)
    for snapshot in population.run(days=1, every=0.5):
        count = len(snapshot)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{count:,} spines, three snapshots: peak {peak / 1e6:.2f} GB ({before / 1e6:.2f} GB before)")


if __name__ == "__main__":
    main()
