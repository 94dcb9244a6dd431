"""The state of a sparse layer in a file: its connections in their own order, whatever the slots they sit in.

    rows, cols, weights     by row and column; compact, and the same on every backend
    bias, shape             shape is (outputs, inputs)
    sign_key                the key of the sites' signs, and whether signs belong to sites
    counters                steps, formed, eliminated

The slots are not part of it. A training that is to go on bit for bit needs them (they set the order of sums): they are
in the state of its optimiser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spinula.core.errors import InvalidInputError
from spinula.engines.sparse.store import Store, connections

if TYPE_CHECKING:
    from spinula.engines.sparse.pytorch.modules import SpineLinear

_NAMES = ("rows", "cols", "weights", "shape", "sign_key", "counters")


def save(layer: SpineLinear, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
    """Write the state of a layer to a state_dict."""
    rows, cols, weights = layer.connections()
    destination[prefix + "rows"], destination[prefix + "cols"] = rows.int(), cols.int()
    destination[prefix + "weights"] = weights
    if layer.bias is not None:
        destination[prefix + "bias"] = layer.bias if keep_vars else layer.bias.detach()
    destination[prefix + "shape"] = torch.tensor([layer.out_features, layer.in_features])
    destination[prefix + "sign_key"] = torch.tensor([layer.key, int(layer.signed)])
    destination[prefix + "counters"] = layer.counters.clone()


def load(layer: SpineLinear, entries: dict[str, Any], prefix: str) -> tuple[list[str], list[str], list[str]]:
    """Take over the state of a layer from a state_dict; return missing keys, unexpected keys and problems."""
    names = [*_NAMES, *(["bias"] if layer.bias is not None else [])]
    found = {key.removeprefix(prefix): value for key, value in entries.items() if key.startswith(prefix)}
    missing = [prefix + name for name in names if name not in found]
    unexpected = [prefix + name for name in found if name not in names]
    if "weight" in found and "weights" not in found:
        cure = "load it into the dense model, then sparsify(model, keep='magnitude')"
        return missing, unexpected, [f"{prefix}weight: the matrix of a dense layer; {cure}."]
    if missing:
        return missing, unexpected, []
    problem = _problem(layer, found)
    if problem is None:
        _restore(layer, found)
    return missing, unexpected, [] if problem is None else [prefix + problem]


def _problem(layer: SpineLinear, found: dict[str, torch.Tensor]) -> str | None:
    """Return which entry cannot be loaded and why, or None."""
    shape = [layer.out_features, layer.in_features]
    if found["shape"].tolist() != shape:
        return f"shape: {found['shape'].tolist()} in the state, {shape} in the layer."
    count = found["rows"].numel()
    for name, size in (("rows", count), ("cols", count), ("weights", count), ("sign_key", 2), ("counters", 3)):
        if found[name].shape != (size,):
            return f"{name}: shape {tuple(found[name].shape)} in the state; wanted ({size},)."
    for name, size in (("rows", shape[0]), ("cols", shape[1])):
        if found[name].is_floating_point():
            return f"{name}: {found[name].dtype} in the state; wanted integers."
        low, high = (int(found[name].min()), int(found[name].max())) if count else (0, 0)
        if low < 0 or high >= size:
            return f"{name}: holds {low if low < 0 else high}; wanted integers from 0 to {size - 1}."
    if len(torch.unique(found["rows"].long() * shape[1] + found["cols"].long())) != count:
        return "cols: a connection is there twice."
    if layer.bias is not None and found["bias"].shape != layer.bias.shape:
        return f"bias: shape {tuple(found['bias'].shape)} in the state, {tuple(layer.bias.shape)} in the layer."
    return None


@torch.no_grad()
def _restore(layer: SpineLinear, found: dict[str, torch.Tensor]) -> None:
    """Take over a state; the slots stay as they are, or as an optimiser wants them, where the sites agree."""
    rows, cols = (found[name].cpu().numpy() for name in ("rows", "cols"))
    weights = found["weights"].detach().to(layer.weight.dtype).cpu().numpy()
    order = np.lexsort((cols, rows))
    rows, cols, weights = rows[order], cols[order], weights[order]
    for place in (layer.pending, layer.store()):
        if place is not None and _fill(place, (rows, cols, weights)):
            layer.take(place)
            layer.pending = None
            break
    else:
        layer.set_connections(*(torch.from_numpy(part) for part in (rows, cols, weights)))
    layer.key, layer.signed = int(found["sign_key"][0]), bool(found["sign_key"][1])
    layer.counters.copy_(found["counters"])
    if layer.bias is not None:
        layer.bias.copy_(found["bias"])


def layout(layer: SpineLinear) -> dict[str, torch.Tensor]:
    """Return which slot holds which connection, and momentum: what an exact continuation needs beside the state."""
    return {name: getattr(layer, name).detach().clone() for name in Store._fields if name != "weight"}


def set_layout(layer: SpineLinear, wanted: dict[str, torch.Tensor]) -> None:
    """Move the connections to the slots of a layout; if it has others, it waits until their weights are loaded.

    Raises
    ------
    InvalidInputError
        If the layout is of a layer of another size.
    """
    arrays = {name: value.detach().cpu().numpy().copy() for name, value in wanted.items()}
    arrays["momentum"] = arrays["momentum"].astype(layer.store().momentum.dtype)
    store = Store(**arrays, weight=np.zeros_like(arrays["momentum"]))
    outputs, inputs = len(store.row_count), len(store.col_count)
    if (outputs, inputs) != (layer.out_features, layer.in_features):
        raise InvalidInputError(
            f"the optimiser's state is of a layer of {outputs} x {inputs}; "
            f"this one has {layer.out_features} x {layer.in_features}."
        )
    if _fill(store, tuple(part.cpu().numpy() for part in layer.connections())):
        layer.take(store)
        layer.pending = None
    else:
        layer.pending = store


def _fill(store: Store, wanted: tuple[np.ndarray, np.ndarray, np.ndarray]) -> bool:
    """Write weights to a store if its connections are the (rows, cols) given, in their order; return whether."""
    rows, cols, slots = connections(store)
    if not (np.array_equal(rows, wanted[0]) and np.array_equal(cols, wanted[1])):
        return False
    store.weight[slots] = wanted[2]
    return True
