"""A challenger must win by more than the noise of units, keep coverage, and be the same as a graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.rul import promotion
from factory_assets.rul.contenders import Contender, ContenderCard
from factory_assets.rul.promotion import Condition, Evidence, NothingToCompareError, Pairs
from tests.rul.contenders_made import CAP, COVERAGE, CYCLES, RULES, THRESHOLDS, UNITS, card, out_of_fold


def contender(sd: float = 3.0, frame: pl.DataFrame | None = None, **changes: Any) -> Contender:
    of_card = {name: changes.pop(name) for name in list(changes) if name in card()}
    rows = out_of_fold(sd, **changes) if frame is None else frame
    return Contender(ContenderCard.model_validate(card(**of_card)), rows, f"{sd}", "run")


def compared(champion: Contender, challenger: Contender, foretell: Any = None) -> tuple[Condition, Pairs]:
    pairs = promotion.pair(champion, challenger, foretell)
    return promotion.against_champion(pairs, RULES)[0], pairs


def coverage_of(units: int, **shares: float) -> dict[str, Condition]:
    told = {level: {"coverage": share, "mean_width_cycles": 9.0} for level, share in (COVERAGE | shares).items()}
    names = [f"pump-{number:02d}" for number in range(units)]
    found = contender(units=names, coverage=told)
    return {condition.name: condition for condition in promotion.keeps_coverage(found, RULES)}


def test_a_clear_win_is_more_than_the_noise_and_a_clear_loss_is_worse() -> None:
    good, poor = contender(2.0), contender(5.0, seed=1)
    won, pairs = compared(poor, good)
    assert won.passed
    assert won.told.endswith("more than the noise")
    assert len(pairs.truth) == len(UNITS) * CYCLES
    lost, _ = compared(good, poor)
    assert not lost.passed
    assert lost.told.endswith("worse")


def test_what_is_alike_is_no_better_than_noise() -> None:
    again, _ = compared(contender(3.0), contender(3.0))
    assert not again.passed
    assert again.told.endswith("no better than noise")
    other, _ = compared(contender(3.0), contender(3.0, seed=1))
    assert other.told.endswith("no better than noise")


def test_a_gain_that_one_unit_makes_is_luck() -> None:
    frame = out_of_fold(3.0)
    worse = frame.with_columns(ensemble=pl.when(pl.col("unit_id") == UNITS[0]).then(0.0).otherwise(pl.col("ensemble")))
    found, pairs = compared(contender(frame=worse), contender(frame=frame))
    before, after = (np.sqrt(np.mean((said - pairs.truth) ** 2)) for said in (pairs.champion, pairs.challenger))
    assert before - after > 0.5
    assert not found.passed


def test_few_units_cannot_tell_a_gain_from_luck() -> None:
    found, _ = compared(contender(9.0, units=UNITS[:5]), contender(0.1, units=UNITS[:5]))
    assert not found.passed
    assert "5 unit(s) can be compared, at least 6 are needed" in found.told


def test_the_interval_repeats_and_a_direct_bootstrap_agrees() -> None:
    pairs = promotion.pair(contender(4.0, seed=1), contender(3.0), None)
    rules = RULES.model_copy(update={"resamples": 4000})
    found = promotion.gain(pairs.units, pairs.truth, pairs.champion, pairs.challenger, rules)
    assert found == promotion.gain(pairs.units, pairs.truth, pairs.champion, pairs.challenger, rules)
    rng = np.random.default_rng(5)
    by_unit = [np.flatnonzero(pairs.units == unit) for unit in UNITS]
    differences = []
    for _ in range(2000):
        rows = np.concatenate([by_unit[place] for place in rng.integers(len(UNITS), size=len(UNITS))])
        rmse = [np.sqrt(np.mean((said - pairs.truth)[rows] ** 2)) for said in (pairs.champion, pairs.challenger)]
        differences.append(rmse[0] - rmse[1])
    tail = 0.01076  # of the normal distribution below -2.201 * sqrt(12 / 11), Student's t of 11 degrees of freedom
    assert [found.low, found.high] == pytest.approx(np.quantile(differences, [tail, 1 - tail]), abs=0.06)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), *[st.floats(0, CAP)] * 3), min_size=1, max_size=20))
def test_swapping_the_models_turns_the_interval_round(rows: list[tuple[str, float, float, float]]) -> None:
    unit, truth, one, other = (np.array(column) for column in zip(*rows, strict=True))
    there, back = promotion.gain(unit, truth, one, other, RULES), promotion.gain(unit, truth, other, one, RULES)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-6)
    assert there.low <= there.high


def test_of_a_unit_that_is_new_to_it_the_champion_says_what_its_graph_says() -> None:
    champion, challenger = contender(3.0, units=UNITS[:8]), contender(3.0, units=UNITS)
    asked: list[pl.DataFrame] = []

    def foretell(rows: pl.DataFrame) -> np.ndarray:
        asked.append(rows)
        said = np.full(rows.height, 99.0)
        said[0] = np.nan
        return said

    pairs = promotion.pair(champion, challenger, foretell)
    assert asked[0].columns == ["unit_id", "life_id", "cycle"]
    assert set(asked[0]["unit_id"]) == set(UNITS[8:])
    new = np.isin(pairs.units, UNITS[8:])
    assert new.sum() == 4 * CYCLES - 1
    assert set(pairs.champion[new]) == {CAP}, "predictions are capped as the truth is"
    assert pairs.left_out["rows_without_both_predictions"] == 1
    assert pairs.left_out["units_new_to_the_champion"] == 4


def test_what_only_one_of_them_can_say_is_left_out_and_counted() -> None:
    first = out_of_fold(3.0, units=UNITS[2:10]).filter((pl.col("unit_id") != UNITS[3]) | (pl.col("cycle") > 10))
    pairs = promotion.pair(contender(frame=first), contender(units=UNITS[4:], censored=UNITS[5]), None)
    assert set(pairs.units) == set(UNITS[4:10]) - {UNITS[5]}
    assert pairs.left_out == {
        "rows_without_both_predictions": 2 * CYCLES,
        "units_without_both_predictions": 2,
        "units_only_the_champion_knows": 2,
        "units_new_to_the_champion": 0,
    }
    # A window of a unit that it was trained on, without an out-of-fold prediction: its graph knows the unit too well.
    pairs = promotion.pair(contender(frame=first), contender(units=UNITS[3:5]), lambda rows: np.zeros(rows.height))
    assert len(pairs.units) == 2 * CYCLES - 10


def test_lives_whose_end_was_not_seen_are_not_compared() -> None:
    pairs = promotion.pair(contender(), contender(censored=UNITS[0]), None)
    assert UNITS[0] not in pairs.units


def test_the_first_model_must_beat_the_mean_and_be_no_worse_than_the_baseline() -> None:
    good = {c.name: c for c in promotion.without_champion(contender(3.0), THRESHOLDS)}
    assert all(condition.passed for condition in good.values())
    assert sorted(good) == ["beats_the_mean", "not_worse_than_the_baseline"]
    poor = {c.name: c for c in promotion.without_champion(contender(25.0), THRESHOLDS)}
    assert not poor["beats_the_mean"].passed
    assert not poor["not_worse_than_the_baseline"].passed
    assert poor["not_worse_than_the_baseline"].told.endswith("worse")


def test_the_mean_is_that_of_the_other_folds() -> None:
    frame = out_of_fold(0.0).with_columns(rul_cycles=pl.col("fold").cast(pl.Float64) * 10)
    condition = next(iter(promotion.without_champion(contender(frame=frame.with_columns(ensemble=10.0)), THRESHOLDS)))
    # Truth 0, 10, 20 by fold; the others' means are 15, 10, 5.
    assert f"{np.sqrt((15**2 + 0 + 15**2) / 3):.2f} by predicting the mean" in condition.told


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"contestant": "trees"}, "the plain baseline itself"), ({"baseline_sd": None}, "was not trained")],
)
def test_where_there_is_no_baseline_to_compare_with_it_is_said(changes: dict[str, Any], told: str) -> None:
    condition = list(promotion.without_champion(contender(**changes), THRESHOLDS))[1]
    assert condition.passed
    assert told in condition.told


def test_without_a_failure_there_is_nothing_to_judge_by() -> None:
    with pytest.raises(NothingToCompareError, match="whose failure was seen"):
        list(promotion.without_champion(contender(units=UNITS[:1], censored=UNITS[0]), THRESHOLDS))


def test_coverage_must_reach_its_bound_where_units_suffice() -> None:
    assert all(condition.passed for condition in coverage_of(12).values())
    found = coverage_of(12, **{"90": 0.84})
    assert found["coverage_80"].passed
    assert not found["coverage_90"].passed
    assert "84.0% of windows of 12 units, at least 85.0% is asked for" in found["coverage_90"].told


def test_of_few_units_a_lack_of_coverage_is_refused_only_where_luck_cannot_explain_it() -> None:
    some = coverage_of(6, **{"90": 0.80})["coverage_90"]
    assert some.passed
    assert "so few units (10 are needed to judge it)" in some.told
    assert not coverage_of(6, **{"90": 0.3})["coverage_90"].passed


@pytest.mark.parametrize("coverage", [{}, {"90": {"coverage": float("nan"), "mean_width_cycles": 1.0}}])
def test_an_unknown_coverage_is_not_kept(coverage: dict[str, Any]) -> None:
    found = list(promotion.keeps_coverage(contender(coverage=coverage), RULES))
    assert not any(condition.passed for condition in found)


def test_a_graph_must_agree_with_its_trainer() -> None:
    assert all(c.passed for c in promotion.keeps_parity(Evidence(0.001), 0.01))
    for parity in (0.02, float("nan")):
        assert [c.passed for c in promotion.keeps_parity(Evidence(parity), 0.01)] == [False, True]
    failed = list(promotion.keeps_parity(Evidence(0.001, "sample 3 differs"), 0.01))[1]
    assert not failed.passed
    assert "sample 3 differs" in failed.told


def test_the_figures_in_force_are_read(tmp_path: Path) -> None:
    from factory_assets.foundation.settings import load_thresholds

    rules = load_thresholds().rul.promotion
    assert rules.resamples == 10_000
    assert rules.coverage_80 < 0.8 < rules.coverage_90 < 0.9
