"""Seeded small shops that can be planned, and twenty ways to make them such that they cannot.

Each way says which demands clash then, and so must be named.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from factory_assets.planning.problem import (
    Machine,
    Maintenance,
    Mode,
    Operation,
    Operator,
    Order,
    Problem,
    Supply,
    Task,
)

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
DAY_MIN, DAYS = 1440, 5
HORIZON_MIN = DAYS * DAY_MIN
SHIFT = (360, 1320)  # of each day
MACHINES, ORDERS, STEPS = 4, 6, 3
Planted = list[tuple[str, str]]  # kind and name of the demands that clash; horizons have no name


@dataclass(frozen=True)
class Case:
    """A way to contradict.

    Attributes:
        name: What is wrong.
        plant: Makes the shop contradict itself; returns it with the demands that must be named.
    """

    name: str
    plant: Callable[[Problem, Random], tuple[Problem, Planted]]


def days(begin: int, end: int) -> tuple[tuple[int, int], ...]:
    """The same hours on each day up to the horizon."""
    return tuple((day * DAY_MIN + begin, day * DAY_MIN + end) for day in range(DAYS))


def shop(random: Random) -> Problem:
    """A shop with shifts, people, tools, material and maintenance, and much more time than it needs."""
    machines = tuple(Machine(f"machine-{at}", days(*SHIFT), may_pause=at % 2 == 0) for at in range(MACHINES))
    return Problem(
        START,
        machines,
        tuple(_order(at, random) for at in range(ORDERS)),
        operators=(
            Operator("early crew", frozenset({"turning", "repairing"}), days(360, 1320), 2),
            Operator("setter", frozenset({"welding"}), days(360, 1320), 1),
        ),
        tools={"gauge": 2},
        supplies=(Supply("steel", 0, 2.0 * ORDERS),),
        maintenance=(Maintenance("service", "machine-0", 90, 600, HORIZON_MIN - 600, "repairing"),),
        horizon_min=HORIZON_MIN,
    )


def _order(at: int, random: Random) -> Order:
    name = f"P{at + 1:02}"
    operations = []
    for step in range(STEPS):
        on = random.sample(range(MACHINES), 2)
        skill, tool = random.choice((None, "turning", "welding")), random.choice((None, None, "gauge"))
        modes = tuple(Mode(f"machine-{one}", random.randrange(20, 120, 5), skill, tool) for one in on)
        after = (f"{name}/{step - 1}",) if step else ()
        operations.append(Operation(f"{name}/{step}", modes, after, materials={} if step else {"steel": 1.0}))
    due = random.randrange(DAY_MIN, HORIZON_MIN)
    return Order(name, tuple(operations), random.randrange(0, 600, 30), due, late_cost_per_min=1.0)


def _some(problem: Problem, random: Random, count: int = 1) -> list[Order]:
    return random.sample(problem.orders, count)


def _with(problem: Problem, *orders: Order) -> Problem:
    changed = {order.name: order for order in orders}
    return replace(problem, orders=tuple(changed.get(order.name, order) for order in problem.orders))


def _step(order: Order, at: int, **values: object) -> Order:
    operations = list(order.operations)
    operations[at] = replace(operations[at], **values)  # type: ignore[arg-type]
    return replace(order, operations=tuple(operations))


def _only(machine: str, minutes: int, skill: str | None = None, tool: str | None = None) -> dict[str, object]:
    return {"modes": (Mode(machine, minutes, skill, tool),)}


def _nobody_has_the_skill(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    (order,) = _some(problem, random)
    changed = _step(order, 1, modes=tuple(replace(mode, skill="x-raying") for mode in order.operations[1].modes))
    return _with(problem, changed), [("order", order.name), ("skill", "x-raying")]


def _skill_only_after_the_horizon(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    problem, planted = _nobody_has_the_skill(problem, random)
    late = Operator("inspector", frozenset({"x-raying"}), ((HORIZON_MIN + 60, HORIZON_MIN + 600),))
    return replace(problem, operators=(*problem.operators, late)), planted


def _released_too_late(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    (order,) = _some(problem, random)
    late = replace(order, release_min=HORIZON_MIN - 50, due_min=HORIZON_MIN)
    return _with(problem, late), [("order", order.name), ("release", order.name), ("horizon", "")]


def _longer_than_the_horizon(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    (order,) = _some(problem, random)
    always = Machine("kiln", None)
    changed = replace(_step(order, 2, **_only("kiln", HORIZON_MIN + 30)), release_min=0)
    problem = replace(_with(problem, changed), machines=(*problem.machines, always))
    return problem, [("order", order.name), ("horizon", "")]


def _pinned_at_once(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    left, right = _some(problem, random, 2)
    tasks = []
    for order, begin in ((left, 400), (right, 420)):
        order_problem = _step(order, 0, **_only("machine-1", 60))
        problem = _with(problem, order_problem)
        tasks.append(Task(f"{order.name}/0", "machine-1", begin, begin, begin + 60))
    return replace(problem, pinned=tuple(tasks)), [("pinned", task.name) for task in tasks]


def _pinned_in_the_wrong_order(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    (order,) = _some(problem, random)
    changed = _step(_step(order, 0, **_only("machine-1", 60)), 1, **_only("machine-3", 60))
    names = [f"{order.name}/0", f"{order.name}/1"]
    tasks = (Task(names[0], "machine-1", 600, 600, 660), Task(names[1], "machine-3", 620, 620, 680))
    return replace(_with(problem, changed), pinned=tasks), [("pinned", name) for name in names]


def _frozen_before_what_comes_first(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    (order,) = _some(problem, random)
    changed = _step(_step(order, 0, **_only("machine-1", 100)), 1, **_only("machine-3", 60))
    changed = replace(changed, release_min=400)
    task = Task(f"{order.name}/1", "machine-3", 450, 450, 510)
    planted = [("order", order.name), ("release", order.name), ("pinned", task.name)]
    return replace(_with(problem, changed), pinned=(task,)), planted


def _maintenance_twice(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    begin = random.randrange(600, 2000)
    tasks = (
        Maintenance("oil change", "machine-2", 240, begin, begin + 60),
        Maintenance("calibration", "machine-2", 200, begin + 30, begin + 120),
    )
    problem = replace(problem, maintenance=(*problem.maintenance, *tasks))
    return problem, [("maintenance", "oil change"), ("maintenance", "calibration")]


def _maintenance_beside_pinned(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    (order,) = _some(problem, random)
    changed = _step(order, 0, **_only("machine-1", 200))
    task = Task(f"{order.name}/0", "machine-1", 700, 700, 900)
    repair = Maintenance("repair", "machine-1", 120, 650, 760)
    problem = replace(_with(problem, changed), pinned=(task,), maintenance=(*problem.maintenance, repair))
    return problem, [("maintenance", "repair"), ("pinned", task.name)]


def _maintenance_after_the_horizon(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    begin = HORIZON_MIN - random.randrange(10, 80)
    late = Maintenance("overhaul", "machine-3", 300, begin, begin + 200)
    problem = replace(problem, maintenance=(*problem.maintenance, late))
    return problem, [("maintenance", "overhaul"), ("horizon", "")]


def _technician_is_away(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    begin = 2 * DAY_MIN + random.randrange(0, 120)  # at night
    night = Maintenance("night check", "machine-3", 100, begin, begin + 60, "repairing")
    problem = replace(problem, maintenance=(*problem.maintenance, night))
    return problem, [("maintenance", "night check"), ("skill", "repairing"), ("presence", "early crew")]


def _material_never_comes(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    (order,) = _some(problem, random)
    changed = _step(order, random.randrange(STEPS), materials={"titanium": 3.0})
    supplies = (*problem.supplies, Supply("titanium", 0, 2.0))
    return replace(_with(problem, changed), supplies=supplies), [("order", order.name), ("material", "titanium")]


def _material_comes_too_late(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    problem, planted = _material_never_comes(problem, random)
    late = Supply("titanium", HORIZON_MIN + 300, 50.0)
    return replace(problem, supplies=(*problem.supplies, late)), [*planted, ("horizon", "")]


def _material_for_one_of_two(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    orders = _some(problem, random, 2)
    changed = [_step(order, 1, materials={"titanium": 3.0}) for order in orders]
    problem = replace(_with(problem, *changed), supplies=(*problem.supplies, Supply("titanium", 0, 4.0)))
    return problem, [*(("order", order.name) for order in orders), ("material", "titanium")]


def _no_tool(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    (order,) = _some(problem, random)
    changed = _step(order, 1, modes=tuple(replace(mode, tool="die 7") for mode in order.operations[1].modes))
    problem = replace(_with(problem, changed), tools={**problem.tools, "die 7": 0})
    return problem, [("order", order.name), ("tool", "die 7")]


def _no_shift_is_long_enough(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    (order,) = _some(problem, random)
    changed = _step(order, 1, **_only("machine-1", SHIFT[1] - SHIFT[0] + random.randrange(10, 200)))
    return _with(problem, changed), [("order", order.name), ("shifts", "machine-1")]


def _machine_has_no_shift(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    (order,) = _some(problem, random)
    problem = replace(problem, machines=(*problem.machines, Machine("idle press", ())))
    return _with(problem, _step(order, 0, **_only("idle press", 45))), [("order", order.name), ("shifts", "idle press")]


def _two_orders_on_one_machine(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    orders = _some(problem, random, 2)
    minutes = HORIZON_MIN * 6 // 10
    changed = [replace(_step(order, 2, **_only("kiln", minutes)), release_min=0) for order in orders]
    problem = replace(_with(problem, *changed), machines=(*problem.machines, Machine("kiln", None)))
    return problem, [*(("order", order.name) for order in orders), ("horizon", "")]


def _two_orders_with_one_tool(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    orders = _some(problem, random, 2)
    minutes = HORIZON_MIN * 55 // 100
    changed = [
        replace(_step(order, 2, **_only(kiln, minutes, None, "crucible")), release_min=0)
        for order, kiln in zip(orders, ("kiln-1", "kiln-2"), strict=True)
    ]
    machines = (*problem.machines, Machine("kiln-1", None), Machine("kiln-2", None))
    problem = replace(_with(problem, *changed), machines=machines, tools={**problem.tools, "crucible": 1})
    return problem, [*(("order", order.name) for order in orders), ("tool", "crucible"), ("horizon", "")]


def _two_orders_with_one_person(problem: Problem, random: Random) -> tuple[Problem, Planted]:
    orders = _some(problem, random, 2)
    changed = [
        replace(_step(order, 2, **_only(machine, 300, "grinding")), release_min=0)
        for order, machine in zip(orders, ("mill-1", "mill-2"), strict=True)
    ]
    machines = (*problem.machines, Machine("mill-1", None), Machine("mill-2", None))
    grinder = Operator("grinder", frozenset({"grinding"}), ((4 * DAY_MIN, 4 * DAY_MIN + 500),))
    problem = replace(_with(problem, *changed), machines=machines, operators=(*problem.operators, grinder))
    return problem, [*(("order", order.name) for order in orders), ("skill", "grinding"), ("presence", "grinder")]


CASES = tuple(
    Case(plant.__name__.strip("_").replace("_", " "), plant)
    for plant in (
        _nobody_has_the_skill, _skill_only_after_the_horizon, _released_too_late, _longer_than_the_horizon,
        _pinned_at_once, _pinned_in_the_wrong_order, _frozen_before_what_comes_first, _maintenance_twice,
        _maintenance_beside_pinned, _maintenance_after_the_horizon, _technician_is_away, _material_never_comes,
        _material_comes_too_late, _material_for_one_of_two, _no_tool, _no_shift_is_long_enough, _machine_has_no_shift,
        _two_orders_on_one_machine, _two_orders_with_one_tool, _two_orders_with_one_person,
    )
)  # fmt: skip
