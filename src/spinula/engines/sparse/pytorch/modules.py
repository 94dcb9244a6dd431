"""A linear layer for PyTorch whose weights exist at connections only.

    layer = SpineLinear(784, 300, density=0.05, seed=1)
    layer(x)                      # (..., 784) -> (..., 300), with gradients for the connections that exist
    rows, cols, weights = layer.connections()

Nothing of the size outputs x inputs is ever made, unless ``to_dense`` asks for it.
"""

from __future__ import annotations

import weakref
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.core.streams import Streams
from spinula.engines.sparse.allocation import check_density, sample_sites
from spinula.engines.sparse.kernels import LANES
from spinula.engines.sparse.pytorch import state
from spinula.engines.sparse.pytorch.functional import SpineProduct, site_signs
from spinula.engines.sparse.store import Store, build

GAINS = {"he": 2.0, "lecun": 1.0}
Compressed = namedtuple("Compressed", "row_start rows col slots col_start row slots_by_col")
Compressed.__doc__ = (
    """The connections without free slots, by row and by column, as index tensors for the torch backend."""
)


class _Owner:
    """A parameter's way back to its layer; it is not copied or pickled with the parameter."""

    def __init__(self, layer: SpineLinear | None = None) -> None:
        self.layer = (lambda: None) if layer is None else weakref.ref(layer)

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return _Owner, ()


def _check_dtype(dtype: torch.dtype) -> None:
    if dtype not in (torch.float32, torch.float64):
        raise InvalidInputError(
            f"SpineLinear computes in float32 or float64, not in {dtype}.\n"
            "  Keep the layer in float32; under autocast its inputs are cast."
        )


def layer_of(parameter: torch.Tensor) -> SpineLinear | None:
    """Return the sparse layer whose weights a parameter holds, or None."""
    owner = getattr(parameter, "spine_owner", None)
    layer = None if owner is None else owner.layer()
    return layer if layer is not None and layer.weight is parameter else None


class SpineLinear(nn.Module):
    """y = x W^T + bias, where W has connections at some sites only.

    Parameters
    ----------
    in_features, out_features : int
    density : float
        Share of all sites that hold a connection at first.
    bias : bool
    seed : int
        Sites and weights follow from it; give layers of the same shape different seeds.
    init : "he" or "lecun"
        Variance of the weights: 2 or 1 over the mean number of connections per output.
    signed : bool
        Whether a site has a sign of its own, which a connection keeps when it comes back.
    device, dtype : as for nn.Linear; float32 or float64
    backend : "numba", "torch" or None
        None: numba on the CPU, torch elsewhere.

    Attributes
    ----------
    weight : Parameter, shape (slots,)
        One number per slot. A free slot holds 0 and gets gradient 0. The store of ``store()`` is the same memory.
    momentum : Tensor, shape (slots,)
        Used by SpineOptimizer; follows formations and eliminations.
    counters : Tensor of int64
        Steps taken, connections formed, connections eliminated.
    feature_major : bool
        Whether results stay as the kernels make them, the transpose of contiguous memory. False at first;
        ``sparsify`` sets it where nothing but elementwise functions leads to another sparse layer. Results are the
        same; where they go elsewhere, PyTorch's functions are several times slower on such memory.

    Notes
    -----
    Under autocast inputs are cast to float32 and the layer computes in float32; a layer in half precision is refused.
    ``torch.compile`` runs the layer as it is and compiles what is around it.

    Raises
    ------
    OutOfRangeError
        If the density is not in (0, 1], or a size is below 1.

    Examples
    --------
    >>> SpineLinear(100, 50, density=0.1, seed=3)
    SpineLinear(in_features=100, out_features=50, connections=500, density=10%, bias=True, signed=True)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        density: float = 0.05,
        bias: bool = True,
        seed: int = 0,
        init: Literal["he", "lecun"] = "he",
        signed: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        backend: Literal["numba", "torch"] | None = None,
    ) -> None:
        super().__init__()
        if init not in GAINS:
            raise UnknownNameError("initialisation", init, GAINS)
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if size < 1:
                raise OutOfRangeError(name, size, "wanted at least 1")
        streams = Streams(seed).child(f"{out_features} x {in_features}")
        self.in_features, self.out_features, self.signed = in_features, out_features, bool(signed)
        self.key, self.backend = streams.key("sites") >> 1, backend
        self.version, self.watched, self.slab, self.pending = 0, False, None, None
        self._compressed: tuple[Any, Compressed] | None = None
        self.feature_major = False
        count = max(1, round(check_density(density) * in_features * out_features))
        rng = streams.generator("weights")
        rows, cols = sample_sites((out_features, in_features), count, rng)
        weights = rng.normal(0.0, (GAINS[init] * out_features / count) ** 0.5, count)
        dtype = dtype or torch.get_default_dtype()
        _check_dtype(dtype)
        if signed:
            weights = np.abs(weights) * site_signs(rows, cols, np.uint64(self.key))
        self.bias = nn.Parameter(torch.zeros(out_features, dtype=dtype)) if bias else None
        self.register_buffer("counters", torch.zeros(3, dtype=torch.int64), persistent=False)
        self.take(build(rows, cols, weights, (out_features, in_features), dtype=str(dtype).removeprefix("torch.")))
        self.to(device or torch.get_default_device())

    # --- the connections -------------------------------------------------------------------------------------------

    def take(self, store: Store) -> None:
        """Let the tensors be the memory of a store; the parameter stays the same object."""
        for name in Store._fields:
            tensor = torch.from_numpy(getattr(store, name)).to(self.counters.device)
            if name != "weight":
                self.register_buffer(name, tensor, persistent=False)
            elif "weight" in self._parameters:
                self.weight.data, self.weight.grad = tensor, None
            else:
                self.weight = nn.Parameter(tensor)
        self._own()

    def _own(self) -> None:
        self.weight.spine_owner = _Owner(self)
        self._indices: Any = None
        self.version += 1

    def store(self) -> Store:
        """Return the connections as a Store: the same memory on the CPU, a copy elsewhere."""
        return Store(*(getattr(self, name).detach().cpu().numpy() for name in Store._fields))

    @contextmanager
    def editing(self) -> Iterator[Store]:
        """Hand out the store to be changed, and make the tensors know the changes."""
        store = self.store()
        yield store
        for name, array in zip(Store._fields, store, strict=True):
            tensor = getattr(self, name).detach()
            if tensor.device.type != "cpu":
                tensor.copy_(torch.from_numpy(array))
        self.version += 1
        getattr(torch.autograd.graph, "increment_version", lambda tensor: None)(self.weight)

    def indices(self) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """Return what passes by rows and by columns need: (row_start, row_count, col), (col_start, ..., row, slot)."""
        if self._indices is None:
            names = ("row_start", "row_count", "col"), ("col_start", "col_count", "row", "slot")
            self._indices = tuple(tuple(getattr(self, name).numpy() for name in part) for part in names)
        return self._indices

    def sites(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return (rows, cols, slots) of all connections, by row and column."""
        slots = torch.nonzero(self.col >= 0).flatten()
        rows = torch.searchsorted(self.row_start.long(), slots, right=True) - 1
        cols = self.col[slots].long()
        order = torch.argsort(rows * self.in_features + cols)
        return rows[order], cols[order], slots[order]

    def compressed(self) -> Compressed:
        """Return the connections without free slots, kept until they change."""
        stamp = (self.version, self.weight.device)
        if self._compressed is None or self._compressed[0] != stamp:
            rows, cols, slots = self.sites()
            by_col = torch.argsort(cols, stable=True)
            starts = [
                torch.searchsorted(index, torch.arange(size + 1, device=index.device))
                for index, size in ((rows, self.out_features), (cols[by_col], self.in_features))
            ]
            index = Compressed(starts[0], rows, cols, slots, starts[1], rows[by_col], slots[by_col])
            self._compressed = (stamp, index)
        return self._compressed[1]

    def connections(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return (rows, cols, weights) of all connections, by row and column."""
        rows, cols, slots = self.sites()
        return rows, cols, self.weight.detach()[slots]

    @property
    def nnz(self) -> int:
        """The number of connections."""
        return int(self.row_count.sum())

    @property
    def density(self) -> float:
        """The share of sites that hold a connection."""
        return self.nnz / (self.in_features * self.out_features)

    def to_dense(self) -> torch.Tensor:
        """Return the whole matrix, shape (out_features, in_features): for tests and export."""
        rows, cols, weights = self.connections()
        dense = weights.new_zeros(self.out_features, self.in_features)
        dense[rows, cols] = weights
        return dense

    def set_connections(self, rows: torch.Tensor, cols: torch.Tensor, weights: torch.Tensor) -> None:
        """Replace all connections; momentum starts at 0.

        Raises
        ------
        InvalidInputError
            If a connection lies outside the layer or is there twice.
        """
        rows, cols = (index.detach().cpu().numpy() for index in (rows, cols))
        values = weights.detach().to(self.weight.dtype).cpu().numpy()
        self.take(build(rows, cols, values, (self.out_features, self.in_features), dtype=str(values.dtype)))

    @classmethod
    def like(cls, dense: nn.Module, *, density: float = 0.05, seed: int = 0, signed: bool = True) -> SpineLinear:
        """Return a new sparse layer of the shape of a dense one, with its bias."""
        layer = cls(
            dense.in_features, dense.out_features, density=density, bias=dense.bias is not None, seed=seed,
            signed=signed, device=dense.weight.device, dtype=dense.weight.dtype,
        )  # fmt: skip
        return layer.adopt_bias(dense)

    def adopt_bias(self, dense: nn.Module) -> SpineLinear:
        """Take over the bias of a dense layer, and whether it trains; return this layer."""
        if dense.bias is not None:
            self.bias.data.copy_(dense.bias.detach())
        return self.train(dense.training)

    @classmethod
    def from_dense(
        cls, dense: nn.Module, *, density: float = 0.05, keep: str = "magnitude", seed: int = 0, signed: bool = True
    ) -> SpineLinear:
        """Return a sparse layer with the largest weights of a dense one ("magnitude"), or some at random ("random").

        Raises
        ------
        UnknownNameError
            If ``keep`` is neither.
        """
        if keep not in ("magnitude", "random"):
            raise UnknownNameError("choice of weights to keep", keep, ("magnitude", "random"))
        layer = cls.like(dense, density=density, seed=seed, signed=signed)
        matrix = dense.weight.detach().reshape(layer.out_features, layer.in_features)
        if keep == "magnitude":
            flat = torch.topk(matrix.abs().flatten(), layer.nnz, sorted=False).indices
            rows, cols = flat // layer.in_features, flat % layer.in_features
        else:
            rows, cols, _ = layer.sites()
        layer.set_connections(rows, cols, matrix[rows, cols])
        return layer

    def dense_module(self) -> nn.Module:
        """Return an ordinary layer with the same weights."""
        made = nn.Linear(
            self.in_features, self.out_features, bias=self.bias is not None, device=self.weight.device,
            dtype=self.weight.dtype,
        )  # fmt: skip
        return self._fill(made)

    @torch.no_grad()
    def _fill(self, dense: nn.Module) -> nn.Module:
        dense.weight.copy_(self.to_dense())
        if self.bias is not None:
            dense.bias.copy_(self.bias)
        return dense.train(self.training)

    # --- the product -----------------------------------------------------------------------------------------------

    @property
    def on_kernels(self) -> bool:
        """Whether the compiled kernels run: on the CPU, unless backend="torch"."""
        if self.backend not in (None, "numba", "torch"):
            raise UnknownNameError("backend", str(self.backend), ("numba", "torch"))
        on_cpu = self.weight.device.type == "cpu"
        if self.backend == "numba" and not on_cpu:
            raise InvalidInputError(f"backend 'numba' runs on the CPU; the layer is on {self.weight.device}.")
        return on_cpu and self.backend != "torch"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x W^T + bias for x of shape (..., in_features)."""
        if torch.compiler.is_compiling():
            from spinula.engines.sparse.pytorch.eager import product  # loads the compiler, which takes seconds

            return product(self, x)
        return self.product(x)

    def product(self, x: torch.Tensor) -> torch.Tensor:
        """Return what ``forward`` returns, without hooks."""
        if x.shape[-1:] != (self.in_features,):
            raise InvalidInputError(f"x has shape {tuple(x.shape)}; wanted (..., {self.in_features}).")
        return self.matrix_product(self.cast(x))

    def cast(self, x: torch.Tensor) -> torch.Tensor:
        """Return x in the layer's precision if it comes in half precision, as it does under autocast."""
        _check_dtype(self.weight.dtype)
        if x.dtype in (torch.float16, torch.bfloat16):
            x = x.to(self.weight.dtype)
        if x.dtype != self.weight.dtype:
            raise InvalidInputError(f"x is {x.dtype} and the layer {self.weight.dtype}; use x.to(layer.weight.dtype).")
        return x

    def matrix_product(self, x: torch.Tensor) -> torch.Tensor:
        """Return x times the transposed matrix, plus the bias, for x of shape (..., in_features)."""
        if x.dim() == 2:
            return SpineProduct.apply(x, self.weight, self.bias, self)
        y = SpineProduct.apply(x.reshape(-1, self.in_features), self.weight, self.bias, self)
        return y.reshape(*x.shape[:-1], self.out_features)

    def remember(self, x: torch.Tensor, dy: torch.Tensor) -> None:
        """Keep some samples of a backward pass, features by samples, if an optimiser asked for them."""
        if self.watched:
            self.slab = tuple(tensor.detach()[:, :LANES].contiguous() for tensor in (x, dy))

    def extra_repr(self) -> str:
        """Return sizes and density in words."""
        return f"in_features={self.in_features}, out_features={self.out_features}, {self.size_in_words()}"

    def size_in_words(self) -> str:
        """Return how many connections there are, and of which kind."""
        density = f"density={100 * self.density:.3g}%"
        return f"connections={self.nnz}, {density}, bias={self.bias is not None}, signed={self.signed}"

    # --- copies, devices, files ------------------------------------------------------------------------------------

    def _apply(self, fn: Any, recurse: bool = True) -> SpineLinear:
        super()._apply(fn, recurse)
        self.slab = None
        self._own()
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_compressed": None, "_indices": None, "slab": None}

    def __setstate__(self, values: dict[str, Any]) -> None:
        super().__setstate__(values)
        self._own()

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        state.save(self, destination, prefix, keep_vars)

    def _load_from_state_dict(
        self,
        entries: dict[str, Any],
        prefix: str,
        metadata: Any,
        strict: bool,
        missing_keys: list[str],
        *lists: list[str],
    ) -> None:
        unexpected_keys, errors = lists
        missing, unexpected, problem = state.load(self, entries, prefix)
        if strict:
            missing_keys += missing
            unexpected_keys += unexpected
        errors += problem
