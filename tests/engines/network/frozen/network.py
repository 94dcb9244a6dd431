"""The network of the cross-check with other simulators: 800 excitatory and 200 inhibitory neurons, from a seed.

Nothing is random but the edges and the initial potentials, which every simulator is handed; the drive is a resting
potential above threshold, so that no input has to be drawn.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Numbers:
    """Constants of the model; times in ms, potentials and weights in mV."""

    dt: float = 0.1
    membrane_time: float = 20.0
    rest: float = -46.5
    threshold: float = -50.0
    reset: float = -60.0
    refractory_time: float = 5.0
    excitatory_time: float = 5.0
    inhibitory_time: float = 10.0
    delay: float = 0.8
    weight_excitatory: float = 1.2
    weight_inhibitory: float = -10.0
    weight_max: float = 2.4
    timing_time: float = 20.0
    potentiation_step: float = 0.24
    depression_step: float = 0.252

    def steps(self, time):
        """Return a time as a whole number of steps."""
        return round(time / self.dt)


# Of the first 2,806 seeds the one whose membranes keep farthest from the threshold for 100 ms (see README.md).
SEED = 2232
EXCITATORY, INHIBITORY, TARGETS = 800, 200, 100
NEURONS = EXCITATORY + INHIBITORY
# A second run of each simulator starts this far away (mV): twins differ by chaos alone, as simulators may.
TWIN = -0.1
FIRST_MS, EARLY_MS, LATE_MS, LONG_MS = 200.0, 199.2, 9_999.2, 10_000.0


def build(seed=SEED):
    """Return pre, post, weight (mV), plastic (of each edge, sorted by pre and then post) and the initial v (mV).

    Every neuron has 100 different targets among all others, itself excepted.
    """
    rng = np.random.default_rng(seed)
    post = np.empty((NEURONS, TARGETS), np.int64)
    for neuron in range(NEURONS):
        chosen = np.sort(rng.choice(NEURONS - 1, TARGETS, replace=False))
        post[neuron] = chosen + (chosen >= neuron)
    pre = np.repeat(np.arange(NEURONS), TARGETS)
    post = post.ravel()
    numbers = Numbers()
    weight = np.where(pre < EXCITATORY, numbers.weight_excitatory, numbers.weight_inhibitory)
    initial = rng.uniform(numbers.reset, numbers.threshold, NEURONS)
    return {
        "pre": pre,
        "post": post,
        "weight": weight,
        "plastic": (pre < EXCITATORY) & (post < EXCITATORY),
        "v": initial,
    }


def summary(steps, neurons, duration_ms, numbers=None):
    """Return each neuron's rate (1/s) and coefficient of variation of its intervals (nan below five spikes)."""
    dt = (numbers or Numbers()).dt
    rate = np.bincount(neurons, minlength=NEURONS) / (duration_ms / 1000)
    variation = np.full(NEURONS, np.nan)
    order = np.lexsort((steps, neurons))
    steps, neurons = steps[order] * dt, neurons[order]
    for neuron in range(NEURONS):
        low, high = np.searchsorted(neurons, [neuron, neuron + 1])
        if high - low >= 5:
            intervals = np.diff(steps[low:high])
            variation[neuron] = intervals.std() / intervals.mean()
    return rate, variation


def sample(edges):
    """Return 1,000 plastic edges, evenly spaced among them: indices into the edge list."""
    plastic = np.flatnonzero(edges["plastic"])
    return plastic[np.linspace(0, len(plastic) - 1, 1000).astype(int)]


def freeze(path, runs, edges, about):
    """Write what a simulator did: ``runs`` maps a name to a dict of spikes, and weights early and at the end.

    A run has ``step`` and ``neuron`` of its spikes in 10 s, and the weight (of every edge) that was sent by the last
    presynaptic spike to reach the synapse before 199.2 ms (``early``) or before 9,999.2 ms (``late``).
    """
    numbers, chosen = Numbers(), sample(edges)
    kept = {"about": np.array(about), "numbers": np.array(repr(asdict(numbers))), "edges": chosen}
    for name, run in runs.items():
        first = run["step"] < numbers.steps(FIRST_MS)
        order = np.lexsort((run["neuron"][first], run["step"][first]))
        rate, variation = summary(run["step"], run["neuron"], LONG_MS)
        late = run["late"][edges["plastic"]]
        if name == "main":
            kept["step"] = run["step"][first][order].astype(np.uint16)
            kept["neuron"] = run["neuron"][first][order].astype(np.uint16)
            kept["early"] = run["early"][chosen]
        counts, bounds = np.histogram(late, bins=np.linspace(0, numbers.weight_max, 61))
        prefix = "" if name == "main" else name + "_"
        kept |= {prefix + "rate": rate.astype(np.float32), prefix + "variation": variation.astype(np.float32)}
        kept |= {prefix + "histogram": counts, prefix + "late": run["late"][chosen].astype(np.float32)}
        kept["bounds"] = bounds
    np.savez_compressed(path, **kept)
