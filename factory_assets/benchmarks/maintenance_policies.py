"""Maintenance by the risk of failure against fixed intervals, run to failure, and an oracle, over simulated years."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from factory_assets.benchmarks.maintained_years import (
    HORIZON_MIN,
    WEEK_SHIFTS,
    YEAR_DAYS,
    ByRisk,
    FixedInterval,
    Oracle,
    Outcome,
    Policy,
    RunToFailure,
    lived,
)
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.benchmarks.wearing_fleets import (
    CAP_CYCLES,
    NOISE,
    Fleet,
    Forecaster,
    accuracy,
    fitted,
    sampled_fleet,
)
from factory_assets.foundation.planning_settings import MaintenanceSettings
from factory_assets.planning.upkeep.life_distribution import FleetLives
from factory_assets.planning.upkeep.open_time import OpenTime

Floats = npt.NDArray[np.float64]

NAME = "maintenance_policies"
TITLE = "What maintenance and failures cost a year: placed by risk, at fixed intervals, never, and by an oracle."
RATIOS = (2, 3, 5, 8, 12, 20)
MOST_MEAN_SHARE = 0.90
PLANNED_COST, LOST_PER_H = 1000.0, 25.0
# An overhaul that begins at the end of a weekday's shift reaches so far into the next one.
LOST_IN_WEEK_H = 4
DURATION, REPAIR = dt.timedelta(hours=12), dt.timedelta(hours=24)
# Lives that each kind of machine is drawn from: nothing is settled on those of EVALUATED.
LEARNT, CALIBRATING, INTERVALS, EVALUATED = 11, 12, 13, 2027
LIVES_A_YEAR = 100
INTERVAL_AGES_H = (*range(80, 300, 20), *range(300, 1301, 50))
FRIDAY_SHARES = (0.6, 0.75, 0.85, 0.93, 1.0)
RESAMPLES = 2000
RISK, FIXED, NEVER, ORACLE = "by risk", "fixed interval", "run to failure", "oracle"
POLICIES = (RISK, FIXED, NEVER, ORACLE)
LIVES_NOTE = (
    "Weibull lives of about 620 operating hours (shape 2.5) in two shifts, Monday to Friday; wear rises as an unknown "
    "power of the age to an unknown height, and is read with noise; an overhaul takes 12 h, a repair 24 h."
)
APART_NOTE = (
    "Predictor, intervals, mean life and fixed intervals come from machines of other seeds; all policies meet the same "
    f"lives in the same order. The fixed interval is the best of {len(INTERVAL_AGES_H) * len(FRIDAY_SHARES)} pairs of "
    "ages, one of them for Fridays, by ratio."
)
SHARE_NOTE = (
    "Share: cost by risk over the better of fixed interval and run to failure; its interval is 95 %, by bootstrap over "
    "machines (2,000 resamples, paired)."
)
NOTES = (
    LIVES_NOTE,
    APART_NOTE,
    SHARE_NOTE,
    "The ratio is the cost of a failure to that of an overhaul that loses no open hour, lost hours included.",
    "Forecasts that promise too much or too long are shown without a goal: no planner can know it from them.",
)


@dataclass(frozen=True)
class Variant:
    """A kind of forecast.

    Attributes:
        name: For tables.
        noise: Of the readings.
        width: What the intervals are multiplied with, after calibration.
        late_cycles: What is added to predictions, after calibration.
        has_goal: Whether its figures have to keep goals.
    """

    name: str
    noise: float = NOISE
    width: float = 1.0
    late_cycles: float = 0.0
    has_goal: bool = False


CALIBRATED = Variant("calibrated", has_goal=True)
VARIANTS = (
    CALIBRATED,
    Variant("calibrated, poor readings", noise=10 * NOISE, has_goal=True),
    Variant("overconfident: intervals of 30 % width", width=0.3),
    Variant("overconfident, and 50 cycles too many", width=0.3, late_cycles=50.0),
)


@dataclass(frozen=True)
class Level:
    """A cost ratio.

    Attributes:
        ratio: Failure to planned cost.
        settings: That make it so.
        interval: The fixed interval for it.
    """

    ratio: float
    settings: MaintenanceSettings
    interval: FixedInterval


@dataclass(frozen=True)
class Compared:
    """Policies at one cost ratio, with one kind of forecast.

    Attributes:
        variant: Of the forecast.
        ratio: Failure to planned cost.
        interval: The fixed interval.
        costs: By policy, (machines,) money a year.
        failures: Share of lives that ended in failure, by risk.
        overhauls: A year and machine, by risk.
    """

    variant: Variant
    ratio: float
    interval: FixedInterval
    costs: Mapping[str, Floats]
    failures: float
    overhauls: float

    def mean(self, policy: str) -> float:
        """Mean cost a year."""
        return float(self.costs[policy].mean())

    @property
    def better(self) -> float:
        """Mean cost of the better of fixed interval and run to failure."""
        return min(self.mean(FIXED), self.mean(NEVER))

    @property
    def share(self) -> float:
        """Cost by risk as a share of it."""
        return self.mean(RISK) / self.better

    @property
    def span(self) -> tuple[float, float]:
        """95 % interval of the share."""
        count = len(self.costs[RISK])
        drawn = np.random.default_rng(1).integers(count, size=(RESAMPLES, count))
        means = {policy: costs[drawn].mean(axis=1) for policy, costs in self.costs.items()}
        shares = means[RISK] / np.minimum(means[FIXED], means[NEVER])
        low, high = np.quantile(shares, [0.025, 0.975])
        return float(low), float(high)


@dataclass(frozen=True)
class Told:
    """How good a variant's forecasts are: RMSE in cycles and coverage of the 90 % interval, near the end of lives."""

    variant: Variant
    rmse: float
    coverage: float


def run(options: Options) -> Report:
    """Let the same machines run under each policy, at each ratio, with each kind of forecast."""
    machines = options.size("machines", full=120, quick=12)
    span = {
        "days": options.size("days", full=2 * YEAR_DAYS, quick=112),
        "before_days": options.size("before_days", full=91, quick=21),
    }
    training = options.size("training_machines", full=60, quick=12)
    lives = 5 + LIVES_A_YEAR * sum(span.values()) // YEAR_DAYS
    learnt = sampled_fleet(training, 6, LEARNT)
    fleet_lives = FleetLives.of(learnt.life_h.ravel(), np.ones(learnt.life_h.size, bool))
    assert fleet_lives is not None  # noqa: S101 (all of them failed)
    levels = levels_of(sampled_fleet(training, lives, INTERVALS), span)
    found, told = [], []
    for variant in VARIANTS:
        fleet = sampled_fleet(machines, lives, EVALUATED, variant.noise)
        forecaster = forecaster_of(variant, training)
        told.append(Told(variant, *accuracy(forecaster, fleet)))
        found += [compared(variant, fleet, (forecaster, fleet_lives), level, span) for level in levels]
    return report(found, told, machines=machines, days=span["days"])


def costs_at(ratio: float) -> MaintenanceSettings:
    """Settings at which a failure costs so many times what an overhaul does that loses no open hour."""
    opened = OpenTime(WEEK_SHIFTS, HORIZON_MIN)
    minutes = np.concatenate([np.arange(begin, end) for begin, end in WEEK_SHIFTS])
    lost = opened.lost_h(minutes, REPAIR.total_seconds() / 60)
    failure = ratio * PLANNED_COST - LOST_PER_H * float(lost.mean())
    return MaintenanceSettings(
        duration=DURATION, cost=PLANNED_COST, repair=REPAIR, failure_cost=failure, lost_per_h=LOST_PER_H
    )


def forecaster_of(variant: Variant, machines: int) -> Forecaster:
    """A predictor learnt on some machines and calibrated on others; then made worse where the variant says so."""
    good = fitted(
        sampled_fleet(machines, 2, LEARNT, variant.noise), sampled_fleet(machines, 2, CALIBRATING, variant.noise)
    )
    return replace(good, width=variant.width, late_cycles=variant.late_cycles)


def levels_of(fleet: Fleet, span: Mapping[str, int]) -> list[Level]:
    """What is compared at each ratio, with the fixed interval that costs least on training machines."""
    settings = {ratio: costs_at(ratio) for ratio in RATIOS}
    tried: dict[FixedInterval, Outcome] = {}
    for age in INTERVAL_AGES_H:
        for share in FRIDAY_SHARES:
            policy = FixedInterval(age, age * share)
            tried[policy] = lived(fleet, policy, settings[RATIOS[0]], **span)
    found = []
    for ratio, costs in settings.items():
        means = {policy: float(outcome.cost_a_year(costs).mean()) for policy, outcome in tried.items()}
        found.append(Level(ratio, costs, min(means, key=means.__getitem__)))
    return found


def compared(
    variant: Variant, fleet: Fleet, planner: tuple[Forecaster, FleetLives], level: Level, span: Mapping[str, int]
) -> Compared:
    """All policies at one ratio on the same machines.

    Args:
        variant: Of the forecasts.
        fleet: The machines.
        planner: What placing by risk goes by, from other machines.
        level: The ratio.
        span: `days` that count, and `before_days`.
    """
    forecaster, lives = planner
    policies: dict[str, Policy] = {
        RISK: ByRisk(fleet, forecaster, level.settings, lives),
        FIXED: level.interval,
        NEVER: RunToFailure(),
        ORACLE: Oracle(LOST_IN_WEEK_H * LOST_PER_H * lives.mean_h / PLANNED_COST),
    }
    outcomes = {name: lived(fleet, policy, level.settings, **span) for name, policy in policies.items()}
    ours = outcomes[RISK]
    failures, overhauls = float(ours.failures.sum()), float(ours.overhauls.sum())
    return Compared(
        variant,
        level.ratio,
        level.interval,
        {name: outcome.cost_a_year(level.settings) for name, outcome in outcomes.items()},
        failures / max(failures + overhauls, 1.0),
        overhauls / ours.years / fleet.machines,
    )


def report(found: Sequence[Compared], told: Sequence[Told], *, machines: int, days: int) -> Report:
    """Figures of all variants, those with goals first."""
    same = f"the same {machines} machines, lives and readings, {days} days"
    figures = [
        Figure(
            f"cost a year, a failure costing {one.ratio} overhauls", one.mean(RISK), one.better,
            one.better / one.mean(RISK), Goal(least=1.0), same,
        )
        for one in found if one.variant == CALIBRATED
    ]  # fmt: skip
    for variant in dict.fromkeys(one.variant for one in found):
        own = [one for one in found if one.variant == variant]
        goals = (Goal(most=MOST_MEAN_SHARE) if variant == CALIBRATED else None, Goal(most=1.0))
        mean, most = goals if variant.has_goal else (None, None)
        over_oracle = float(np.mean([one.mean(RISK) / one.mean(ORACLE) for one in own]))
        highest = max(one.span[1] for one in own)
        figures += [
            Figure(f"{variant.name}: mean share", float(np.mean([one.share for one in own])), goal=mean),
            Figure(f"{variant.name}: highest upper end of a share's interval", highest, goal=most),
            Figure(f"{variant.name}: mean cost over the oracle's", over_oracle),
        ]
    return Report(
        NAME, TITLE, figures, [_policies(found), _forecasts(told)], NOTES,
        {"policies": [_as_json(one) for one in found]},
    )  # fmt: skip


def _policies(found: Sequence[Compared]) -> Details:
    columns = [
        "forecasts", "ratio", *(f"{policy}, a year" for policy in POLICIES), "share", "95 %",
        "interval (Fridays), h", "lives that failed", "overhauls a year",
    ]  # fmt: skip
    rows = [
        [
            one.variant.name, f"{one.ratio:g}", *(f"{one.mean(policy):,.0f}" for policy in POLICIES),
            f"{one.share:.2f}", "{:.2f} to {:.2f}".format(*one.span),
            f"{one.interval.age_h:.0f} ({one.interval.friday_age_h:.0f})",
            f"{one.failures:.1%}", f"{one.overhauls:.1f}",
        ]
        for one in found
    ]  # fmt: skip
    return Details("Cost a year and machine; a planned overhaul costs 1,000", columns, rows)


def _forecasts(told: Sequence[Told]) -> Details:
    rows = [[one.variant.name, f"{one.rmse:.0f}", f"{one.coverage:.0%}"] for one in told]
    columns = ["forecasts", "RMSE, cycles", "coverage of the 90 % interval"]
    return Details(f"Forecasts where at most {CAP_CYCLES} cycles are left", columns, rows)


def _as_json(one: Compared) -> dict[str, object]:
    return {
        "forecasts": one.variant.name, "ratio": one.ratio, "share": one.share, "share_95": list(one.span),
        **{policy: one.mean(policy) for policy in POLICIES},
    }  # fmt: skip
