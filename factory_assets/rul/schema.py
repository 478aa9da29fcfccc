"""Contracts of the RUL room: training sets, evaluations, and the card of a trained model."""

from __future__ import annotations

import polars as pl
from pydantic import BaseModel, ConfigDict

from edge_runtime.bundle import Regimes
from factory_assets.foundation.plant import Channel, Plant, Role

WINDOW, AGE, RUL = "window", "age_cycles", "rul_cycles"
SPLITS = ("train", "validation", "test")
MODEL_FILE, SAMPLES_FILE, CARD_FILE = "model.keras", "validation.npz", "model.json"
RUN_FILE = "mlflow_run_id"

KEYS: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "fleet": pl.String(),
    "unit_id": pl.String(),
    "life_id": pl.String(),
    "split": pl.String(),
    "cycle": pl.Int64(),
}

TRAINING_SET_COLUMNS = {
    "life_id": "one run of a unit from new or overhaul",
    "split": "train, validation or test; all lives of a unit are in one of them",
    "cycle": "operating cycles since new or overhaul, from 1",
    "rul_cycles": "operating cycles until failure after this one, not capped",
}

RUL_EVALUATION: dict[str, pl.DataType] = {
    "units": pl.Int64(),
    "lives": pl.Int64(),
    "rmse_capped": pl.Float64(),
    "rmse_raw": pl.Float64(),
    "phm08_capped": pl.Float64(),
    "phm08_raw": pl.Float64(),
    "rmse_of_mean_capped": pl.Float64(),
    "rmse_of_mean_raw": pl.Float64(),
}

RUL_EVALUATION_COLUMNS = {
    "lives": "test lives, each scored once, at its last cycle (a life that was cut off at five ages counts five times)",
    "rmse_capped": "cycles; the test truth clipped at the cap, as most papers since 2021 do",
    "rmse_raw": "cycles; the test truth as it is",
    "rmse_of_mean_capped": "cycles; what predicting the mean of the training labels gives",
}


def candidate_inputs(plant: Plant, fleet: str) -> tuple[Channel, ...]:
    """The channels that a model may take: settings and sensors, never a state or a label."""
    return plant.channels(fleet, "setting", "sensor")


def training_set_schema(inputs: tuple[str, ...]) -> dict[str, pl.DataType]:
    """The columns of a training set with these input channels."""
    return {**KEYS, **dict.fromkeys(inputs, pl.Float64()), RUL: pl.Float64()}


def model_inputs(training_set: pl.DataFrame) -> tuple[str, ...]:
    """The input channels that a training set holds, in order."""
    return tuple(name for name in training_set.columns if name not in KEYS and name != RUL)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelChannel(_Record):
    """An input channel of a trained model."""

    name: str
    unit: str
    role: Role


class ModelCard(_Record):
    """What has to be known of a trained model, beside its weights."""

    inputs: tuple[ModelChannel, ...]
    window_cycles: int
    cap_cycles: int
    regimes: Regimes | None
    seed: int
    epochs_trained: int
    best_epoch: int
    validation: dict[str, float]
    data_sha256: str
    code_version: str
