"""Window statistics say level, trend and unrest in training standard deviations, whatever the regime."""

from __future__ import annotations

import numpy as np
import pytest

from edge_runtime.bundle import Regimes
from factory_assets.rul.forecasts.window_statistics import fit_scaling, regime_of, regime_settings, window_statistics

CHANNELS = ("load_pct", "vibration_mm_s")
REGIMES = Regimes(channels=("load_pct",), scale=(10.0,), centres=((20.0,), (80.0,)), reach=(0.1, 0.1))


def readings(rows: int, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    load = np.where(rng.random(rows) < 0.5, 20.0, 80.0)
    return np.column_stack([load, 5 + load / 10 + rng.normal(0, 1 + load / 80, rows)])


def test_rows_go_to_the_nearest_regime() -> None:
    rows = np.array([[19.0, 1], [70, 1], [np.nan, 1]])
    assert regime_of(REGIMES, CHANNELS, rows).tolist() == [0, 1, 0]
    assert regime_of(None, CHANNELS, rows).tolist() == [0, 0, 0]
    assert regime_of(REGIMES, CHANNELS, rows.reshape(1, 3, 2)).shape == (1, 3)


def test_another_mix_of_regimes_is_no_other_level() -> None:
    scaling = fit_scaling(readings(4000), CHANNELS, REGIMES)
    assert scaling.compared == (1,)
    for load in (20.0, 80.0):
        rows = readings(6000, seed=1)
        window = rows[rows[:, 0] == load][None]
        level, slope, spread = window_statistics(window, scaling)[0]
        assert (level, slope, spread) == pytest.approx((0, 0, 1), abs=0.12)


def test_a_trend_is_its_change_over_the_window() -> None:
    scaling = fit_scaling(readings(4000), CHANNELS, None)
    window = np.zeros((1, 21, 2))
    window[0, :, 1] = scaling.mean[0, 1] + scaling.sd[0, 1] * np.linspace(1, 3, 21)
    level, slope, _ = window_statistics(window, scaling)[0].reshape(3, 2)[:, 1]
    assert (level, slope) == pytest.approx((2, 2))


def test_holes_change_neither_level_nor_slope_of_a_line() -> None:
    scaling = fit_scaling(readings(4000), CHANNELS, None)
    window = np.zeros((1, 30, 2))
    window[0, :, 1] = 4 + 0.5 * np.arange(30)
    whole = window_statistics(window, scaling)[0].reshape(3, 2)[1, 1]
    window[0, [3, 4, 11, 20, 28], 1] = np.nan
    assert window_statistics(window, scaling)[0].reshape(3, 2)[1, 1] == pytest.approx(whole)
    window[:, :, 1] = np.nan
    assert np.isnan(window_statistics(window, scaling)[0].reshape(3, 2)[:, 1]).all()


def test_a_channel_that_was_never_read_or_never_varies_does_no_harm() -> None:
    rows = readings(100)
    rows[:, 1] = np.nan
    assert fit_scaling(rows, CHANNELS, REGIMES).sd.tolist()[0][1] == 1
    rows[:, 1] = 7
    assert window_statistics(rows[None, :20], fit_scaling(rows, CHANNELS, None))[0].reshape(3, 2)[0, 1] == 0


def test_settings_are_set_apart_where_there_are_several_regimes() -> None:
    one = REGIMES.model_copy(update={"centres": ((50.0,),), "reach": (30.0,)})
    assert [regime_settings(regimes) for regimes in (None, one, REGIMES)] == [(), (), ("load_pct",)]
    assert fit_scaling(readings(50), CHANNELS, one).compared == (0, 1)
