"""Evaluation: one prediction per test life, at its last row, scored with the truth capped and raw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.plant import RulSettings
from factory_assets.rul.schema import RUL, RUL_EVALUATION
from factory_assets.rul.windows import Windows, final_windows

Predict = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]


class NothingToEvaluateError(FactoryError, ValueError):
    """A training set without test lives."""


class LifePrediction(TypedDict):
    """What was predicted at the last row of a test life, and what was true; `cycle` is the age then."""

    unit_id: str
    life_id: str
    cycle: int
    rul_cycles: float
    true_rul_cycles: float


@dataclass(frozen=True)
class Evaluation:
    """Scores over all test lives. RMSE in cycles; `capped`: the truth is at most the cap; `raw`: it is not.

    Attributes:
        units: Test units.
        lives: Test lives, one prediction each; as many as units where a unit has one life.
        rmse_capped: Root mean square error.
        rmse_raw: The same against the raw truth.
        phm08_capped: PHM08 score.
        phm08_raw: The same against the raw truth.
        rmse_of_mean_capped: Error of always predicting the mean of the (capped) training labels, for comparison.
        rmse_of_mean_raw: The same against the raw truth.
        predictions: One entry a life.
    """

    units: int
    lives: int
    rmse_capped: float
    rmse_raw: float
    phm08_capped: float
    phm08_raw: float
    rmse_of_mean_capped: float
    rmse_of_mean_raw: float
    predictions: list[LifePrediction]

    @property
    def figures(self) -> pl.DataFrame:
        """The scores as a table of one row."""
        return pl.DataFrame({name: [getattr(self, name)] for name in RUL_EVALUATION}, schema=RUL_EVALUATION)


def rmse(true: np.ndarray, predicted: np.ndarray) -> float:
    """Root mean square error, in the arrays' unit."""
    difference = np.asarray(predicted, np.float64) - np.asarray(true, np.float64)
    return float(np.sqrt(np.mean(np.square(difference))))


def phm08_score(true: np.ndarray, predicted: np.ndarray) -> float:
    """The score of the PHM 2008 challenge: a sum that punishes late predictions harder than early ones.

    With d = predicted - true in cycles, each unit adds exp(-d / 13) - 1 if d < 0 and exp(d / 10) - 1 otherwise.
    Source: Saxena, Goebel, Simon, Eklund, "Damage Propagation Modeling", PHM 2008.
    """
    difference = np.asarray(predicted, np.float64) - np.asarray(true, np.float64)
    return float(np.expm1(np.where(difference < 0, -difference / 13, difference / 10)).sum())


def evaluate(predict: Predict, training_set: pl.DataFrame, settings: RulSettings) -> Evaluation:
    """Score a model on every test life.

    Args:
        predict: An engine's `run` or a trained model's: outputs by name for inputs by name.
        training_set: The whole training set; its test rows are scored.
        settings: Of the fleet.

    Raises:
        NothingToEvaluateError: There are no test rows.
    """
    rows = training_set.filter(split="test")
    if rows.is_empty():
        msg = "the training set has no test rows: set rul.test_fraction or life.test_units in the plant file"
        raise NothingToEvaluateError(msg)
    windows = final_windows(rows, window_cycles=settings.window_cycles)
    cap = settings.cap_cycles
    found = np.asarray(predict(windows.inputs)[RUL], np.float64).ravel()
    raw = windows.rul_cycles.ravel().astype(np.float64)
    capped = np.minimum(raw, cap)
    mean = np.full_like(raw, training_set.filter(split="train")[RUL].clip(upper_bound=cap).mean())
    return Evaluation(
        units=rows["unit_id"].n_unique(),
        lives=len(raw),
        rmse_capped=rmse(capped, found),
        rmse_raw=rmse(raw, found),
        phm08_capped=phm08_score(capped, found),
        phm08_raw=phm08_score(raw, found),
        rmse_of_mean_capped=rmse(capped, mean),
        rmse_of_mean_raw=rmse(raw, mean),
        predictions=_predictions(rows, windows, found),
    )


def _predictions(rows: pl.DataFrame, windows: Windows, found: np.ndarray) -> list[LifePrediction]:
    unit_of = dict(rows.select("life_id", "unit_id").unique().iter_rows())
    parts = zip(windows.life_ids, windows.age_cycles[:, 0], found, windows.rul_cycles[:, 0], strict=True)
    return [
        {
            "unit_id": unit_of[str(life)],
            "life_id": str(life),
            "cycle": int(age),
            "rul_cycles": float(rul),
            "true_rul_cycles": float(true),
        }
        for life, age, rul, true in parts
    ]
