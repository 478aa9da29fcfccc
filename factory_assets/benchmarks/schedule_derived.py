"""Instances with due dates, set-ups and shifts, derived from benchmark instances by a published seed.

Every number is drawn from `SEED` and the name, so that anybody makes the same. All that is drawn can be said in full to
PyJobShop: set-ups are on machines that always work, shifts on machines that need none (PyJobShop lets set-ups run
through breaks), pausing is the same on all machines of an instance (they pause where the number in its name is odd),
and only lateness costs, in whole money.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from random import Random

from factory_assets.benchmarks.schedule_instances import Instance
from factory_assets.planning.problem import Machine, Mode, Order, Problem

SEED = 20260105
FAMILIES = ("A", "B", "C", "D")
MEAN_MIN = 120  # of an operation
LONGEST_MIN = 600  # of an operation: it fits into each shift
SETUP_MIN = (20, 80)
SHIFT_MIN = (720, 840, 960)
DAY_MIN = 1440
RELEASE_MIN = 1440  # orders are released within the first day
TIGHTNESS = (1.3, 2.2)  # time from release to due date as a multiple of an order's work
WEIGHTS, SHARES = (4, 2, 1), (20, 60, 20)  # Singer and Pinedo 1998: money for each late minute, percent of orders
LISTED = ("la21", "la26", "la31", "la36", "mk01", "mk04", "mk07", "mk10")
LISTED_RULE = "the first of each size of la21-40, and every third of mk01 to mk10"


def bases(found: Mapping[str, Instance], names: tuple[str, ...] = ()) -> list[Instance]:
    """The instances to derive from: those named, or the published list where it is all there, or four la and four mk.

    Args:
        found: All instances that there are.
        names: If given, only these.
    """
    fitting = {name: one for name, one in found.items() if re.fullmatch(r"(la|mk)\d+", name)}
    if names:
        return [one for name, one in fitting.items() if name in names]
    if all(name in fitting for name in LISTED):
        return [fitting[name] for name in LISTED]
    kinds = [sorted(name for name in fitting if name.startswith(kind)) for kind in ("la", "mk")]
    return [fitting[name] for kind in kinds for name in kind[:: max(1, math.ceil(len(kind) / 4))]]


def derived(plain: Problem, name: str, seed: int = SEED) -> Problem:
    """The instance with everything that is drawn for its name.

    Args:
        plain: The benchmark instance: machines that always work, orders without dates.
        name: Its name.
        seed: The published one, or another for other instances of the same kind.
    """
    random = Random(f"{seed} {name}")  # noqa: S311 (not for secrets)
    scaled = _scaled(plain)
    work = sum(min(mode.duration_min for mode in one.modes) for one in scaled.operations.values())
    days = 14 + math.ceil(4 * work / len(plain.machines) / SHIFT_MIN[0])
    may_pause = int(re.sub(r"\D", "", name) or 0) % 2 == 1
    machines = _machines(scaled, days, random, may_pause=may_pause)
    orders = tuple(_dated(order, random) for order in scaled.orders)
    return replace(scaled, machines=machines, orders=orders, horizon_min=days * DAY_MIN)


def _scaled(plain: Problem) -> Problem:
    """Durations in minutes of a workshop: two hours in the mean."""
    durations = [mode.duration_min for one in plain.operations.values() for mode in one.modes]
    factor = min(MEAN_MIN * len(durations) / max(1, sum(durations)), LONGEST_MIN / max(1, *durations))
    factor = max(1, math.floor(factor))

    def longer(mode: Mode) -> Mode:
        return replace(mode, duration_min=mode.duration_min * factor)

    return replace(
        plain,
        orders=tuple(
            replace(
                order,
                operations=tuple(
                    replace(one, modes=tuple(longer(mode) for mode in one.modes)) for one in order.operations
                ),
            )
            for order in plain.orders
        ),
    )


def _machines(plain: Problem, days: int, random: Random, *, may_pause: bool) -> tuple[Machine, ...]:
    """Half of them with set-ups and always at work, the others with shifts."""
    with_setups = set(random.sample([one.name for one in plain.machines], (len(plain.machines) + 1) // 2))
    machines = []
    for machine in plain.machines:
        if machine.name in with_setups:
            minutes = {
                (left, right): random.randint(*SETUP_MIN) for left in FAMILIES for right in FAMILIES if left != right
            }
            machines.append(replace(machine, setup_min=minutes))
        else:
            begin, length = random.randrange(0, DAY_MIN - max(SHIFT_MIN), 30), random.choice(SHIFT_MIN)
            shifts = tuple((day * DAY_MIN + begin, day * DAY_MIN + begin + length) for day in range(days))
            machines.append(replace(machine, shifts=shifts, may_pause=may_pause))
    return tuple(machines)


def _dated(order: Order, random: Random) -> Order:
    """The order with family, release, due date and what lateness costs."""
    family, release = random.choice(FAMILIES), random.randrange(RELEASE_MIN)
    work = sum(min(mode.duration_min for mode in one.modes) for one in order.operations)
    return replace(
        order,
        operations=tuple(replace(one, family=family) for one in order.operations),
        release_min=release,
        due_min=release + round(random.uniform(*TIGHTNESS) * work),
        late_cost_per_min=float(random.choices(WEIGHTS, SHARES)[0]),
    )
