"""The graph's first operations against a slow reference, and what they do with readings that are missing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from factory_assets.rul.network import GRID, SCALED_LIMIT, build_core, build_preparation, build_whole
from factory_assets.rul.regimes import RegimeStatistics, fit_regimes
from tests.tiny_model import CAP_CYCLES, damaged_inputs, trained

WINDOW = 7


def statistics(regimes: int) -> RegimeStatistics:
    rng = np.random.default_rng(1)
    loads = np.array([10.0, 50.0, 90.0])[rng.integers(3, size=600)]
    sensors = np.column_stack([9000 + 40 * loads + rng.normal(0, 5, 600), rng.normal(1e-3, 1e-4, 600)])
    return fit_regimes(np.column_stack([loads, sensors]), [True, False, False], regimes=regimes, seed=1)


def windows() -> np.ndarray:
    """Sixty windows (60, W, 3) of three loads, with holes and short histories."""
    rng = np.random.default_rng(2)
    loads = np.array([10.0, 50.0, 90.0])[rng.integers(3, size=(60, WINDOW))]
    window = np.stack(
        [loads, 9000 + 40 * loads + rng.normal(0, 9, loads.shape), rng.normal(1e-3, 1e-3, loads.shape)], 2
    )
    window[rng.random(window.shape) < 0.2] = np.nan
    for number in range(20):
        window[number, : number % (WINDOW + 1)] = np.nan
    return window.astype(np.float32)


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


def figures_slowly(scaled: np.ndarray, age: float, cap: float) -> np.ndarray:
    """Nine statistics of each channel's course, kind by kind, and the age."""
    line = np.linspace(-1, 1, len(scaled))
    kinds = [
        scaled.mean(axis=0), scaled[-5:].mean(axis=0), scaled[-10:].mean(axis=0), scaled[:10].mean(axis=0), scaled[-1],
        scaled.std(axis=0), np.polyfit(line, scaled, 1)[0], scaled.min(axis=0), scaled.max(axis=0),
    ]  # fmt: skip
    return np.concatenate([*kinds, [age / cap]])


@pytest.mark.parametrize("regimes", [1, 3])
def test_scaling_and_figures_agree_with_a_slow_reference(regimes: int) -> None:
    of, window = statistics(regimes), windows()
    age = np.arange(len(window), dtype=np.float32)[:, None]
    made = build_preparation(of, window_cycles=WINDOW, cap_cycles=50, uses_age=True)
    scaled, figures = made.predict([window, age], verbose=0)
    expected = np.stack([scaled_slowly(one, of) for one in window])
    assert np.abs(expected).max() > 1
    assert np.allclose(scaled, expected, atol=2e-3)
    slow = np.stack([figures_slowly(one.astype(np.float64), a, 50) for one, a in zip(scaled, age[:, 0], strict=True)])
    assert figures.shape == (60, 9 * 3 + 1)
    assert np.allclose(figures, slow, atol=2e-3)
    assert np.allclose(figures * GRID, np.round(figures * GRID), atol=1e-3)


def test_a_model_that_does_not_use_the_age_gets_nought_for_it() -> None:
    made = build_preparation(statistics(1), window_cycles=WINDOW, cap_cycles=50, uses_age=False)
    ages = np.array([[0.0], [7.0], [1e6]], np.float32)
    _, figures = made.predict([windows()[:3], ages], verbose=0)
    assert (figures[:, -1] == 0).all()


def test_readings_before_the_window_are_taken_to_be_like_the_first() -> None:
    inputs = {name: array[6:7].copy() for name, array in damaged_inputs().items()}
    inputs["window"] = np.nan_to_num(inputs["window"], nan=5.0)
    short = {**inputs, "window": inputs["window"].copy()}
    short["window"][:, :5] = np.nan
    padded = {**inputs, "window": inputs["window"].copy()}
    padded["window"][:, :5] = padded["window"][:, 5:6]
    for name, expected in trained().run(padded).items():
        assert np.array_equal(trained().run(short)[name], expected)


def test_every_input_gives_cycles_within_the_cap_and_quantiles_in_order() -> None:
    inputs = damaged_inputs()
    inputs["window"][10], inputs["window"][11] = 3e38, -3e38
    inputs["age_cycles"][12] = 1e6
    found = trained().run(inputs)
    assert {name: array.shape for name, array in found.items()} == {
        "rul_cycles": (40, 1),
        "rul_quantiles_cycles": (40, 7),
    }
    for array in found.values():
        assert np.isfinite(array).all()
        assert (array >= 0).all()
        assert (array <= CAP_CYCLES).all()
    assert (np.diff(found["rul_quantiles_cycles"], axis=1) >= 0).all()


def test_networks_are_averaged_and_told_in_cycles() -> None:
    made = build_preparation(statistics(3), window_cycles=WINDOW, cap_cycles=50, uses_age=True)
    cores = [build_core(WINDOW, 3, 28, sees_window=False) for _ in range(2)]
    inputs = [windows(), np.ones((60, 1), np.float32)]
    seen = made.predict(inputs, verbose=0)
    shares = [core.predict(seen, verbose=0) for core in cores]
    figures, cycles = build_whole(made, cores, 50).predict(inputs, verbose=0)
    assert np.array_equal(figures, seen[1])
    assert np.allclose(cycles, 50 * np.mean(shares, axis=0), atol=1e-3)


def test_a_network_names_no_code_of_this_project() -> None:
    member = trained().members["bilstm"][0]
    config = json.dumps([trained().preparation.model.get_config(), member.cores[0].get_config()], default=str)
    assert "Conv1D" in config
    assert "factory_assets" not in config
