"""Contradictions are found, are contradictions, and hold nothing that is not needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from factory_assets.planning.explaining.conflicts import explain
from factory_assets.planning.explaining.obstacles import obstacles
from factory_assets.planning.explaining.relaxing import Conflict, Demand, demands_of, with_only
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
from tests.planning.shop_made import START, shop

DAY = ((0, 480),)


def one_order(**operation: object) -> Order:
    made = {"name": "A10", "modes": (Mode("m", 60),), **operation}
    return Order("A", (Operation(**made),))  # type: ignore[arg-type]


def problem(order: Order, **values: object) -> Problem:
    made = {"machines": (Machine("m", DAY), Machine("n", DAY)), "orders": (order, Order("Z", ())), **values}
    return Problem(START, horizon_min=1000, **made)  # type: ignore[arg-type]


CONTRADICTIONS: dict[str, tuple[Problem, set[tuple[str, str]], str]] = {
    "no shift is long enough": (
        problem(one_order(modes=(Mode("m", 500),))),
        {("order", "A"), ("shifts", "m")},
        "longest shift is 8 h",
    ),
    "nor on any machine": (
        problem(one_order(modes=(Mode("m", 500), Mode("n", 490)))),
        {("order", "A"), ("shifts", "m"), ("shifts", "n")},
        "longest shift is 8 h",
    ),
    "shifts are too few for pauses": (
        problem(one_order(modes=(Mode("m", 500),)), machines=(Machine("m", DAY, may_pause=True),)),
        {("order", "A"), ("shifts", "m")},
        "8 h in all",
    ),
    "the horizon cuts the shift": (
        replace(problem(one_order(modes=(Mode("m", 400),))), horizon_min=500, machines=(Machine("m", ((300, 780),)),)),
        {("order", "A"), ("shifts", "m"), ("horizon", "")},
        "3 h 20",
    ),
    "nobody has the skill": (
        problem(one_order(modes=(Mode("m", 60, "weld"),)), operators=(Operator("ann", frozenset({"drill"})),)),
        {("order", "A"), ("skill", "weld")},
        "nobody can do weld",
    ),
    "there is no tool": (
        problem(one_order(modes=(Mode("m", 60, None, "die"),)), tools={"die": 0}),
        {("order", "A"), ("tool", "die")},
        "there is no die",
    ),
    "the material never comes": (
        problem(one_order(materials={"steel": 3}), supplies=(Supply("steel", 0, 2),)),
        {("order", "A"), ("material", "steel")},
        "3 of steel",
    ),
    "the material comes too late": (
        problem(one_order(materials={"steel": 3}), supplies=(Supply("steel", 2000, 9),)),
        {("order", "A"), ("material", "steel"), ("horizon", "")},
        "by Mon 5 Oct 20:40",
    ),
    "released too late": (
        problem(replace(one_order(), release_min=950)),
        {("order", "A"), ("release", "A"), ("horizon", "")},
        "takes at least 1 h",
    ),
    "longer than the horizon": (
        problem(one_order(modes=(Mode("o", 1200),)), machines=(Machine("o"),)),
        {("order", "A"), ("horizon", "")},
        "takes at least 20 h",
    ),
    "pinned at once": (
        problem(
            Order("A", (Operation("A10", (Mode("m", 60),)), Operation("A20", (Mode("m", 60),)))),
            pinned=(Task("A10", "m", 0, 0, 60), Task("A20", "m", 30, 30, 90)),
        ),
        {("pinned", "A10"), ("pinned", "A20")},
        "at the same time",
    ),
    "pinned in the wrong order": (
        problem(
            Order("A", (Operation("A10", (Mode("m", 60),)), Operation("A20", (Mode("n", 60),), after=("A10",)))),
            pinned=(Task("A10", "m", 30, 30, 90), Task("A20", "n", 60, 60, 120)),
        ),
        {("pinned", "A10"), ("pinned", "A20")},
        "before A10, which comes first",
    ),
    "pinned too early": (
        problem(
            Order("A", (Operation("A10", (Mode("m", 60),)), Operation("A20", (Mode("n", 60),), after=("A10",)))),
            pinned=(Task("A20", "n", 30, 30, 90),),
        ),
        {("order", "A"), ("pinned", "A20")},
        "what comes first takes at least 1 h",
    ),
    "pinned too early after release": (
        problem(
            Order(
                "A",
                (Operation("A10", (Mode("m", 60),)), Operation("A20", (Mode("n", 60),), after=("A10",))),
                release_min=50,
            ),
            pinned=(Task("A20", "n", 90, 90, 150),),
        ),
        {("order", "A"), ("release", "A"), ("pinned", "A20")},
        "when order A is released",
    ),
    "maintenance twice": (
        problem(one_order(), maintenance=(Maintenance("M1", "m", 90, 0, 60), Maintenance("M2", "m", 90, 30, 80))),
        {("maintenance", "M1"), ("maintenance", "M2")},
        "cannot follow each other",
    ),
    "maintenance beside pinned work": (
        problem(one_order(), maintenance=(Maintenance("M1", "m", 90, 0, 60),), pinned=(Task("A10", "m", 40, 50, 110),)),
        {("maintenance", "M1"), ("pinned", "A10")},
        "A10 is pinned to m",
    ),
    "an empty window": (
        problem(one_order(), maintenance=(Maintenance("M1", "m", 90, 70, 60),)),
        {("maintenance", "M1")},
        "ends before it begins",
    ),
    "maintenance after the horizon": (
        problem(one_order(), maintenance=(Maintenance("M1", "m", 90, 950, 960),)),
        {("maintenance", "M1"), ("horizon", "")},
        "everything must end by",
    ),
    "no technician": (
        problem(
            one_order(),
            maintenance=(Maintenance("M1", "m", 90, 0, 60, "fix"),),
            operators=(Operator("ann", frozenset()),),
        ),
        {("maintenance", "M1"), ("skill", "fix")},
        "nobody can do fix",
    ),
    "no technician there": (
        problem(
            one_order(),
            maintenance=(Maintenance("M1", "m", 90, 0, 60, "fix"),),
            operators=(Operator("tom", frozenset({"fix"}), ((100, 480),)),),
        ),
        {("maintenance", "M1"), ("skill", "fix"), ("presence", "tom")},
        "is there so long",
    ),
    "too few people": (
        problem(
            one_order(modes=(Mode("m", 300, "weld"), Mode("n", 310, "weld"))),
            orders=(
                one_order(modes=(Mode("m", 300, "weld"), Mode("n", 310, "weld"))),
                Order("B", (Operation("B10", (Mode("m", 150, "weld"), Mode("n", 150, "weld"))),)),
                Order("C", (Operation("C10", (Mode("m", 10, "weld"),)),)),
            ),
            operators=(
                Operator("ann", frozenset({"weld"}), ((0, 400),)),
                Operator("bob", frozenset({"weld"}), ((0, 20),)),
                Operator("tom", frozenset({"drill"})),
            ),
        ),
        {("order", "A"), ("order", "B"), ("skill", "weld"), ("presence", "ann"), ("presence", "bob")},
        "7 h 30 of weld, but ann, bob are there for 7 h",
    ),
    "too much for one machine": (
        replace(
            problem(one_order(modes=(Mode("m", 300),))),
            orders=(
                one_order(modes=(Mode("m", 300),)),
                Order("B", (Operation("B10", (Mode("m", 200),)),)),
                Order("C", (Operation("C10", (Mode("m", 10),)),)),
            ),
        ),
        {("order", "A"), ("order", "B"), ("shifts", "m")},
        "8 h 20 on m",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_shows_at_once_is_said(name: str) -> None:
    made, wanted, words = CONTRADICTIONS[name]
    found = obstacles(made)
    assert [{(one.kind, one.name) for one in conflict.demands} for conflict in found] == [wanted]
    assert words in found[0].words


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_without_any_one_of_its_demands_a_contradiction_is_gone(name: str) -> None:
    made, _, _ = CONTRADICTIONS[name]
    (conflict,) = obstacles(made)
    assert obstacles(with_only(made, conflict.demands)) != []
    for demand in conflict.demands:
        assert obstacles(with_only(made, [one for one in conflict.demands if one != demand])) == [], demand


def test_nothing_stands_in_the_way_of_a_shop_that_works() -> None:
    assert obstacles(shop()) == []
    assert explain(shop(), lambda _: True) == []


def clashing(*names: tuple[str, str]) -> Callable[[Problem], bool]:
    """A solver for which these demands cannot be kept together."""
    wanted = {Demand(kind, name) for kind, name in names}  # type: ignore[arg-type]
    return lambda made: not wanted <= set(demands_of(made))


def test_the_search_finds_exactly_what_clashes() -> None:
    calls = []
    wanted = [("order", "A"), ("tool", "die"), ("maintenance", "M1"), ("presence", "ann")]
    solver = clashing(*wanted)

    def counted(made: Problem) -> bool:
        calls.append(made)
        return solver(made)

    (found,) = explain(shop(), counted, time_zone="Europe/Berlin")
    assert {(one.kind, one.name) for one in found.demands} == set(wanted)
    assert found.is_irreducible
    assert "order A must be made" in found.words
    assert "maintenance M1 of press must begin between Mon 5 Oct 09:20 and Mon 5 Oct 21:00" in found.words
    assert len(calls) < 30


def test_with_everything_given_up_nothing_is_blamed() -> None:
    (found,) = explain(shop(), lambda _: False)
    assert found == Conflict((), found.words, is_irreducible=False)
    assert "everything that can be given up" in found.words


def test_when_time_is_over_what_is_left_is_said_to_be_more_than_needed() -> None:
    (found,) = explain(shop(), clashing(("order", "A")), seconds=0)
    assert not found.is_irreducible
    assert Demand("order", "A") in found.demands


def test_a_problem_with_all_its_demands_is_itself_and_with_none_it_is_empty() -> None:
    made = replace(shop(), pinned=(Task("B10", "press", 150, 180, 280, "tom"),))
    whole = with_only(made, demands_of(made))
    assert replace(whole, before=made.before) == made
    bare = with_only(made, [])
    assert (bare.orders, bare.maintenance, bare.pinned, bare.horizon_min) == ((), (), (), None)
    assert all(machine.shifts is None for machine in bare.machines)


def test_of_an_order_taken_away_only_what_is_pinned_stays_until_that_is_given_up_too() -> None:
    first = Order("A", (Operation("A10", (Mode("m", 10),)), Operation("A20", (Mode("m", 10),), after=("A10",))))
    second = Order("B", (Operation("B10", (Mode("m", 10),), after=("A10",)),))
    made = Problem(START, (Machine("m"),), (first, second), pinned=(Task("A10", "m", 0, 0, 10),))
    left = with_only(made, [one for one in demands_of(made) if one != Demand("order", "A")])
    assert set(left.operations) == {"A10", "B10"}
    assert left.operations["B10"].after == ("A10",)
    neither = with_only(made, [Demand("order", "B")])
    assert neither.operations["B10"].after == ()
    assert neither.pinned == ()
