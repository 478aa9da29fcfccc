"""Costs of errors against numeric differentiation, for trees and networks, and what a lower bound costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory_assets.rul.evaluation import phm08_score
from factory_assets.rul.losses import PHM08_SCALE, STRAIGHT_FROM_CYCLES, Loss, keras_loss, slope_and_curvature

CAP = 125
LOSSES: tuple[Loss, ...] = ("squared", "phm08")
# The kinks at 0 and at the beginning of the straight line are left out.
LATE = np.array([-90.0, -40.5, -39.0, -13.0, -0.5, 0.5, 10.0, 39.0, 40.5, 90.0])
TARGET = np.full_like(LATE, 60.0)
NO_BOUND, BOUND = np.zeros(len(LATE), bool), np.ones(len(LATE), bool)


def network_cost(loss: Loss, predicted: np.ndarray, target: np.ndarray, is_least: np.ndarray) -> np.ndarray:
    """What Keras computes for each prediction alone, in squared cycles."""
    cost = keras_loss(loss, CAP)
    truth = np.column_stack([target / CAP, is_least]).astype(np.float32)
    shares = (predicted[:, None] / CAP).astype(np.float32)
    each = [float(cost(truth[[n]], shares[[n]])) for n in range(len(predicted))]
    return np.array(each) * CAP**2


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("is_least", [NO_BOUND, BOUND])
def test_the_slope_is_that_of_the_cost_of_networks(loss: Loss, is_least: np.ndarray) -> None:
    step = 0.1
    costs = [network_cost(loss, TARGET + LATE + sign * step, TARGET, is_least) for sign in (1, -1)]
    slope, _ = slope_and_curvature(loss, TARGET + LATE, TARGET, is_least)
    # Trees halve the square, so that its curvature is 1.
    half = 0.5 if loss == "squared" else 1.0
    assert slope == pytest.approx(half * (costs[0] - costs[1]) / (2 * step), rel=2e-3, abs=1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_curvature_is_that_of_the_slope_where_it_bends(loss: Loss) -> None:
    bends = np.abs(LATE) < STRAIGHT_FROM_CYCLES
    step = 1e-4
    above, below = (
        slope_and_curvature(loss, TARGET + LATE + sign * step, TARGET, NO_BOUND)[0][bends] for sign in (1, -1)
    )
    _, curvature = slope_and_curvature(loss, TARGET + LATE, TARGET, NO_BOUND)
    assert curvature[bends] == pytest.approx((above - below) / (2 * step), rel=1e-5)


def test_the_phm08_cost_is_the_published_score_up_to_a_factor() -> None:
    near = np.abs(LATE) < STRAIGHT_FROM_CYCLES
    found = network_cost("phm08", TARGET + LATE, TARGET, NO_BOUND)[near]
    scores = [phm08_score(TARGET[:1], TARGET[:1] + late) for late in LATE[near]]
    assert found == pytest.approx(PHM08_SCALE * np.array(scores), rel=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_prediction_above_a_lower_bound_costs_nothing_and_one_below_costs_as_ever(loss: Loss) -> None:
    predicted = TARGET + LATE
    known, least = (network_cost(loss, predicted, TARGET, bound) for bound in (NO_BOUND, BOUND))
    assert (least[LATE > 0] == 0).all()
    assert np.array_equal(least[LATE < 0], known[LATE < 0])
    slope, _ = slope_and_curvature(loss, predicted, TARGET, BOUND)
    assert (slope[LATE > 0] == 0).all()
    assert (slope[LATE < 0] < 0).all()


@given(st.sampled_from(LOSSES), st.floats(-500, 500), st.booleans())
def test_training_never_divides_by_nought_or_overflows(loss: Loss, late: float, is_least: bool) -> None:
    slope, curvature = slope_and_curvature(loss, np.array([late]), np.zeros(1), np.array([is_least]))
    assert np.isfinite(slope).all()
    assert 0 < curvature[0] < 1e3


@given(st.floats(0.1, 200))
def test_late_is_steeper_than_early_in_phm08_alone(size: float) -> None:
    late, early = (slope_and_curvature("phm08", np.array([s * size]), np.zeros(1), np.zeros(1, bool)) for s in (1, -1))
    assert late[0][0] > -early[0][0] > 0
    late, early = (
        slope_and_curvature("squared", np.array([s * size]), np.zeros(1), np.zeros(1, bool)) for s in (1, -1)
    )
    assert late[0][0] == -early[0][0]
