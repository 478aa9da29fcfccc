from __future__ import annotations

from dataclasses import replace

import pytest

from factory_assets.planning.checking.checker import violations
from factory_assets.planning.problem import Machine, Mode, Operation, Order, Problem, Task
from factory_assets.planning.rescheduling import Breakdown, changed_problem, moved_tasks, reschedule
from factory_assets.planning.search.dispatching import best_dispatch
from factory_assets.planning.search.loads import Shop
from tests.planning.random_shops import EVERYTHING, START, random_problem


def _three_machines(**changes: object) -> Problem:
    """Six orders of two steps, each step on either of two machines, with room between."""
    orders = tuple(
        Order(
            f"o{number}",
            (
                Operation(f"o{number}-0", (Mode("m0", 20), Mode("m1", 25))),
                Operation(f"o{number}-1", (Mode("m1", 20), Mode("m2", 25)), (f"o{number}-0",)),
            ),
            due_min=200,
            late_cost_per_min=1.0,
        )
        for number in range(6)
    )
    problem = Problem(START, tuple(Machine(f"m{number}") for number in range(3)), orders)
    return replace(problem, **changes)


def test_what_has_begun_or_is_frozen_stays_and_the_rest_is_free() -> None:
    problem = _three_machines()
    old = best_dispatch(Shop(problem), "cost")
    changed = changed_problem(problem, old.tasks, 30, frozen_min=15)
    assert {task.name for task in changed.pinned} == {task.name for task in old.tasks if task.start_min < 45}
    assert {task.name for task in changed.before} == {task.name for task in old.tasks if task.start_min >= 45}
    assert all(order.release_min in (0, 30) for order in changed.orders)


def test_a_breakdown_moves_few_tasks_and_nothing_frozen() -> None:
    problem = _three_machines()
    old = best_dispatch(Shop(problem), "cost")
    result = reschedule(
        problem, old.tasks, 30, frozen_min=10, breakdowns=[Breakdown("m0", 50, 70)], seconds=5, workers=1
    )
    assert violations(result.problem, result.schedule) == []
    frozen = [task for task in old.tasks if task.start_min < 40]
    assert frozen
    assert all(result.schedule.task[task.name] == task for task in frozen)
    assert not any(
        task.machine == "m0" and task.start_min < 70 and task.end_min > 50
        for task in result.schedule.tasks
        if task.name in problem.operations
    )
    assert set(result.moved) == set(moved_tasks(result.problem, result.schedule))
    assert 1 <= len(result.moved) < result.free
    assert result.schedule.lower_bound is None


def test_a_task_on_a_broken_machine_is_begun_anew_unless_it_may_pause() -> None:
    order = Order("o", (Operation("a", (Mode("m", 50),)), Operation("b", (Mode("m", 20),), ("a",))))
    running = (Task("a", "m", 0, 0, 50), Task("b", "m", 50, 50, 70))
    stop = [Breakdown("m", 20, 40)]
    stiff = Problem(START, (Machine("m", ((0, 500),)),), (order,))
    anew = changed_problem(stiff, running, 20, breakdowns=stop)
    assert anew.pinned == ()
    assert anew.machine["m"].shifts == ((0, 20), (40, 500))
    patient = replace(stiff, machines=(Machine("m", ((0, 500),), may_pause=True),))
    waits = changed_problem(patient, running, 20, frozen_min=100, breakdowns=stop)
    assert waits.pinned == (Task("a", "m", 0, 0, 70),)
    assert [task.name for task in waits.before] == ["b"]
    always = replace(stiff, machines=(Machine("m"),))
    result = reschedule(always, running, 20, breakdowns=stop, seconds=2, workers=1)
    assert result.schedule.task["a"].start_min == 40
    assert violations(result.problem, result.schedule) == []


def test_a_rush_order_is_taken_in() -> None:
    problem = _three_machines()
    old = best_dispatch(Shop(problem), "cost")
    rush = Order("rush", (Operation("rush-0", (Mode("m0", 10),)),), due_min=60, late_cost_per_min=50.0)
    result = reschedule(replace(problem, orders=(*problem.orders, rush)), old.tasks, 30, seconds=5, workers=1)
    assert violations(result.problem, result.schedule) == []
    assert result.schedule.task["rush-0"].end_min <= 75
    assert result.schedule.task["rush-0"].start_min >= 30


def test_without_a_change_nothing_moves() -> None:
    problem = _three_machines()
    old = best_dispatch(Shop(problem), "cost")
    result = reschedule(problem, old.tasks, 30, seconds=2, workers=1)
    assert result.moved == ()
    assert {task.name: task for task in result.schedule.tasks} == old.task


@pytest.mark.parametrize("seed", range(8))
def test_everything_is_kept_to_after_a_breakdown(seed: int) -> None:
    problem = random_problem(seed, EVERYTHING, orders=4)
    old = best_dispatch(Shop(problem), "cost")
    stop = [Breakdown("m1", 45, 90)]
    result = reschedule(problem, old.tasks, 40, frozen_min=10, breakdowns=stop, seconds=1, workers=1)
    assert violations(result.problem, result.schedule) == []
