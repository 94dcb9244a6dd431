"""The studies of trained networks by name: what each asks, how it is run, and the points that its figure shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.studies.training import comparison, conditions, continual, uncertainty
from spinula.studies.training.data import Data, load_data
from spinula.studies.training.running import Plan

Rows = list[dict[str, Any]]
_POINTS = ["panel", "label", "value", "low", "high"]
_RULES = (
    "spine", "deep_r", "rigl", "sparse_evolutionary", "static", "magnitude_pruning", "soft_deep_r",
    "synaptic_sampling",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What a study is run with: the share of connections, epochs and seeds of a final run, and whether it is a trial.

    ``trial``: few settings, epochs and tasks, to see how it works; its numbers say little.
    """

    density: float = 0.05
    epochs: int = 15
    seeds: int = 5
    trial: bool = False


@dataclass(frozen=True)
class Study:
    """One question.

    Attributes
    ----------
    title, question : str
    sources : papers, by key
    run : (data, options, folder) -> rows as they come; ``folder`` keeps what is there already
    points : rows -> DataFrame of panel, label, value, low, high (95 % over seeds)
    """

    title: str
    question: str
    sources: tuple[str, ...]
    run: Callable[[Data, Options, Path], Iterator[dict[str, Any]]]
    points: Callable[[Rows], pd.DataFrame]


def _budget(options: Options) -> dict[str, Any]:
    return {"tuning_epochs": 1, "budget": 2} if options.trial else {}


def _rules(data: Data, options: Options, folder: Path) -> Iterator[dict[str, Any]]:
    final = {"epochs": options.epochs, "seeds": options.seeds, **_budget(options)}
    names = list(_RULES[:5] if options.trial else _RULES)
    yield from comparison.compare(data, [options.density], names, folder, **final)
    if not options.trial:
        yield from comparison.compare(data, [1.0], ["dense"], folder, **final)


def _ablation(data: Data, options: Options, folder: Path) -> Iterator[dict[str, Any]]:
    final = {"epochs": options.epochs, "seeds": options.seeds}
    list(comparison.compare(data, [options.density], ["spine"], folder, **final, **_budget(options)))
    yield from comparison.ablate(data, options.density, folder, **final)


def _points(found: pd.DataFrame, *, panel: Any, label: str, value: str) -> pd.DataFrame:
    """Return panel, label, value, low and high from a summary; ``label`` and ``value`` are columns of it."""
    return found.assign(panel=panel, label=found[label], value=found[value])[_POINTS]


def _accuracy_points(rows: Rows) -> pd.DataFrame:
    found = comparison.summary(rows)
    exact = found.assign(low=found["turnovers"], high=found["turnovers"])
    return pd.concat(
        [
            _points(found, panel="test accuracy [%]", label="rule", value="accuracy"),
            _points(exact, panel="replaced, times per connection", label="rule", value="turnovers"),
        ]
    )


def _permuted(data: Data, options: Options, folder: Path) -> Iterator[dict[str, Any]]:
    course = continual.Permuted(tasks=3, tuning_tasks=2, images=min(500, len(data.images))) if options.trial else None
    if course is None and len(data.images) < continual.Permuted().images:
        raise InvalidInputError(f"{data.name} has {len(data.images)} images; permuted tasks take 10,000 each.\n"
                                "  Use --data mnist or fashion, or --trial.")  # fmt: skip
    methods = ["spine", "dense"] if options.trial else None
    yield from continual.online_results(data, folder, course, methods=methods, seeds=options.seeds)


def _permuted_points(rows: Rows) -> pd.DataFrame:
    titles = {"first": "first tasks", "middle": "middle tasks", "last": "last tasks"}
    found = continual.summary(continual.windows(continual.online_frame(rows)), list(titles))
    panel = found["measure"].map(titles) + ", accuracy while learning [%]"
    return _points(found, panel=panel, label="method", value="mean")


def _split(data: Data, options: Options, folder: Path) -> Iterator[dict[str, Any]]:
    for known in (True, False):
        methods = ["spine", "dense"] if options.trial else None
        for row in continual.split_results(data, folder, continual.Split(known=known), methods=methods,
                                           seeds=options.seeds):  # fmt: skip
            yield {**row, "known": known}


def _split_points(rows: Rows) -> pd.DataFrame:
    parts = []
    for known, name in ((True, "task told"), (False, "task not told")):
        frame = continual.split_frame(row for row in rows if row["known"] is known)
        found = continual.summary(frame, ["average", "forgetting"])
        panel = name + ": " + found["measure"] + " [%]"
        parts.append(_points(found, panel=panel, label="method", value="mean"))
    return pd.concat(parts)


def _uncertainty(data: Data, options: Options, folder: Path) -> Iterator[dict[str, Any]]:
    other = {"mnist": "fashion", "fashion": "mnist"}.get(data.name)
    if other is None:
        raise InvalidInputError("uncertainty asks a network about images of another data set.\n"
                                "  Use --data mnist or fashion; the files of both are needed.")  # fmt: skip
    plan = uncertainty.base_plan(options.density, epochs=options.epochs)
    yield from uncertainty.compare(data, load_data(other), plan, folder, seeds=options.seeds)


def _uncertainty_points(rows: Rows) -> pd.DataFrame:
    found = uncertainty.summary(rows)
    found = found[~found["tempered"]]
    return _points(found, panel=found["measure"], label="method", value="mean")


def _conditions(data: Data, options: Options, folder: Path) -> Iterator[dict[str, Any]]:
    plan: Plan = conditions.base_plan(options.density, epochs=options.epochs)
    names = conditions.NAMES[:1] if options.trial else conditions.NAMES
    yield from conditions.conditions(data, plan, names, seeds=options.seeds, folder=folder)


def _conditions_points(rows: Rows) -> pd.DataFrame:
    found = conditions.contrast(rows)
    panel = found["measure"].str.replace("_", " ") + ", minus the base"
    return _points(found, panel=panel, label="condition", value="difference")


STUDIES = {
    "rules": Study(
        "Rules of rewiring, each tuned with the same budget",
        "Which rule trains a sparse network best, and how much does it rewire?",
        ("bellec2018", "mocanu2018", "evci2020", "kappel2018"), _rules, _accuracy_points,
    ),
    "ablation": Study(
        "The spine rule without each of its terms",
        "What does each term of the law do for the accuracy?",
        ("kasai2021", "bellec2018"), _ablation, _accuracy_points,
    ),
    "permuted": Study(
        "Task after task: does a network stay able to learn?",
        "Is a late task learnt as well as the first?",
        ("dohare2024", "bellec2018"), _permuted, _permuted_points,
    ),
    "split": Study(
        "Task after task: what does a network forget?",
        "What is left of the first classes when the last ones are learnt?",
        ("kirkpatrick2017", "zenke2017"), _split, _split_points,
    ),
    "uncertainty": Study(
        "What a network does not know",
        "Is it right as often as it is sure, and does it notice foreign images?",
        ("gal2016", "lakshminarayanan2017", "welling2011", "guo2017"), _uncertainty, _uncertainty_points,
    ),
    "conditions": Study(
        "Disorders applied to training",
        "What does a preset's change of fluctuation, threshold or recovery do to a network?",
        ("kasai2021",), _conditions, _conditions_points,
    ),
}  # fmt: skip


def study(name: str) -> Study:
    """Return a study by name.

    Raises
    ------
    UnknownNameError
        If there is no such study.

    Examples
    --------
    >>> study("permuted").sources
    ('dohare2024', 'bellec2018')
    """
    if name not in STUDIES:
        raise UnknownNameError("study", name, STUDIES)
    return STUDIES[name]
