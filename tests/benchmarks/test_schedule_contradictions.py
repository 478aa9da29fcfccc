"""Planted contradictions: the shops are fair, and wrong explanations are found out."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from factory_assets.benchmarks.schedule_contradictions import explained, irreducible, is_clash, is_solvable
from factory_assets.benchmarks.schedule_shops import CASES, shop
from factory_assets.planning.explaining.conflicts import explain
from factory_assets.planning.explaining.relaxing import Conflict, Demand
from factory_assets.planning.problem import Problem

BY_NAME = {case.name: case for case in CASES}


def explained_by_us(problem: Problem) -> list[Conflict]:
    return explain(problem, is_solvable)


def test_there_are_twenty() -> None:
    assert len(BY_NAME) == len(CASES) == 20


@pytest.mark.parametrize("name", BY_NAME)
def test_each_is_fair(name: str) -> None:
    random = Random(f"7 {name}")
    base = shop(random)
    problem, planted = BY_NAME[name].plant(base, random)
    assert is_solvable(base)
    assert is_clash(problem)
    assert planted


@pytest.mark.parametrize("name", ["no tool", "pinned at once", "material for one of two", "two orders on one machine"])
def test_explanations_are_judged_good(name: str) -> None:
    found = explained(BY_NAME[name], 7, explained_by_us)
    assert found.is_explained, found


def test_an_explanation_that_blames_too_much_is_found_out() -> None:
    def too_much(problem: Problem) -> list[Conflict]:
        (found,) = explained_by_us(problem)
        return [replace(found, demands=(*found.demands, Demand("horizon", "")))]

    found = explained(BY_NAME["no tool"], 7, too_much)
    assert found.is_named
    assert not found.is_irreducible


def test_an_explanation_that_blames_something_else_is_found_out() -> None:
    def other(problem: Problem) -> list[Conflict]:
        return [Conflict((Demand("order", problem.orders[0].name),), f"order {problem.orders[0].name} cannot be made")]

    found = explained(BY_NAME["maintenance twice"], 7, other)
    assert not found.is_named
    assert not found.is_irreducible, "that order alone can be made"


def test_no_explanation_is_none() -> None:
    found = explained(BY_NAME["no tool"], 7, lambda _: [])
    assert not found.is_named
    assert not found.is_irreducible


def test_demands_that_do_not_clash_are_no_conflict() -> None:
    problem = shop(Random(1))
    assert not irreducible(problem, Conflict((Demand("order", "P01"),), "P01"))
