"""Lower bounds that follow from the problem at once: longest jobs, loads of machines, work that must be paid."""

from __future__ import annotations

from collections.abc import Iterable

from factory_assets.planning.costs import Objective
from factory_assets.planning.search.loads import Shop


def earliest_ends(shop: Shop) -> list[int | None]:
    """For each load the earliest minute at which it can end, were it alone with its job; None if it never can."""
    pinned = {shop.load_of[task.name]: task.end_min for task in shop.problem.pinned if task.name in shop.load_of}
    needed = _always_done(shop)
    ends: list[int | None] = [None] * len(shop.loads)
    for number in shop.sorted:
        load = shop.loads[number]
        if number in pinned:
            ends[number] = pinned[number]
            continue
        before = [ends[one] for one in load.after if one in needed]
        known = [end for end in before if end is not None]
        if len(known) < len(before):
            continue
        ready = max([load.release, *known])
        blocks = [shop.clocks[choice.machine].block(0, 0, ready, choice.duration) for choice in load.choices]
        ends[number] = min((block.end for block in blocks if block is not None), default=None)
    return ends


def lower_bound(shop: Shop, objective: Objective) -> float:
    """A value that no schedule can fall below.

    The makespan is at least the longest chain of operations, and on each machine the work that has no other machine,
    with the least that must come before and after it. Costs are at least the work of the cheapest routings, the
    lateness of each order alone in the factory, and the least risk.
    """
    ends, needed = earliest_ends(shop), _always_done(shop)
    if objective == "makespan":
        return float(max([0, *(ends[one] or 0 for one in needed), *_machine_bounds(shop, ends, needed)]))
    rates = [machine.cost_per_min for machine in shop.machines]

    def cheapest(loads: Iterable[int]) -> float:
        return sum(min(rates[c.machine] * c.duration for c in shop.loads[one].choices) for one in loads)

    work = cheapest(needed) + sum(min(cheapest(way - needed) for way in ways) for ways in shop.routings if ways)
    late = 0.0
    for order in shop.problem.orders:
        own = {shop.load_of[operation.name] for operation in order.operations} & needed
        end = max((ends[one] or 0 for one in own), default=0)
        if order.due_min is not None:
            late += order.late_cost_per_min * max(0, end - order.due_min)
    risk = sum(min(cost for _, cost in task.risk_cost) for task in shop.problem.maintenance if task.risk_cost)
    return work + late + risk


def _always_done(shop: Shop) -> set[int]:
    """Loads that are part of every schedule."""
    optional = {number for routings in shop.routings for loads in routings for number in loads}
    always = {number for routings in shop.routings if routings for number in frozenset.intersection(*routings)}
    return (set(range(len(shop.loads))) - optional) | always


def _machine_bounds(shop: Shop, ends: list[int | None], needed: set[int]) -> list[int]:
    """For each machine: the least head, all work that can be done nowhere else, and the least tail."""
    tails = [0] * len(shop.loads)
    for number in reversed(shop.sorted):
        following = [tails[one] + shop.loads[one].shortest for one in shop.followers[number] if one in needed]
        tails[number] = max(following, default=0)
    pinned = {shop.load_of[task.name] for task in shop.problem.pinned if task.name in shop.load_of}
    own: dict[int, list[int]] = {}
    for number in needed - pinned:
        machines = {choice.machine for choice in shop.loads[number].choices}
        if len(machines) == 1 and ends[number] is not None:
            own.setdefault(machines.pop(), []).append(number)
    found = []
    for loads in own.values():
        heads = [(ends[one] or 0) - shop.loads[one].shortest for one in loads]
        work = sum(shop.loads[one].shortest for one in loads)
        found.append(max(0, min(heads)) + work + min(tails[one] for one in loads))
    everything = sum(shop.loads[one].shortest for one in needed - pinned)
    found.append(-(-everything // max(1, len(shop.machines))))
    return found
