"""Load of machines, and why orders are late: every minute of waiting for what was in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
from factory_assets.planning.showing.reports import duration_words, late_orders, machine_loads
from factory_assets.planning.showing.waiting import Wait, Waiting
from tests.planning.shop_made import START, schedule, shop


def scheduled(*tasks: Task) -> Schedule:
    return Schedule(tasks, Cost(), max(task.end_min for task in tasks))


def waits(problem: Problem, made: Schedule, name: str) -> list[Wait]:
    return Waiting(problem, made).waits(made.task[name])


def one(machine: Machine, *, mode: Mode | None = None, others: tuple[Order, ...] = (), **values: object) -> Problem:
    order = Order("A", (Operation("A10", (mode or Mode("m", 60),), materials={"steel": 2}),), due_min=60)
    made = {"supplies": (Supply("steel", 0, 100),), **values}
    return Problem(START, (machine, Machine("n")), (order, *others), **made)  # type: ignore[arg-type]


def other(*modes: Mode, **values: object) -> Order:
    made = tuple(Operation(f"B{10 + 10 * n}", (mode,), **values) for n, mode in enumerate(modes))  # type: ignore[arg-type]
    return Order("B", made)


ALONE = Task("A10", "m", 100, 100, 160)
CASES: dict[str, tuple[Problem, Schedule, list[Wait]]] = {
    "the machine": (
        one(Machine("m"), others=(other(Mode("m", 80)),)),
        scheduled(Task("B10", "m", 10, 20, 100), ALONE),
        [Wait("A10", "machine", 90, ("B10",)), Wait("A10", "choice", 10)],
    ),
    "a shift": (one(Machine("m", ((100, 500),))), scheduled(ALONE), [Wait("A10", "shift", 100, ("m",))]),
    "a shift that is long enough": (
        one(Machine("m", ((50, 90), (100, 500)))),
        scheduled(ALONE),
        [Wait("A10", "shift", 100, ("m",))],
    ),
    "a set-up": (
        one(Machine("m")),
        scheduled(Task("A10", "m", 0, 100, 160)),
        [Wait("A10", "setup", 100, ("m",))],
    ),
    "maintenance": (
        one(Machine("m"), maintenance=(Maintenance("M1", "m", 100),)),
        scheduled(Task("M1", "m", 0, 0, 100), ALONE),
        [Wait("A10", "machine", 100, ("M1",))],
    ),
    "material": (
        one(Machine("m"), supplies=(Supply("steel", 100, 2),)),
        scheduled(ALONE),
        [Wait("A10", "material", 100, ("steel",))],
    ),
    "material that another takes": (
        one(
            Machine("m"),
            supplies=(Supply("steel", 0, 2), Supply("steel", 100, 2)),
            others=(other(Mode("n", 10), materials={"steel": 2}),),
        ),
        scheduled(Task("B10", "n", 40, 40, 50), ALONE),
        [Wait("A10", "material", 100, ("steel",))],
    ),
    "an operator": (
        one(
            Machine("m"),
            mode=Mode("m", 60, "drill"),
            operators=(Operator("ann", frozenset({"drill"}), ((30, 900),)), Operator("bob", frozenset({"weld"}))),
            others=(other(Mode("n", 70, "drill")),),
        ),
        scheduled(Task("B10", "n", 30, 30, 100, "ann"), replace(ALONE, operator="ann")),
        [Wait("A10", "operator", 100, ("drill",))],
    ),
    "a tool": (
        one(
            Machine("m"),
            mode=Mode("m", 60, None, "die"),
            tools={"die": 1},
            others=(other(Mode("n", 100, None, "die")),),
        ),
        scheduled(Task("B10", "n", 0, 0, 100), ALONE),
        [Wait("A10", "tool", 100, ("die",))],
    ),
    "nothing": (one(Machine("m")), scheduled(ALONE), [Wait("A10", "choice", 100)]),
    "nothing at all": (one(Machine("m")), scheduled(Task("A10", "m", 0, 0, 60)), []),
}


@pytest.mark.parametrize("name", CASES)
def test_an_operation_waits_for(name: str) -> None:
    problem, made, wanted = CASES[name]
    assert waits(problem, made, "A10") == wanted


def test_a_batch_waits_for_its_last_member() -> None:
    assert waits(shop(), schedule(), "B30") == [
        Wait("B30", "batch", 700, ("A30",)),
        Wait("B30", "choice", 420),
    ]


def test_late_orders_say_why_the_dearest_first() -> None:
    first, second = late_orders(shop(), schedule())
    assert (first.order, first.late_min, first.cost, first.work_min, first.pause_min) == ("A", 60, 30.0, 560, 480)
    assert first.chain == ("A10", "A20", "A30")
    assert first.words == "A is 1 h late: 9 h 20 of work, 8 h outside shifts, 7 h by choice of the schedule"
    assert (second.order, second.chain) == ("B", ("B10", "B30"))
    assert second.waits[0] == Wait("B30", "batch", 700, ("A30",))


def test_an_order_without_time_for_its_work_says_so() -> None:
    problem = one(Machine("m"))
    problem = replace(problem, orders=(replace(problem.orders[0], due_min=40),))
    (late,) = late_orders(problem, scheduled(Task("A10", "m", 0, 0, 60)))
    assert late.words == ("A is 20 min late: 1 h of work, for which there was only 40 min between release and due date")
    assert late_orders(one(Machine("m")), scheduled(Task("A10", "m", 0, 0, 60))) == []


def test_loads_count_open_minutes_only() -> None:
    loads = {load.machine: load for load in machine_loads(shop(), schedule())}
    press = loads["press"]
    assert (press.open_min, press.work_min, press.setup_min, press.maintenance_min) == (960, 200, 30, 0)
    assert press.load == 230 / 960
    assert (loads["mill"].work_min, loads["mill"].operations) == (400, 1)
    assert (loads["oven"].work_min, loads["oven"].operations) == (60, 2)
    assert [load.machine for load in machine_loads(shop(), schedule())] == ["mill", "press", "oven"]


def test_durations_are_said_as_people_say_them() -> None:
    said = [duration_words(minutes) for minutes in (5, 60, 185, 1440, 1500)]
    assert said == ["5 min", "1 h", "3 h 05", "1 d", "1 d 1 h"]
