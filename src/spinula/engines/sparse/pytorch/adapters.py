"""Small adapters: spine sparsity inside the training loops of Lightning, of transformers and of Avalanche.

Each takes a function that makes a SpineSparsity from a model, attaches it when training begins, and logs the density
of connections and their turnover since the last log. Without a function it logs those of a model that ``sparsify``
made. Each class loads its library when it is first asked for.

    Trainer(callbacks=[LightningSpines(lambda model: SpineSparsity(model, density=0.05))])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spinula.core.errors import InvalidInputError, MissingExtraError
from spinula.engines.sparse.pytorch.masked import SpineSparsity, Turnover
from spinula.engines.sparse.pytorch.modules import SpineLinear

Make = Callable[[nn.Module], SpineSparsity] | None


class SpineLog:
    """Density and turnover of a model, whichever way it is sparse; what the adapters share."""

    def __init__(self, make: Make = None) -> None:
        self.make, self.sparsity, self.state, self.mark = make, None, None, (0, 0)
        self.layers: list[SpineLinear] = []

    def begin(self, model: nn.Module, optimizers: Iterable[torch.optim.Optimizer]) -> None:
        """Attach a SpineSparsity, once, with the state of a checkpoint if there is one; or find the sparse layers.

        Raises
        ------
        InvalidInputError
            If nothing is to be attached and the model has no sparse layer.
        """
        self.layers = [module for module in model.modules() if isinstance(module, SpineLinear)]
        if self.make is None and not self.layers:
            raise InvalidInputError("the model has no SpineLinear; give a function that makes a SpineSparsity from it.")
        if self.make is None or self.sparsity is not None:
            return
        self.sparsity = self.make(model)
        if self.state is not None:
            self.sparsity.load_state_dict(self.state)
        for optimizer in optimizers:
            self.sparsity.attach(optimizer)

    def read(self) -> dict[str, float]:
        """Return density of connections, and turnover since the last call with its number of steps."""
        if self.sparsity is not None:
            density, turnover = self.sparsity.density, self.sparsity.turnover()
        else:
            count = sum(layer.nnz for layer in self.layers)
            density = count / sum(layer.in_features * layer.out_features for layer in self.layers)
            counters = torch.stack([layer.counters.cpu() for layer in self.layers])
            before, self.mark = self.mark, (int(counters[:, 1:].sum()), int(counters[:, 0].max()))
            turnover = Turnover((self.mark[0] - before[0]) / (2 * max(1, count)), self.mark[1] - before[1])
        values = {"connection_density": density, "turnover_ratio": turnover.ratio, "turnover_steps": turnover.steps}
        return {f"spines/{name}": float(value) for name, value in values.items()}


def _any(act: Callable[[Any, tuple[Any, ...], dict[str, Any]], None]) -> Callable[..., None]:
    """Return a callback that takes whatever a library passes now or later."""
    return lambda self, *given, **named: act(self, given, named)


def _lightning() -> type:
    from lightning.pytorch import Callback

    class LightningSpines(Callback):
        """A callback for lightning.pytorch; its state is in the checkpoint."""

        def __init__(self, make: Make = None) -> None:
            self.spines = SpineLog(make)

        def on_train_start(self, trainer: Any, pl_module: nn.Module) -> None:
            self.spines.begin(pl_module, trainer.optimizers)

        def on_train_epoch_end(self, trainer: Any, pl_module: nn.Module) -> None:
            self.log_dict(self.spines.read())

        def state_dict(self) -> dict[str, Any]:
            return {} if self.spines.sparsity is None else self.spines.sparsity.state_dict()

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            self.spines.state = state_dict or None

    return LightningSpines


def _transformers() -> type:
    from transformers import TrainerCallback

    class TrainerSpines(TrainerCallback):
        """A callback for transformers.Trainer; its state is in the checkpoint's folder, in spines.pt."""

        def __init__(self, make: Make = None) -> None:
            self.spines = SpineLog(make)

        def _begin(self, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            file = self._file(given)
            self.spines.state = torch.load(file, weights_only=True) if file.exists() else None
            # accelerate wraps the optimiser; the hooks belong to the real one.
            self.spines.begin(named["model"], [getattr(named["optimizer"], "optimizer", named["optimizer"])])

        def _file(self, given: tuple[Any, ...]) -> Path:
            return Path(given[0].output_dir) / f"checkpoint-{given[1].global_step}" / "spines.pt"

        def _save(self, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            if self.spines.sparsity is not None and given[1].is_world_process_zero:
                torch.save(self.spines.sparsity.state_dict(), self._file(given))

        def _log(self, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            if "loss" in named["logs"]:
                values = self.spines.read()
                named["logs"].update(values)
                given[1].log_history[-1].update(values)

        on_train_begin, on_save, on_log = _any(_begin), _any(_save), _any(_log)

    return TrainerSpines


def _avalanche() -> type:
    from avalanche.core import SupervisedPlugin
    from avalanche.evaluation.metric_results import MetricValue

    class AvalanchePlugin(SupervisedPlugin):
        """A plugin for Avalanche's supervised strategies: one SpineSparsity for all experiences."""

        def __init__(self, make: Make = None) -> None:
            super().__init__()
            self.spines = SpineLog(make)

        def _begin(self, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            self.spines.begin(given[0].model, [given[0].optimizer])

        def _log(self, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            for name, value in self.spines.read().items():
                step = given[0].clock.train_iterations
                given[0].evaluator.publish_metric_value(MetricValue(self, name, value, step))

        before_training_exp, after_training_epoch = _any(_begin), _any(_log)

    return AvalanchePlugin


_HOME = {
    "LightningSpines": ("lightning", "lightning", _lightning),
    "TrainerSpines": ("transformers", "transformers", _transformers),
    "AvalanchePlugin": ("avalanche", "avalanche", _avalanche),
}


def __getattr__(name: str) -> type:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    library, extra, make = _HOME[name]
    try:
        import_module(library)
    except ImportError as error:
        raise MissingExtraError(library, extra) from error
    made = make()
    made.__module__, made.__qualname__ = __name__, name
    globals()[name] = made
    return made
