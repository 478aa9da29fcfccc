"""Intervals hold the truth as often as they say, whatever the order, the number of windows or of units."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from factory_assets.rul.intervals import (
    LEVELS,
    MOST_BANDS,
    Calibration,
    CalibrationError,
    band_count,
    calibrate,
    coverage_of,
    cross_coverage,
    failure_probability,
    quantiles,
)

CAP = 100.0
LEVEL = {level: number for number, level in enumerate(LEVELS)}


def fleet(units: int, windows: int = 30, *, seed: int = 0, spread: float = 0.2) -> tuple[np.ndarray, ...]:
    """(predicted, truth, units): whole lives, whose errors are the unit's own and grow with the truth."""
    rng = np.random.default_rng(seed)
    truth = np.tile(np.linspace(0, 1.4 * CAP, windows), units)
    code = np.repeat(np.arange(units), windows)
    own = rng.normal(0, spread, units)[code]
    predicted = np.clip(truth * (1 + own) + rng.normal(0, 1, len(truth)), 0, CAP)
    return predicted, truth, code


sizes = st.tuples(st.integers(1, 12), st.integers(1, 9), st.integers(0, 10_000))


@settings(max_examples=40, deadline=None)
@given(sizes, st.lists(st.floats(-50, 200), min_size=1, max_size=9))
def test_quantiles_rise_from_0_to_the_cap(size: tuple[int, int, int], asked: list[float]) -> None:
    units, windows, seed = size
    calibration = calibrate(*fleet(units, windows, seed=seed), cap_cycles=CAP)
    found = quantiles(calibration, np.array(asked), CAP)
    assert found.shape == (len(asked), len(LEVELS))
    assert (np.diff(found, axis=1) >= 0).all()
    assert found.min() >= 0
    assert found.max() <= CAP


@settings(max_examples=25, deadline=None)
@given(sizes, st.randoms(use_true_random=False))
def test_the_order_of_windows_does_not_matter(size: tuple[int, int, int], random: object) -> None:
    units, windows, seed = size
    predicted, truth, code = fleet(units, windows, seed=seed)
    order = np.random.default_rng(seed).permutation(len(predicted))
    one = calibrate(predicted, truth, code, cap_cycles=CAP)
    other = calibrate(predicted[order], truth[order], np.array([f"unit {c}" for c in code])[order], cap_cycles=CAP)
    np.testing.assert_allclose(one.offsets_cycles, other.offsets_cycles, atol=1e-9)
    assert one.units == other.units


def test_calibrating_windows_that_are_repeated_change_nothing() -> None:
    predicted, truth, code = fleet(15)
    twice = [np.concatenate([part, part[code == 3]]) for part in (predicted, truth, code)]
    assert calibrate(*twice, cap_cycles=CAP) == calibrate(predicted, truth, code, cap_cycles=CAP)


def test_a_unit_with_many_windows_weighs_no_more_than_one_with_few() -> None:
    rng = np.random.default_rng(4)
    counts = np.where(np.arange(40) < 4, 200, 2)
    code = np.repeat(np.arange(40), counts)
    residual = np.where(code < 4, 30.0, rng.uniform(-1, 1, len(code)))
    found = calibrate(np.full(len(code), 50.0), 50 + residual, code, cap_cycles=CAP)
    assert found.offsets_cycles[0][LEVEL[0.75]] < 1
    assert found.offsets_cycles[0][LEVEL[0.95]] == 30


@pytest.mark.parametrize("units", [19, 40])
def test_one_sided_coverage_of_exchangeable_units_is_exact(units: int) -> None:
    """One window a unit and one band: the offset of level q is the order statistic whose coverage is known exactly."""
    rng = np.random.default_rng(units)
    below = np.zeros(len(LEVELS))
    repeats = 1500
    for _ in range(repeats):
        residual = rng.normal(0, 5, units + 1)
        found = calibrate(np.full(units, 50.0), 50 + residual[:-1], np.arange(units), cap_cycles=CAP, bands=1)
        below += residual[-1] <= np.array(found.offsets_cycles[0])
    for level in (0.75, 0.90, 0.95):
        exact = np.ceil(level * (units + 1) - 1e-9) / (units + 1)
        assert below[LEVEL[level]] / repeats == pytest.approx(exact, abs=0.03)
        assert 1 - below[LEVEL[round(1 - level, 2)]] / repeats == pytest.approx(exact, abs=0.03)


@pytest.mark.parametrize("units", [25, 60])
def test_intervals_of_new_units_hold_the_truth(units: int) -> None:
    found = []
    for seed in range(12):
        calibration = calibrate(*fleet(units, seed=seed), cap_cycles=CAP)
        predicted, truth, code = fleet(40, seed=1000 + seed)
        of_new = quantiles(calibration, predicted, CAP)
        found.append(coverage_of(of_new, predicted, truth, code, cap_cycles=CAP))
    assert 0.80 <= np.mean([one["80"].coverage for one in found]) <= 0.95
    assert 0.90 <= np.mean([one["90"].coverage for one in found]) <= 0.99


@pytest.mark.parametrize(("units", "least"), [(2, 0.6), (3, 0.7), (5, 0.8), (9, 0.9), (18, 0.95)])
def test_few_units_give_wide_intervals_and_say_so(units: int, least: float) -> None:
    """Errors that are a unit's own are the worst case: so many units tell of the next with n / (n + 1) at best."""
    predicted, truth, code = fleet(100, seed=9)
    found = []
    for seed in range(20):
        calibration = calibrate(*fleet(units, seed=seed), cap_cycles=CAP)
        assert {0.05, 0.95} <= set(calibration.unreached_levels)
        of_new = quantiles(calibration, predicted, CAP)
        found.append(coverage_of(of_new, predicted, truth, code, cap_cycles=CAP)["90"].coverage)
    assert np.mean(found) > least


def test_enough_units_reach_every_level() -> None:
    assert calibrate(*fleet(25), cap_cycles=CAP).unreached_levels == ()


def test_bands_grow_with_the_units_and_are_never_narrow() -> None:
    assert [band_count(units) for units in (1, 3, 5, 10, 250)] == [1, 1, 2, 5, MOST_BANDS]
    calibration = calibrate(*fleet(100), cap_cycles=CAP)
    edges = np.array([0, *calibration.band_edges_cycles, CAP])
    assert 5 <= len(calibration.units) <= MOST_BANDS
    assert np.diff(edges).min() >= 0.02 * CAP
    assert len(calibrate(np.full(30, 40.0), np.arange(30.0), np.arange(30), cap_cycles=CAP).units) == 1


def test_narrow_where_errors_are_small() -> None:
    calibration = calibrate(*fleet(60), cap_cycles=CAP)
    low, high = quantiles(calibration, np.array([5.0, 60.0]), CAP)[:, [0, -1]]
    assert high[1] - high[0] > 2 * (low[1] - low[0])


def test_a_small_change_of_the_prediction_is_a_small_change_of_its_quantiles() -> None:
    calibration = calibrate(*fleet(80), cap_cycles=CAP)
    asked = np.linspace(0, CAP, 20_001)
    step = np.abs(np.diff(quantiles(calibration, asked, CAP), axis=0)).max()
    assert step < 0.3


def test_hinges_are_straight_lines_between_the_knots() -> None:
    calibration = calibrate(*fleet(80), cap_cycles=CAP)
    asked = np.linspace(-5, 110, 400)
    lines = [np.interp(asked, calibration.knots_cycles, column) for column in zip(*calibration.offsets_cycles)]  # noqa: B905
    expected = np.clip(asked[:, None] + np.stack(lines, axis=1), 0, CAP)
    np.testing.assert_allclose(quantiles(calibration, asked, CAP), expected, atol=1e-9)


def test_censored_windows_are_left_out() -> None:
    predicted, truth, code = fleet(20)
    is_censored = code < 5
    wrong = np.where(is_censored, 0.0, truth)
    known = ~is_censored
    found = calibrate(predicted, wrong, code, cap_cycles=CAP, censored=is_censored)
    assert found == calibrate(predicted[known], truth[known], code[known], cap_cycles=CAP)
    with pytest.raises(CalibrationError, match="at least one unit must have failed"):
        calibrate(predicted, truth, code, cap_cycles=CAP, censored=np.ones(len(code), bool))


def test_bad_arrays_are_named() -> None:
    with pytest.raises(CalibrationError, match="2 predictions, 1 truths"):
        calibrate(np.zeros(2), np.zeros(1), np.zeros(2), cap_cycles=CAP)
    with pytest.raises(CalibrationError, match="unit press-02: predicted nan"):
        calibrate(np.array([1.0, np.nan]), np.ones(2), np.array(["press-01", "press-02"]), cap_cycles=CAP)


def test_a_calibration_survives_json_and_refuses_wrong_shapes() -> None:
    calibration = calibrate(*fleet(20), cap_cycles=CAP)
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration
    for change in ({"knots_cycles": (1.0,)}, {"units": (1, 2, 3)}, {"band_edges_cycles": (5.0,) * 9}):
        with pytest.raises(ValidationError, match=r"band edges|must rise"):
            Calibration.model_validate({**calibration.model_dump(), **change})
    falling = [list(row)[::-1] for row in calibration.offsets_cycles]
    with pytest.raises(ValidationError, match="must not fall"):
        Calibration.model_validate({**calibration.model_dump(), "offsets_cycles": falling})


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, CAP), min_size=7, max_size=7),
    st.lists(st.floats(0, CAP - 0.01), min_size=2, max_size=6),
)
def test_probability_never_falls_with_the_horizon(cycles: list[float], horizons: list[float]) -> None:
    rows = np.sort(np.array([cycles]))
    found = [failure_probability(rows, LEVELS, horizon, CAP)[0] for horizon in sorted(horizons)]
    assert all(0 <= one <= 1 for one in found)
    assert (np.diff(found) >= -1e-12).all()


def test_probability_meets_its_quantiles() -> None:
    row = np.array([[10.0, 15, 25, 40, 55, 70, 80]])
    assert [failure_probability(row, LEVELS, cycles, CAP)[0] for cycles in row[0]] == pytest.approx(LEVELS)
    assert failure_probability(row, LEVELS, 0, CAP) == 0
    assert failure_probability(row, LEVELS, 90, CAP) == pytest.approx(0.975)
    assert failure_probability(np.zeros((1, 7)), LEVELS, 0, CAP) == pytest.approx(0.95)
    assert failure_probability(np.full((1, 7), CAP), LEVELS, 50, CAP) == pytest.approx(0.025)


@pytest.mark.parametrize("horizon", [CAP, CAP + 1])
def test_no_probability_beyond_what_the_model_sees(horizon: float) -> None:
    assert np.isnan(failure_probability(np.zeros((2, 7)), LEVELS, horizon, CAP)).all()


def test_probabilities_are_calibrated() -> None:
    calibration = calibrate(*fleet(80, seed=1), cap_cycles=CAP)
    predicted, truth, _ = fleet(400, seed=2)
    found = failure_probability(quantiles(calibration, predicted, CAP), LEVELS, 30, CAP)
    for low, high in ((0.0, 0.2), (0.4, 0.6), (0.8, 1.01)):
        chosen = (found >= low) & (found < high)
        assert np.mean(truth[chosen] <= 30) == pytest.approx(found[chosen].mean(), abs=0.12)


def test_coverage_counts_units_alike_and_bands_apart() -> None:
    rows = np.tile([10.0, 12, 15, 20, 25, 28, 30], (5, 1))
    rows[4] = 90
    predicted = np.array([20.0, 20, 20, 20, 90])
    found = coverage_of(
        rows, predicted, np.array([11, 40, 40, 40, 500]), np.array(["a", "b", "b", "b", "a"]),
        cap_cycles=CAP, band_edges_cycles=[50.0],
    )["90"]  # fmt: skip
    assert (found.units, found.windows, found.nominal) == (2, 5, 0.9)
    assert found.coverage == pytest.approx(0.25)
    low, high = found.by_band
    assert (low.from_cycles, low.to_cycles, low.units, low.windows) == (0, 50, 2, 4)
    assert low.coverage == pytest.approx(0.5)
    assert (high.units, high.coverage, high.mean_width_cycles) == (1, 0, 0)


def test_cross_coverage_never_uses_a_units_own_residuals() -> None:
    predicted, truth, code = fleet(40)
    folds = code % 5
    odd = code == 7
    # One unit is far off: inside its own fold's calibration it would be held; across folds it is not.
    predicted = np.where(odd, np.clip(truth - 60, 0, CAP), predicted)
    found = cross_coverage(predicted, truth, code, folds, cap_cycles=CAP)
    own = coverage_of(
        quantiles(calibrate(predicted, truth, code, cap_cycles=CAP), predicted, CAP),
        predicted, truth, code, cap_cycles=CAP,
    )  # fmt: skip
    assert found["90"].coverage < own["90"].coverage
    assert found["90"].units == 40
    assert sum(band.windows for band in found["90"].by_band) == len(code)


def test_folds_that_share_a_unit_or_are_alone_are_refused() -> None:
    predicted, truth, code = fleet(6)
    with pytest.raises(CalibrationError, match="two folds"):
        cross_coverage(predicted, truth, code, np.arange(len(code)) % 2, cap_cycles=CAP)
    with pytest.raises(CalibrationError, match="two folds at least"):
        cross_coverage(predicted, truth, code, np.zeros(len(code)), cap_cycles=CAP)
