"""The small shop with a schedule in force, as a what-if finds it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from factory_assets.foundation.lake import Lake
from factory_assets.foundation.planning_settings import PlanningSettings
from factory_assets.planning.day_tables import write_plan
from factory_assets.planning.planner import Plan, plan
from factory_assets.planning.problem import Problem
from factory_assets.planning.solving import gap_of
from factory_assets.planning.what_if.base import Base
from factory_assets.planning.what_if.clock import PlantClock
from tests.planning.shop_made import START, shop

DAY = "2026-10-05"
SETTINGS = PlanningSettings(
    seconds=1, reschedule_seconds=1, workers=1, frozen="PT0S", move_cost_per_h=6, timezone="Europe/Berlin"
)
CLOCK = PlantClock(START, "Europe/Berlin")


def morning(**changes: object) -> Plan:
    """The shop planned in the morning, nothing before it."""
    problem = replace(shop(), before=(), move_cost_per_min=0.0, **changes)  # type: ignore[arg-type]
    return plan(problem, (), (), SETTINGS, kind="morning")


def base_of(made: Plan) -> Base:
    """A plan as the schedule in force."""
    assert gap_of(made.schedule, "cost") is not None
    return Base(DAY, made.problem, made.schedule, CLOCK)


def base(**changes: object) -> Base:
    """The schedule in force of the shop."""
    return base_of(morning(**changes))


def in_lake(lake: Lake, made: Plan, day: str = DAY) -> None:
    """Store a plan as a day's schedule."""
    write_plan(lake, "small", day, made, dt.datetime(2026, 10, 5, 3, 50, tzinfo=dt.UTC))


def two_presses() -> Problem:
    """The shop with a second press, so that work can go elsewhere."""
    problem = shop()
    press = problem.machine["press"]
    orders = tuple(
        replace(
            order,
            operations=tuple(
                replace(one, modes=(*one.modes, replace(one.modes[0], machine="press-2")))
                if one.modes[0].machine == "press"
                else one
                for one in order.operations
            ),
        )
        for order in problem.orders
    )
    return replace(problem, machines=(*problem.machines, replace(press, name="press-2")), orders=orders)
