"""What contestants learn from: capped targets, and which of them are the least that a life may have been."""

from __future__ import annotations

import numpy as np

from factory_assets.rul.contestants import Examples, targets
from factory_assets.rul.windows import strided_windows
from tests.tiny_model import CAP_CYCLES, training_rows


def test_a_lower_bound_that_reaches_the_cap_is_the_truth() -> None:
    rows = training_rows().filter(unit_id="run-10").with_columns(is_censored=True)
    windows = strided_windows(rows, window_cycles=6, stride=1)
    target, is_least = targets(windows, CAP_CYCLES)
    raw = windows.rul_cycles[:, 0]
    assert raw.max() > CAP_CYCLES > raw.min()
    assert np.array_equal(target, np.minimum(raw, CAP_CYCLES))
    assert np.array_equal(is_least, raw < CAP_CYCLES)
    windows = strided_windows(rows.with_columns(is_censored=False), window_cycles=6, stride=1)
    assert not targets(windows, CAP_CYCLES)[1].any()


def test_some_examples_are_chosen_together() -> None:
    examples = Examples(np.zeros((3, 2, 1)), np.arange(3).reshape(3, 1), np.arange(3.0), np.array([True, False, True]))
    some = examples.of(np.array([2, 0]))
    assert some.figures[:, 0].tolist() == some.target_cycles.tolist() == [2, 0]
    assert some.scaled.shape == (2, 2, 1)
    assert examples.of(examples.is_least).target_cycles.tolist() == [0, 2]
