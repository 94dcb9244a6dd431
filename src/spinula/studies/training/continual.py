"""Task after task: does a network stay able to learn (online permuted images), and what does it forget (split classes)?

Every method gets the same number of settings, tried on a shorter course with a seed of its own; the best one then runs
with fresh seeds. Results are kept in a folder as they come; what is there already is not run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError
from spinula.core.files import kept
from spinula.core.streams import Streams
from spinula.engines.continual.dense import parameters
from spinula.measures.intervals import mean_interval
from spinula.studies.training.continual_methods import ONLINE, SPLIT, Ground, Learner, Setting, learner
from spinula.studies.training.data import Data

TUNING_SEED = 100


@dataclass(frozen=True)
class Permuted:
    """A course of tasks that differ by a permutation of the features, each sample seen once.

    Attributes
    ----------
    tasks, tuning_tasks : int; ``images`` : int, samples per task; ``batch`` : int
    hidden : widths of the hidden layers
    """

    tasks: int = 100
    tuning_tasks: int = 30
    images: int = 10_000
    batch: int = 16
    hidden: tuple[int, ...] = (300, 100)

    @property
    def stem(self) -> str:
        """The beginning of the names of its files."""
        return f"permuted-{self.tasks}x{self.images}-b{self.batch}-{'-'.join(map(str, self.hidden))}"


@dataclass(frozen=True)
class Split:
    """A course of tasks that differ by their classes, two by two.

    Attributes
    ----------
    known : bool, whether the task of a sample is known at training and at test (task-incremental), or the network has
        to tell all classes apart (class-incremental)
    room : int or None, bytes for all that a method keeps from task to task; None: what the hungriest one needs (four
        vectors as long as the dense parameters, for SI)
    epochs, batch : int; ``hidden`` : widths of the hidden layers
    """

    known: bool = True
    room: int | None = None
    epochs: int = 2
    batch: int = 64
    hidden: tuple[int, ...] = (300, 100)

    @property
    def stem(self) -> str:
        """The beginning of the names of its files."""
        kind = "task" if self.known else "class"
        return f"split-{kind}-{self.room or 'full'}-e{self.epochs}-b{self.batch}-{'-'.join(map(str, self.hidden))}"


def run_permuted(method: str, setting: Setting, data: Data, course: Permuted, *, seed: int, final: bool = True) -> dict:
    """Return the online accuracy of every task (``accuracy``), the bytes kept, what was eliminated, and the seconds.

    Online accuracy: the share of samples classified correctly when they first come, before they are learnt. ``final``:
    draw samples from all training data, else leave the validation set out.
    """
    images, labels = data.whole() if final else (data.images, data.labels)
    if course.images > len(labels):
        raise InvalidInputError(f"a task of {course.images} samples cannot be drawn from {len(labels)}.")
    widths = [images.shape[1], *course.hidden, data.classes]
    net = learner(method, setting, Ground(widths, course.batch, _bounds(images)), seed=seed)
    # The same tasks for every method: a stream of its own.
    generator, accuracy, begun = Streams(seed).generator("permuted tasks"), [], time.perf_counter()
    for _ in range(course.tasks):
        order = generator.permutation(images.shape[1])
        chosen = generator.permutation(len(labels))[: course.images]
        accuracy.append(net.learn(np.ascontiguousarray(images[np.ix_(chosen, order)]), labels[chosen]))
    return {"accuracy": accuracy, **_costs(net, begun)}


def run_split(method: str, setting: Setting, data: Data, course: Split, *, seed: int, final: bool = True) -> dict:
    """Return ``matrix``, the accuracy on every task's held-out samples after every task, the bytes kept, the seconds.

    ``final``: learn all training data and score on the test set, else hold out the validation set and score on it.
    """
    images, labels = data.whole() if final else (data.images, data.labels)
    held, truth = (data.test_images, data.test_labels) if final else (data.validation_images, data.validation_labels)
    groups = np.arange(data.classes) // 2
    widths = [images.shape[1], *course.hidden, data.classes]
    ground = Ground(widths, course.batch, _bounds(images), groups if course.known else None,
                    course.room or 16 * parameters(widths))  # fmt: skip
    net = learner(method, setting, ground, seed=seed)
    generator, matrix, begun = Streams(seed).generator("split tasks"), [], time.perf_counter()
    tasks = range(int(groups.max()) + 1)
    for task in tasks:
        mine = generator.permutation(np.flatnonzero(groups[labels] == task))
        net.learn(images[mine], labels[mine], epochs=course.epochs)
        scores = net.scores(held)
        if course.known:
            scores = np.where(groups[None, :] == groups[truth][:, None], scores, -np.inf)
        right = scores.argmax(axis=1) == truth
        matrix.append([float(right[groups[truth] == other].mean()) for other in tasks])
    return {"matrix": matrix, **_costs(net, begun)}


def _bounds(images: np.ndarray) -> tuple[float, float]:
    return float(images.min()), float(images.max())


def _costs(net: Learner, begun: float) -> dict[str, Any]:
    memory = net.memory.capacity if net.memory is not None else 0
    return {
        "bytes": net.bytes, "samples_kept": memory, "eliminated": getattr(net, "eliminated", 0),
        "seconds": time.perf_counter() - begun,
    }  # fmt: skip


def average(matrix: list[list[float]]) -> float:
    """Return the mean accuracy over all tasks after the last one.

    Examples
    --------
    >>> average([[1.0, 0.0], [0.5, 0.9]])
    0.7
    """
    return float(np.mean(matrix[-1]))


def forgetting(matrix: list[list[float]]) -> float:
    """Return the mean, over all tasks but the last, of the best accuracy ever had minus the one at the end.

    Examples
    --------
    >>> forgetting([[1.0, 0.0], [0.5, 0.9]])
    0.5
    """
    values = np.array(matrix)
    return float((values[:-1, :-1].max(axis=0) - values[-1, :-1]).mean())


def online_results(
    data: Data, folder: Path, course: Permuted | None = None, *, methods: list[str] | None = None, seeds: int = 5
) -> Iterator[dict[str, Any]]:
    """Tune every method on fewer tasks, run its best setting with fresh seeds; yield a row per method and seed.

    A setting's score is its mean accuracy over the last ten tasks. A row has method, seed, setting, accuracy (by
    task), bytes, eliminated and seconds.
    """
    course = course or Permuted()
    shorter = replace(course, tasks=course.tuning_tasks)

    def run(method: str, setting: Setting, seed: int, final: bool) -> dict:
        made = run_permuted(method, setting, data, course if final else shorter, seed=seed, final=final)
        return {**made, "score": float(np.mean(made["accuracy"][-10:]))}

    chosen = {name: ONLINE[name] for name in (methods or ONLINE)}
    yield from _results(run, chosen, folder / f"{data.name}-{course.stem}", seeds)


def split_results(
    data: Data, folder: Path, course: Split, *, methods: list[str] | None = None, seeds: int = 5
) -> Iterator[dict[str, Any]]:
    """Tune every method on the validation set, run its best setting with fresh seeds; yield a row per method and seed.

    A setting's score is the average accuracy after the last task. A row has method, seed, setting, matrix, bytes,
    samples_kept and seconds.
    """

    def run(method: str, setting: Setting, seed: int, final: bool) -> dict:
        made = run_split(method, setting, data, course, seed=seed, final=final)
        return {**made, "score": average(made["matrix"])}

    chosen = {name: SPLIT[name] for name in (methods or SPLIT)}
    yield from _results(run, chosen, folder / f"{data.name}-{course.stem}", seeds)


def _results(
    run: Callable[[str, Setting, int, bool], dict], methods: dict[str, list[Setting]], folder: Path, seeds: int
) -> Iterator[dict[str, Any]]:
    for method, settings in methods.items():
        scores = [
            _kept(folder / f"{method}-setting-{number}.json", run, method, setting, TUNING_SEED)["score"]
            for number, setting in enumerate(settings)
        ]
        # A setting that diverged has no score.
        best = settings[int(np.nanargmax(scores))]
        for seed in range(seeds):
            yield _kept(folder / f"{method}-seed-{seed}.json", run, method, best, seed)


def _kept(path: Path, run: Callable, method: str, setting: Setting, seed: int) -> dict[str, Any]:
    """Return a result from its file; run it, and write the file, if there is none."""
    about = {"method": method, "seed": seed, "setting": asdict(setting)}
    return kept(path, lambda: {**about, **run(method, setting, seed, seed != TUNING_SEED)})


def online_frame(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return method, seed, task (from 1) and online accuracy of :func:`online_results`, one row per task."""
    return pd.DataFrame(
        [
            {"method": row["method"], "seed": row["seed"], "task": task + 1, "accuracy": value}
            for row in rows
            for task, value in enumerate(row["accuracy"])
        ]
    )


def split_frame(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return method, seed, average accuracy, forgetting, bytes and samples kept of :func:`split_results`."""
    return pd.DataFrame(
        [
            {
                "method": row["method"], "seed": row["seed"], "average": average(row["matrix"]),
                "forgetting": forgetting(row["matrix"]), "bytes": row["bytes"], "samples_kept": row["samples_kept"],
            }
            for row in rows
        ]
    )  # fmt: skip


def online_permuted(
    data: Data, folder: Path, course: Permuted | None = None, *, methods: list[str] | None = None, seeds: int = 5
) -> pd.DataFrame:
    """Run :func:`online_results` and return its frame."""
    return online_frame(online_results(data, folder, course, methods=methods, seeds=seeds))


def split(data: Data, folder: Path, course: Split, *, methods: list[str] | None = None, seeds: int = 5) -> pd.DataFrame:
    """Run :func:`split_results` and return its frame."""
    return split_frame(split_results(data, folder, course, methods=methods, seeds=seeds))


def windows(frame: pd.DataFrame, *, width: int = 10) -> pd.DataFrame:
    """Return the mean online accuracy of the first, the middle and the last tasks, by method and seed."""
    tasks = int(frame["task"].max())
    width = min(width, tasks)
    middle = (tasks - width) // 2
    spans = {"first": (0, width), "middle": (middle, middle + width), "last": (tasks - width, tasks)}
    grouped = {
        name: frame[(frame["task"] > low) & (frame["task"] <= high)].groupby(["method", "seed"])["accuracy"].mean()
        for name, (low, high) in spans.items()
    }
    return pd.DataFrame(grouped).reset_index()


def summary(frame: pd.DataFrame, columns: list[str], *, against: str | None = None) -> pd.DataFrame:
    """Return mean, SD and 95 % interval (t, over seeds) of columns in per cent, by method.

    ``against``: also the mean difference of a method, seed by seed, from every other one, with its paired interval.
    """
    made = []
    for method, part in frame.groupby("method", sort=False):
        for column in columns:
            values = part.set_index("seed")[column]
            row = {"method": method, "measure": column, "seeds": len(values), **_spread(values)}
            if against is not None and method != against:
                other = frame[frame["method"] == against].set_index("seed")[column]
                ahead = _spread((other - values).dropna())
                row.update({"ahead": ahead["mean"], "ahead_low": ahead["low"], "ahead_high": ahead["high"]})
            made.append(row)
    return pd.DataFrame(made)


def _spread(values: pd.Series) -> dict[str, float]:
    mean, low, high = mean_interval(100 * values)
    return {"mean": mean, "sd": 100 * values.std(), "low": low, "high": high}
