"""The operating threshold follows from costs: dearer escapes never raise it, and units of scores do not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from factory_assets.foundation.products import Costs
from factory_assets.inspection.thresholds import NoThresholdError, cost_per_part, fixed_point, operating_point

COSTS = Costs()


def scored(seed: int, sound: int = 60, bad: int = 20, apart: float = 1.5) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Scores of sound and defective parts, two images a group."""
    rng = np.random.default_rng(seed)
    scores = np.concatenate([rng.normal(0, 1, sound), rng.normal(apart, 1, bad)])
    is_defect = np.arange(sound + bad) >= sound
    return 1 / (1 + np.exp(-scores)), is_defect, [f"part {number // 2}" for number in range(sound + bad)]


SEEDS, SETS = st.integers(0, 10_000), st.tuples(st.integers(2, 60), st.integers(1, 30), st.floats(0, 4))
FACTORS = st.floats(1.01, 100)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, kind=SETS, factor=FACTORS, false_reject=st.floats(0.1, 10))
def test_dearer_escapes_never_raise_the_threshold(
    seed: int, kind: tuple[int, int, float], factor: float, false_reject: float
) -> None:
    images = scored(seed, *kind)
    cheap = Costs(false_reject=false_reject, escape=5)
    dear = cheap.model_copy(update={"escape": 5 * factor})
    dearer_rejects = cheap.model_copy(update={"false_reject": false_reject * factor})
    threshold = operating_point(*images, cheap).threshold
    assert operating_point(*images, dear).threshold <= threshold
    assert operating_point(*images, dearer_rejects).threshold >= threshold


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, kind=SETS, factor=FACTORS)
def test_dearer_escapes_never_raise_it_without_defects_either(
    seed: int, kind: tuple[int, int, float], factor: float
) -> None:
    scores, _, groups = scored(seed, *kind)
    sound = np.zeros(len(scores), bool)
    dear = COSTS.model_copy(update={"escape": COSTS.escape * factor})
    assert (
        operating_point(scores, sound, groups, dear).threshold
        <= operating_point(scores, sound, groups, COSTS).threshold
    )


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, kind=SETS, power=st.integers(-20, 20), currency=FACTORS)
def test_units_of_scores_and_of_money_do_not_matter(
    seed: int, kind: tuple[int, int, float], power: int, currency: float
) -> None:
    scores, is_defect, groups = scored(seed, *kind)
    assume(len(np.unique(scores)) > 1)
    threshold = operating_point(scores, is_defect, groups, COSTS).threshold
    scaled = operating_point(scores * 2.0**power, is_defect, groups, COSTS).threshold
    assert scaled == pytest.approx(threshold * 2.0**power, rel=1e-12)
    richer = COSTS.model_copy(update={"escape": COSTS.escape * currency, "false_reject": COSTS.false_reject * currency})
    assert operating_point(scores, is_defect, groups, richer).threshold == threshold


def test_it_costs_no_more_than_passing_or_rejecting_all() -> None:
    for seed in range(10):
        point = operating_point(*scored(seed), COSTS)
        assert point.cost_per_part is not None
        assert point.cost_per_part <= min(point.cost_without_inspection, cost_per_part(1, 0, COSTS)) + 1e-9


def test_it_lies_between_what_can_be_told_apart() -> None:
    scores = np.array([0.1, 0.2, 0.15, 0.8, 0.9, 0.85])
    point = operating_point(scores, scores > 0.5, list("abcdef"), COSTS)
    assert 0.2 < point.threshold < 0.8
    assert point.cost_per_part == 0
    assert point.false_reject_rate is not None
    assert point.escape_rate is not None
    assert (point.false_reject_rate.value, point.escape_rate.value) == (0, 0)
    plain = point.as_json()
    assert plain["costs"] == {"false_reject": 1.0, "escape": 20.0, "defect_rate": 0.02, "currency": "EUR"}
    assert Costs.model_validate(plain["costs"]) == COSTS


def test_where_escapes_cost_all_nothing_escapes_and_the_other_way_round() -> None:
    scores, is_defect, groups = scored(1, apart=0)
    reject = operating_point(scores, is_defect, groups, Costs(escape=1e6)).threshold
    assert (scores[is_defect] >= reject).all()
    accept = operating_point(scores, is_defect, groups, Costs(false_reject=1e6)).threshold
    assert not (scores[~is_defect] >= accept).any()


@pytest.mark.parametrize(("escape", "rejected"), [(1.0, False), (1000.0, True)])
def test_equal_scores_are_passed_or_rejected_together(escape: float, rejected: bool) -> None:
    scores = np.full(20, 0.7, np.float32)
    point = operating_point(scores, np.arange(20) > 15, ["g"] * 20, Costs(escape=escape))
    assert (scores >= point.threshold).tolist() == [rejected] * 20


def test_without_defects_only_a_few_sound_parts_are_rejected() -> None:
    scores = np.linspace(0, 1, 100)
    point = operating_point(scores, np.zeros(100, bool), [str(n) for n in range(100)], COSTS)
    assert (scores >= point.threshold).sum() == 4
    assert point.settled_by.startswith("no defective validation image: at most 4.1% of sound ones")
    assert point.escape_rate is None
    equal = operating_point(np.full(100, 0.3), np.zeros(100, bool), ["g"] * 100, COSTS)
    assert equal.false_reject_rate is not None
    assert equal.false_reject_rate.value == 0


@pytest.mark.parametrize("count", [0, 5])
def test_without_sound_parts_there_is_none(count: int) -> None:
    with pytest.raises(NoThresholdError, match="no validation image shows a sound part"):
        operating_point(np.ones(count), np.ones(count, bool), ["g"] * count, COSTS)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_an_error(value: float) -> None:
    scores, is_defect, groups = scored(0)
    scores[[3, 70]] = value
    with pytest.raises(NoThresholdError, match="2 of 80 validation images have a score that is no number"):
        operating_point(scores, is_defect, groups, COSTS)


def test_it_repeats() -> None:
    assert operating_point(*scored(4), COSTS) == operating_point(*scored(4), COSTS)


def test_a_threshold_that_is_settled_already() -> None:
    scores = np.array([0.0, 0.6, 0.7, 0.2])
    point = fixed_point(0.5, scores, np.array([False, False, True, True]), COSTS, settled_by="by hand")
    assert point.false_reject_rate is not None
    assert point.escape_rate is not None
    assert (point.false_reject_rate.value, point.escape_rate.value) == (0.5, 0.5)
    assert point.cost_per_part == pytest.approx(0.98 * 0.5 + 0.02 * 20 * 0.5)
    assert fixed_point(0.5, scores, np.ones(4, bool), COSTS, settled_by="").cost_per_part is None
