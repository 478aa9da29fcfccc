"""Scores: known values, symmetries, both conventions, and that no test life is left out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory_assets.rul.evaluation import NothingToEvaluateError, evaluate, phm08_score, rmse
from factory_assets.rul.schema import RUL_EVALUATION
from tests.tiny_model import FLEET, archive, training_set

SETTINGS = archive().fleet(FLEET).rul
TRUE = np.array([[36.0], [20.0], [45.0]])  # of cut-01, cut-02, cut-03; the cap is 30

cycles = st.floats(0, 200)


def says(rul: np.ndarray) -> object:
    def predict(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        assert inputs["window"].shape == (3, 12, 3)
        return {"rul_cycles": rul.astype(np.float32)}

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


def test_the_figures_are_a_table_of_one_row() -> None:
    figures = evaluate(says(TRUE), training_set(), SETTINGS).figures
    assert figures.height == 1
    assert dict(figures.schema) == RUL_EVALUATION


def test_without_test_lives_there_is_nothing_to_score() -> None:
    with pytest.raises(NothingToEvaluateError, match="test_fraction"):
        evaluate(says(TRUE), training_set().filter(split="train"), SETTINGS)
