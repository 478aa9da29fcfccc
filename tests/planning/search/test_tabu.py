from __future__ import annotations

import numpy as np
import pytest

from factory_assets.planning.checking.checker import violations
from factory_assets.planning.costs import schedule_of
from factory_assets.planning.problem import Problem
from factory_assets.planning.search.critical_moves import (
    AFTER,
    BEFORE,
    estimate_after,
    estimate_before,
    link,
    longest_paths,
    unlink,
)
from factory_assets.planning.search.dispatching import best_dispatch, dispatch
from factory_assets.planning.search.loads import Shop
from factory_assets.planning.search.plain import PlainShop, plain_shop
from factory_assets.planning.search.tabu import TabuSearch
from tests.planning.plain_shops import FT06_BEST, flexible_shop, ft06
from tests.planning.random_shops import random_problem


def _search(problem: Problem, seed: int = 1) -> tuple[Shop, PlainShop, TabuSearch]:
    shop = Shop(problem)
    plain = plain_shop(shop)
    assert plain is not None
    return shop, plain, TabuSearch(shop, plain, best_dispatch(shop, "makespan"), seed)


def test_finds_the_best_schedule_of_a_known_instance() -> None:
    shop, _, search = _search(ft06())
    assert search.run(3000, FT06_BEST) == FT06_BEST
    schedule = schedule_of(shop, search.tasks(), "local search")
    assert schedule.makespan_min == FT06_BEST
    assert violations(shop.problem, schedule) == []


@pytest.mark.parametrize("seed", range(6))
def test_every_best_schedule_is_valid_and_no_worse_than_before(seed: int) -> None:
    shop, _, search = _search(flexible_shop(seed), seed)
    before = best_dispatch(shop, "makespan").makespan_min
    for _ in range(5):
        best = search.run(40)
        schedule = schedule_of(shop, search.tasks(), "local search")
        assert violations(shop.problem, schedule) == []
        assert schedule.makespan_min == best <= before
        before = best


def test_goes_on_from_the_best_when_stalled() -> None:
    shop, _, search = _search(flexible_shop(0, jobs=2, machines=2, steps=2))
    best = search.run(4500)
    assert schedule_of(shop, search.tasks(), "local search").makespan_min == best


def test_same_seed_same_schedule() -> None:
    first, second = (_search(flexible_shop(3), seed=5)[2] for _ in range(2))
    first.run(200)
    second.run(200)
    assert first.tasks() == second.tasks()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", [AFTER, BEFORE])
def test_an_estimate_is_the_longest_way_through_what_was_moved(seed: int, kind: int) -> None:
    """Within one machine the estimate is exact for the moved piece, so never above the new makespan."""
    shop, plain, search = _search(ft06(), seed)
    search.run(20 + seed)
    now, n = search._now.copy(), len(shop.loads)
    first = search._first.copy()
    order, head, tail = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    machine, minutes, before, after = now[1], now[2], now[3], now[4]
    longest_paths(plain.job_before, plain.job_after, before, after, minutes, order, head, tail)
    one = next(one for one in range(n) if before[one] < 0 and after[one] >= 0)
    other = int(after[one])
    arguments = (plain.job_before, plain.job_after, before, after, minutes, head, tail)
    if kind == AFTER:
        value = estimate_after(*arguments, one, other, np.zeros(n, np.int64))
    else:
        value = estimate_before(*arguments, other, one, np.zeros(n, np.int64))
    unlink(first, before, after, machine, one)
    link(first, before, after, machine, one, other)
    makespan = longest_paths(plain.job_before, plain.job_after, before, after, minutes, order, head, tail)
    if makespan > 0:
        assert value <= makespan
        assert value == max(head[one] + tail[one], head[other] + tail[other])


def test_only_plain_shops_are_searched() -> None:
    for feature in ("shifts", "setups", "operators", "tools", "material", "release", "routings", "maintenance"):
        shops = [Shop(random_problem(seed, frozenset({feature}))) for seed in range(8)]
        assert any(plain_shop(shop) is None for shop in shops)
    assert plain_shop(Shop(flexible_shop(0))) is not None


def test_a_job_after_itself_on_one_machine() -> None:
    shop, _, search = _search(flexible_shop(1, jobs=3, machines=1, steps=3))
    assert search.run(50) == dispatch(shop, "FIFO").makespan_min
