from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from factory_assets.foundation.planning_settings import MaintenanceSettings
from factory_assets.planning.upkeep.life_distribution import LifeDistribution, of_forecasts
from factory_assets.planning.upkeep.open_time import OpenTime
from factory_assets.planning.upkeep.risk import Risk, points, risk
from tests.planning.upkeep.forecasts_made import AGEING, CAP, DAY, HEALTHY, TWO_SHIFTS, UPKEEP, WEEK, WORN, tables

WEEK_OPEN = OpenTime(TWO_SHIFTS, WEEK)


def of(*units: tuple[float, ...]) -> LifeDistribution:
    named = {f"u{number}": quantiles for number, quantiles in enumerate(units)}
    return of_forecasts(*tables(named), cap_cycles=CAP, cycle_h=1)


def weibull(scale_h: float, shape: float) -> LifeDistribution:
    hours = np.linspace(0, 4 * scale_h, 400)
    return LifeDistribution(hours.reshape(1, -1), 1 - np.exp(-((hours / scale_h) ** shape)).reshape(1, -1))


def at_ratio(failure_cost: float, lost_per_h: float = 0.0) -> MaintenanceSettings:
    return UPKEEP.model_copy(update={"failure_cost": failure_cost, "lost_per_h": lost_per_h})


def test_open_minutes_are_those_of_shifts() -> None:
    open_time = OpenTime(((-60, 60), (120, 180), (400, 900)), 480)
    assert open_time.open_min([0, 30, 60, 100, 150, 180, 400, 480]).tolist() == [0, 30, 60, 60, 90, 120, 120, 200]
    assert open_time.lost_h([30, 60], 60).tolist() == [0.5, 0.0]
    # After the horizon each minute counts with the open share.
    assert open_time.open_min(480 + 48) == pytest.approx(220)
    assert OpenTime(None, 480).open_min([7, 960]).tolist() == [7, 960]
    assert OpenTime((), 480).open_min([7, 960]).tolist() == [0, 0]


def test_starts_hold_the_edges_of_shifts_and_end_within_the_horizon() -> None:
    starts = set(WEEK_OPEN.starts(720).tolist())
    assert {0, 960, 960 - 720, 4 * DAY + 960, WEEK - 720} <= starts
    assert max(starts) == WEEK - 720


def test_the_best_age_is_that_of_age_replacement() -> None:
    """A new machine with known life: the classical optimum of the cost rate, found by plain search."""
    scale_h, shape, planned, failure = 60.0, 3.0, 1000.0, 8000.0
    life = weibull(scale_h, shape)
    always = OpenTime(None, 30 * DAY)
    found = risk(life, always, at_ratio(failure), mean_life_h=float(life.run_by([1e9])[0, 0]))
    ages = np.linspace(1, 200, 2000)
    failed = life.failed_by(ages)[0]
    rates = (failed * failure + (1 - failed) * planned) / life.run_by(ages)[0]
    assert found.best_min[0] / 60 == pytest.approx(ages[rates.argmin()], abs=4)


def test_the_dearer_a_failure_the_sooner() -> None:
    always = OpenTime(None, WEEK)
    best = [
        int(risk(of(AGEING), always, at_ratio(cost), mean_life_h=600, further_h=0).best_min[0])
        for cost in (1500, 3000, 8000, 20_000, 100_000)
    ]
    assert best == sorted(best, reverse=True)
    assert 0 < best[-1] < best[0]


def test_a_failure_no_dearer_than_an_overhaul_is_waited_for() -> None:
    found = risk(of(WORN), WEEK_OPEN, at_ratio(1000), mean_life_h=600)
    assert found.saved[0] <= 0


def test_cost_is_that_of_failure_before_overhaul_and_life_given_away() -> None:
    life = LifeDistribution(np.array([[0.0, 10.0, 20.0]]), np.array([[0.0, 0.0, 1.0]]))
    found = risk(life, OpenTime(None, 2 * DAY), at_ratio(5000), mean_life_h=100)
    at = dict(zip(found.start_min.tolist(), found.cost[0].tolist(), strict=True))
    # The least cost an hour is that of an end after about 10 hours: 5 of the mean 100 are given away.
    rate = (found.cost[0][0] - 1000) / 15
    assert rate == pytest.approx(1000 / 95, rel=0.02)
    assert at[240] == pytest.approx(1000 + rate * 11)
    assert at[960] == pytest.approx(0.6 * 5000 + 0.4 * 1000 + rate * 0.8)
    assert found.later_cost[0] == pytest.approx(5000)
    assert found.best_min[0] == 480


def test_lost_open_hours_are_paid_for() -> None:
    found = risk(of(HEALTHY), WEEK_OPEN, UPKEEP, mean_life_h=600)
    at = dict(zip(found.start_min.tolist(), found.cost[0].tolist(), strict=True))
    # All twelve hours in the shift, from its end on four in the next, none at the weekend.
    assert [at[0], at[960], at[4 * DAY + 960]] == pytest.approx([1300, 1100, 1000])


def test_a_failure_costs_the_hours_of_its_repair() -> None:
    """Certain failure on Friday, 16:00: six hours of the shift are lost, and the night and Saturday do not count."""
    hour = 4 * 16 + 10.0
    life = LifeDistribution(np.array([[0.0, hour - 0.01, hour]]), np.array([[0.0, 0.0, 1.0]]))
    found = risk(life, WEEK_OPEN, UPKEEP, mean_life_h=600)
    last = found.cost[0, -1]
    assert last == pytest.approx(10_000 + 25 * 6, abs=60)


def test_a_healthy_machine_saves_nothing_and_a_worn_one_does_at_once() -> None:
    found = risk(of(HEALTHY, WORN), WEEK_OPEN, UPKEEP, mean_life_h=600, further_h=np.array([300.0, 0.0]))
    assert found.saved[0] <= 1e-9
    assert found.saved[1] > 1000
    assert found.best_min[1] < DAY


def test_life_after_the_cap_speaks_for_waiting() -> None:
    young = (100.0, 110.0, 125.0, 125.0, 125.0, 125.0, 125.0)
    saved = [
        float(risk(of(young), OpenTime(None, WEEK), at_ratio(20_000), mean_life_h=600, further_h=further).saved[0])
        for further in (0.0, 400.0)
    ]
    assert saved[1] < saved[0]


def test_less_use_is_less_risk() -> None:
    often, seldom = (risk(of(WORN), WEEK_OPEN, UPKEEP, mean_life_h=600, utilisation=share) for share in (1.0, 0.5))
    assert seldom.operating_h == pytest.approx(often.operating_h / 2)
    assert (seldom.failure_probability <= often.failure_probability + 1e-12).all()
    assert seldom.best_min[0] >= often.best_min[0]


def test_points_follow_the_curve_and_end_with_waiting() -> None:
    found = risk(of(WORN, AGEING), WEEK_OPEN, UPKEEP, mean_life_h=600)
    for unit in range(2):
        corners = points(found, unit, WEEK)
        minutes, costs = zip(*corners, strict=True)
        assert corners[-1] == (WEEK, round(float(found.later_cost[unit]), 2))
        assert list(minutes) == sorted(set(minutes))
        assert len(corners) < 35
        line = np.interp(found.start_min, minutes, costs)
        assert np.abs(line - found.cost[unit]).max() <= 0.005 * found.planned_cost + 0.02


def test_a_machine_that_is_never_open_has_no_risk() -> None:
    found = risk(of(WORN), OpenTime((), WEEK), UPKEEP, mean_life_h=600)
    assert isinstance(found, Risk)
    assert found.failure_probability.max() == 0
    assert np.isfinite(found.cost).all()


def test_a_horizon_shorter_than_an_overhaul_still_has_a_start() -> None:
    settings = UPKEEP.model_copy(update={"duration": dt.timedelta(days=3)})
    assert risk(of(WORN), OpenTime(None, DAY), settings, mean_life_h=600).start_min.tolist() == [0]
