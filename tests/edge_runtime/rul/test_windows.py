"""Windows against a slow, obvious reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.rul.windows import last_windows, windows_at


def slow_windows(cycles, values, ends, window_cycles):
    """One cell after the other."""
    row_of = {int(cycle): row for row, cycle in enumerate(cycles)}
    out = np.full((len(ends), window_cycles, values.shape[1]), np.nan, np.float32)
    for index, end in enumerate(ends):
        for back in range(window_cycles):
            row = row_of.get(int(end) - back)
            if row is not None:
                out[index, window_cycles - 1 - back] = values[row]
    return out


@given(
    cycles=st.lists(st.integers(0, 40), unique=True, max_size=25),
    ends=st.lists(st.integers(-5, 60), max_size=8),
    window_cycles=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_equals_the_slow_reference(cycles, ends, window_cycles, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(len(cycles), 3)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    found = windows_at(np.array(cycles, np.int64), values, np.array(ends, np.int64), window_cycles)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, slow_windows(cycles, values, ends, window_cycles))


def test_gap_leaves_rows_of_nan_and_history_is_padded_in_front():
    window = windows_at(np.array([3, 1]), np.array([[30.0], [10.0]]), np.array([3]), 5)
    np.testing.assert_array_equal(window[0, :, 0], np.array([np.nan, np.nan, 10, np.nan, 30], np.float32))


def test_nothing_after_the_end_leaks_in():
    cycles = np.arange(1, 11)
    values = cycles[:, None].astype(np.float32)
    window = windows_at(cycles, values, np.array([6]), 3)
    np.testing.assert_array_equal(window[0, :, 0], [4, 5, 6])


@pytest.mark.parametrize(
    ("cycles", "rows", "window_cycles", "message"),
    [([1, 1], 2, 3, "twice"), ([1, 2], 3, 3, "must be"), ([1], 1, 0, "window_cycles")],
)
def test_refuses_what_makes_no_sense(cycles, rows, window_cycles, message):
    with pytest.raises(ValueError, match=message):
        windows_at(np.array(cycles), np.zeros((rows, 2)), np.array([1]), window_cycles)


def test_last_windows_of_units_in_mixed_order():
    units = ["b", "a", "b", "a", "c"]
    cycles = np.array([2, 7, 1, 5, 1])
    values = np.array([[20.0], [70.0], [10.0], [50.0], [99.0]])
    names, last, window, age = last_windows(units, cycles, values, 3)
    assert names == ["b", "a", "c"]
    assert last.tolist() == [2, 7, 1]
    assert age.tolist() == [[2.0], [7.0], [1.0]]
    assert (window.dtype, age.dtype) == (np.float32, np.float32)
    expected = [[np.nan, 10, 20], [50, np.nan, 70], [np.nan, np.nan, 99]]
    np.testing.assert_array_equal(window[:, :, 0], np.array(expected, np.float32))


@given(seed=st.integers(0, 200))
def test_order_of_rows_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    cycles = np.concatenate([np.arange(1, 9), np.arange(1, 6)])
    units = np.array(["x"] * 8 + ["y"] * 5)
    values = rng.normal(size=(13, 2)).astype(np.float32)
    order = rng.permutation(13)
    names, _, window, _ = last_windows(units[order], cycles[order], values[order], 6)
    straight_names, _, straight, _ = last_windows(units, cycles, values, 6)
    for name in names:
        np.testing.assert_array_equal(window[names.index(name)], straight[straight_names.index(name)])
