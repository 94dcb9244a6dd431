"""The slots of a layer, held to a dictionary of pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from spinula.core.errors import InvalidInputError
from spinula.engines.sparse import store as slots

_insert, _remove, _lay_out = slots.insert, slots.remove, slots.lay_out


@njit
def _apply(store, row, col, weight):
    """Remove the connection if it is there, else add it; return whether there was room."""
    slot = slots.find(store, row, col)
    if slot >= 0:
        slots.remove(store, row, slot)
        return True
    if not slots.has_room(store, row, col):
        slots.lay_out(store)
        if not slots.has_room(store, row, col):
            return False
    slot = slots.insert(store, row, col, weight)
    store.momentum[slot] = -weight
    return True


def _pairs(store):
    rows, cols, places = slots.connections(store)
    return {
        (int(r), int(c)): (float(store.weight[s]), float(store.momentum[s]))
        for r, c, s in zip(rows, cols, places, strict=True)
    }


def _layer(outputs, inputs, share, seed):
    rng = np.random.default_rng(seed)
    flat = np.flatnonzero(rng.random(outputs * inputs) < share)
    rows, cols = np.divmod(rng.permutation(flat), inputs)
    weights = rng.normal(size=len(rows))
    store = slots.build(rows, cols, weights, (outputs, inputs), dtype="float64")
    return store, {(int(r), int(c)): (float(w), 0.0) for r, c, w in zip(rows, cols, weights, strict=True)}


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**20))
def test_a_built_store_holds_what_it_was_given(outputs, inputs, share, seed):
    store, pairs = _layer(outputs, inputs, share, seed)
    slots.check(store)
    assert _pairs(store) == pairs
    rows, cols, _ = slots.connections(store)
    assert np.array_equal(np.lexsort((cols, rows)), np.arange(len(rows)))
    assert (store.weight[store.col < 0] == 0).all()
    assert store.row_start[-1] >= len(pairs) + outputs  # at least one free slot per row


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 2**20))
def test_changes_agree_with_a_dictionary(outputs, inputs, share, seed):
    store, pairs = _layer(outputs, inputs, share, seed)
    rng = np.random.default_rng(seed)
    for k in range(60):
        row, col = int(rng.integers(outputs)), int(rng.integers(inputs))
        if _apply(store, row, col, float(k + 1)):
            if (row, col) in pairs:
                del pairs[row, col]
            else:
                pairs[row, col] = (float(k + 1), -float(k + 1))
        if k % 20 == 7:
            _lay_out(store)
    slots.check(store)
    assert _pairs(store) == pairs
    assert (store.weight[store.col < 0] == 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.floats(0.1, 0.9), st.integers(0, 2**20))
def test_after_laying_out_every_row_and_column_has_room(outputs, inputs, share, seed):
    store, pairs = _layer(outputs, inputs, share, seed)
    _lay_out(store)
    slots.check(store)
    assert _pairs(store) == pairs
    assert (np.diff(store.row_start) > store.row_count).all()
    assert (np.diff(store.col_start) > store.col_count).all()


def test_signs_belong_to_sites_and_are_balanced():
    key = np.uint64(5)
    signs = np.array([[slots.site_sign(r, c, key) for c in range(50)] for r in range(50)])
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert abs(signs.mean()) < 4 / 50
    assert slots.site_sign(7, 3, key) == signs[7, 3]
    assert (signs != [[slots.site_sign(r, c, np.uint64(6)) for c in range(50)] for r in range(50)]).any()


def test_impossible_connections_are_refused():
    with pytest.raises(InvalidInputError, match="outside"):
        slots.build([0, 2], [0, 0], [1.0, 1.0], (2, 2))
    with pytest.raises(InvalidInputError, match="twice"):
        slots.build([0, 0], [1, 1], [1.0, 1.0], (2, 2))


def test_a_store_whose_halves_disagree_is_found_out():
    for spoil in ("row", "slot", "row_count", "col"):
        store, _ = _layer(6, 6, 0.5, 3)
        getattr(store, spoil)[0] += 1
        with pytest.raises(InvalidInputError):
            slots.check(store)
