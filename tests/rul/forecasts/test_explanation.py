"""Contributions sum to the difference that they explain, and are those of functions whose Shapley values are known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.bundle import Regimes
from factory_assets.rul.forecasts.explanation import (
    BACKGROUNDS,
    ExplanationError,
    Healthy,
    contributions,
    healthy_readings,
)

CHANNELS = ("load_pct", "vibration_mm_s", "oil_temp_degc")
WEIGHTS = np.array([0.5, -3.0, -1.0])
REGIMES = Regimes(channels=("load_pct",), scale=(10.0,), centres=((20.0,), (80.0,)), reach=(0.5, 0.5))


def linear(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """rul = 100 + weights * mean of the window - 0.2 * age."""
    mean = np.nan_to_num(inputs["window"]).mean(axis=1)
    return {"rul_cycles": 100 + (mean @ WEIGHTS)[:, None] - 0.2 * inputs["age_cycles"]}


def crossed(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With an interaction, a kink and a sensitivity to the last row."""
    last = np.nan_to_num(inputs["window"][:, -1])
    value = last[:, 1] * last[:, 2] - np.maximum(last[:, 0], 3) + np.sqrt(np.abs(inputs["age_cycles"][:, 0]))
    return {"rul_cycles": value[:, None]}


def lives(count: int = 6, length: int = 40) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    parts = []
    for number in range(count):
        load = np.where(rng.random(length) < 0.5, 20.0, 80.0)
        frame = pl.DataFrame(
            {
                "life_id": [f"press-{number:02d}#01"] * length,
                "cycle": np.arange(1, length + 1),
                "load_pct": load,
                "vibration_mm_s": 2 + load / 40 + np.linspace(0, 5, length),
                "oil_temp_degc": rng.normal(60, 0.5, length),
            }
        )
        parts.append(frame)
    return pl.concat(parts)


def units(count: int = 3, window: int = 10, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = rng.normal([50, 9, 61], [10, 1, 1], (count, window, 3)).astype(np.float32)
    values[:, :, 0] = np.where(rng.random((count, window)) < 0.5, 20, 80)
    values[0, :3] = np.nan
    return {"window": values, "age_cycles": rng.integers(50, 90, (count, 1)).astype(np.float32)}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.booleans(), st.booleans())
def test_a_row_sums_to_the_difference(seed: int, has_age: bool, has_regimes: bool) -> None:
    healthy = healthy_readings(lives(), CHANNELS, REGIMES if has_regimes else None)
    for run in (linear, crossed):
        found = contributions(run, units(seed=seed), healthy, has_age=has_age, seed=seed)
        np.testing.assert_allclose(found.cycles.sum(axis=1), found.predicted - found.healthy, atol=1e-3)
        np.testing.assert_allclose(found.predicted, run(units(seed=seed))["rul_cycles"][:, 0], rtol=1e-6)


def test_of_a_linear_model_each_channel_is_credited_with_its_own() -> None:
    constant = np.tile(np.array([[30.0, 2.0, 60.0]], np.float32), (4, 1))
    healthy = Healthy(CHANNELS, constant, np.zeros(4, int), np.zeros(4, int), np.array([10.0], np.float32), None)
    window = np.tile(np.array([40.0, 6.0, 60.0], np.float32), (2, 5, 1))
    asked = {"window": window, "age_cycles": np.array([[110.0], [10.0]], np.float32)}
    found = contributions(linear, asked, healthy, has_age=True, seed=1)
    assert found.players == (*CHANNELS, "age_cycles")
    np.testing.assert_allclose(found.cycles, [[5, -12, 0, -20], [5, -12, 0, 0]], atol=1e-4)
    assert [name for name, _ in found.strongest(0, 2)] == ["age_cycles", "vibration_mm_s"]
    assert [cycles for _, cycles in found.strongest(0, 2)] == pytest.approx([-20, -12], abs=1e-4)


def test_an_interaction_is_shared() -> None:
    zero = Healthy(CHANNELS, np.zeros((3, 3), np.float32), np.zeros(3, int), np.zeros(3, int), np.zeros(1), None)
    asked = {"window": np.full((1, 4, 3), 2, np.float32), "age_cycles": np.zeros((1, 1), np.float32)}
    found = contributions(crossed, asked, zero, has_age=False, seed=3)
    np.testing.assert_allclose(found.cycles[0], [0, 2, 2], atol=1e-6)


def test_with_regimes_the_settings_stay_and_the_load_is_not_blamed() -> None:
    healthy = healthy_readings(lives(), CHANNELS, REGIMES)
    heavy: dict[str, np.ndarray] = {
        "window": np.tile(np.array([80.0, 4.5, 60.0], np.float32), (1, 10, 1)),
        "age_cycles": np.ones((1, 1)),
    }
    found = contributions(linear, heavy, healthy, has_age=False, seed=0)
    assert found.players == ("vibration_mm_s", "oil_temp_degc")
    assert abs(found.cycles[0]).max() < 2
    blamed = contributions(linear, heavy, healthy_readings(lives(), CHANNELS, None), has_age=False, seed=0)
    assert np.abs(blamed.cycles[0]).max() > 2


def test_the_same_seed_gives_the_same_and_rows_are_bounded() -> None:
    healthy = healthy_readings(lives(), CHANNELS, None)
    rows = []

    def counted(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        rows.append(len(inputs["window"]))
        return crossed(inputs)

    one = contributions(counted, units(5), healthy, has_age=True, seed=7)
    other = contributions(crossed, units(5), healthy, has_age=True, seed=7)
    np.testing.assert_array_equal(one.cycles, other.cycles)
    assert sum(rows) == 5 * (1 + BACKGROUNDS + 2 * BACKGROUNDS * 3)
    assert len(rows) == 1 + 3 * BACKGROUNDS


def test_what_was_not_read_is_no_reason() -> None:
    asked = units(1)
    asked["window"][:, :, 1] = np.nan
    found = contributions(linear, asked, healthy_readings(lives(), CHANNELS, None), has_age=False, seed=0)
    assert found.cycles[0, 1] == 0


def test_healthy_is_the_first_fifth_of_each_life() -> None:
    healthy = healthy_readings(lives(length=40), CHANNELS, None)
    assert healthy.age_cycles.tolist() == [8.0] * 6
    assert len(healthy.values) == 48
    assert healthy_readings(lives(length=10), CHANNELS, None).age_cycles.tolist() == [5.0] * 6
    with pytest.raises(ExplanationError, match="start is known"):
        healthy_readings(lives().filter(pl.col("cycle") > 20), CHANNELS, None)
