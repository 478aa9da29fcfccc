from __future__ import annotations

import pytest

from factory_assets.planning.bounds import earliest_ends, lower_bound
from factory_assets.planning.costs import Objective, value_of
from factory_assets.planning.instances import parse_instance
from factory_assets.planning.problem import Machine, Mode, Operation, Order, Problem
from factory_assets.planning.search.dispatching import RULES, dispatch
from factory_assets.planning.search.loads import Shop
from tests.planning.random_shops import START, random_problem


@pytest.mark.parametrize("objective", ["cost", "makespan"])
@pytest.mark.parametrize("seed", range(20))
def test_no_schedule_is_below_the_bound(seed: int, objective: Objective) -> None:
    shop = Shop(random_problem(seed))
    bound = lower_bound(shop, objective)
    assert all(bound <= value_of(dispatch(shop, rule), objective) + 1e-9 for rule in RULES)


def test_the_longest_job_and_the_fullest_machine_bound_the_makespan() -> None:
    longest_job = Shop(parse_instance("2 2\n0 9 1 9\n0 1\n", flexible=False))
    assert lower_bound(longest_job, "makespan") == 18
    # Machine 1 begins after 2 minutes, works 5 + 6, and 1 minute follows.
    fullest = Shop(parse_instance("2 3\n0 2 1 5 2 1\n0 3 1 6 2 4\n", flexible=False))
    assert lower_bound(fullest, "makespan") == 2 + 11 + 1


def test_costs_are_at_least_work_and_lateness_alone() -> None:
    machines = (Machine("slow", cost_per_min=1.0), Machine("dear", cost_per_min=4.0))
    operation = Operation("a", (Mode("slow", 30), Mode("dear", 10)))
    order = Order("o", (operation,), 5, 8, 2.0)
    shop = Shop(Problem(START, machines, (order,)))
    assert earliest_ends(shop) == [15]
    assert lower_bound(shop, "cost") == 30 * 1.0 + 2.0 * (15 - 8)
