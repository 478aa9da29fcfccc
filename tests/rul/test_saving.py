"""Model folders: whole or not there, and what is said of one that is gone or was trained on other channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from edge_runtime.bundle import read_golden
from factory_assets.rul import saving
from factory_assets.rul.saving import ModelGoneError, OtherChannelsError, card_of, load_card, load_runner, save_model
from factory_assets.rul.schema import CARD_FILE, GRAPH_FILE, OUT_OF_FOLD_FILE, SAMPLES_FILE
from tests.tiny_model import trained, trained_as

ORIGIN = {"data_sha256": "ab" * 32, "code_version": "c0de"}
CHANNELS = ("load_pct", "vibration_mm_s", "oil_temp_degc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "pumps"
    save_model(path, trained(), **ORIGIN)
    return path


def test_a_saved_model_predicts_the_same(folder: Path) -> None:
    inputs, outputs = read_golden(folder / SAMPLES_FILE)
    found = load_runner(folder)(inputs)
    assert set(found) == set(outputs) == {"rul_cycles", "rul_quantiles_cycles"}
    for name, expected in trained().run(inputs).items():
        assert np.array_equal(outputs[name], expected)
        assert np.allclose(found[name], expected, atol=1e-3)


def test_the_predictions_out_of_fold_lie_beside_it(folder: Path) -> None:
    assert pl.read_parquet(folder / OUT_OF_FOLD_FILE).equals(trained().out_of_fold)


def test_the_card_says_what_the_model_takes_and_where_it_comes_from(folder: Path) -> None:
    card = load_card(folder)
    assert tuple(channel.name for channel in card.inputs) == CHANNELS
    assert [channel.role for channel in card.inputs] == ["setting", "sensor", "sensor"]
    assert (card.window_cycles, card.cap_cycles, card.uses_age, card.folds) == (12, 30, True, 3)
    assert (card.data_sha256, card.code_version) == ("ab" * 32, "c0de")
    assert card.regimes is not None
    assert [centre[0] for centre in card.regimes.centres] == pytest.approx([20, 80], abs=0.5)
    assert card.training_units == tuple(f"run-{number:02d}" for number in range(1, 17))
    assert set(card.figures) == {"trees", "bilstm", "ensemble"}
    assert card.weights == trained().weights
    assert card.calibration == trained().calibration
    assert set(card.coverage) == {"80", "90"}
    assert card == card_of(trained(), **ORIGIN)


def test_a_model_that_could_not_be_written_whole_has_no_card(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (CARD_FILE, GRAPH_FILE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())

    def power_cut(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(saving, "write_golden", power_cut)
    with pytest.raises(OSError, match="power cut"):
        save_model(tmp_path, trained_as("trees"), **ORIGIN)
    with pytest.raises(ModelGoneError):
        load_card(tmp_path)


def test_a_model_that_is_gone_is_said_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(ModelGoneError, match=r"model\.json cannot be read.*train the model again, or roll back"):
        load_card(tmp_path)
    with pytest.raises(ModelGoneError, match=r"model\.onnx is not there: train the model again, or roll back"):
        load_runner(tmp_path)
    (tmp_path / CARD_FILE).write_text('{"epochs_trained": 14}')
    with pytest.raises(ModelGoneError, match="of another version, or damaged"):
        load_card(tmp_path)


@pytest.mark.parametrize("given", [CHANNELS[::-1], CHANNELS[:2], (*CHANNELS, "mains_v")])
def test_a_model_that_was_trained_on_other_channels_is_refused(folder: Path, given: tuple[str, ...]) -> None:
    saving.check_channels(load_card(folder), CHANNELS, "pumps")
    with pytest.raises(OtherChannelsError, match=f"fleet pumps was trained on load_pct.*given {given[0]}.*again"):
        saving.check_channels(load_card(folder), given, "pumps")
