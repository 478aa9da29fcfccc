from __future__ import annotations

from dataclasses import replace

import pytest

from factory_assets.planning.problem import Machine, Maintenance, Mode, Operation, Order, Problem, Task
from factory_assets.planning.search.loads import BadProblemError, Shop
from tests.planning.random_shops import START


def _problem(*operations: Operation, routings: tuple[tuple[str, ...], ...] = ()) -> Problem:
    return Problem(START, (Machine("m0"), Machine("m1")), (Order("o", operations, routings=routings),))


def _op(name: str, *after: str, batch: str | None = None, machines: tuple[str, ...] = ("m0",)) -> Operation:
    return Operation(name, tuple(Mode(machine, 5) for machine in machines), after, batch=batch)


def test_a_batch_is_one_load_on_common_machines_for_the_longest_time() -> None:
    first = Operation("a", (Mode("m0", 5), Mode("m1", 9)), batch="b")
    second = Operation("c", (Mode("m1", 7),), ("x",), batch="b", materials={"steel": 2})
    shop = Shop(_problem(first, _op("x"), second))
    load = shop.loads[shop.load_of["a"]]
    assert load.names == ("a", "c")
    assert [(choice.machine, choice.duration) for choice in load.choices] == [(1, 9)]
    assert load.after == (shop.load_of["x"],)
    assert load.materials == {"steel": 2}


def test_the_routing_with_least_work_is_active_unless_another_is_asked_for_or_pinned() -> None:
    long = Operation("long", (Mode("m0", 50),))
    problem = _problem(long, _op("short"), _op("always"), routings=(("long",), ("short",)))
    shop = Shop(problem)
    assert shop.active() == {shop.load_of["short"], shop.load_of["always"]}
    assert shop.active({0: 0}) == {shop.load_of["long"], shop.load_of["always"]}
    pinned = Shop(replace(problem, pinned=(Task("long", "m0", 0, 0, 50),)))
    assert shop.load_of["long"] in pinned.active()


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (_problem(_op("a", "b"), _op("b", "a")), "wait for each other in a circle: a, b"),
        (_problem(_op("a"), _op("a")), "a is there twice"),
        (_problem(_op("a", "nobody")), "a comes after unknown operation nobody"),
        (_problem(_op("a", machines=("m9",))), "a names unknown machine m9"),
        (_problem(Operation("a", ())), "a has no mode"),
        (_problem(Operation("a", (Mode("m0", -1),))), "a has a negative duration"),
        (_problem(_op("a"), routings=(("b",),)), "its routing names b"),
        (_problem(_op("a", batch="x"), _op("b", batch="x", machines=("m1",))), "batch x has no machine"),
        (_problem(_op("a", batch="x"), _op("b"), routings=(("a",), ("b",))), "in batch x and in an alternative"),
        (replace(_problem(_op("a")), machines=(Machine("m0", ((5, 5),)),)), "m0: shift .5, 5. is empty"),
        (replace(_problem(_op("a")), maintenance=(Maintenance("s", "m9", 5),)), "s names unknown machine m9"),
        (replace(_problem(_op("a")), pinned=(Task("z", "m0", 0, 0, 5),)), "z is neither"),
    ],
)
def test_bad_problems_are_named(problem: Problem, words: str) -> None:
    with pytest.raises(BadProblemError, match=words):
        Shop(problem)


def test_a_batch_is_pinned_whole_or_not_at_all() -> None:
    problem = replace(_problem(_op("a", batch="x"), _op("b", batch="x")), pinned=(Task("a", "m0", 0, 0, 5),))
    with pytest.raises(BadProblemError, match="only a part is pinned"):
        Shop(problem)
