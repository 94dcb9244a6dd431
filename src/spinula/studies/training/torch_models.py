"""Training runs of models that need PyTorch: a small convolutional network and a character-level Transformer.

Linear layers and convolutions are sparse, but for the first convolution (of one channel), the last layer and
embeddings, which are small. All parameters move by Adam, and spines by the law with Adam's drive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.core.streams import Streams
from spinula.engines.sparse.rules import Rule
from spinula.law.training import TrainingLaw
from spinula.studies.training.data import Data, Text
from spinula.studies.training.following import Journal, Layer, Trained, follow

MODELS = ("cnn", "transformer")
# Under Adam a drive is at most about 1, so that these numbers are not those of the perceptron's rules. A new spine is
# five first steps of Adam large: what is smaller is gone again before a gradient has told its sign twice.
RULES = {
    "spine": Rule("spine", TrainingLaw(shrinkage=0.01, size_new=0.015), rate=3e-3, candidates=16, signed=False,
                  continuous=True),
    "deep_r": Rule("deep_r", TrainingLaw(shrinkage=0.01, noise_floor=1e-4), rate=3e-3, continuous=True),
    "static": Rule("static", TrainingLaw(decay=0.01), rate=3e-3),
    "dense": Rule("dense", TrainingLaw(decay=0.01), rate=3e-3),
}  # fmt: skip


def model_rule(name: str, model: str) -> Rule:
    """Return a rule by name for a model of PyTorch, with its default numbers.

    Raises
    ------
    UnknownNameError
        If there is no such model.
    InvalidInputError
        If the rule is not there for it.
    """
    if model not in MODELS:
        raise UnknownNameError("model", model, ("mlp", *MODELS))
    if name not in RULES:
        raise InvalidInputError(
            f"the model {model!r} is not trained by the rule {name!r}; it has {', '.join(RULES)}.\n"
            "  The other rules are there for --model mlp."
        )
    chosen = RULES[name]
    if model != "transformer" or name == "dense":
        return chosen
    # With a tenth of the weights a Transformer learns best at larger steps (tried on one epoch of the docstrings).
    return chosen.changed({"rate": 1e-2, **({"size_new": 0.05} if name == "spine" else {})})


@dataclass(frozen=True)
class ModelPlan:
    """What to train: a model and its sizes, a rule, the density of its sparse layers in all, epochs, batch and seed.

    An epoch of a text shows each of its characters once, in windows of ``context``.
    """

    model: str
    rule: Rule
    density: float = 0.1
    epochs: int = 5
    batch: int = 16
    seed: int = 0
    context: int = 64
    width: int = 128
    depth: int = 2
    hidden: int = 128

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain values, those of other models left out."""
        sizes = ("hidden",) if self.model == "cnn" else ("context", "width", "depth")
        kept = {name: value for name, value in vars(self).items()
                if name not in ("context", "width", "depth", "hidden") or name in sizes}  # fmt: skip
        return {**kept, "rule": self.rule.describe()}


def train_model(
    plan: ModelPlan, data: Data | Text, *, final: bool = True, record: bool = False, journal: Journal | None = None
) -> Iterator[tuple[dict[str, Any], Trained | None]]:  # fmt: skip
    """Train a model; yield (row of the history, None) after each epoch and (last row, Trained) at the end.

    ``final``, ``record`` and ``journal`` are as for :func:`train`; a text has one held-out part, which is scored.

    Raises
    ------
    InvalidInputError
        If the model does not read such data.
    """
    if isinstance(data, Text) != (plan.model == "transformer"):
        wanted = "a text (--data text)" if plan.model == "transformer" else "images (--data digits, mnist or fashion)"
        raise InvalidInputError(f"the model {plan.model!r} learns {wanted}; {data.name!r} came.")
    learner = _Readings(plan, data) if isinstance(data, Text) else _Images(plan, data, final)
    about = {"network": plan.as_dict(), "data": data.name}
    yield from follow(learner, plan.epochs, journal=journal, record=record, about=about)


def save_model(network: Any, path: Path) -> None:
    """Write a model's state_dict, the same bytes for the same weights."""
    from spinula.engines.sparse.pytorch.models.session import save

    save(network.state_dict(), path)


class _Learner:
    """A model, its optimiser and its data, as :func:`follow` wants it."""

    suffix = ".pt"

    def __init__(self, plan: ModelPlan, network: Any, steps: int) -> None:
        from spinula.engines.sparse.pytorch import SpineOptimizer, sparsify
        from spinula.engines.sparse.pytorch.models import Session, as_linear

        rule = plan.rule
        if rule.name != "dense":
            cnn = plan.model == "cnn"
            skip = ("scores", "first") if cnn else ("scores",)
            sparsify(network, plan.density, skip=skip, signed=rule.signed, seed=plan.seed, convolutions=cnn)
            if not cnn:
                as_linear(network)
        formation = ("guided" if rule.candidates > 1 else "uniform") if rule.continuous else None
        optimizer = SpineOptimizer(
            network, rule.rate, law=rule.law, formation=formation, candidates=rule.candidates, method="adam",
            betas=(0.9, 0.99), other={"weight_decay": rule.law.decay},
        )  # fmt: skip
        total = steps * plan.epochs
        self.plan, self.network, self.gone = plan, network, 0
        self.session = Session(network, optimizer, steps=total, warmup=min(100, total // 10), clip=1.0,
                               generator=Streams(plan.seed).generator("order"))  # fmt: skip

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the batches of one epoch."""
        raise NotImplementedError

    def scored(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the batches that are scored."""
        raise NotImplementedError

    def advance(self) -> dict[str, float]:
        loss, right = self.session.train(self.batches())
        missed, scored = self.session.score(self.scored())
        before, self.gone = self.gone, self.session.eliminated()
        return {"loss": loss, "train_accuracy": right, "held_out_loss": missed, "accuracy": scored,
                "eliminated": self.gone - before}  # fmt: skip

    def layers(self) -> list[Layer]:
        made = []
        for name, layer in self.session.spines().items():
            rows, cols, weights = (part.numpy() for part in layer.connections())
            made.append(Layer(name, (layer.out_features, layer.in_features), rows, cols, weights))
        return made

    def write(self, path: Path, extra: dict[str, np.ndarray]) -> None:
        self.session.write(path, extra)

    def read(self, path: Path) -> dict[str, np.ndarray]:
        extra = self.session.read(path)
        self.gone = self.session.eliminated()
        return extra


class _Images(_Learner):
    def __init__(self, plan: ModelPlan, data: Data, final: bool) -> None:
        from spinula.engines.sparse.pytorch.models import ConvNet, seeded

        self.images, self.labels = data.whole() if final else (data.images, data.labels)
        held_out = (data.validation_images, data.validation_labels)
        self.held_out = (data.test_images, data.test_labels) if final else held_out
        pixels, classes = self.images.shape[1], data.classes
        network = seeded(lambda: ConvNet(pixels, classes, hidden=plan.hidden), plan.seed)
        super().__init__(plan, network, max(1, len(self.labels) // plan.batch))

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order, batch = self.session.generator.permutation(len(self.labels)), min(self.plan.batch, len(self.labels))
        for first in range(0, len(order) - batch + 1, batch):
            chosen = order[first : first + batch]
            yield self.images[chosen], self.labels[chosen]

    def scored(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        images, labels = self.held_out
        for first in range(0, len(labels), 1000):
            yield images[first : first + 1000], labels[first : first + 1000]


class _Readings(_Learner):
    def __init__(self, plan: ModelPlan, text: Text) -> None:
        from spinula.engines.sparse.pytorch.models import CharTransformer, seeded

        self.text, self.windows = text, (len(text.codes) - 1) // plan.context - 1
        if self.windows < plan.batch:
            raise InvalidInputError(f"{text.name} has {self.windows} windows; a batch of {plan.batch} is wanted.")
        letters, sizes = len(text.alphabet), {"context": plan.context, "width": plan.width, "depth": plan.depth}
        network = seeded(lambda: CharTransformer(letters, **sizes), plan.seed)
        super().__init__(plan, network, self.windows // plan.batch)

    def _cut(self, codes: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        places = starts[:, None] + np.arange(self.plan.context + 1)
        return codes[places[:, :-1]], codes[places[:, 1:]]

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        generator, batch = self.session.generator, self.plan.batch
        starts = generator.integers(self.plan.context) + self.plan.context * generator.permutation(self.windows)
        for first in range(0, self.windows - batch + 1, batch):
            yield self._cut(self.text.codes, starts[first : first + batch])

    def scored(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        starts = np.arange(0, len(self.text.held_out) - self.plan.context - 1, self.plan.context)
        for first in range(0, len(starts), 128):
            yield self._cut(self.text.held_out, starts[first : first + 128])

    def advance(self) -> dict[str, float]:
        found = super().advance()
        return {**found, "bits": found["held_out_loss"] / np.log(2)}
