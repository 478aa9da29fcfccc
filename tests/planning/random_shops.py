"""Small random problems, by seed, with as much in them as is asked for."""

from __future__ import annotations

import datetime as dt
from random import Random

from factory_assets.planning.problem import (
    Interval,
    Machine,
    Maintenance,
    Mode,
    Operation,
    Operator,
    Order,
    Problem,
    Supply,
)

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
EVERYTHING = frozenset(
    (
        "alternatives",
        "batches",
        "maintenance",
        "material",
        "operators",
        "pauses",
        "release",
        "routings",
        "setups",
        "shifts",
        "tools",
    )
)
FAMILIES = ("A", "B", "C")


def random_shifts(random: Random, until: int = 3000, on: int = 120, off: int = 60) -> tuple[Interval, ...]:
    """Shifts of one to `on` minutes (at least a third of it), with breaks of one to `off` minutes."""
    shifts, begin = [], random.choice((0, 5))
    while begin < until:
        end = begin + random.randint(max(1, on // 2), on)
        shifts.append((begin, end))
        begin = end + random.randint(1, off)
    return tuple(shifts)


def random_problem(seed: int, features: frozenset[str] = EVERYTHING, *, orders: int = 3, steps: int = 3) -> Problem:
    """A problem on three machines; every operation has its place within a shift."""
    random = Random(seed)
    machines = tuple(_machine(random, number, features) for number in range(3))
    made = [_order(random, number, steps, features) for number in range(orders)]
    if "batches" in features:
        modes = (Mode("m0", random.randint(10, 20)), Mode("m1", random.randint(10, 20)))
        made += [Order(f"oven{n}", (Operation(f"oven{n}-0", modes, batch="heat"),), 0, 50, 1.0) for n in range(2)]
    people: tuple[Operator, ...] = ()
    if "operators" in features:
        shifts = random_shifts(random) if "shifts" in features else None
        people = (
            Operator("Ann", frozenset({"weld", "mill"}), shifts),
            Operator("Bob", frozenset({"weld", "repair"}), None, random.randint(1, 2)),
        )
    return Problem(
        START,
        machines,
        tuple(made),
        people,
        {"jig": 1} if "tools" in features else {},
        (Supply("steel", 0, 4), Supply("steel", 100, 100)) if "material" in features else (),
        _maintenance(random, features),
    )


def _machine(random: Random, number: int, features: frozenset[str]) -> Machine:
    setups = {(a, b): random.randint(2, 10) for a in FAMILIES for b in FAMILIES if a != b}
    return Machine(
        f"m{number}",
        random_shifts(random) if "shifts" in features and random.random() < 0.7 else None,
        setups if "setups" in features and random.random() < 0.8 else {},
        random.choice((None, "A")),
        round(random.random(), 2),
        "pauses" in features and random.random() < 0.5,
    )


def _order(random: Random, number: int, steps: int, features: frozenset[str]) -> Order:
    name = f"order{number}"
    operations = [_operation(random, name, step, features) for step in range(steps)]
    routings: tuple[tuple[str, ...], ...] = ()
    if "routings" in features and random.random() < 0.5:
        first, *rest = (operation.name for operation in operations)
        short = Operation(f"{name}-short", (Mode("m0", random.randint(5, 50)),), (first,))
        operations.append(short)
        routings = ((first, *rest), (first, short.name))
    release = random.randint(0, 40) if "release" in features else 0
    due = release + random.randint(30, 150)
    return Order(name, tuple(operations), release, due, round(random.random() * 5, 2), routings)


def _operation(random: Random, order: str, step: int, features: frozenset[str]) -> Operation:
    machines = random.sample(range(3), k=random.randint(1, 3) if "alternatives" in features else 1)
    modes = tuple(
        Mode(
            f"m{machine}",
            random.randint(5, 40),
            random.choice((None, "weld", "mill")) if "operators" in features else None,
            random.choice((None, "jig")) if "tools" in features else None,
        )
        for machine in machines
    )
    takes = {"steel": random.randint(1, 3)} if "material" in features and random.random() < 0.4 else {}
    after = (f"{order}-{step - 1}",) if step and random.random() < 0.9 else ()
    family = random.choice((None, *FAMILIES)) if "setups" in features else None
    return Operation(f"{order}-{step}", modes, after, family, takes)


def _maintenance(random: Random, features: frozenset[str]) -> tuple[Maintenance, ...]:
    if "maintenance" not in features:
        return ()
    latest = random.choice((None, 300))
    skill = "repair" if "operators" in features else None
    risk = ((0, 10.0), (100, 20.0), (300, 80.0))
    return (Maintenance("service", "m0", random.randint(10, 30), random.randint(0, 20), latest, skill, risk),)
