"""Regimes and scaling, on a known mixture and on the real six-condition archives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from factory_assets.foundation.plant import load_plant
from factory_assets.historian.cmapss import CmapssArchive
from factory_assets.rul.regimes import fit_regimes
from tests.conftest import ROOT

# Altitude (kft), Mach number, throttle resolver angle (deg): the six conditions of FD002 and FD004.
SIX_CONDITIONS = [[0, 0, 100], [10, 0.25, 100], [20, 0.70, 100], [25, 0.62, 60], [35, 0.84, 100], [42, 0.84, 100]]


def mixture(count: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Three loads; a sensor whose mean and spread follow the load, one that stands still, one never read."""
    rng = np.random.default_rng(0)
    regime = rng.integers(3, size=count)
    load = np.array([10.0, 50.0, 90.0])[regime] + rng.normal(0, 0.5, count)
    sensor = np.array([9000.0, 200.0, -3.0])[regime] + np.array([20.0, 1.0, 0.1])[regime] * rng.normal(size=count)
    return np.column_stack([sensor, load, np.full(count, 7.0), np.full(count, np.nan)])[:, :3], regime


def test_regimes_are_found_in_ascending_order() -> None:
    values, _ = mixture()
    found = fit_regimes(values, [False, True, False], regimes=3, seed=1)
    centres = found.centres[:, 0] * found.setting_sd[0] + found.setting_mean[0]
    assert np.allclose(centres, [10, 50, 90], atol=0.2)
    assert found.settings == (1,)


def test_every_regime_has_its_own_mean_and_spread() -> None:
    values, regime = mixture()
    found = fit_regimes(values, [False, True, False], regimes=3, seed=1)
    for number in range(3):
        assert found.mean[number, 0] == pytest.approx(values[regime == number, 0].mean(), rel=1e-6)
        assert found.sd[number, 0] == pytest.approx(values[regime == number, 0].std(), rel=1e-4)


def test_a_channel_that_stands_still_scales_to_nought() -> None:
    values, _ = mixture()
    found = fit_regimes(values, [False, True, False], regimes=3, seed=1)
    scaled = (values[:, 2].astype(np.float32)[:, None] - found.mean[:, 2]) / found.sd[:, 2]
    assert np.all(found.sd > 0)
    assert np.all(np.abs(scaled) < 1e-3)


def test_missing_readings_do_not_spoil_the_fit() -> None:
    values, _ = mixture()
    values[::5, 0] = np.nan
    values[::7, 1] = np.nan
    found = fit_regimes(values, [False, True, False], regimes=3, seed=1)
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.sd).all()
    assert np.isfinite(found.centres).all()


def test_one_regime_needs_no_settings() -> None:
    values, _ = mixture()
    found = fit_regimes(values, [False, False, False], regimes=1, seed=1)
    assert found.regimes == 1
    assert found.mean[0, 0] == pytest.approx(values[:, 0].mean(), rel=1e-6)


@pytest.mark.parametrize("fleet", ["FD002", "FD004"])
def test_the_six_conditions_of_the_real_archives_are_found(cmapss_data: Path, fleet: str) -> None:
    plant = load_plant(ROOT / "configs" / "plants" / "turbofan.yaml")
    archive = CmapssArchive(cmapss_data / "cmapss", plant)
    candidate = next(candidate for candidate in archive.candidates() if candidate.name == fleet)
    settings = [channel.name for channel in plant.channels(fleet, "setting")]
    rows = archive.read(candidate).rows.filter(
        pl.col("channel").is_in(settings), pl.col("unit_id").str.contains("-train-")
    )
    values = rows.pivot(on="channel", index=["unit_id", "cycle"], values="value").select(settings).to_numpy()
    found = fit_regimes(values, [True, True, True], regimes=6, seed=1)
    centres = found.centres * found.setting_sd + found.setting_mean
    assert np.allclose(centres, SIX_CONDITIONS, atol=[0.05, 0.01, 0.05])
    assert np.allclose(found.mean, centres, atol=0.01)


def test_the_reach_of_a_regime_is_its_furthest_training_row() -> None:
    settings = np.array([[10.0], [10.0], [11.0], [50.0], [50.0], [54.0]])
    found = fit_regimes(settings, [True], regimes=2, seed=1)
    centres = found.centres * found.setting_sd + found.setting_mean
    assert centres[:, 0] == pytest.approx([31 / 3, 154 / 3])
    assert found.reach * found.setting_sd[0] == pytest.approx([2 / 3, 8 / 3], rel=1e-4)
