"""The checker finds nothing wrong with what keeps to the rules, and each single fault."""

from __future__ import annotations

import ast
import datetime as dt
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factory_assets.planning
from factory_assets.planning.checking.checker import violations
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
    Task,
)
from tests.planning.shop_made import START, changed, schedule, shop

MONEY = {"cost", "makespan", "bound"}


def rules(problem: Problem, made: Schedule) -> set[str]:
    """The rules that are broken, without the money that every moved task changes."""
    return {violation.rule for violation in violations(problem, made)} - MONEY


def test_nothing_is_wrong_with_a_schedule_that_keeps_to_everything() -> None:
    assert violations(shop(), schedule()) == []


@pytest.mark.parametrize(
    ("rule", "made"),
    [
        ("release", changed("B10", setup_start_min=20, start_min=50, end_min=150)),
        ("duration", changed("A10", end_min=99)),
        ("duration", changed("A20", end_min=990)),
        ("duration", changed("B10", setup_start_min=360, start_min=400, end_min=500)),
        ("duration", changed("A20", end_min=960)),
        ("duration", changed("A10", start_min=120)),
        ("overlap", changed("B10", setup_start_min=90, start_min=180)),
        ("setup", changed("B10", setup_start_min=160)),
        ("setup", changed("A10", start_min=10, end_min=110)),
        ("precedence", changed("A20", setup_start_min=90, start_min=90, end_min=970)),
        ("horizon", changed("A30", setup_start_min=2830, start_min=2830, end_min=2890)),
        ("begin", changed("A10", setup_start_min=-10, start_min=-10, end_min=90)),
        ("operator", changed("A10", operator=None)),
        ("operator", changed("A10", operator="zoe")),
        ("operator", changed("M1", operator="ann")),
        ("operator", changed("M1", setup_start_min=850, start_min=850, end_min=970)),
        ("maintenance", changed("M1", setup_start_min=440, start_min=440, end_min=500)),
        ("maintenance", changed("M1", setup_start_min=901, start_min=901, end_min=1021)),
        ("maintenance", changed("M1", setup_start_min=140, start_min=140, end_min=260)),
        ("maintenance", changed("M1", machine="oven")),
        ("maintenance", changed("M1", setup_start_min=470)),
        ("batch", changed("B30", end_min=1450)),
        ("mode", changed("A30", machine="mill")),
        ("mode", changed("A30", machine="lathe")),
        ("task", changed("M1", name="M9")),
    ],
)
def test_each_fault_is_found(rule: str, made: Schedule) -> None:
    assert rule in rules(shop(), made)


def test_tasks_are_done_once_and_by_one_routing() -> None:
    good = schedule()
    doubled = replace(good, tasks=(*good.tasks, good.task["A10"]))
    assert "task" in rules(shop(), doubled)
    missing = replace(good, tasks=tuple(task for task in good.tasks if task.name != "A20"))
    found = [one for one in violations(shop(), missing) if one.rule == "routing"]
    assert [one.tasks for one in found] == [("A20",)]
    half = replace(good, tasks=tuple(task for task in good.tasks if task.name != "B10"))
    assert "routing" in rules(shop(), half)
    other = replace(good, tasks=(*good.tasks, Task("B15", "mill", 980, 980, 1030)))
    assert rules(shop(), other) == set()


def test_maintenance_that_must_begin_may_not_be_left_out() -> None:
    good = schedule()
    without = replace(good, tasks=tuple(task for task in good.tasks if task.name != "M1"))
    assert rules(shop(), without) == {"maintenance"}
    optional = replace(shop(), maintenance=(replace(shop().maintenance[0], latest_min=None),))
    assert violations(optional, replace(without, cost=replace(good.cost, risk=100.0))) == []


def test_tools_operators_and_materials_are_counted() -> None:
    problem = shop()
    assert rules(replace(problem, tools={}), schedule()) == {"tool"}
    assert rules(replace(problem, supplies=problem.supplies[:1]), schedule()) == {"material"}
    late = replace(problem, supplies=(problem.supplies[0], replace(problem.supplies[1], at_min=181)))
    assert rules(late, schedule()) == {"material"}
    at_once = replace(problem, supplies=(problem.supplies[0], replace(problem.supplies[1], at_min=180)))
    assert rules(at_once, schedule()) == set()
    second = Machine("press2", None, {}, None, 0.0)
    order = Order("C", (Operation("C10", (Mode("press2", 30, "pressing", "die"),)),))
    more = replace(problem, machines=(*problem.machines, second), orders=(*problem.orders, order))
    busy = Task("C10", "press2", 270, 270, 300, "tom")
    assert rules(more, replace(schedule(), tasks=(*schedule().tasks, busy))) == {"operator", "tool"}
    free = Task("C10", "press2", 280, 280, 310, "tom")
    assert rules(more, replace(schedule(), tasks=(*schedule().tasks, free))) == set()


def test_a_batch_is_one_use_of_operator_and_tool_and_of_one_family() -> None:
    modes = (Mode("oven", 10, "heat", "rack"),)
    made = [Operation(name, modes, batch="b", family="hot") for name in ("X", "Y")]
    problem = Problem(
        START,
        (Machine("oven", None, {}, None, 1.0),),
        (Order("O", tuple(made)),),
        operators=(Operator("ann", frozenset({"heat"})),),
        tools={"rack": 1},
    )
    tasks = tuple(Task(name, "oven", 0, 0, 10, "ann") for name in ("X", "Y"))
    good = Schedule(tasks, Cost(work=10.0), 10)
    assert violations(problem, good) == []
    mixed = replace(problem, orders=(Order("O", (made[0], replace(made[1], family="cold"))),))
    assert {one.rule for one in violations(mixed, good)} == {"batch"}


def test_pinned_tasks_stay_and_are_free_of_shifts_and_release() -> None:
    begun = Task("A10", "press", -40, -40, 70, "ann")
    problem = replace(shop(), pinned=(begun,), supplies=shop().supplies[:1], before=())
    made = replace(changed("A10", setup_start_min=-40, start_min=-40, end_min=70))
    assert rules(problem, made) == set()
    assert rules(problem, schedule()) >= {"pinned"}
    assert "precedence" in rules(problem, replace(changed("A20", start_min=60)))


def test_what_is_pinned_must_come_after_what_it_waits_for_unless_it_has_begun() -> None:
    made = changed("A20", setup_start_min=90, start_min=90, end_min=970)
    assert "precedence" in rules(replace(shop(), pinned=(made.task["A20"],)), made)
    begun = changed("A20", setup_start_min=-10, start_min=-10, end_min=970)
    assert "precedence" not in rules(replace(shop(), pinned=(begun.task["A20"],)), begun)


def test_what_a_schedule_says_of_itself_must_be_true() -> None:
    good = schedule()
    for name in ("lateness", "setup", "work", "risk", "moves"):
        wrong = replace(good, cost=replace(good.cost, **{name: getattr(good.cost, name) + 0.1}))
        assert [(one.rule, name in one.words) for one in violations(shop(), wrong)] == [("cost", True)]
    assert [one.rule for one in violations(shop(), replace(good, makespan_min=1))] == ["makespan"]
    assert [one.rule for one in violations(shop(), replace(good, lower_bound=good.cost.total + 1))] == ["bound"]


def test_without_money_the_bound_is_one_of_the_makespan() -> None:
    problem = Problem(START, (Machine("m"),), (Order("O", (Operation("X", (Mode("m", 5),)),)),))
    made = Schedule((Task("X", "m", 0, 0, 5),), Cost(), 5, lower_bound=5)
    assert violations(problem, made) == []
    assert [one.rule for one in violations(problem, replace(made, lower_bound=6))] == ["bound"]


def test_the_bound_may_be_one_of_the_makespan_although_things_cost_money() -> None:
    good = replace(schedule(), lower_bound=1460)
    assert [one.rule for one in violations(shop(), good)] == ["bound"]
    assert violations(shop(), good, objective="makespan") == []


def test_a_setup_may_be_done_in_a_shift_and_the_work_in_the_next() -> None:
    made = changed("B10", setup_start_min=450, start_min=960, end_min=1060)
    assert rules(shop(), replace(made, tasks=tuple(t for t in made.tasks if t.name != "M1"))) == {"maintenance"}
    short = changed("B10", setup_start_min=451, start_min=960, end_min=1060)
    assert "setup" in rules(shop(), short)


def random_problem(seed: int, orders: int, machines: int) -> Problem:
    """Orders in random order over machines with set-ups and shifts."""
    rng = random.Random(seed)
    families = "abc"
    setup = {(a, b): rng.randrange(4) for a in families for b in families}
    shifts = tuple((day * 1440 + 360, day * 1440 + 1320) for day in range(400))
    shop_machines = tuple(
        Machine(f"m{i}", shifts if i % 2 else None, setup, "a", 1.0, may_pause=i % 4 == 1) for i in range(machines)
    )
    made = []
    for number in range(orders):
        route = rng.sample(range(machines), machines)
        operations = tuple(
            Operation(
                f"{number}-{step}",
                (Mode(f"m{machine}", rng.randrange(1, 60)),),
                after=(f"{number}-{step - 1}",) if step else (),
                family=rng.choice((None, *families)),
            )
            for step, machine in enumerate(route)
        )
        made.append(Order(f"{number}", operations, due_min=500, late_cost_per_min=0.5))
    return Problem(START, shop_machines, tuple(made), maintenance=(Maintenance("M", "m0", 30, 5),))


def built(problem: Problem) -> Schedule:
    """Operations one after the other, minute by minute: slow, and nothing like the checker."""
    free = dict.fromkeys(problem.machine, 0)
    family: dict[str, str | None] = {machine.name: machine.first_family for machine in problem.machines}
    ends: dict[str, int] = {}
    tasks, setup_min, work_min = [], 0, 0
    for operation in problem.operations.values():
        mode = operation.modes[0]
        machine = problem.machine[mode.machine]
        needed = machine.setup_min.get((family[machine.name] or "", operation.family or ""), 0)
        at = max(free[machine.name], max((ends[name] for name in operation.after), default=0))
        length = needed + mode.duration_min
        while machine.shifts is not None and not any(a <= at and at + length <= b for a, b in machine.shifts):
            at = next(a for a, _ in machine.shifts if a > at)
        tasks.append(Task(operation.name, machine.name, at, at + needed, at + length))
        ends[operation.name] = free[machine.name] = at + length
        family[machine.name] = operation.family or family[machine.name]
        setup_min, work_min = setup_min + needed, work_min + mode.duration_min
    late = sum(0.5 * max(0, max(ends[one.name] for one in order.operations) - 500) for order in problem.orders)
    return Schedule(tuple(tasks), Cost(late, float(setup_min), float(work_min)), max(ends.values()))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6), st.data())
def test_built_schedules_pass_and_any_task_moved_onto_another_does_not(
    seed: int, orders: int, machines: int, data: st.DataObject
) -> None:
    problem = random_problem(seed, orders, machines)
    made = built(problem)
    assert violations(problem, made) == []
    task = data.draw(st.sampled_from(made.tasks))
    moved = replace(task, setup_start_min=task.setup_start_min - 1, start_min=task.start_min - 1)
    other = replace(made, tasks=tuple(moved if one is task else one for one in made.tasks))
    assert violations(problem, other) != []


def test_a_large_schedule_is_checked() -> None:
    problem = random_problem(1, 250, 20)
    made = built(problem)
    assert len(made.tasks) == 5000
    assert violations(problem, made) == []
    last = made.tasks[-1]
    late = replace(
        last, start_min=last.start_min - 1, end_min=last.end_min - 1, setup_start_min=last.setup_start_min - 1
    )
    assert violations(problem, replace(made, tasks=(*made.tasks[:-1], late))) != []


def test_it_shares_nothing_with_what_makes_schedules() -> None:
    folder = Path(str(factory_assets.planning.__file__)).parent
    for path in (folder / "checking").glob("*.py"):
        names = {
            node.module
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("factory_assets")
        }
        allowed = ("factory_assets.planning.problem", "factory_assets.planning.checking.")
        assert all(str(name).startswith(allowed) for name in names), path


def test_times_are_aware() -> None:
    assert shop().start_utc.tzinfo is dt.UTC
