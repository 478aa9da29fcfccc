from __future__ import annotations

from dataclasses import replace

import pytest

from factory_assets.planning.checking.checker import violations
from factory_assets.planning.costs import value_of
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
from factory_assets.planning.search.dispatching import RULES, best_dispatch, cheapest_maintenance, dispatch
from factory_assets.planning.search.loads import NoScheduleError, Shop
from tests.planning.random_shops import EVERYTHING, START, random_problem
from tests.planning.shop_made import shop as made_shop


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(12))
def test_every_rule_keeps_to_everything(rule: str, seed: int) -> None:
    problem = random_problem(seed)
    assert violations(problem, dispatch(Shop(problem), rule)) == []


@pytest.mark.parametrize("feature", sorted(EVERYTHING))
def test_each_feature_alone_is_kept_to(feature: str) -> None:
    for seed in range(4):
        problem = random_problem(seed, frozenset({feature, "shifts"}))
        assert violations(problem, best_dispatch(Shop(problem), "cost")) == []


def test_the_shop_with_everything_is_dispatched() -> None:
    assert violations(made_shop(), best_dispatch(Shop(made_shop()), "cost")) == []


def test_the_best_rule_is_kept_and_enough_is_enough() -> None:
    shop = Shop(random_problem(3))
    each = [value_of(dispatch(shop, rule), "cost") for rule in RULES]
    assert value_of(best_dispatch(shop, "cost"), "cost") == min(each)
    assert value_of(best_dispatch(shop, "cost", enough=lambda: True), "cost") == each[0]


def _one(**changes: object) -> Problem:
    order = Order("o", (Operation("a", (Mode("m", 50, "weld", "jig"),), materials={"steel": 3}),))
    problem = Problem(
        START,
        (Machine("m", ((0, 60), (100, 160))),),
        (order,),
        (Operator("Ann", frozenset({"weld"})),),
        {"jig": 1},
        (Supply("steel", 0, 3),),
    )
    return replace(problem, **changes)


def test_waits_for_material_people_and_shifts() -> None:
    assert dispatch(Shop(_one()), "FIFO").task["a"].start_min == 0
    late_steel = _one(supplies=(Supply("steel", 0, 2), Supply("steel", 101, 1)))
    assert dispatch(Shop(late_steel), "FIFO").task["a"].start_min == 101
    late_ann = _one(operators=(Operator("Ann", frozenset({"weld"}), ((105, 200),)),))
    assert dispatch(Shop(late_ann), "FIFO").task["a"].start_min == 105


@pytest.mark.parametrize(
    "problem",
    [
        _one(supplies=()),
        _one(tools={}),
        _one(operators=(Operator("Bob", frozenset()),)),
        _one(machines=(Machine("m", ((0, 40),)),)),
        _one(horizon_min=40),
    ],
)
def test_what_has_no_place_is_named(problem: Problem) -> None:
    with pytest.raises(NoScheduleError, match="operation a has no place"):
        best_dispatch(Shop(problem), "makespan")


def test_maintenance_goes_where_risk_and_lost_time_cost_least() -> None:
    machine = Machine("m", ((0, 100), (200, 300)), cost_per_min=1.0)
    order = Order("o", (Operation("a", (Mode("m", 60),)),))
    task = Maintenance("s", "m", 50, 0, 250, risk_cost=((0, 0.0), (250, 25.0)))
    problem = Problem(START, (machine,), (order,), maintenance=(task,))
    assert cheapest_maintenance(Shop(problem)) == {"s": 100}
    unneeded = replace(task, latest_min=None, risk_cost=((0, 5.0), (300, 5.0)))
    assert cheapest_maintenance(Shop(replace(problem, maintenance=(unneeded,)))) == {"s": None}


def test_loads_go_between_pinned_tasks_whose_setup_is_long_enough() -> None:
    machine = Machine("m", None, {("A", "B"): 10, ("B", "A"): 10}, "A")
    operations = tuple(Operation(name, (Mode("m", 20),), family=name[0]) for name in ("A1", "A2", "B1"))
    pinned = (Task("B1", "m", 40, 50, 70),)
    problem = Problem(START, (machine,), (Order("o", operations),), pinned=pinned)
    schedule = dispatch(Shop(problem), "FIFO")
    assert violations(problem, schedule) == []
    assert sorted(task.start_min for task in schedule.tasks) == [0, 20, 50]
    hasty = replace(problem, pinned=(Task("B1", "m", 50, 50, 70),), machines=(replace(machine, first_family="B"),))
    assert min(dispatch(Shop(hasty), "FIFO").task[name].start_min for name in ("A1", "A2")) == 80
