"""What the runs of the study of forgetting say: its claims, with intervals over seeds, and its figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.measures.intervals import mean_interval
from spinula.studies.memory.forgetting.memories import AGES, CONTROL, LAWS, LESIONS, WATCHED, ages_of
from spinula.studies.memory.study import Claim, Found, Panel, curve

# What happens without the mechanism may be at most this share of what happens with it.
_NOTHING = 0.1
# The rate of loss must fall at least this much to be called falling.
_FALLS = np.log(2)
Runs = dict[str, list[Found]]


def _of(runs: Runs, law: str, key: str) -> np.ndarray:
    """Return a measure of all seeds of a law, shape (seeds, ages or times)."""
    return np.array([found[key] for found in runs[law]])


def _slowing(runs: Runs, law: str) -> np.ndarray:
    """Return the log of the first rate of loss over the last, by seed."""
    rate = np.maximum(_of(runs, law, "rate"), 1e-6)
    return np.log(rate[:, 0] / rate[:, -1])


def _ahead(runs: Runs, law: str, key: str = "") -> np.ndarray:
    """Return how much more is left of an old memory than of a new one as strong, by seed and age."""
    return _of(runs, law, f"old{key}") - _of(runs, law, f"young{key}")


def _spared(runs: Runs, law: str, lesion: str) -> np.ndarray:
    """Return how much more a lesion leaves of the oldest memory than of the youngest, by seed."""
    left = _of(runs, law, lesion)
    return left[:, -1] - left[:, 0]


def _text(values: np.ndarray) -> str:
    mean, low, high = mean_interval(values)
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _name(law: str) -> str:
    return law.replace("_", " ")


def _law_claims(runs: Runs, law: str) -> list[Claim]:
    ages, watched = ages_of(law), WATCHED[law]
    slowing = _slowing(runs, law)
    rates = _of(runs, law, "rate").mean(axis=0)
    ahead = _ahead(runs, law)
    lows = [mean_interval(column)[1] for column in ahead.T]
    kept = ", ".join(f"{mean:.2f} (age {age:g})" for mean, age in zip(ahead.mean(axis=0), ages, strict=True))
    spared = {lesion: _spared(runs, law, lesion) for lesion in LESIONS}
    shown = "; ".join(f"{lesion} {_text(spared[lesion])}" for lesion in ("shrunk", "agitated"))
    return [
        Claim(
            f"{_name(law)}: forgetting is slower than exponential: the rate at which a memory loses spines falls to "
            "less than half.",
            f"{rates[0]:.3f}/day up to day {ages[0]:g}, {rates[-1]:.3f}/day from day {ages[-2]:g} to {ages[-1]:g}; "
            f"log of the ratio {_text(slowing)}",
            bool(mean_interval(slowing)[1] > _FALLS),
            row=62,
        ),
        Claim(
            f"{_name(law)}, Jost's law: of two memories with as many spines the older keeps more of them over the next "
            f"{watched:g} days, at every age.",
            f"more kept {kept}; lowest bound {min(lows):.3f}",
            min(lows) > 0,
            row=62,
        ),
        Claim(
            f"{_name(law)}, Ribot's law: a lesion that shrinks spines, or makes them fluctuate more, spares more of "
            f"the memory of {ages[-1]:g} days than of that of {ages[0]:g}.",
            f"spared more: {shown}",
            all(mean_interval(spared[lesion])[1] > 0 for lesion in ("shrunk", "agitated")),
            row=62,
        ),
        Claim(
            f"{_name(law)}: a lesion that takes spines at random spares no age.",
            f"spared more: {_text(spared['at random'])}",
            bool(abs(spared["at random"].mean()) < _NOTHING * min(spared[name].mean() for name in LESIONS[:2])),
            row=62,
            control=True,
        ),
    ]  # fmt: skip


def _control_claims(runs: Runs) -> list[Claim]:
    """Say that spines lost at one rate show none of it: at most a tenth of the smaller effect of the two laws."""
    slowing, ahead = _slowing(runs, CONTROL), _ahead(runs, CONTROL).mean(axis=1)
    least = min(_slowing(runs, law).mean() for law in AGES)
    least_ahead = min(_ahead(runs, law).mean() for law in AGES)
    claims = [
        Claim("Spines lost at one rate are forgotten exponentially.", f"log of the ratio of rates {_text(slowing)}",
              bool(abs(slowing.mean()) < _NOTHING * least), row=62, control=True),
        Claim("Spines lost at one rate do not show Jost's law.", f"more kept, over ages {_text(ahead)}",
              bool(abs(ahead.mean()) < _NOTHING * least_ahead), row=62, control=True),
    ]  # fmt: skip
    for lesion in ("shrunk", "agitated"):
        spared = _spared(runs, CONTROL, lesion)
        smallest = min(_spared(runs, law, lesion).mean() for law in AGES)
        claims.append(
            Claim(f"Spines lost at one rate do not show Ribot's law ({lesion}).", f"spared more: {_text(spared)}",
                  bool(abs(spared.mean()) < _NOTHING * smallest), row=62, control=True)
        )  # fmt: skip
    return claims


def _volume_claims(runs: Runs) -> list[Claim]:
    """Say what holds if the strength of a memory is the summed volume of its spines, not their number."""
    slice_, cortex = (_ahead(runs, law, "_volume") for law in ("ca1_slice", "neocortex_adult"))
    lows = [mean_interval(column)[1] for column in slice_.T]
    return [
        Claim("By summed volume instead of number, Jost's law holds in ca1 slice at every age.",
              f"more kept {slice_.mean():.3f} over ages; lowest bound {min(lows):.3f}", min(lows) > 0),
        Claim("By summed volume it does not hold in neocortex adult, where the new spines that stay grow: the oldest "
              "memory loses more than a new one of its volume.",
              f"more kept, oldest age {_text(cortex[:, -1])}", bool(mean_interval(cortex[:, -1])[2] < 0)),
    ]  # fmt: skip


def claims_of(runs: Runs) -> list[Claim]:
    """Return the claims about memories."""
    laws = [claim for law in AGES for claim in _law_claims(runs, law)]
    return [*laws, *_control_claims(runs), *_volume_claims(runs)]


def _over_seeds(label: str, x: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    mean, low, high = np.array([mean_interval(column) for column in values.T]).T
    return curve(label, x, mean, low, high)


def panels_of(runs: Runs) -> list[Panel]:
    """Return the figures about memories."""
    left, rate, jost, ribot = [], [], [], []
    for law in LAWS:
        day, ages, name = np.array(runs[law][0]["day"]), np.array(ages_of(law)), _name(law)
        late = (day > 0) & (_of(runs, law, "number").mean(axis=0) > 0)
        left.append(_over_seeds(name, day[late], _of(runs, law, "number")[:, late]))
        middle = (np.concatenate([[0.0], ages[:-1]]) + ages) / 2
        rate.append(_over_seeds(name, middle, _of(runs, law, "rate")))
        jost.append(_over_seeds(name, ages, _ahead(runs, law)))
        if law != CONTROL:
            ribot += [_over_seeds(f"{name}, {lesion}", ages, _of(runs, law, lesion)) for lesion in LESIONS]
        else:
            ribot.append(_over_seeds(f"{name}, shrunk", ages, _of(runs, law, "shrunk")))
    return [
        Panel("What is left of a memory", "days after learning", "share of its spines left", pd.concat(left),
              log_x=True, log_y=True),
        Panel("The rate of forgetting falls with age", "age of the memory [day]", "spines lost [1/day]",
              pd.concat(rate), log_x=True, log_y=True),
        Panel("Jost: the older of two equal memories keeps more", "its age when both have as many spines [day]",
              "share of spines kept, old - new", pd.concat(jost), kind="points", log_x=True),
        Panel("Ribot: what a lesion leaves of memories by age", "age at the lesion [day]", "share of spines left",
              pd.concat(ribot), log_x=True),
    ]  # fmt: skip
