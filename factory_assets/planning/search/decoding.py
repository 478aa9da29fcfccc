"""Inner loops of the annealing: a sequence of loads turned into a schedule, and what it costs.

The loads are placed in the order of the sequence, each at once behind what its machine has already, between the fixed
stays (pinned tasks and maintenance), with set-up, shifts and pauses; people, tools and material are taken wherever they
are free. This is what `Board` does, in numbers only.
"""

# ruff: noqa: PLR0917 (compiled functions take arrays one by one, and no keywords)
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from factory_assets.planning.search.blocks import find_block
from factory_assets.planning.search.compiled import compiled
from factory_assets.planning.search.numbers import NEVER, Numbers
from factory_assets.planning.search.resources import find_person, find_tool, lasts_from, take, use

Array = Any


class Plan(NamedTuple):
    """What is decided, and what follows from it.

    Attributes:
        sequence: Loads in the order in which they are placed, each after those that it waits for.
        choice: Of each load; -1 for the one that ends first.
        active: Whether each load is done.
        wanted: When each maintenance task shall begin, at the earliest; -1 if it is left out.
        places: Set-up start, start, end, choice, person, and the load before it on its machine (-1: none) of each load.
        visited: Start (-1: left out) and person of each maintenance task.
    """

    sequence: Array
    choice: Array
    active: Array
    wanted: Array
    places: Array
    visited: Array


class Floor(NamedTuple):
    """What is taken already while a schedule grows; filled anew each time.

    Attributes:
        lines: Of each machine when it is free, its family, the next of its stays, the last + 1, and the last load.
        stays: Begin, end, family and set-up minutes of the fixed stays; by machine and time.
        stays_at: First of each machine in `stays`.
        completed: End of each order.
        busy: Begin and end of what each lane does, by time.
        n_busy: How much it does.
        events: Minutes at which something comes or goes of each material.
        amounts: How much.
        n_events: How many there are.
        block: Set-up start, start, end, person, tool, set-up minutes, stays passed and family before, of a place.
    """

    lines: Array
    stays: Array
    stays_at: Array
    completed: Array
    busy: Array
    n_busy: Array
    events: Array
    amounts: Array
    n_events: Array
    block: Array


def floor_of(numbers: Numbers) -> Floor:
    """Room for a schedule that grows."""
    n_machines, n_loads = len(numbers.machines), len(numbers.loads)
    n_visits, n_lanes = len(numbers.visits), len(numbers.there_at)
    own = np.bincount(numbers.visits[:, 0], minlength=n_machines)
    pinned = max(np.bincount(numbers.busy[:, 0], minlength=1))
    takers = len(numbers.takes) + len(numbers.stock)
    return Floor(
        np.zeros((n_machines, 5), np.int64),
        np.zeros((len(numbers.stays) + n_visits, 4), np.int64),
        np.concatenate(([0], np.cumsum(np.diff(numbers.stays_at) + own))).astype(np.int64),
        np.zeros(len(numbers.due), np.int64),
        np.zeros((n_lanes, n_loads + n_visits + pinned, 2), np.int64),
        np.zeros(n_lanes, np.int64),
        np.zeros((numbers.n_materials, takers), np.int64),
        np.zeros((numbers.n_materials, takers), np.float64),
        np.zeros(numbers.n_materials, np.int64),
        np.zeros(8, np.int64),
    )


@compiled
def decode(numbers: Any, plan: Any, floor: Any) -> float:  # noqa: C901, PLR0912, PLR0915 (one loop, fast)
    """Place all maintenance and loads; fills in `places` and `visited`.

    Returns:
        Lateness + set-ups + work + risk + moves in money, or infinity if anything finds no place.
    """
    # Each array is taken out of its tuple once: in the loops that would cost more than the loops themselves.
    choices_at, choices, loads = numbers.choices_at, numbers.choices, numbers.loads
    earlier, earlier_at, orders, orders_at = numbers.earlier, numbers.earlier_at, numbers.orders, numbers.orders_at
    takes, taken, takes_at = numbers.takes, numbers.taken, numbers.takes_at
    shifts, machines, setups, machine_rate = numbers.shifts, numbers.machines, numbers.setups, numbers.machine_rate
    able, able_at, tool_lanes = numbers.able, numbers.able_at, numbers.tool_lanes
    there, there_at, move_rate, horizon = numbers.there, numbers.there_at, numbers.move_rate, numbers.horizon
    sequence, choice, active, places = plan.sequence, plan.choice, plan.active, plan.places
    lines, stays, completed = floor.lines, floor.stays, floor.completed
    busy, n_busy, block = floor.busy, floor.n_busy, floor.block
    events, amounts, n_events = floor.events, floor.amounts, floor.n_events
    clear(numbers, floor)
    cost = place_visits(numbers, plan.wanted, plan.visited, floor)
    if cost == np.inf:
        return np.inf
    for load in range(len(loads)):
        places[load, 2] = loads[load, 2]
        if loads[load, 2] > 0:
            for at in range(orders_at[load], orders_at[load + 1]):
                completed[orders[at]] = max(completed[orders[at]], loads[load, 2])
    for load in sequence:
        if not active[load]:
            continue
        ready, family = loads[load, 0], loads[load, 1]
        for at in range(earlier_at[load], earlier_at[load + 1]):
            ready = max(ready, places[earlier[at], 2])  # 0 for what is left out
        low, high = choice[load], choice[load] + 1
        if low < 0:
            low, high = choices_at[load], choices_at[load + 1]
        pick, first, price = -1, NEVER, np.inf
        takes_any = takes_at[load + 1] > takes_at[load]
        block[3] = block[4] = -1
        for one in range(low, high + (high - low > 1)):
            if one == high and pick < 0:
                break
            wanted = one if one < high else pick  # the best of several is placed once more
            machine, work = choices[wanted, 0], choices[wanted, 1]
            if (
                lines[machine, 2] == lines[machine, 3]
                and choices[wanted, 2] + choices[wanted, 3] == -2
                and not takes_any
            ):
                block[5], block[6], block[7] = (
                    setups[machine, lines[machine, 1], family],
                    lines[machine, 2],
                    lines[machine, 1],
                )
                found = find_block(
                    shifts, machines[machine, 0], machines[machine, 1], machines[machine, 2],
                    lines[machine, 0], block[5], ready, work, block,
                ) and block[2] <= horizon  # fmt: skip
            else:
                found = find_place(
                    machine, work, family, choices[wanted, 2], choices[wanted, 3], ready,
                    takes, taken, takes_at[load], takes_at[load + 1], shifts, machines, setups,
                    able, able_at, tool_lanes, there, there_at, horizon,
                    lines, stays, busy, n_busy, events, amounts, n_events, block,
                )  # fmt: skip
            if found and one < high:
                own = (work + block[5]) * machine_rate[machine]
                if block[2] < first or (block[2] == first and own < price):
                    pick, first, price = one, block[2], own
        if pick < 0:
            return np.inf
        machine, start, end = choices[pick, 0], block[1], block[2]
        places[load, 5] = lines[machine, 4] if lines[machine, 2] == block[6] else -1
        lines[machine, 0], lines[machine, 2], lines[machine, 4] = end, block[6], load
        lines[machine, 1] = family if family > 0 else block[7]
        if choices[pick, 2] >= 0:
            take(busy, n_busy, block[3], start, end)
        if choices[pick, 3] >= 0:
            take(busy, n_busy, block[4], start, end)
        for at in range(takes_at[load], takes_at[load + 1]):
            use(events, amounts, n_events, takes[at], start, taken[at])
        places[load, 0], places[load, 1], places[load, 2] = block[0], start, end
        places[load, 3], places[load, 4] = pick, block[3]
        cost += price
        if loads[load, 4] > 0:
            cost += move_rate * loads[load, 4] * abs(start - loads[load, 3])
        for at in range(orders_at[load], orders_at[load + 1]):
            completed[orders[at]] = max(completed[orders[at]], end)
    for order in range(len(completed)):
        cost += numbers.rate[order] * max(0, completed[order] - numbers.due[order])
    return float(cost)


@compiled
def longest(places: Array) -> float:
    """The end of the last load."""
    return float(places[:, 2].max())


@compiled
def clear(numbers: Any, floor: Any) -> None:
    """Nothing is on the floor but what is pinned."""
    lines, stays, stays_at, busy, n_busy = floor.lines, floor.stays, floor.stays_at, floor.busy, floor.n_busy
    events, amounts, n_events = floor.events, floor.amounts, floor.n_events
    pinned, pinned_at, machines = numbers.stays, numbers.stays_at, numbers.machines
    floor.completed[:] = 0
    for machine in range(len(lines)):
        count = pinned_at[machine + 1] - pinned_at[machine]
        lines[machine, 0], lines[machine, 1] = 0, machines[machine, 3]
        lines[machine, 2], lines[machine, 3] = stays_at[machine], stays_at[machine] + count
        lines[machine, 4] = -1
        for at in range(count):
            for column in range(4):
                stays[stays_at[machine] + at, column] = pinned[pinned_at[machine] + at, column]
    n_busy[:] = 0
    taken, stock, much = numbers.busy, numbers.stock, numbers.stock_amount
    for at in range(len(taken)):
        lane = taken[at, 0]
        busy[lane, n_busy[lane], 0], busy[lane, n_busy[lane], 1] = taken[at, 1], taken[at, 2]
        n_busy[lane] += 1
    n_events[:] = 0
    for at in range(len(stock)):
        material = stock[at, 0]
        events[material, n_events[material]], amounts[material, n_events[material]] = stock[at, 1], much[at]
        n_events[material] += 1


@compiled
def place_visits(numbers: Any, wanted: Array, visited: Array, floor: Any) -> float:
    """Put all maintenance at its wanted minute or the next that is free; its cost, infinity if one has no place."""
    visits, risk, risk_at, move_rate = numbers.visits, numbers.risk, numbers.risk_at, numbers.move_rate
    able, able_at, there, there_at = numbers.able, numbers.able_at, numbers.there, numbers.there_at
    lines, stays, stays_at = floor.lines, floor.stays, floor.stays_at
    shifts, busy, n_busy, block = numbers.shifts, floor.busy, floor.n_busy, floor.block
    cost = 0.0
    for visit in range(len(visits)):
        machine, minutes, skill = visits[visit, 0], visits[visit, 1], visits[visit, 4]
        latest = min(visits[visit, 3], numbers.horizon - minutes)
        begin = wanted[visit]
        low, high = (able_at[skill], able_at[skill + 1]) if skill >= 0 else (-1, -1)
        for attempt in range(2):
            if begin < 0:
                break
            begin = _visit_start(
                max(begin, visits[visit, 2]), latest, minutes, stays, stays_at[machine], lines[machine, 3],
                able, low, high, there, there_at, shifts, busy, n_busy, block,
            )  # fmt: skip
            if begin >= 0 or visits[visit, 5] or attempt == 1:
                break
            begin = visits[visit, 2]
        visited[visit, 0], visited[visit, 1] = begin, -1
        if begin >= 0:
            at = lines[machine, 3]
            while at > stays_at[machine] and stays[at - 1, 0] > begin:
                stays[at] = stays[at - 1]
                at -= 1
            stays[at, 0], stays[at, 1], stays[at, 2], stays[at, 3] = begin, begin + minutes, 0, 0
            lines[machine, 3] += 1
            if skill >= 0:
                visited[visit, 1] = block[3]
                take(busy, n_busy, block[3], begin, begin + minutes)
            if visits[visit, 6] >= 0:
                cost += move_rate * abs(begin - visits[visit, 6])
        elif not visits[visit, 5]:
            return np.inf
        cost += risk_of(risk, risk_at[visit], risk_at[visit + 1], begin)
    return cost


@compiled
def risk_of(risk: Array, low: int, high: int, begin: int) -> float:
    """What it costs to begin maintenance at a minute, or (-1) to leave it out; as `risk_at`."""
    if low == high:
        return 0.0
    if begin < 0 or begin >= risk[high - 1, 0]:
        return float(risk[high - 1, 1])
    at = low
    while risk[at, 0] < begin:
        at += 1
    if at == low:
        return float(risk[low, 1])
    share = (begin - risk[at - 1, 0]) / (risk[at, 0] - risk[at - 1, 0])
    return float(risk[at - 1, 1] + (risk[at, 1] - risk[at - 1, 1]) * share)


@compiled
def _visit_start(
    begin: int,
    latest: int,
    minutes: int,
    stays: Array,
    first_stay: int,
    last_stay: int,
    able: Array,
    first_able: int,
    last_able: int,
    there: Array,
    there_at: Array,
    shifts: Array,
    busy: Array,
    n_busy: Array,
    block: Array,
) -> int:
    """The first minute from `begin` at which maintenance fits, its technician in `block[3]`; -1 if there is none."""
    while begin <= latest:
        clash = begin
        for at in range(first_stay, last_stay):
            if stays[at, 0] < begin + minutes and begin < stays[at, 1]:
                clash = max(clash, stays[at, 1])
        if clash > begin:
            begin = clash
            continue
        if first_able < 0:
            return int(begin)
        block[1], block[2] = begin, begin + minutes
        later = find_person(able, first_able, last_able, there, there_at, shifts, -1, -1, busy, n_busy, block)
        if later <= begin:
            return int(later)
        begin = later
    return -1


@compiled
def find_place(
    machine: int,
    work: int,
    family: int,
    skill: int,
    tool: int,
    ready: int,
    takes: Array,
    taken: Array,
    first_take: int,
    last_take: int,
    shifts: Array,
    machines: Array,
    setups: Array,
    able: Array,
    able_at: Array,
    tool_lanes: Array,
    there: Array,
    there_at: Array,
    horizon: int,
    lines: Array,
    stays: Array,
    busy: Array,
    n_busy: Array,
    events: Array,
    amounts: Array,
    n_events: Array,
    block: Array,
) -> bool:
    """Fill in `block` with the earliest place of a load on a machine, behind what is there; false if there is none."""
    low, own, passed, end = lines[machine, 0], lines[machine, 1], lines[machine, 2], lines[machine, 3]
    first, last, may_pause = machines[machine, 0], machines[machine, 1], machines[machine, 2]
    block[3] = block[4] = -1
    while True:
        setup, after = setups[machine, own, family], family if family > 0 else own
        is_last = passed >= end
        fits = is_last or setups[machine, after, stays[passed, 2]] <= stays[passed, 3]
        limit = horizon if is_last else stays[passed, 0]
        from_when = ready
        while fits:
            fits = find_block(shifts, first, last, may_pause, low, setup, from_when, work, block) and block[2] <= limit
            if not fits:
                break
            start = block[1]
            later = start
            for at in range(first_take, last_take):
                material = takes[at]
                minute = lasts_from(events[material], amounts[material], n_events[material], taken[at])
                later = max(later, minute) if minute >= 0 else NEVER
            if later <= start and tool >= 0:
                later = find_tool(tool_lanes[tool, 0], tool_lanes[tool, 1], busy, n_busy, block)
            if 0 <= later <= start and skill >= 0:
                later = find_person(
                    able, able_at[skill], able_at[skill + 1], there, there_at, shifts, first, last, busy, n_busy, block
                )
            if 0 <= later <= start:
                block[5], block[6], block[7] = setup, passed, own
                return True
            fits = 0 <= later < NEVER
            from_when = later
        if is_last:
            return False
        low = max(low, stays[passed, 1])
        own = stays[passed, 2] if stays[passed, 2] > 0 else own
        passed += 1
