"""The network's first operations against a slow reference, and what it does with readings that are missing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from factory_assets.rul.network import SCALED_LIMIT, build_network
from factory_assets.rul.regimes import RegimeStatistics, fit_regimes
from tests.tiny_model import CAP_CYCLES, damaged_inputs, trained

WINDOW = 7


def statistics(regimes: int) -> RegimeStatistics:
    rng = np.random.default_rng(1)
    loads = np.array([10.0, 50.0, 90.0])[rng.integers(3, size=600)]
    sensors = np.column_stack([9000 + 40 * loads + rng.normal(0, 5, 600), rng.normal(1e-3, 1e-4, 600)])
    return fit_regimes(np.column_stack([loads, sensors]), [True, False, False], regimes=regimes, seed=1)


def scaled_slowly(window: np.ndarray, of: RegimeStatistics) -> np.ndarray:
    """What the scaler should give for one window (W, C), row by row."""
    known = np.flatnonzero(~np.isnan(window).all(axis=1))
    filled = window.astype(np.float64).copy()
    if len(known):
        filled[: known[0]] = filled[known[0]]
    out = np.zeros_like(filled)
    for row, values in enumerate(filled):
        settings = (values[list(of.settings)] - of.setting_mean) / of.setting_sd
        settings = np.where(np.isnan(settings), 0, settings)
        regime = int(np.argmin(((settings - of.centres) ** 2).sum(axis=1)))
        z = (values - of.mean[regime]) / of.sd[regime]
        out[row] = np.clip(np.where(np.isnan(z), 0, z), -SCALED_LIMIT, SCALED_LIMIT)
    return out


@pytest.mark.parametrize("regimes", [1, 3])
def test_scaling_agrees_with_a_slow_reference(regimes: int) -> None:
    of = statistics(regimes)
    rng = np.random.default_rng(2)
    loads = np.array([10.0, 50.0, 90.0])[rng.integers(3, size=(60, WINDOW))]
    window = np.stack(
        [loads, 9000 + 40 * loads + rng.normal(0, 9, loads.shape), rng.normal(1e-3, 1e-3, loads.shape)], 2
    )
    window[rng.random(window.shape) < 0.2] = np.nan
    for number in range(20):
        window[number, : number % (WINDOW + 1)] = np.nan
    scaler = build_network(of, window_cycles=WINDOW, cap_cycles=50).scaler
    found = scaler.predict(window.astype(np.float32), verbose=0)
    expected = np.stack([scaled_slowly(one, of) for one in window.astype(np.float32)])
    assert np.abs(expected).max() > 1
    assert np.allclose(found, expected, atol=2e-3)


def test_readings_before_the_window_are_taken_to_be_like_the_first() -> None:
    inputs = {name: array[6:7].copy() for name, array in damaged_inputs().items()}
    inputs["window"] = np.nan_to_num(inputs["window"], nan=5.0)
    short = {**inputs, "window": inputs["window"].copy()}
    short["window"][:, :5] = np.nan
    padded = {**inputs, "window": inputs["window"].copy()}
    padded["window"][:, :5] = padded["window"][:, 5:6]
    assert np.array_equal(trained().run(short)["rul_cycles"], trained().run(padded)["rul_cycles"])


def test_every_input_gives_a_number_of_cycles_within_the_cap() -> None:
    inputs = damaged_inputs()
    inputs["window"][10], inputs["window"][11] = 3e38, -3e38
    inputs["age_cycles"][12] = 1e6
    rul = trained().run(inputs)["rul_cycles"]
    assert rul.shape == (40, 1)
    assert np.isfinite(rul).all()
    assert (rul >= 0).all()
    assert (rul <= CAP_CYCLES).all()


def test_a_saved_network_names_no_code_of_this_project() -> None:
    config = json.dumps(trained().network.get_config(), default=str)
    assert "Conv1D" in config
    assert "factory_assets" not in config
