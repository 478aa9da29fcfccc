"""Changes of a problem and of what may stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from factory_assets.planning.problem import Problem, Task
from factory_assets.planning.rescheduling import Breakdown
from factory_assets.planning.what_if.applying import Changed, applied
from factory_assets.planning.what_if.changes import (
    Change,
    ExtraDelivery,
    ExtraShift,
    LateDelivery,
    MaintenanceAt,
    NewDue,
    NoMaintenance,
    RushOrder,
    Stop,
    WithoutOrder,
)
from factory_assets.planning.what_if.errors import WhatIfError
from tests.planning.shop_made import schedule, shop
from tests.planning.what_if.bases import CLOCK


def change(
    *changes: Change, now: int = 0, frozen: int = 0, problem: Problem | None = None,
    tasks: Sequence[Task] | None = None, partly_done: Sequence[str] = (),
) -> Changed:  # fmt: skip
    there = schedule().tasks if tasks is None else tasks
    return applied(
        problem or shop(), there, changes, now_min=now, frozen_min=frozen, clock=CLOCK, partly_done=partly_done
    )


def names(changed: Changed) -> set[str]:
    return {task.name for task in changed.in_force}


def test_a_stopped_machine_is_a_breakdown() -> None:
    changed = change(Stop("mill", 300, 400))
    assert changed.stops == (Breakdown("mill", 300, 400),)
    assert names(changed) == {task.name for task in schedule().tasks}


def test_a_machine_that_always_works_gets_shifts_that_can_be_cut() -> None:
    assert change(Stop("oven", 300, 400)).problem.machine["oven"].shifts == ((0, 2880),)


def test_an_operator_who_is_away_has_fewer_shifts_and_no_frozen_tasks() -> None:
    changed = change(Stop("tom", 170, 200), now=150, frozen=100)
    assert {one.name: one.shifts for one in changed.problem.operators}["tom"] == ((0, 170), (200, 600), (960, 1440))
    assert "B10" not in names(changed)
    assert "A20" in names(changed)


def test_what_had_begun_with_somebody_who_leaves_is_told() -> None:
    changed = change(Stop("tom", 200, 400), now=190)
    assert "B10" in names(changed)
    assert any("B10 had begun with tom" in note for note in changed.notes)


def test_an_extra_shift_joins_the_others_from_now_on() -> None:
    changed = change(ExtraShift("press", 470, 700), ExtraShift("ann", 600, 700), now=500)
    assert changed.problem.machine["press"].shifts == ((0, 480), (500, 700), (960, 1440))
    assert {one.name: one.shifts for one in changed.problem.operators}["ann"] == ((0, 480), (600, 700))


def test_an_extra_shift_without_people_is_told() -> None:
    assert any("give ann, tom an extra shift" in note for note in change(ExtraShift("press", 700, 800)).notes)
    assert change(ExtraShift("press", 500, 600)).notes == ()
    assert change(ExtraShift("press", 700, 800), ExtraShift("ann", 700, 800)).notes == ()
    assert any("works then already" in note for note in change(ExtraShift("press", 10, 20)).notes)


def test_a_stop_within_an_extra_shift_holds_in_whatever_order_they_are_said() -> None:
    changed = change(Stop("ann", 600, 650), ExtraShift("ann", 600, 700))
    assert {one.name: one.shifts for one in changed.problem.operators}["ann"] == ((0, 480), (650, 700))


def test_a_rush_order_is_like_another_with_other_numbers() -> None:
    rush = change(RushOrder("B", 0.5, 900), now=30).problem.orders[-1]
    assert (rush.name, rush.release_min, rush.due_min, rush.late_cost_per_min) == ("rush-1", 30, 900, 1.0)
    assert rush.routings == (("rush-1 B10", "rush-1 B30"), ("rush-1 B10", "rush-1 B15", "rush-1 B30"))
    first, second, last = rush.operations
    assert (first.modes[0].duration_min, second.modes[0].duration_min, last.modes[0].duration_min) == (50, 25, 25)
    assert first.materials == {"steel": 1.0}
    assert last.after == ("rush-1 B10", "rush-1 B15")
    assert last.batch is None, "it would make the other order wait for it"


def test_names_of_a_rush_order_follow_those_of_operations() -> None:
    problem = shop()
    first = problem.orders[0]
    named = replace(first, operations=(replace(first.operations[0], name="A/10"),))
    changed = change(
        RushOrder("A", 2, 900), RushOrder("A", 2, 900, 0.0), tasks=(),
        problem=replace(problem, orders=(named,), before=(), maintenance=()),
    )  # fmt: skip
    assert [one.name for order in changed.problem.orders for one in order.operations] == [
        "A/10",
        "rush-1/10",
        "rush-2/10",
    ]
    assert changed.notes == ("rush-2 costs nothing when it is late: say what an hour costs after a comma",)


def test_nothing_is_made_like_an_order_of_which_a_part_is_done() -> None:
    with pytest.raises(WhatIfError, match=r"a part of order B is done.*such as A"):
        change(RushOrder("B", 1, 900), partly_done=["B"])


def test_of_an_order_that_is_called_off_what_has_begun_stays() -> None:
    changed = change(WithoutOrder("A"), now=50)
    assert [one.name for one in changed.problem.orders[0].operations] == ["A10"]
    assert changed.problem.orders[0].due_min is None
    assert names(changed) == {"A10", "B10", "M1", "B30"}
    assert "1 operation(s) had begun" in changed.notes[0]
    assert [order.name for order in change(WithoutOrder("A")).problem.orders] == ["B"]


def test_an_order_is_due_at_another_time() -> None:
    assert change(NewDue("A", 100)).problem.orders[0].due_min == 100


def test_late_material_comes_later_and_frozen_tasks_without_it_cannot_stay() -> None:
    changed = change(LateDelivery("steel", 600), now=100, frozen=200)
    assert [one.at_min for one in changed.problem.supplies] == [0, 750]
    assert names(changed) == {task.name for task in schedule().tasks} - {"B10"}


def test_an_extra_delivery_is_not_late() -> None:
    changed = change(ExtraDelivery("steel", 5, 300), LateDelivery("steel", 600))
    assert [(one.at_min, one.quantity) for one in changed.problem.supplies] == [(0, 2), (750, 2), (300, 5)]


def test_maintenance_begins_when_it_is_said() -> None:
    changed = change(MaintenanceAt("press", 500), frozen=600)
    assert [(one.earliest_min, one.latest_min) for one in changed.problem.maintenance] == [(500, 500)]
    assert "M1" not in names(changed)


def test_maintenance_that_is_left_out_costs_its_last_risk() -> None:
    changed = change(NoMaintenance("press"))
    task = changed.problem.maintenance[0]
    assert task.latest_min is None
    assert task.risk_cost[-1][1] == 100.0
    assert min(cost for minute, cost in task.risk_cost if minute <= 2880) > 1e5
    assert "M1" not in names(changed)


def test_only_what_has_begun_stays_pinned() -> None:
    pins = (Task("A10", "press", -10, -10, 90, "ann"), Task("B10", "press", 150, 180, 280, "tom"))
    tasks = (*pins, *(task for task in schedule().tasks if task.name not in {"A10", "B10"}))
    problem = replace(shop(), pinned=pins)
    assert change(NewDue("A", 1), problem=problem, tasks=tasks).problem.pinned == pins[:1]
    stopped = change(Stop("press", 20, 50), problem=problem, tasks=tasks, now=10)
    assert stopped.problem.pinned == (), "it cannot go on while its machine stands"
    begun = change(NewDue("A", 1), problem=problem, tasks=tasks, now=500)
    assert {task.name for task in begun.problem.pinned} == {"A10", "M1"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Stop("pres", 10, 20), "no machine or operator pres in the schedule: did you mean press"),
        (Stop("x", 10, 20), "there are: ann, mill, oven, press, tom"),
        (Stop("press", -50, 0), "Mon 5 Oct 05:10 to Mon 5 Oct 06:00 is over: it is Mon 5 Oct 06:00"),
        (Stop("press", 2880, 2900), "after the end of what is planned"),
        (ExtraShift("oven", 10, 20), "oven always works"),
        (RushOrder("C", 1, 900), "no order C"),
        (RushOrder("A", 1, 0), "a rush order cannot be due Mon 5 Oct 06:00"),
        (WithoutOrder("C"), "no order C"),
        (NewDue("C", 900), "no order C"),
        (LateDelivery("stee", 60), "no material stee in the schedule: did you mean steel"),
        (ExtraDelivery("tin", 1, 60), "no material tin"),
        (MaintenanceAt("mill", 60), "no maintenance of mill is asked for in this schedule; it is of: press"),
        (NoMaintenance("mil"), "did you mean mill"),
    ],
)
def test_what_is_not_there_is_named(asked: Change, told: str) -> None:
    with pytest.raises(WhatIfError, match=told):
        change(asked)


def test_what_is_over_cannot_be_changed() -> None:
    with pytest.raises(WhatIfError, match="maintenance of press has begun by"):
        change(NoMaintenance("press"), now=500)
    with pytest.raises(WhatIfError, match="no steel is to come after"):
        change(LateDelivery("steel", 60), now=200)
    with pytest.raises(WhatIfError, match="is over"):
        change(MaintenanceAt("press", 60), now=100)
