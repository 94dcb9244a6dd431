"""Truly sparse training beside dense torch and other sparse packages: 784-1024-1024-10, batch 128, one process.

One step is forward, backward and update (SGD with momentum) on the same batch; the last layer is dense in all. Prints
the median wall time of rounds in which all take turns, at one thread and at two, the ratio to dense torch, what
rewiring costs, bytes per connection, and how far the kernel is from its roofline.

    python benchmarks/bench_sparse.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

import numba
import numpy as np
import torch

from spinula.engines.sparse import fused
from spinula.engines.sparse.perceptron import Perceptron
from spinula.engines.sparse.rules import RULES, Rule
from spinula.law.training import TrainingLaw

WIDTHS, BATCH, STEPS = [784, 1024, 1024, 10], 128, 10
GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.standard_normal((BATCH * STEPS, WIDTHS[0])).astype(np.float32)
LABELS = GENERATOR.integers(0, 10, BATCH * STEPS)


def spinula_runner(density, name):
    """The fused perceptron; ``spine`` rewires at every step, ``still`` never."""
    rule = RULES["spine"] if name == "spine" else Rule("still", TrainingLaw(decay=5e-4))
    network = Perceptron(WIDTHS, [density, density, 1.0], rule, seed=1, batch=BATCH)
    order, rates = np.arange(len(LABELS)), np.full(STEPS, 0.05)

    def run():
        fused.train(network.flat, network.work, IMAGES, LABELS, order, rates, rule.numbers(), network.step,
                    rule.continuous)  # fmt: skip
        network.step += STEPS

    run.network = network
    return run


def _torch_loop(model):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05, momentum=0.9)
    batches = [(torch.from_numpy(IMAGES[i : i + BATCH]), torch.from_numpy(LABELS[i : i + BATCH]))
               for i in range(0, len(LABELS), BATCH)]  # fmt: skip

    def run():
        for x, y in batches:
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()

    return run


def _mlp(first, second):
    return torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.ReLU(), torch.nn.Linear(1024, 10))


def dense_runner(_):
    return _torch_loop(_mlp(torch.nn.Linear(784, 1024), torch.nn.Linear(1024, 1024)))


class _Masked(torch.nn.Linear):
    def __init__(self, inputs, outputs, density):
        super().__init__(inputs, outputs)
        self.register_buffer("mask", (torch.rand(outputs, inputs) < density).float())

    def forward(self, x):
        return torch.nn.functional.linear(x, self.weight * self.mask, self.bias)


def masked_runner(density):
    return _torch_loop(_mlp(_Masked(784, 1024, density), _Masked(1024, 1024, density)))


def module_runner(density):
    from spinula.engines.sparse.pytorch import SpineLinear

    return _torch_loop(_mlp(SpineLinear(784, 1024, density=density), SpineLinear(1024, 1024, density=density, seed=2)))


def sparselab_runner(density):
    from sparselab import SparseLinear

    return _torch_loop(
        _mlp(SparseLinear(784, 1024, sparsity=1 - density), SparseLinear(1024, 1024, sparsity=1 - density))
    )


def sparseprop_runner(density):
    from sparseprop.modules import SparseLinear

    def layer(inputs, outputs):
        plain = torch.nn.Linear(inputs, outputs)
        with torch.no_grad():
            plain.weight *= torch.rand(outputs, inputs) < density
        return SparseLinear.from_dense(plain)

    return _torch_loop(_mlp(layer(784, 1024), layer(1024, 1024)))


def _try(make, density):
    try:
        run = make(density)
        run()
        return run
    except Exception as error:  # a peer that is absent, or that breaks, is named and left out
        print(f"  left out: {make.__name__}: {type(error).__name__}: {str(error)[:90]}")
        return None


def measure(density, rounds):
    """Return the median wall time of a step (ms) by engine, all taking turns."""
    makers = {
        "torch dense": dense_runner, "torch masked": masked_runner, "sparselab": sparselab_runner,
        "sparseprop": sparseprop_runner, "spinula SpineLinear": module_runner,
        "spinula fused, still": lambda d: spinula_runner(d, "still"),
        "spinula fused, rewired every step": lambda d: spinula_runner(d, "spine"),
    }  # fmt: skip
    runs = {name: run for name, make in makers.items() if (run := _try(make, density))}
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) / STEPS * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}


def memory(density):
    """Return the bytes per connection of indices, weights and momentum, the room to change included."""
    flat = spinula_runner(density, "spine").network.flat
    arrays = (flat.row_start, flat.row_count, flat.col, flat.weight, flat.momentum, flat.col_start, flat.col_count,
              flat.row, flat.slot)  # fmt: skip
    return sum(array.nbytes for array in arrays) / int(flat.row_count.sum())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    warnings.filterwarnings("ignore")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        for density in (0.05, 0.01):
            print(f"{threads} thread(s), density {100 * density:g} %: ms per step, and times faster than dense torch")
            found = measure(density, rounds)
            for name, value in found.items():
                print(f"  {name:36s} {value:8.2f}  {found['torch dense'] / value:6.1f} x")
            spines = int(density * (784 * 1024 + 1024 * 1024)) + 10240
            still, moved = found["spinula fused, still"], found["spinula fused, rewired every step"]
            spent = still * 1e6 * threads / spines
            print(f"  rewiring at every step {moved / still - 1:+.0%}; {spent:.1f} ns per connection and 128 samples,")
            print("  its roof (second-level cache, 2 x 512 bytes at 100 GB/s per core): 10.2")
    for density in (0.05, 0.01):
        print(
            f"memory at {100 * density:g} %: {memory(density):.1f} bytes per connection with momentum; dense 8 per site"
        )


if __name__ == "__main__":
    main()
