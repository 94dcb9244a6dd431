"""Write the network of the benchmark as one file, so that every simulator runs the same connections and initial state.

10,000 neurons (8,000 excitatory), 200 different targets each, no neuron its own; v uniform between reset and threshold.

    python make_workload.py workload.npz [--neurons 10000] [--targets 200] [--seed 1]
"""

from __future__ import annotations

import argparse

import numpy as np

RESET, THRESHOLD, EXCITATORY_SHARE = -60.0, -50.0, 0.8


def build(neurons, targets, seed):
    """Return pre, post (sorted by pre, then post), kind (2*(pre is inhibitory) + (post is inhibitory)) and v (mV)."""
    rng = np.random.default_rng(seed)
    post = np.empty((neurons, targets), np.int32)
    for neuron in range(neurons):
        chosen = np.sort(rng.choice(neurons - 1, targets, replace=False))
        post[neuron] = chosen + (chosen >= neuron)
    pre, post = np.repeat(np.arange(neurons, dtype=np.int32), targets), post.ravel()
    first = int(EXCITATORY_SHARE * neurons)
    kind = (2 * (pre >= first) + (post >= first)).astype(np.uint8)
    return {"pre": pre, "post": post, "kind": kind, "v": rng.uniform(RESET, THRESHOLD, neurons)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    for name, value in (("neurons", 10_000), ("targets", 200), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    made = build(options.neurons, options.targets, options.seed)
    np.savez(options.path, **made)
    learning = int((made["kind"] == 0).sum())
    print(f"{options.neurons:,} neurons, {len(made['pre']):,} synapses, {learning:,} of them learn")


if __name__ == "__main__":
    main()
