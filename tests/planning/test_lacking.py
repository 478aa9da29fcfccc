"""Tasks that cannot stay for want of people, tools or material."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factory_assets.planning.checking.checker import violations
from factory_assets.planning.lacking import lacking
from factory_assets.planning.problem import Operator, Problem, Supply
from factory_assets.planning.rescheduling import changed_problem, reschedule
from tests.planning.shop_made import schedule, shop

ANN, TOM = shop().operators


@pytest.mark.parametrize(
    ("problem", "names"),
    [
        (shop(), set()),
        (replace(shop(), supplies=(Supply("steel", 0, 2), Supply("steel", 181, 2))), {"B10"}),
        (replace(shop(), supplies=(Supply("steel", 0, 1),)), {"A10", "B10"}),
        (replace(shop(), tools={}), {"A10", "B10"}),
        (replace(shop(), operators=(TOM,)), {"A10"}),
        (replace(shop(), operators=(ANN, replace(TOM, skills=frozenset({"repair"})))), {"B10"}),
        (replace(shop(), operators=(replace(ANN, shifts=((0, 99),)), TOM)), {"A10"}),
        (replace(shop(), operators=(ANN, replace(TOM, count=0))), {"B10"}),
        (replace(shop(), operators=()), set()),
    ],
)
def test_who_lacks_something_is_named(problem: Problem, names: set[str]) -> None:
    assert lacking(problem, schedule().tasks, ()) == names


def test_who_begins_first_has_it_unless_another_stays_in_any_case() -> None:
    problem = replace(shop(), operators=(Operator("ann", frozenset({"pressing"})),), tools={"die": 2})
    first, second = (replace(schedule().task[name], operator="ann") for name in ("A10", "B10"))
    second = replace(second, setup_start_min=20, start_min=50, end_min=150)
    supplied = replace(problem, supplies=(Supply("steel", 0, 4),))
    assert lacking(supplied, (first, second), ()) == {"B10"}
    assert lacking(supplied, (first, second), ("B10",)) == {"A10"}
    assert lacking(supplied, (first, second), ("A10", "B10")) == set()


def test_a_batch_takes_one_operator() -> None:
    problem = shop()
    orders = tuple(
        replace(order, operations=tuple(
            replace(one, modes=(replace(one.modes[0], skill="firing"),)) if one.batch else one
            for one in order.operations
        ))
        for order in problem.orders
    )  # fmt: skip
    tasks = [replace(schedule().task[name], operator="kim") for name in ("A30", "B30")]
    alone = replace(problem, orders=orders, operators=(Operator("kim", frozenset({"firing"})),))
    assert lacking(alone, tasks, ()) == set()


def test_late_material_and_absent_people_are_kept_to() -> None:
    late = replace(shop(), supplies=(Supply("steel", 0, 2), Supply("steel", 300, 2)), before=())
    found = reschedule(late, schedule().tasks, 0, seconds=0.2, workers=1)
    assert violations(found.problem, found.schedule, objective="cost") == []
    assert "B10" in found.moved
    absent = replace(shop(), operators=(ANN, replace(TOM, shifts=((300, 600), (960, 1440)))), before=())
    found = reschedule(absent, schedule().tasks, 0, seconds=0.2, workers=1)
    assert violations(found.problem, found.schedule, objective="cost") == []
    assert found.schedule.task["B10"].operator == "ann" or "B10" in found.moved


def test_a_batch_that_has_begun_or_is_frozen_stays() -> None:
    first, second = shop().orders
    last = replace(second.operations[2], after=("B10",))
    second = replace(second, operations=(second.operations[0], last), routings=())
    problem = replace(shop(), orders=(first, second))
    for now, frozen in ((1410, 0), (1390, 30)):
        found = changed_problem(problem, schedule().tasks, now, frozen_min=frozen)
        assert {task.name for task in found.pinned} == {task.name for task in schedule().tasks}
