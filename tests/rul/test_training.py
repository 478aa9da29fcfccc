"""Training: what it refuses, that it repeats, that it learns, and what it leaves on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from edge_runtime.bundle import read_golden
from factory_assets.rul import training
from factory_assets.rul.evaluation import rmse
from factory_assets.rul.schema import CARD_FILE, SAMPLES_FILE, ModelCard
from tests.tiny_model import CAP_CYCLES, FLEET, archive, train_tiny, trained, training_set

RUL_SETTINGS = archive().fleet(FLEET).rul


def test_test_rows_are_refused() -> None:
    with pytest.raises(training.TrainingError, match="test rows"):
        training.train(training_set(), RUL_SETTINGS, trained().inputs)


def test_validation_rows_are_needed() -> None:
    with pytest.raises(training.TrainingError, match="validation"):
        training.train(training_set().filter(split="train"), RUL_SETTINGS, trained().inputs)


def test_other_channels_than_the_set_holds_are_refused() -> None:
    rows = training_set().filter(pl.col("split") != "test")
    with pytest.raises(training.TrainingError, match="channels in order"):
        training.train(rows, RUL_SETTINGS, trained().inputs[::-1])


def test_the_same_data_and_seed_give_the_same_weights() -> None:
    again = train_tiny()
    for first, second in zip(trained().network.get_weights(), again.network.get_weights(), strict=True):
        assert np.array_equal(first, second)
    assert again.history.equals(trained().history)


def test_it_learns_more_than_the_mean() -> None:
    model = train_tiny(epochs=8)
    assert model.validation["skill"] > 0.3
    truth = np.minimum(model.validation_windows.rul_cycles, CAP_CYCLES)
    assert model.validation["rmse_capped"] == pytest.approx(rmse(truth, model.validation_rul_cycles))


def test_the_best_epoch_on_validation_units_is_kept() -> None:
    errors = trained().history["validation_rmse_capped"].to_list()
    assert errors[trained().best_epoch - 1] == min(errors)
    assert trained().validation["rmse_capped"] == pytest.approx(min(errors), rel=1e-4)


def test_validation_windows_are_of_validation_units_only() -> None:
    lives = set(training_set().filter(split="validation")["life_id"])
    assert set(trained().validation_windows.life_ids) == lives


def test_every_epoch_is_told() -> None:
    told: list[int] = []
    rows = training_set().filter(pl.col("split") != "test")
    training.train(rows, RUL_SETTINGS, trained().inputs, on_epoch=lambda epoch, _: told.append(epoch))
    assert told == [1, 2]


def test_a_saved_model_predicts_the_same(tmp_path: Path) -> None:
    training.save_model(tmp_path, trained(), data_sha256="ab" * 32, code_version="c0de")
    inputs, outputs = read_golden(tmp_path / SAMPLES_FILE)
    assert np.allclose(training.load_runner(tmp_path)(inputs)["rul_cycles"], outputs["rul_cycles"], atol=1e-4)
    assert np.array_equal(outputs["rul_cycles"], trained().validation_rul_cycles)


def test_the_card_says_what_the_model_takes_and_where_it_comes_from(tmp_path: Path) -> None:
    training.save_model(tmp_path, trained(), data_sha256="ab" * 32, code_version="c0de")
    card = ModelCard.model_validate_json((tmp_path / CARD_FILE).read_bytes())
    assert [channel.name for channel in card.inputs] == ["load_pct", "vibration_mm_s", "oil_temp_degc"]
    assert [channel.role for channel in card.inputs] == ["setting", "sensor", "sensor"]
    assert (card.cap_cycles, card.data_sha256, card.code_version) == (30, "ab" * 32, "c0de")
    assert card.regimes is not None
    assert len(card.regimes.centres) == 2
