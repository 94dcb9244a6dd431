"""A model in training: steps with a learning rate that warms up and falls, scores, and a state to go on from."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from spinula.engines.sparse.pytorch.modules import SpineLinear

Batch = tuple[np.ndarray, np.ndarray]


def save(content: Any, path: Path) -> None:
    """Write what torch.save writes, without the file's name in it: the same bytes wherever it is written."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(buffer.getvalue())


class Session:
    """Train a model that scores classes, at every sample or at every place of it.

    The learning rate of each parameter group rises in ``warmup`` steps to what it was at the start, and falls to 0 by
    a cosine. Gradients longer than ``clip`` are shortened.

    Parameters
    ----------
    model : nn.Module
    optimizer : torch.optim.Optimizer
    steps : int
        Of the whole training.
    warmup : int
    clip : float or None
    generator : np.random.Generator
        Whatever is drawn for training; its state is part of the session's.
    """

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, *, steps: int, generator: np.random.Generator,
        warmup: int = 0, clip: float | None = None,
    ) -> None:  # fmt: skip
        self.model, self.optimizer, self.steps, self.warmup, self.clip = model, optimizer, steps, warmup, clip
        self.generator, self.step = generator, 0
        self.rates = [float(group["lr"]) for group in optimizer.param_groups]
        for group, rate in zip(optimizer.param_groups, self.rates, strict=True):
            group["initial_lr"] = rate  # as schedulers do: the peak is known to the optimiser

    def rate(self, step: int) -> float:
        """Return the learning rate of a step as a share of its peak."""
        return min(1.0, (step + 1) / (self.warmup + 1)) * 0.5 * (1.0 + math.cos(math.pi * step / self.steps))

    def train(self, batches: Iterable[Batch]) -> tuple[float, float]:
        """Take one step for every batch (inputs, classes); return mean loss [nat] and share of right answers."""
        self.model.train()
        loss = right = count = 0
        for x, y in batches:
            share = self.rate(self.step)
            for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                group["lr"] = rate * share
            self.optimizer.zero_grad()
            missed, correct = self._missed(x, y)
            missed.backward()
            if self.clip is not None:
                nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
            self.optimizer.step()
            self.step += 1
            loss, right, count = loss + float(missed.detach()), right + correct, count + 1
        return loss / max(1, count), right / max(1, count)

    @torch.no_grad()
    def score(self, batches: Iterable[Batch]) -> tuple[float, float]:
        """Return mean loss [nat] and share of right answers over all answers of the batches."""
        self.model.eval()
        loss = right = count = 0.0
        for x, y in batches:
            missed, correct = self._missed(x, y)
            loss, right, count = loss + y.size * float(missed), right + y.size * correct, count + y.size
        return loss / max(1.0, count), right / max(1.0, count)

    def _missed(self, x: np.ndarray, y: np.ndarray) -> tuple[torch.Tensor, float]:
        scores, wanted = self.model(torch.from_numpy(x)), torch.from_numpy(y).flatten()
        scores = scores.reshape(len(wanted), -1)
        return functional.cross_entropy(scores, wanted), float((scores.argmax(1) == wanted).float().mean())

    def spines(self) -> dict[str, SpineLinear]:
        """Return the sparse layers by name path."""
        return {name: layer for name, layer in self.model.named_modules() if isinstance(layer, SpineLinear)}

    def eliminated(self) -> int:
        """Return how many connections were eliminated so far."""
        return sum(int(layer.counters[2]) for layer in self.spines().values())

    def write(self, path: Path, extra: dict[str, np.ndarray]) -> None:
        """Write the whole state, and some arrays beside it."""
        save(
            {
                "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step,
                "generator": json.dumps(self.generator.bit_generator.state, default=np.ndarray.tolist),
                "extra": {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in extra.items()},
            },
            path,
        )  # fmt: skip

    def read(self, path: Path) -> dict[str, np.ndarray]:
        """Take over a state that was written; return the arrays beside it."""
        saved: dict[str, Any] = torch.load(path, weights_only=True)
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step = int(saved["step"])
        self.generator.bit_generator.state = json.loads(saved["generator"])
        return {name: values.numpy() for name, values in saved["extra"].items()}
