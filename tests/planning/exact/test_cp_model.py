from __future__ import annotations

from dataclasses import replace

import pytest

from factory_assets.planning.checking.checker import violations
from factory_assets.planning.costs import Objective, schedule_of, value_of
from factory_assets.planning.exact.cp_model import Model
from factory_assets.planning.incumbent import Incumbent
from factory_assets.planning.problem import Machine, Mode, Operation, Order, Problem, Schedule
from factory_assets.planning.search.dispatching import best_dispatch
from factory_assets.planning.search.loads import Shop
from factory_assets.planning.solving import horizon_of, run_model
from tests.planning.plain_shops import FT06_BEST, ft06
from tests.planning.random_shops import EVERYTHING, START, random_problem
from tests.planning.shop_made import shop as made_shop


def _solved(problem: Problem, objective: Objective, *, hint: bool = False) -> tuple[str, Schedule]:
    shop = Shop(problem)
    run = Incumbent(shop, objective, 60.0, None)
    model = Model(shop, objective, horizon_of(run))
    if hint:
        model.hint(best_dispatch(shop, objective))
    status = run_model(run, model, workers=1, seed=0)
    found = run.result()
    assert found is not None
    return status, found


@pytest.mark.parametrize("feature", sorted(EVERYTHING))
def test_each_feature_is_kept_to_and_the_best_is_proved(feature: str) -> None:
    for seed in range(2):
        problem = random_problem(seed, frozenset({feature, "shifts"}), orders=2)
        status, found = _solved(problem, "cost")
        assert violations(problem, found) == []
        assert found.cost.total <= best_dispatch(Shop(problem), "cost").cost.total + 1e-6
        assert found.lower_bound == pytest.approx(found.cost.total, abs=0.1), status


@pytest.mark.parametrize("seed", range(3))
def test_everything_together(seed: int) -> None:
    problem = random_problem(seed, orders=2, steps=2)
    _, found = _solved(problem, "cost", hint=True)
    assert violations(problem, found) == []


def test_setups_wait_for_the_next_shift_where_the_machine_may_pause() -> None:
    machine = Machine("m", ((0, 30), (100, 130)), {("A", "B"): 10, ("B", "A"): 10}, "A", 1.0, may_pause=True)
    operations = (Operation("a", (Mode("m", 25),), (), "A"), Operation("b", (Mode("m", 15),), ("a",), "B"))
    problem = Problem(START, (machine,), (Order("o", operations, due_min=0, late_cost_per_min=1.0),))
    _, found = _solved(problem, "cost")
    task = found.task["b"]
    assert (task.setup_start_min, task.start_min, task.end_min) == (25, 105, 120)
    assert violations(problem, found) == []


def test_the_shop_with_everything() -> None:
    _, found = _solved(made_shop(), "cost")
    assert violations(made_shop(), found) == []
    assert found.lower_bound == pytest.approx(found.cost.total, abs=0.1)


def test_a_known_instance_is_proved() -> None:
    status, found = _solved(ft06(), "makespan", hint=True)
    assert (status, found.makespan_min, found.lower_bound) == ("OPTIMAL", FT06_BEST, FT06_BEST)


def test_moving_costs() -> None:
    problem = random_problem(1, frozenset({"alternatives"}))
    old = best_dispatch(Shop(problem), "makespan")
    staying = replace(problem, before=old.tasks, move_cost_per_min=1000.0)
    _, found = _solved(staying, "cost", hint=True)
    assert found.cost.moves == 0
    assert {task.name: task.start_min for task in found.tasks} == {task.name: task.start_min for task in old.tasks}


def test_pinned_tasks_stay() -> None:
    problem = random_problem(2, EVERYTHING - {"operators"}, orders=2)
    shop = Shop(problem)
    old = best_dispatch(shop, "cost")
    batch = {name for load in shop.loads if len(load.names) > 1 for name in load.names}
    pinned = tuple(task for task in old.tasks[:4] if task.name not in batch)
    fixed = replace(problem, pinned=pinned)
    _, found = _solved(fixed, "cost", hint=True)
    assert violations(fixed, found) == []


def test_no_schedule_is_said_to_be_none() -> None:
    order = Order("o", (Operation("a", (Mode("m", 50),)),))
    shop = Shop(Problem(START, (Machine("m", ((0, 40),)),), (order,)))
    run = Incumbent(shop, "makespan", 60.0, None)
    assert run_model(run, Model(shop, "makespan", 100), 1, 0) == "INFEASIBLE"
    assert run.result() is None


def test_a_hint_is_a_complete_schedule() -> None:
    """Held to its hints, the model reproduces the schedule that they come from."""
    for seed in range(4):
        problem = random_problem(seed, EVERYTHING - {"operators"}, orders=2)
        shop = Shop(problem)
        old = best_dispatch(shop, "cost")
        run = Incumbent(shop, "cost", 60.0, None)
        model = Model(shop, "cost", horizon_of(run))
        model.hint(old)
        from ortools.sat.python import cp_model

        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.fix_variables_to_their_hinted_value = True
        assert solver.status_name(solver.solve(model.cp)) == "OPTIMAL"
        again = schedule_of(shop, model.tasks(solver), "cp-sat")
        assert value_of(again, "cost") == pytest.approx(value_of(old, "cost"), abs=0.1)
