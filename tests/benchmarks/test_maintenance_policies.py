"""Simulated years of maintenance: what policies do, and that a bad one is shown as missing its goals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from factory_assets.benchmarks import maintenance_policies as policies
from factory_assets.benchmarks.maintained_years import (
    DAY,
    SHIFT_MIN,
    WEEK,
    WEEK_SHIFTS,
    ByRisk,
    FixedInterval,
    Oracle,
    Outcome,
    Policy,
    RunToFailure,
    closed_min,
    lived,
    open_min,
)
from factory_assets.benchmarks.report import Options
from factory_assets.benchmarks.wearing_fleets import CAP_CYCLES, Fleet, accuracy, fitted, sampled_fleet
from factory_assets.planning.upkeep.life_distribution import FleetLives
from factory_assets.planning.upkeep.open_time import OpenTime

SETTINGS = policies.costs_at(5)
SPAN = {"days": 84, "before_days": 14}


def fleet_of(*lives_h: float) -> Fleet:
    """One machine with these lives, again and again."""
    life_h = np.array([lives_h * 20])
    noise = np.zeros((*life_h.shape, 200), np.float32)
    return Fleet(life_h, np.full_like(life_h, 2.0), np.ones_like(life_h), noise)


def outcome(policy: Policy, *lives_h: float, days: int = 28) -> Outcome:
    return lived(fleet_of(*lives_h), policy, SETTINGS, days=days, before_days=0)


def test_open_minutes_are_those_of_the_week() -> None:
    week = OpenTime(WEEK_SHIFTS, WEEK)
    minutes = np.arange(0.0, WEEK, 7)
    assert open_min(minutes) == pytest.approx(week.open_min(minutes))
    assert open_min(minutes + 3 * WEEK) == pytest.approx(3 * 4800 + open_min(minutes))
    worked = np.arange(1.0, 20_000, 37)
    assert open_min(closed_min(worked)) == pytest.approx(worked)
    assert closed_min(np.array([960.0, 961.0])).tolist() == [960.0, DAY + 1.0]


def test_a_machine_that_is_never_maintained_fails_at_its_life() -> None:
    """40 open hours end on Wednesday, 14:00; the repair until Thursday, 14:00 costs 8 + 8 of them."""
    found = outcome(RunToFailure(), 40, days=7)
    assert found.failures.tolist() == [1]
    assert found.lost_repair_h.tolist() == [16]
    assert found.overhauls.tolist() == [0]


def test_an_interval_ends_lives_before_they_fail() -> None:
    """Due at 32 hours: Tuesday, 22:00 to Wednesday, 10:00; then after Thursday's shift, with 28 hours run."""
    found = outcome(FixedInterval(32, 25), 100, days=7)
    assert found.failures.tolist() == [0]
    assert found.overhauls.tolist() == [2]
    assert found.lost_overhaul_h.tolist() == [8 - 4]


def test_the_oracle_overhauls_before_each_failure() -> None:
    found = outcome(Oracle(0), 40, days=14)
    assert found.failures.tolist() == [0]
    assert found.overhauls.sum() > 0


def test_the_weekend_is_worth_life_to_the_oracle() -> None:
    assert outcome(Oracle(0), 100, days=7).overhauls.tolist() == [0]
    early = outcome(Oracle(20), 100, days=7)
    assert (early.overhauls.tolist(), early.lost_overhaul_h.tolist()) == ([1], [0])


def test_costs_are_those_of_the_ratio() -> None:
    """A failure at any open hour, with what its repair loses, costs five overhauls on the average."""
    fleet = sampled_fleet(40, 40, 5)
    never = lived(fleet, RunToFailure(), SETTINGS, days=364, before_days=30)
    each = never.cost_a_year(SETTINGS).sum() * never.years / never.failures.sum()
    assert each == pytest.approx(5 * policies.PLANNED_COST, rel=0.02)


def test_lives_are_the_same_whatever_the_noise() -> None:
    clear, poor = sampled_fleet(3, 4, 1, 0.01), sampled_fleet(3, 4, 1, 0.5)
    assert (clear.life_h == poor.life_h).all()
    assert (clear.height == poor.height).all()
    assert np.abs(poor.noise).mean() > 10 * np.abs(clear.noise).mean()


def test_forecasts_are_calibrated_on_machines_that_they_have_not_seen() -> None:
    forecaster = fitted(sampled_fleet(30, 3, 1), sampled_fleet(30, 3, 2))
    rmse, coverage = accuracy(forecaster, sampled_fleet(30, 3, 3))
    assert rmse < CAP_CYCLES / 4
    assert coverage > 0.8


def test_placing_by_risk_saves_failures() -> None:
    fleet, lives = sampled_fleet(20, 30, 7), FleetLives.of(sampled_fleet(20, 5, 8).life_h.ravel(), [True] * 100)
    assert lives is not None
    forecaster = fitted(sampled_fleet(20, 3, 8), sampled_fleet(20, 3, 9))
    ours = lived(fleet, ByRisk(fleet, forecaster, SETTINGS, lives), SETTINGS, **SPAN)
    never = lived(fleet, RunToFailure(), SETTINGS, **SPAN)
    assert ours.failures.sum() < 0.2 * never.failures.sum()
    assert ours.overhauls.sum() < 1.6 * never.failures.sum()


def test_a_small_run_has_all_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "RATIOS", (2, 20))
    monkeypatch.setattr(policies, "INTERVAL_AGES_H", (200, 600))
    sizes = {"machines": 24, "training_machines": 12, "days": 42, "before_days": 7}
    report = policies.run(Options(tmp_path, is_quick=True, sizes=sizes))
    assert len(report.figures) == len(policies.RATIOS) + 3 * len(policies.VARIANTS)
    assert len(report.details[0].rows) == len(policies.RATIOS) * len(policies.VARIANTS)
    assert sum(figure.goal is not None for figure in report.figures) == len(policies.RATIOS) + 3
    assert len(report.results["policies"]) == len(report.details[0].rows)


def compared(ours: float, variant: policies.Variant = policies.CALIBRATED, ratio: float = 5) -> policies.Compared:
    costs = {policies.RISK: ours, policies.FIXED: 100.0, policies.NEVER: 150.0, policies.ORACLE: 50.0}
    spread = np.array([0.9, 1.0, 1.1])
    return policies.Compared(
        variant, ratio, FixedInterval(400, 350), {name: cost * spread for name, cost in costs.items()}, 0.1, 8.0
    )


def test_costs_above_the_better_policy_are_missed_goals() -> None:
    told = [policies.Told(policies.CALIBRATED, 20.0, 0.9)]
    good = policies.report([compared(80, ratio=2), compared(95, ratio=3)], told, machines=3, days=364)
    assert good.missed == []
    bad = policies.report([compared(80, ratio=2), compared(101, ratio=3)], told, machines=3, days=364)
    assert [figure.name for figure in bad.missed] == [
        "cost a year, a failure costing 3 overhauls",
        "calibrated: mean share",
        "calibrated: highest upper end of a share's interval",
    ]


def test_bad_forecasts_are_shown_without_a_goal() -> None:
    boastful = policies.VARIANTS[-1]
    found = [compared(80), compared(300, boastful)]
    report = policies.report(found, [policies.Told(boastful, 20.0, 0.3)], machines=3, days=364)
    assert report.missed == []
    assert any(boastful.name in figure.name and figure.ours == pytest.approx(3.0) for figure in report.figures)


def test_an_overhaul_takes_the_shift_that_it_reaches_into() -> None:
    start = np.array(float(SHIFT_MIN))
    lost = open_min(start + policies.DURATION.total_seconds() / 60) - open_min(start)
    assert lost / 60 == policies.LOST_IN_WEEK_H
