"""Evaluation: one prediction per test life, at its last row, scored with the truth capped and raw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.rul_settings import RulSettings
from factory_assets.rul.intervals import INTERVALS, LEVELS, coverage_of
from factory_assets.rul.schema import QUANTILES, RUL, RUL_EVALUATION
from factory_assets.rul.windows import Windows, final_windows, strided_windows

LOW_RUL_CYCLES = 30.0

Predict = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]


class NothingToEvaluateError(FactoryError, ValueError):
    """A training set without test lives."""


class LifePrediction(TypedDict):
    """What was predicted at the last row of a test life, and what was true; `cycle` is the age then."""

    unit_id: str
    life_id: str
    cycle: int
    rul_cycles: float
    rul_low_90_cycles: float
    rul_high_90_cycles: float
    true_rul_cycles: float


@dataclass(frozen=True)
class Evaluation:
    """Scores over all test lives. RMSE in cycles; `capped`: the truth is at most the cap; `raw`: it is not.

    Attributes:
        units: Test units.
        lives: Test lives, one prediction each; as many as units where a unit has one life.
        rmse_capped: Root mean square error.
        rmse_raw: The same against the raw truth.
        rmse_low_rul: The same (capped) where the true remaining life is at most 30 cycles; NaN if it never is.
        phm08_capped: PHM08 score.
        phm08_raw: The same against the raw truth.
        rmse_of_mean_capped: Error of always predicting the mean of the (capped) training labels, for comparison.
        rmse_of_mean_raw: The same against the raw truth.
        whole_life_rmse_capped: Error at every cycle of the test lives, not at the last one alone.
        coverage_80: Share of lives whose (capped) truth lies in the 80 % interval.
        width_80: Its mean width in cycles.
        coverage_90: The same of the 90 % interval.
        width_90: The same of the 90 % interval.
        predictions: One entry a life.
    """

    units: int
    lives: int
    rmse_capped: float
    rmse_raw: float
    rmse_low_rul: float
    phm08_capped: float
    phm08_raw: float
    rmse_of_mean_capped: float
    rmse_of_mean_raw: float
    whole_life_rmse_capped: float
    coverage_80: float
    width_80: float
    coverage_90: float
    width_90: float
    predictions: list[LifePrediction]

    @property
    def figures(self) -> pl.DataFrame:
        """The scores as a table of one row."""
        return pl.DataFrame({name: [getattr(self, name)] for name in RUL_EVALUATION}, schema=RUL_EVALUATION)


def rmse(true: np.ndarray, predicted: np.ndarray) -> float:
    """Root mean square error, in the arrays' unit."""
    difference = np.asarray(predicted, np.float64) - np.asarray(true, np.float64)
    return float(np.sqrt(np.mean(np.square(difference))))


def rmse_low_rul(true: np.ndarray, predicted: np.ndarray, below: float = LOW_RUL_CYCLES) -> float:
    """The same where the truth is at most `below` cycles, which is where maintenance is planned; NaN if it never is."""
    is_low = np.asarray(true) <= below
    return rmse(np.asarray(true)[is_low], np.asarray(predicted)[is_low]) if is_low.any() else float("nan")


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
    outputs = predict(windows.inputs)
    found = np.asarray(outputs[RUL], np.float64).ravel()
    quantiles = np.asarray(outputs[QUANTILES], np.float64)
    raw = windows.rul_cycles.ravel().astype(np.float64)
    capped = np.minimum(raw, cap)
    mean = np.full_like(raw, training_set.filter(split="train")[RUL].clip(upper_bound=cap).mean())
    covered = coverage_of(quantiles, found, raw, windows.life_ids, cap_cycles=cap)
    return Evaluation(
        units=rows["unit_id"].n_unique(),
        lives=len(raw),
        rmse_capped=rmse(capped, found),
        rmse_raw=rmse(raw, found),
        rmse_low_rul=rmse_low_rul(capped, found),
        phm08_capped=phm08_score(capped, found),
        phm08_raw=phm08_score(raw, found),
        rmse_of_mean_capped=rmse(capped, mean),
        rmse_of_mean_raw=rmse(raw, mean),
        whole_life_rmse_capped=_whole_life_rmse(predict, rows, settings),
        coverage_80=covered["80"].coverage,
        width_80=covered["80"].mean_width_cycles,
        coverage_90=covered["90"].coverage,
        width_90=covered["90"].mean_width_cycles,
        predictions=_predictions(rows, windows, found, quantiles),
    )


def predict_rows(predict: Predict, rows: pl.DataFrame, asked: pl.DataFrame, window_cycles: int) -> np.ndarray:
    """What a model says at certain cycles of certain lives.

    Args:
        predict: An engine's `run`.
        rows: Rows of a training set, with the lives that are asked about.
        asked: life_id and cycle, in any order.
        window_cycles: The model's window.

    Returns:
        Predicted cycles (N,), in the order of `asked`; NaN where `rows` has no such cycle.
    """
    lives = rows.filter(pl.col("life_id").is_in(asked["life_id"].unique().to_list()))
    if lives.is_empty():
        return np.full(asked.height, np.nan)
    windows = strided_windows(lives, window_cycles=window_cycles, stride=1)
    known = pl.DataFrame({"life_id": windows.life_ids.astype(str), "cycle": windows.age_cycles[:, 0].astype(np.int64)})
    places = asked.select("life_id", "cycle").join(
        known.with_row_index("place"), on=["life_id", "cycle"], how="left", maintain_order="left"
    )["place"]
    is_known = places.is_not_null().to_numpy()
    chosen = places.drop_nulls().to_numpy()
    found = np.full(asked.height, np.nan)
    found[is_known] = np.asarray(predict(windows.of(chosen).inputs)[RUL], np.float64).ravel()
    return found


def _whole_life_rmse(predict: Predict, rows: pl.DataFrame, settings: RulSettings) -> float:
    windows = strided_windows(rows, window_cycles=settings.window_cycles, stride=1)
    found = np.asarray(predict(windows.inputs)[RUL], np.float64).ravel()
    return rmse(np.minimum(windows.rul_cycles.ravel(), settings.cap_cycles), found)


def _predictions(
    rows: pl.DataFrame, windows: Windows, found: np.ndarray, quantiles: np.ndarray
) -> list[LifePrediction]:
    unit_of = dict(rows.select("life_id", "unit_id").unique().iter_rows())
    low, high = (LEVELS.index(level) for level in INTERVALS["90"])
    parts = zip(windows.life_ids, windows.age_cycles[:, 0], found, quantiles, windows.rul_cycles[:, 0], strict=True)
    return [
        {
            "unit_id": unit_of[str(life)],
            "life_id": str(life),
            "cycle": int(age),
            "rul_cycles": float(rul),
            "rul_low_90_cycles": float(of[low]),
            "rul_high_90_cycles": float(of[high]),
            "true_rul_cycles": float(true),
        }
        for life, age, rul, of, true in parts
    ]
