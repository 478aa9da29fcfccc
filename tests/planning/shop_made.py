"""A small shop with everything in it, and a schedule that keeps to all of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from factory_assets.planning.problem import (
    Cost,
    Machine,
    Maintenance,
    Mode,
    Operation,
    Operator,
    Order,
    Problem,
    Schedule,
    Supply,
    Task,
)

START = dt.datetime(2026, 10, 5, 4, tzinfo=dt.UTC)
SETUP = {("casting", "panel"): 30, ("panel", "casting"): 20}


def shop() -> Problem:
    """Three orders on a press that may not pause, a mill that may, and an oven that holds a batch."""
    machines = (
        Machine("press", ((0, 480), (960, 1440)), SETUP, "casting", 1.0),
        Machine("mill", ((0, 480), (960, 1440)), {}, None, 2.0, may_pause=True),
        Machine("oven", None, {}, None, 0.5),
    )
    casting = Order(
        "A",
        (
            Operation("A10", (Mode("press", 100, "pressing", "die"),), family="casting", materials={"steel": 2}),
            Operation("A20", (Mode("mill", 400),), after=("A10",)),
            Operation("A30", (Mode("oven", 60),), after=("A20",), batch="heat"),
        ),
        due_min=1400,
        late_cost_per_min=0.5,
    )
    panel = Order(
        "B",
        (
            Operation("B10", (Mode("press", 100, "pressing", "die"),), family="panel", materials={"steel": 2}),
            Operation("B15", (Mode("mill", 50),), after=("B10",)),
            Operation("B30", (Mode("oven", 50),), after=("B10", "B15"), batch="heat"),
        ),
        release_min=60,
        due_min=1450,
        late_cost_per_min=1.0,
        routings=(("B10", "B30"), ("B10", "B15", "B30")),
    )
    maintenance = Maintenance("M1", "press", 120, 200, 900, "repair", ((0, 0.0), (1000, 100.0)))
    return Problem(
        START,
        machines,
        (casting, panel),
        operators=(
            Operator("ann", frozenset({"pressing"}), ((0, 480),)),
            Operator("tom", frozenset({"pressing", "repair"}), ((0, 600), (960, 1440)), 1),
        ),
        tools={"die": 1},
        supplies=(Supply("steel", 0, 2), Supply("steel", 150, 2)),
        maintenance=(maintenance,),
        before=(Task("A10", "press", 10, 10, 110, "ann"),),
        move_cost_per_min=0.25,
        horizon_min=2880,
    )


def schedule() -> Schedule:
    """A schedule of `shop` without a fault; by hand: 1060 - 480 = 580 closed minutes within A20."""
    tasks = (
        Task("A10", "press", 0, 0, 100, "ann"),
        Task("B10", "press", 150, 180, 280, "tom"),
        Task("M1", "press", 480, 480, 600, "tom"),
        Task("A20", "mill", 100, 100, 980, None),
        Task("A30", "oven", 1400, 1400, 1460, None),
        Task("B30", "oven", 1400, 1400, 1460, None),
    )
    return Schedule(tasks, Cost(40.0, 30.0, 200 + 800 + 30.0, 48.0, 2.5), 1460, 900.0, "by hand")


def changed(name: str, /, **values: object) -> Schedule:
    """The same with one task changed."""
    good = schedule()
    tasks = tuple(replace(task, **values) if task.name == name else task for task in good.tasks)  # type: ignore[arg-type]
    return replace(good, tasks=tasks)
