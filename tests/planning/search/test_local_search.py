from __future__ import annotations

from itertools import count

from factory_assets.planning.costs import schedule_of
from factory_assets.planning.search.annealing import Annealing
from factory_assets.planning.search.dispatching import best_dispatch
from factory_assets.planning.search.loads import Shop
from factory_assets.planning.search.local_search import Improver, improve, improver_of, prepare
from factory_assets.planning.search.tabu import TabuSearch
from tests.planning.plain_shops import FT06_BEST, flexible_shop, ft06
from tests.planning.random_shops import random_problem


def test_the_search_fits_the_problem() -> None:
    cases = (
        (flexible_shop(0), "makespan", TabuSearch),
        (flexible_shop(0), "cost", Annealing),
        (random_problem(0, frozenset({"setups", "shifts"})), "makespan", Annealing),
        (random_problem(0), "cost", Annealing),
    )
    for problem, objective, kind in cases:
        shop = Shop(problem)
        assert isinstance(improver_of(shop, best_dispatch(shop, objective), objective, 0), kind)


def test_searches_run_until_the_target_and_tell_what_they_find() -> None:
    shop = Shop(ft06())
    searches = [improver_of(shop, best_dispatch(shop, "makespan"), "makespan", seed) for seed in range(2)]
    told: list[float] = []

    def on_better(one: Improver) -> None:
        told.append(schedule_of(shop, one.tasks(), "local search").makespan_min)

    for thread in improve(searches, FT06_BEST, lambda: 0.0, on_better):
        thread.join()
    assert min(told) == FT06_BEST


def test_searches_can_be_compiled_beforehand() -> None:
    prepare()


def test_searches_end_when_it_is_over() -> None:
    shop = Shop(ft06())
    search = improver_of(shop, best_dispatch(shop, "makespan"), "makespan", 0)
    calls = count()
    for thread in improve([search], 0.0, lambda: next(calls) / 2, lambda _: None):
        thread.join()
    assert next(calls) == 3
