"""Hebbian and three-factor rules against perceptron, delta rule, gradient descent and feedback alignment."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import Case, Claim, Found, Keeper, Options, Panel, curve
from spinula.studies.parallels.parallel import SEEDS, Benefit, Judged, Limit, Parallel, above, below, judged, shown
from spinula.studies.parallels.sides.capacity import errors_after, is_separable, separable_share, widest
from spinula.studies.parallels.sides.rules import RULES, Network, cosine, expected_guess, perturbed, steps, true_slope

_WEIGHTS = 30
_SHARES = (0.0, 0.5, 1.0)  # of weights that must keep their sign
_LOADS = np.array([0.4, 0.7, 1.0, 1.3, 1.5, 1.7, 2.0, 2.3, 2.6])
_STORED, _STORED_LOADS = 100, np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
_DAY = 0.2  # SD of a weight's change in a day, by its size
_SIZES = (10, 20, 3)
_RATES = np.array([0.01, 0.03, 0.1, 0.3, 1.0, 3.0])
_AVERAGED = (1, 10, 100, 1000)  # noisy trials
_TOLD = 40  # points of a learning curve


def _cases(options: Options) -> list[Case]:
    seeds = options.series(SEEDS, trial=SEEDS)
    sets, length = (6, 800) if options.trial else (40, 4000)
    return [
        *({"name": f"capacity {seed}", "kind": "capacity", "seed": seed, "sets": sets} for seed in seeds),
        *({"name": f"fluctuation {seed}", "kind": "fluctuation", "seed": seed} for seed in seeds),
        *({"name": f"learning {seed}", "kind": "learning", "seed": seed, "steps": length} for seed in seeds),
    ]  # fmt: skip


def _run(case: Case, keeper: Keeper) -> Found:
    makers: dict[str, Callable[[Case], Found]] = {"capacity": _capacity, "fluctuation": _fluctuation,
                                                  "learning": _learning}  # fmt: skip
    return makers[case["kind"]](case)


def _capacity(case: Case) -> Found:
    generator, found = Streams(case["seed"]).generator("capacity"), {}
    for share in _SHARES:
        found[str(share)] = [
            sum(is_separable(generator.standard_normal((round(load * _WEIGHTS), _WEIGHTS)), round(share * _WEIGHTS))
                for _ in range(case["sets"]))
            for load in _LOADS
        ]  # fmt: skip
    return {"separable": found, "sets": case["sets"]}


def _fluctuation(case: Case) -> Found:
    """Store patterns of signs with the widest margin, let weights fluctuate for a day, and count what is lost."""
    generator, found = Streams(case["seed"]).generator("fluctuation"), {}
    drawn, exact = [], []
    for constrained in (0, _STORED):
        lost = []
        for load in _STORED_LOADS:
            signed = generator.choice([-1.0, 1.0], (round(load * _STORED), _STORED))
            weight = widest(signed, constrained)
            if weight is None:
                lost.append({"by size": 0.5, "alike": 0.5})
                continue
            by_size = _DAY * np.abs(weight)
            alike = np.full(_STORED, np.sqrt((by_size**2).mean()))
            lost.append(
                {"by size": errors_after(signed, weight, by_size), "alike": errors_after(signed, weight, alike)}
            )
            moved = weight + by_size * generator.standard_normal((400, _STORED))
            drawn.append(float((moved @ signed.T < 0).mean()))
            exact.append(lost[-1]["by size"])
        found[str(constrained)] = lost
    return {"lost": found, "drawn": drawn, "exact": exact}


def _learning(case: Case) -> Found:
    found, angles = {}, {}
    for rule in RULES:
        streams = Streams(case["seed"])
        generator, noise = streams.generator("learning"), streams.generator(f"noise {rule}")
        teacher, net = Network.drawn(generator, 1, _SIZES), Network.drawn(generator, len(_RATES), _SIZES)
        teacher.first *= 2.0
        held = generator.standard_normal((_SIZES[0], 500))
        wanted = teacher.forward(held)[1][0]
        losses, turned = [], []
        for step in range(case["steps"]):
            if step % (case["steps"] // _TOLD) == 0:
                losses.append((0.5 * ((net.forward(held)[1] - wanted) ** 2).sum(axis=1)).mean(axis=1))
                turned.append(_angles(net, held, wanted, rule))
            x = generator.standard_normal((_SIZES[0], 4))
            second, first = steps(net, x, teacher.forward(x)[1][0], rule, noise)
            # A rate that diverges is stopped: its loss stays large, and no rule is then tuned to it.
            rates = np.where(losses[-1] < 1e3, _RATES, 0.0)[:, None, None]
            net.second, net.first = _bounded(net.second + rates * second), _bounded(net.first + rates * first)
        found[rule], angles[rule] = np.array(losses).tolist(), np.array(turned).tolist()
    return {"loss": found, "angle": angles, "averaged": _averaged(case)}


def _bounded(weight: np.ndarray) -> np.ndarray:
    return np.clip(np.nan_to_num(weight, nan=1e3), -1e3, 1e3)


def _angles(net: Network, x: np.ndarray, target: np.ndarray, rule: str) -> list[float]:
    """Return the angle between a rule's change of the first weights and the gradient's, by rate, in degrees."""
    if rule != "feedback alignment":
        return []
    generator = np.random.default_rng(0)  # not used by these rules
    mine, true = (steps(net, x, target, one, generator)[1] for one in (rule, "gradient"))
    return [float(np.degrees(np.arccos(cosine(a, b)))) for a, b in zip(mine, true, strict=True)]


def _averaged(case: Case) -> list[float]:
    """Return the angle between the mean of so many noisy trials and the gradient by hidden inputs, in degrees."""
    generator = Streams(case["seed"]).generator("averaged")
    net = Network.drawn(generator, 1, _SIZES)
    x, target = generator.standard_normal((_SIZES[0], 1)), generator.standard_normal((_SIZES[2], 1))
    hidden, y = net.forward(x)
    true = (np.swapaxes(net.second, 1, 2) @ (y - target)) * (1 - hidden**2)
    guesses = [perturbed(net, x, target, generator)[1] for _ in range(_AVERAGED[-1])]
    return [float(np.degrees(np.arccos(cosine(np.mean(guesses[:count], axis=0), true)))) for count in _AVERAGED]


def guess_errors(seed: int = 1) -> tuple[float, float]:
    """Return how far the expected three-factor guess is from the gradient if the loss is quadratic, and the power of
    sigma with which it departs if units are bent."""
    generator, worst, powers = Streams(seed).generator("guesses"), 0.0, []
    for _ in range(20):
        weight, x = generator.standard_normal((6, 4)) / 2, generator.standard_normal(4)
        target = generator.standard_normal(6)
        away = expected_guess(weight, x, target, 0.5, False) - true_slope(weight, x, target, False)
        worst = max(worst, float(np.abs(away).max()))
        far, near = (
            np.linalg.norm(expected_guess(weight, x, target, sigma, True) - true_slope(weight, x, target, True))
            for sigma in (0.1, 0.05)
        )
        powers.append(np.log2(far / near))
    return worst, float(np.median(powers))


def _half(counts: np.ndarray) -> float:
    """Return the load at which half of the sets are separable, between loads."""
    below_half = int(np.flatnonzero(counts < 0.5)[0])
    a, b = counts[below_half - 1], counts[below_half]
    return float(_LOADS[below_half - 1] + (a - 0.5) / (a - b) * (_LOADS[below_half] - _LOADS[below_half - 1]))


def _seen(results: list[tuple[Case, Found]], kind: str) -> list[Found]:
    return [found for case, found in results if case["kind"] == kind]


def _tuned(losses: np.ndarray) -> np.ndarray:
    """Return each seed's learning curve at the rate whose last loss is least on the mean of the other seeds."""
    last, seeds = np.log(losses[:, -1]), len(losses)
    picked = [int(np.delete(last, seed, axis=0).mean(axis=0).argmin()) for seed in range(seeds)]
    return np.array([losses[seed, :, rate] for seed, rate in enumerate(picked)])


def _conclude(results: list[tuple[Case, Found]]) -> Judged:
    capacity, stored, learnt = (_seen(results, kind) for kind in ("capacity", "fluctuation", "learning"))
    sets = capacity[0]["sets"]
    counts = {share: np.array([found["separable"][str(share)] for found in capacity]) / sets for share in _SHARES}
    curves = {rule: _tuned(np.array([found["loss"][rule] for found in learnt])) for rule in RULES}
    gain = 100 * np.log(curves["gradient"][:, -1] / curves["three factors"][:, -1])
    aligned = 100 * np.log(curves["gradient"][:, -1] / curves["feedback alignment"][:, -1])
    text = "log ratio of losses after the same samples, at 6 rates each"
    return judged(
        _panels(counts, stored, learnt, curves),
        [*_capacity_claims(counts), *_stored_claims(stored), *_learning_claims(learnt, curves)],
        limits=_limits(counts, sets),
        benefits=[Benefit.of(gain, f"three factors: {text}", against="gradient descent", unit="%"),
                  Benefit.of(aligned, f"feedback alignment: {text}", against="gradient descent", unit="%",
                             decides=False)],
    )  # fmt: skip


def _limits(counts: dict[float, np.ndarray], sets: int) -> list[Limit]:
    worst, _ = guess_errors()
    away = 0.0
    for share, seen in counts.items():
        exact = np.array(
            [separable_share(_WEIGHTS, round(share * _WEIGHTS), round(load * _WEIGHTS)) for load in _LOADS]
        )
        error = np.sqrt(np.maximum(exact * (1 - exact), 0.02) / (sets * len(seen)))
        away = max(away, float((np.abs(seen.mean(axis=0) - exact) / error).max()))
    return [
        Limit("Noise on units times the change of a quadratic loss, averaged over all noise, is the gradient.", worst,
              1e-12),
        Limit("The share of random sets that a perceptron with none, half or all of its weights of fixed sign can "
              "separate is Cover's count (27 loads, standard errors).", away, 4.0, "s.e."),
    ]  # fmt: skip


def _capacity_claims(counts: dict[float, np.ndarray]) -> list[Claim]:
    halves = {share: _half(seen.mean(axis=0)) for share, seen in counts.items()}
    return [
        Claim("Half of all sets are separable at 2 patterns per weight without constraint, at 1 where all weights keep "
              "their sign, and at 2 less half the share of such weights between.",
              ", ".join(f"{share:.0%} of fixed sign: {half:.2f}" for share, half in halves.items()),
              all(abs(half - (2 - share)) < 0.1 for share, half in halves.items())),
    ]  # fmt: skip


def _stored_claims(stored: list[Found]) -> list[Claim]:
    lost = {
        kind: {how: np.array([[one[how] for one in found["lost"][kind]] for found in stored])
               for how in ("by size", "alike")}
        for kind in ("0", str(_STORED))
    }  # fmt: skip
    drawn, exact = (np.array([np.mean(found[name]) for found in stored]) for name in ("drawn", "exact"))
    at = list(_STORED_LOADS).index(0.5)
    free, signed = lost["0"]["by size"][:, at], lost[str(_STORED)]["by size"][:, at]
    alike = np.abs(lost["0"]["by size"] - lost["0"]["alike"]).max()
    return [
        Claim("After a day of fluctuation (20 % of each size) a perceptron of weights that keep their sign has lost "
              "more than a free one at the same load: fluctuation takes capacity where margins are small.",
              f"0.5 patterns per weight: {shown(100 * signed, ' %', 2)} against {shown(100 * free, ' %', 2)}",
              above(signed - free)),
        Claim("Expected losses are those of simulated fluctuation.",
              f"mean {shown(100 * exact, ' %', 2)}, drawn less expected {shown(100 * (drawn - exact), ' %', 3)}",
              abs(float((drawn - exact).mean())) < 1e-3),
        Claim("Patterns of signs do not see that fluctuation goes by size: with the same variance spread evenly they "
              "lose as much.", f"largest difference {100 * alike:.1g} %", bool(alike < 1e-9), control=True),
    ]  # fmt: skip


def _learning_claims(learnt: list[Found], curves: dict[str, np.ndarray]) -> list[Claim]:
    angle = np.array([found["angle"]["feedback alignment"] for found in learnt])
    rate = 2  # 0.1
    early, late = angle[:, 0, rate], angle[:, -1, rate]
    averaged = np.array([found["averaged"] for found in learnt])
    last = {rule: np.log10(values[:, -1]) for rule, values in curves.items()}
    return [
        Claim("Feedback alignment turns towards the gradient: from a right angle to less than 70 degrees.",
              f"{shown(early, ' degrees', 0)} at first, {shown(late, ' degrees', 0)} at the end", below(late, 70.0)),
        Claim("One noisy trial is nearly at a right angle to the gradient; a thousand point along it.",
              ", ".join(f"{count}: {shown(averaged[:, number], '', 0)}" for number, count in enumerate(_AVERAGED))
              + " degrees", above(averaged[:, 0], 60.0) and below(averaged[:, -1], 20.0)),
        Claim("Of the loss, gradient descent leaves least, then feedback alignment, then three factors.",
              ", ".join(f"{rule} 10^{shown(last[rule])}" for rule in RULES[:3]),
              below(last["gradient"] - last["feedback alignment"])
              and below(last["feedback alignment"] - last["three factors"])),
        Claim("Told the third factor of another sample, the same synapses learn nothing: their loss is larger than "
              "with three factors.", f"10^{shown(last['three factors, shuffled'])}",
              above(last["three factors, shuffled"] - last["three factors"]), control=True),
        Claim("With the hidden layer left alone the loss stays larger than with feedback alignment: what is fed back "
              "is used.", f"10^{shown(last['output only'])}", above(last["output only"] - last["feedback alignment"]),
              control=True),
        Claim("Where units are bent the guess departs from the gradient by the square of the noise.",
              f"power {guess_errors()[1]:.3f}", abs(guess_errors()[1] - 2.0) < 0.05),
    ]  # fmt: skip


def _panels(
    counts: dict[float, np.ndarray], stored: list[Found], learnt: list[Found], curves: dict[str, np.ndarray]
) -> list[Panel]:
    fine = np.arange(8, 85)
    shares = []
    for share, seen in counts.items():
        exact = [separable_share(_WEIGHTS, round(share * _WEIGHTS), int(patterns)) for patterns in fine]
        shares.append(curve(f"{share:.0%} of fixed sign, count", fine / _WEIGHTS, exact))
        shares.append(curve(f"{share:.0%} of fixed sign, solved", _LOADS, *_band(seen)))
    lost = []
    for kind, label in (("0", "free signs"), (str(_STORED), "fixed signs")):
        values = np.array([[one["by size"] for one in found["lost"][kind]] for found in stored])
        lost.append(curve(label, _STORED_LOADS, *_band(100 * values)))
    samples = np.arange(_TOLD) / _TOLD
    losses = [curve(rule, samples, *10 ** _band(np.log10(values))) for rule, values in curves.items()]
    angle = np.array([found["angle"]["feedback alignment"] for found in learnt])[:, :, 2]
    averaged = _band(np.array([found["averaged"] for found in learnt]))
    angles = [
        curve("three factors, by trials averaged", _AVERAGED, *averaged),
        curve("feedback alignment, by share of training x 1000", np.maximum(1000 * samples, 1), *_band(angle)),
    ]
    return [
        Panel("Random sets that a perceptron of 30 weights can separate", "patterns per weight", "share of sets",
              pd.concat(shares)),
        Panel("Lost in a day of fluctuation by 20 % of size", "patterns per weight", "patterns on the wrong side [%]",
              pd.concat(lost)),
        Panel("Learning a teacher network", "share of training", "loss on held-out samples", pd.concat(losses),
              log_y=True),
        Panel("Angle to the gradient", "trials averaged, or training in thousandths", "angle [degrees]",
              pd.concat(angles), log_x=True),
    ]  # fmt: skip


def _band(values: np.ndarray) -> np.ndarray:
    return np.array([mean_interval(column) for column in values.T]).T


PARALLEL = Parallel(
    name="rules",
    title="Hebb and three factors, and gradients",
    question="How far do local rules with one signal for all follow the gradient, and what do weights of fixed sign "
    "that fluctuate cost a perceptron?",
    model="Perceptron: sets of random patterns of 30 inputs, each solved by linear programming; for fluctuation, 100 "
    "weights of the widest margin for patterns of signs. Network: 10 inputs, 20 bent hidden units, 3 outputs, taught "
    "by a network of the same shape; 4,000 steps of four samples (fast: 800).\n\n"
    "Three factors: a small noise of either sign on every unit, the change of the loss that it makes (one number for "
    "all synapses), and presynaptic activity.",
    sources=("cover1965", "amit1989", "williams1992", "lillicrap2016", "yagishita2014", "yasumatsu2008"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    biology="Spines enlarge where presynaptic and postsynaptic activity meet, if dopamine follows; excitatory synapses "
    "keep their sign, and sizes fluctuate by a fifth a day.",
    learning="Perceptron and delta rule; gradient descent, whose error vector reaches every unit; feedback alignment, "
    "which sends it through fixed random weights.",
    link="A synapse that multiplies its input, the noise of its unit and a broadcast change of the loss climbs down "
    "the gradient on average. Hebb's rule with a teacher is the first step of the delta rule. Fixed signs leave half "
    "of a perceptron's capacity.",
    formula="E[(loss(noise) - loss(0)) * noise]/sigma^2 = gradient + O(sigma^2); no remainder if quadratic\n"
    "share of separable sets = 2^(1-n) sum_{k<N} binomial(n-1, k),  n = fixed signs + patterns",
    exact="three factors equal the gradient in expectation for a quadratic loss; capacity 2 - (share of fixed signs), "
    "with Cover's count for any number of weights",
    breaks="one trial is nearly at a right angle to the gradient, and the more units, the nearer",
    cost="one broadcast number instead of a second pass; many times more samples; half the capacity for fixed signs",
    budgets=(
        ("three factors, feedback alignment", "6 rates each, each seed at the rate that is best for the others; the "
                                              "same samples"),
        ("gradient descent", "6 rates, chosen in the same way; the same samples"),
    ),
)  # fmt: skip
