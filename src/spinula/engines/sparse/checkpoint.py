"""The whole state of a perceptron in training as plain arrays: restored, it goes on as if it had never been cut."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.sparse.perceptron import Perceptron


def state(network: Perceptron) -> dict[str, np.ndarray]:
    """Return weights, momentum, the slots of connections, counters and the generator of the order, all copied.

    Examples
    --------
    >>> from spinula.engines.sparse.rules import RULES
    >>> kept = state(Perceptron([8, 4, 2], 0.5, RULES["spine"], seed=1))
    >>> int(kept["step"]), kept["weight"].dtype
    (0, dtype('float32'))
    """
    order = json.dumps(network._order.bit_generator.state, default=np.ndarray.tolist).encode()
    arrays = {name: np.array(values) for name, values in network.flat._asdict().items()}
    return {
        **arrays, "counts": network.work.counts.copy(), "step": np.array(network.step),
        "order": np.frombuffer(order, np.uint8).copy(),
    }  # fmt: skip


def restore(network: Perceptron, saved: Mapping[str, np.ndarray]) -> None:
    """Bring a network that was made with the same widths, density, rule and seed to a saved state, in place.

    Raises
    ------
    InvalidInputError
        If the state is of another network.
    """
    arrays = {**network.flat._asdict(), "counts": network.work.counts}
    for name, values in arrays.items():
        if name not in saved or saved[name].shape != values.shape:
            found = saved[name].shape if name in saved else "nothing"
            raise InvalidInputError(
                f"the saved state is of another network: {name} has {found}, wanted {values.shape}.\n"
                "  Make the network with the same widths, density, rule and seed."
            )
    if not np.array_equal(saved["widths"], network.flat.widths):
        raise InvalidInputError(
            f"the saved state is of widths {saved['widths'].tolist()}; the network has {network.flat.widths.tolist()}."
        )
    for name, values in arrays.items():
        values[...] = saved[name]
    network.step = int(saved["step"])
    network._order.bit_generator.state = json.loads(bytes(saved["order"]).decode())
