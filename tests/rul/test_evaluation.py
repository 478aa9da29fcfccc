"""Scores: known values, symmetries, both conventions, and that no test life is left out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory_assets.rul.evaluation import (
    NothingToEvaluateError,
    Predict,
    evaluate,
    phm08_score,
    predict_rows,
    rmse,
    rmse_low_rul,
)
from factory_assets.rul.intervals import LEVELS
from factory_assets.rul.schema import RUL_EVALUATION
from tests.tiny_model import FLEET, archive, training_set

SETTINGS = archive().rul_settings(FLEET)
TRUE = np.array([[36.0], [20.0], [45.0]])  # of cut-01, cut-02, cut-03; the cap is 30

cycles = st.floats(0, 200)


def says(rul: np.ndarray, half_width: float = 0.0) -> Predict:
    """A model that says this at the last cycles of the test lives, and at all others the age."""

    def predict(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        assert inputs["window"].shape[1:] == (12, 3)
        said = rul if len(inputs["window"]) == len(rul) else inputs["age_cycles"]
        spread = np.linspace(-half_width, half_width, len(LEVELS))
        return {"rul_cycles": said.astype(np.float32), "rul_quantiles_cycles": (said + spread).astype(np.float32)}

    return predict


def test_the_phm08_score_has_its_published_values() -> None:
    assert phm08_score(np.array([50.0]), np.array([60.0])) == pytest.approx(np.e - 1)
    assert phm08_score(np.array([50.0]), np.array([37.0])) == pytest.approx(np.e - 1)
    assert phm08_score(np.array([50.0, 50.0]), np.array([60.0, 37.0])) == pytest.approx(2 * (np.e - 1))


@given(true=cycles, error=st.floats(0.01, 100))
def test_late_predictions_cost_more_than_early_ones(true: float, error: float) -> None:
    late, early = (phm08_score(np.array([true]), np.array([true + sign * error])) for sign in (1, -1))
    assert late > early > 0


@given(st.lists(cycles, min_size=1, max_size=20))
def test_a_perfect_prediction_costs_nothing(true: list[float]) -> None:
    assert phm08_score(np.array(true), np.array(true)) == 0
    assert rmse(np.array(true), np.array(true)) == 0


def test_rmse_is_in_cycles() -> None:
    assert rmse(np.array([0.0, 0.0]), np.array([3.0, -4.0])) == pytest.approx(np.sqrt(12.5))


def test_both_conventions_are_reported() -> None:
    scored = evaluate(says(np.minimum(TRUE, 30)), training_set(), SETTINGS)
    assert scored.rmse_capped == 0
    assert scored.phm08_capped == 0
    assert scored.rmse_raw == pytest.approx(np.sqrt((6**2 + 15**2) / 3))
    assert scored.phm08_raw == pytest.approx(np.expm1(6 / 13) + np.expm1(15 / 13))


def test_every_test_life_is_scored_once_however_short() -> None:
    scored = evaluate(says(TRUE + 1), training_set(), SETTINGS)
    assert (scored.units, scored.lives) == (3, 3)
    assert [entry["unit_id"] for entry in scored.predictions] == ["cut-01", "cut-02", "cut-03"]
    assert [entry["cycle"] for entry in scored.predictions] == [4, 30, 45]
    assert [entry["true_rul_cycles"] for entry in scored.predictions] == [36, 20, 45]
    assert [entry["rul_cycles"] for entry in scored.predictions] == [37, 21, 46]


def test_the_mean_of_the_training_labels_is_the_reference() -> None:
    scored = evaluate(says(TRUE), training_set(), SETTINGS)
    mean = training_set().filter(split="train")["rul_cycles"].clip(upper_bound=30).mean()
    assert scored.rmse_of_mean_capped == pytest.approx(rmse(np.minimum(TRUE, 30), np.full((3, 1), mean)))


def test_a_low_remaining_life_has_an_error_of_its_own() -> None:
    assert rmse_low_rul(np.array([31.0, 30.0, 5.0]), np.array([99.0, 33.0, 1.0])) == pytest.approx(np.sqrt(12.5))
    assert np.isnan(rmse_low_rul(np.array([31.0]), np.array([31.0])))


def test_intervals_are_counted_where_the_truth_counts_as_capped() -> None:
    off = np.array([[0.0], [5.0], [5.9]])
    scored = evaluate(says(np.minimum(TRUE, 30) + off, half_width=6.0), training_set(), SETTINGS)
    # Levels are evenly spread over 12 cycles here: 5 to 95 % is all of it, 10 to 90 % is 2 cycles less on each side.
    assert (scored.coverage_90, scored.width_90) == (1.0, pytest.approx(12.0))
    assert (scored.coverage_80, scored.width_80) == (pytest.approx(1 / 3), pytest.approx(8.0))
    last = scored.predictions[1]
    assert (last["rul_low_90_cycles"], last["rul_high_90_cycles"]) == (19.0, 31.0)


def test_whole_lives_are_scored_at_every_cycle() -> None:
    scored = evaluate(says(TRUE), training_set(), SETTINGS)
    rows = training_set().filter(split="test")
    assert scored.whole_life_rmse_capped == pytest.approx(rmse(rows["rul_cycles"].clip(upper_bound=30), rows["cycle"]))


def test_rows_are_predicted_in_the_order_asked_for_and_unknown_ones_are_nan() -> None:
    asked = pl.DataFrame(
        [("cut-02", 7), ("gone-01", 1), ("run-03", 36), ("run-03", 37), ("cut-02", 2), ("cut-02", 7)],
        schema=["life_id", "cycle"],
        orient="row",
    )
    found = predict_rows(says(np.zeros((0, 1))), training_set(), asked, window_cycles=12)
    assert np.array_equal(found, [7, np.nan, 36, np.nan, 2, 7], equal_nan=True)
    gone = predict_rows(says(TRUE), training_set(), asked.filter(life_id="gone-01"), window_cycles=12)
    assert np.isnan(gone).all()
    assert len(gone) == 1


def test_the_figures_are_a_table_of_one_row() -> None:
    figures = evaluate(says(TRUE), training_set(), SETTINGS).figures
    assert figures.height == 1
    assert dict(figures.schema) == RUL_EVALUATION


def test_without_test_lives_there_is_nothing_to_score() -> None:
    with pytest.raises(NothingToEvaluateError, match="test_fraction"):
        evaluate(says(TRUE), training_set().filter(split="train"), SETTINGS)
