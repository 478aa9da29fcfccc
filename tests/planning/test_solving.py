from __future__ import annotations

from dataclasses import replace

import pytest

from factory_assets.planning import solving
from factory_assets.planning.checking.checker import violations
from factory_assets.planning.exact.windows import improve_windows
from factory_assets.planning.incumbent import Incumbent, Progress
from factory_assets.planning.problem import Machine, Mode, Operation, Order, Problem
from factory_assets.planning.search import local_search
from factory_assets.planning.search.dispatching import best_dispatch
from factory_assets.planning.search.loads import BadProblemError, NoScheduleError, Shop
from factory_assets.planning.solving import gap_of, objective_of, solve
from tests.planning.plain_shops import FT06_BEST, flexible_shop, ft06
from tests.planning.random_shops import START, random_problem
from tests.planning.shop_made import shop as made_shop


@pytest.mark.parametrize("workers", [1, 2])
def test_a_known_instance_is_solved_and_proved(workers: int) -> None:
    told: list[Progress] = []
    schedule = solve(ft06(), seconds=30, workers=workers, on_progress=told.append)
    assert (schedule.makespan_min, schedule.lower_bound) == (FT06_BEST, FT06_BEST)
    assert violations(ft06(), schedule) == []
    assert gap_of(schedule, "makespan") == 0
    assert told[0].solver == "dispatching"
    values = [one.value for one in told if one.value is not None]
    assert values == sorted(values, reverse=True)
    bounds = [one.bound for one in told if one.bound is not None]
    assert bounds == sorted(bounds)


@pytest.mark.parametrize("seed", range(3))
def test_everything_together_is_solved(seed: int) -> None:
    problem = random_problem(seed)
    schedule = solve(problem, seconds=1.5, workers=2, seed=seed)
    assert violations(problem, schedule) == []
    assert schedule.cost.total <= best_dispatch(Shop(problem), "cost").cost.total + 1e-9
    assert schedule.lower_bound is not None


def test_the_shop_with_everything_is_solved() -> None:
    assert violations(made_shop(), solve(made_shop(), seconds=2, workers=1)) == []


def test_an_answer_even_without_time() -> None:
    schedule = solve(flexible_shop(0), seconds=0)
    assert violations(flexible_shop(0), schedule) == []


def test_the_objective_is_money_where_anything_costs() -> None:
    assert objective_of(flexible_shop(0)) == "makespan"
    assert objective_of(random_problem(0)) == "cost"
    machines = tuple(replace(machine, cost_per_min=1.0) for machine in flexible_shop(0).machines)
    assert objective_of(replace(flexible_shop(0), machines=machines)) == "cost"


def test_large_problems_are_improved_window_by_window() -> None:
    problem = random_problem(5, frozenset({"setups", "shifts", "alternatives", "maintenance", "release"}), orders=8)
    shop = Shop(problem)
    run = Incumbent(shop, "cost", 2.0, None)
    run.offer(best_dispatch(shop, "cost").tasks, "dispatching")
    before = run.value
    improve_windows(run, workers=1, seed=0)
    found = run.result()
    assert found is not None
    assert found.cost.total < before
    assert violations(problem, found) == []


def test_a_problem_without_a_schedule_is_refused() -> None:
    order = Order("o", (Operation("a", (Mode("m", 50),)),))
    problem = Problem(START, (Machine("m", ((0, 40),)),), (order,))
    with pytest.raises(NoScheduleError, match="proved"):
        solve(problem, seconds=10, workers=1)
    with pytest.raises(BadProblemError):
        solve(replace(problem, machines=()), seconds=1)


def test_never_more_threads_than_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = local_search.improve

    def counted(improvers, *rest):  # type: ignore[no-untyped-def]
        seen.append(len(improvers))
        return real(improvers, *rest)

    monkeypatch.setattr(local_search, "improve", counted)
    models: list[int] = []
    monkeypatch.setattr(solving, "run_model", lambda _run, _model, workers, _seed: models.append(workers) or "UNKNOWN")
    solve(flexible_shop(2), seconds=1.0, workers=1)
    assert (seen, models) in (([1], [1]), ([1], []))
    seen.clear()
    models.clear()
    solve(random_problem(2), seconds=1.0, workers=2)
    assert (seen, models) in (([2, 1], [1]), ([2], []))
