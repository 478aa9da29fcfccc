"""Contracts of the RUL room: training sets, evaluations, and the card of a trained model."""

from __future__ import annotations

from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from edge_runtime.bundle import Regimes
from factory_assets.foundation.plant import Channel, Plant, Role
from factory_assets.rul.intervals import Calibration, IntervalCoverage

WINDOW, AGE, RUL, QUANTILES = "window", "age_cycles", "rul_cycles", "rul_quantiles_cycles"
SPLITS = ("train", "test")
CENSORED = "is_censored"
GRAPH_FILE = "model.onnx"
SAMPLES_FILE, OUT_OF_FOLD_FILE, CARD_FILE, RUN_FILE = (
    "validation.npz",
    "out_of_fold.parquet",
    "model.json",
    "mlflow_run_id",
)

KEYS: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "fleet": pl.String(),
    "unit_id": pl.String(),
    "life_id": pl.String(),
    "split": pl.String(),
    "fold": pl.Int64(),
    "cycle": pl.Int64(),
}
TRUTH: dict[str, pl.DataType] = {CENSORED: pl.Boolean(), RUL: pl.Float64()}

TRAINING_SET_COLUMNS = {
    "life_id": "one run of a unit from new or overhaul",
    "split": "train or test; all lives of a unit are in one of them",
    "fold": "of training units; all lives of a unit are in one of them",
    "cycle": "operating cycles since new or overhaul, from 1",
    "is_censored": "the life had not failed when it ended: rul_cycles is the least that it may have been",
    "rul_cycles": "operating cycles until failure after this one, not capped",
}

RUL_EVALUATION: dict[str, pl.DataType] = {
    "units": pl.Int64(),
    "lives": pl.Int64(),
    "rmse_capped": pl.Float64(),
    "rmse_raw": pl.Float64(),
    "rmse_low_rul": pl.Float64(),
    "phm08_capped": pl.Float64(),
    "phm08_raw": pl.Float64(),
    "rmse_of_mean_capped": pl.Float64(),
    "rmse_of_mean_raw": pl.Float64(),
    "whole_life_rmse_capped": pl.Float64(),
    "coverage_80": pl.Float64(),
    "width_80": pl.Float64(),
    "coverage_90": pl.Float64(),
    "width_90": pl.Float64(),
}

RUL_EVALUATION_COLUMNS = {
    "lives": "test lives, each scored once, at its last cycle (a life that was cut off at five ages counts five times)",
    "rmse_capped": "cycles; the test truth clipped at the cap, as most papers since 2021 do",
    "rmse_raw": "cycles; the test truth as it is",
    "rmse_low_rul": "cycles; where at most 30 cycles remain",
    "whole_life_rmse_capped": "cycles; at every cycle of the test lives, not at the last one alone",
    "coverage_90": "share of lives whose remaining life lies in the 90 % interval; width_90: its mean width in cycles",
    "rmse_of_mean_capped": "cycles; what predicting the mean of the training labels gives",
}


def candidate_inputs(plant: Plant, fleet: str) -> tuple[Channel, ...]:
    """The channels that a model may take: settings and sensors, never a state or a label."""
    return plant.channels(fleet, "setting", "sensor")


def training_set_schema(inputs: tuple[str, ...]) -> dict[str, pl.DataType]:
    """The columns of a training set with these input channels."""
    return {**KEYS, **dict.fromkeys(inputs, pl.Float64()), **TRUTH}


def model_inputs(training_set: pl.DataFrame) -> tuple[str, ...]:
    """The input channels that a training set holds, in order."""
    return tuple(name for name in training_set.columns if name not in KEYS and name not in TRUTH)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelChannel(_Record):
    """An input channel of a trained model."""

    name: str
    unit: str
    role: Role


class ModelCard(_Record):
    """What has to be known of a trained model, beside its graph.

    Attributes:
        inputs: The window's channels.
        window_cycles: The window's length.
        cap_cycles: Remaining lives above it count as it.
        uses_age: Whether the age since new or overhaul matters to it.
        loss: What an error cost in training.
        contestant: Which of the contestants it is.
        weights: The share of each part in it.
        figures: Out of fold, by contestant: rmse_capped, rmse_low_rul, phm08_per_window, rmse_of_mean_capped.
        skill: 1 - RMSE / RMSE of the mean, out of fold.
        calibration: Of its intervals.
        coverage: Of the 80 and the 90 % interval, of units that did not calibrate it.
        regimes: The operating regimes of the training units; None without setting channels.
        seed: Of everything drawn.
        folds: Groups of units.
        training_units: Which units it was trained on.
        settings: Everything it was trained with.
        data_sha256: Digest of the training set's bytes.
        code_version: Of the code that trained it.
    """

    inputs: tuple[ModelChannel, ...]
    window_cycles: int
    cap_cycles: int
    uses_age: bool
    loss: str
    contestant: str
    weights: dict[str, float]
    figures: dict[str, dict[str, float | None]]
    skill: float
    calibration: Calibration
    coverage: dict[str, IntervalCoverage]
    regimes: Regimes | None
    seed: int
    folds: int
    training_units: tuple[str, ...]
    settings: dict[str, Any]
    data_sha256: str
    code_version: str
