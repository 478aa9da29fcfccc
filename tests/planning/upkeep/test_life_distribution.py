from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory_assets.planning.upkeep.life_distribution import (
    FleetLives,
    LifeDistribution,
    life_distribution,
    of_forecasts,
)
from factory_assets.rul.intervals import LEVELS, failure_probability
from tests.planning.upkeep.forecasts_made import AGEING, CAP, HEALTHY, WORN, tables

TRIANGLE = LifeDistribution(np.array([[0.0, 10.0, 20.0]]), np.array([[0.0, 0.0, 1.0]]))
QUANTILES = st.lists(st.floats(0, CAP), min_size=7, max_size=7).map(sorted)


def of(*units: object, cycle_h: float = 1.0) -> LifeDistribution:
    named = {f"u{number}": quantiles for number, quantiles in enumerate(units)}
    return of_forecasts(*tables(named), cap_cycles=CAP, cycle_h=cycle_h)  # type: ignore[arg-type]


def test_published_quantiles_and_probabilities_are_kept() -> None:
    life = of(WORN, AGEING)
    for place, quantiles in enumerate((WORN, AGEING)):
        told = [quantiles[LEVELS.index(level)] for level in (0.05, 0.1, 0.9, 0.95)]
        assert life.failed_by(told)[place] == pytest.approx([0.05, 0.1, 0.9, 0.95])
    for horizon in (10, 31, 62):
        chance = failure_probability(np.array([WORN]), LEVELS, horizon, CAP)
        assert life.failed_by([horizon])[0] == pytest.approx(chance)
    chance = failure_probability(np.array([AGEING]), LEVELS, 62, CAP)
    assert life.failed_by([62])[1] == pytest.approx(chance)


def test_a_cycle_may_be_other_than_an_hour() -> None:
    assert of(AGEING, cycle_h=0.5).failed_by([25, 42.5]) == pytest.approx(of(AGEING).failed_by([50, 85]))


def test_before_the_lowest_quantile_the_hazard_rises() -> None:
    chance = of(AGEING).failed_by([0, 12.5, 25, 37.5, 50])[0]
    assert chance[0] == 0
    assert (np.diff(chance, 2) > 0).all()
    # The line that is published there would say 2.5 %.
    assert chance[2] < 0.01


def test_nothing_is_known_at_the_cap() -> None:
    life = of(HEALTHY, (100.0, 110.0, 125.0, 125.0, 125.0, 125.0, 125.0))
    assert life.known_h.tolist() == [0, 110]
    assert life.failed_by([50, 1000])[0].tolist() == [0, 0]
    assert life.failed_by([110, 1000])[1] == pytest.approx([0.1, 0.1])


def test_a_quantile_so_near_the_cap_that_calibration_cannot_tell_is_at_it() -> None:
    assert of((124.2, 124.3, 125.0, 125.0, 125.0, 125.0, 125.0)).known_h.tolist() == [0]


def test_what_is_over_within_the_first_cycle_is_over_at_its_end() -> None:
    life = of((0.0, 0.0, 0.0, 0.0, 0.5, 0.8, 1.0))
    assert life.failed_by([0, 0.5, 1])[0] == pytest.approx([0, 0, 0.95], abs=0.03)


@given(QUANTILES, st.floats(0, 200))
def test_it_rises_from_none_and_runs_no_longer_than_is_asked(quantiles: list[float], since: float) -> None:
    for life in (of(tuple(quantiles)), of(tuple(quantiles)).after([since])):
        hours = np.linspace(0, 200, 81)
        chance, run = life.failed_by(hours)[0], life.run_by(hours)[0]
        assert chance.min() >= 0
        assert chance.max() <= 1
        assert (np.diff(chance) >= -1e-9).all()
        assert (np.diff(run) >= -1e-9).all()
        assert (run <= hours + 1e-9).all()


def test_run_by_is_the_area_under_survival() -> None:
    hours = np.linspace(0, 130, 13001)
    life = of(WORN, AGEING)
    known = life.known_h
    for place in range(2):
        inside = hours[hours <= known[place]]
        area = np.trapezoid(1 - life.failed_by(inside)[place], inside)
        assert life.run_by([500])[place] == pytest.approx(area, abs=0.02)
    assert TRIANGLE.run_by([5, 10, 15, 20, 99])[0] == pytest.approx([5, 10, 13.75, 15, 15])


def test_a_jump_counts_from_its_hour_on() -> None:
    life = LifeDistribution(np.array([[0.0, 10.0, 10.0, 20.0]]), np.array([[0.0, 0.0, 0.4, 1.0]]))
    assert life.failed_by([9.999, 10, 15])[0] == pytest.approx([0, 0.4, 0.7], abs=1e-6)
    assert life.run_by([20])[0] == pytest.approx([13])


def test_a_unit_that_has_run_on_is_nearer_to_failure() -> None:
    later = TRIANGLE.after([15])
    assert later.failed_by([0, 2.5, 5])[0] == pytest.approx([0, 0.5, 1])
    assert TRIANGLE.after([0]).failed_by([5, 15])[0] == pytest.approx([0, 0.5])


def test_a_unit_that_has_outlived_what_is_known_is_urgent() -> None:
    assert TRIANGLE.after([25]).failed_by([1])[0] == pytest.approx([1])
    assert of(HEALTHY).after([200]).failed_by([10])[0].tolist() == [0]


def test_points_that_contradict_each_other_give_a_rising_line() -> None:
    life = life_distribution([[20, 30, 25]], [0.05, 0.1, 0.6], cap_cycles=CAP, cycle_h=1)
    assert life.failed_by([20, 25, 30])[0] == pytest.approx([0.05, 0.6, 0.6])


def test_fleet_lives_without_censoring_are_plain_means() -> None:
    lives = FleetLives.of([100, 300, 200], [True, True, True])
    assert lives is not None
    assert lives.mean_h == pytest.approx(200)
    assert lives.left_h([0, 100, 150, 400]) == pytest.approx([200, 150, 100, 0])


def test_overhauled_lives_count_as_longer() -> None:
    lives = FleetLives.of([100, 100, 300], [False, True, True])
    assert lives is not None
    # Two of three live on after 100 hours, and one of these is known to live to 300.
    assert lives.mean_h == pytest.approx(100 + 200 * 2 / 3)
    assert FleetLives.of([100], [False]) is None
