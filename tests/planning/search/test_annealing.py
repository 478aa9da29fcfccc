from __future__ import annotations

import math

import pytest

from factory_assets.planning.checking.checker import violations
from factory_assets.planning.costs import schedule_of, value_of
from factory_assets.planning.search.annealing import Annealing
from factory_assets.planning.search.dispatching import best_dispatch
from factory_assets.planning.search.loads import Shop
from tests.planning.random_shops import EVERYTHING, random_problem


def _annealing(seed: int, objective: str = "cost") -> tuple[Shop, Annealing]:
    shop = Shop(random_problem(seed, EVERYTHING))
    return shop, Annealing(shop, best_dispatch(shop, objective), objective, seed)


@pytest.mark.parametrize("objective", ["cost", "makespan"])
@pytest.mark.parametrize("seed", range(20))
def test_every_best_schedule_is_valid_and_worth_what_it_says(seed: int, objective: str) -> None:
    shop, search = _annealing(seed, objective)
    for step in range(4):
        best = search.run(30, step / 4)
        schedule = schedule_of(shop, search.tasks(), "local search")
        bad = [one for one in violations(shop.problem, schedule) if one.rule != "bound"]
        assert bad == []
        assert math.isclose(value_of(schedule, objective), best, abs_tol=1e-6)


def test_it_improves() -> None:
    gains = []
    for seed in range(6):
        _, search = _annealing(seed)
        before = search.run(0)
        search.run(300, 0.3)
        gains.append(before - search.run(300))
    assert all(gain >= 0 for gain in gains)
    assert sum(gain > 0 for gain in gains) >= 2


def test_same_seed_same_schedule() -> None:
    first, second = (_annealing(4)[1] for _ in range(2))
    first.run(200, 0.5)
    second.run(200, 0.5)
    assert first.tasks() == second.tasks()
