"""Windows from training sets: where they end, what lies before the first cycle, and that lives do not mix."""

from __future__ import annotations

import numpy as np
import polars as pl

from edge_runtime.rul.windows import last_windows
from factory_assets.rul.schema import model_inputs
from factory_assets.rul.windows import final_windows, strided_windows
from tests.tiny_model import training_set


def two_lives() -> pl.DataFrame:
    return training_set().filter(pl.col("life_id").is_in(["run-01", "cut-01"]))


def test_windows_end_at_every_other_cycle_and_at_the_last_one() -> None:
    windows = strided_windows(two_lives(), window_cycles=6, stride=3)
    ages = windows.age_cycles[windows.life_ids == "run-01", 0]
    assert ages.tolist() == list(range(2, 33, 3))
    assert windows.age_cycles[windows.life_ids == "cut-01", 0].tolist() == [1, 4]
    assert np.array_equal(windows.rul_cycles[windows.life_ids == "run-01", 0], 32 - ages)


def test_nothing_stands_before_the_first_cycle_not_even_another_life() -> None:
    windows = strided_windows(two_lives(), window_cycles=6, stride=1)
    for window, age in zip(windows.window, windows.age_cycles[:, 0], strict=True):
        known = min(6, int(age))
        assert np.isnan(window[: 6 - known]).all()
        assert not np.isnan(window[6 - known :]).any()


def test_final_windows_are_what_the_edge_makes_of_the_same_readings() -> None:
    rows = training_set().filter(split="test")
    ours = final_windows(rows, window_cycles=12)
    values = rows.select(model_inputs(rows)).to_numpy()
    lives, last, window, age = last_windows(rows["life_id"].to_list(), rows["cycle"].to_numpy(), values, 12)
    assert ours.life_ids.tolist() == lives == ["cut-01", "cut-02", "cut-03"]
    assert ours.age_cycles[:, 0].tolist() == last.tolist() == [4, 30, 45]
    assert np.array_equal(ours.window, window, equal_nan=True)
    assert np.array_equal(ours.age_cycles, age)
    assert ours.rul_cycles[:, 0].tolist() == [36, 20, 45]


def test_every_window_knows_its_unit_fold_and_whether_its_truth_is_the_least() -> None:
    censored = pl.col("life_id") == "run-01"
    windows = strided_windows(two_lives().with_columns(is_censored=censored), window_cycles=6, stride=3)
    fold = training_set().filter(life_id="run-01").item(0, "fold")
    of_run = windows.life_ids == "run-01"
    assert np.array_equal(windows.unit_ids, windows.life_ids)
    assert set(windows.folds[of_run].tolist()) == {fold}
    assert set(windows.folds[~of_run].tolist()) == {-1}
    assert np.array_equal(windows.is_censored, of_run)
    some = windows.of(of_run)
    assert len(some.window) == len(some.rul_cycles) == len(some.unit_ids) == of_run.sum()
    assert np.array_equal(some.inputs["age_cycles"], windows.age_cycles[of_run])
