"""A problem as arrays, for the compiled searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from factory_assets.planning.problem import Interval
from factory_assets.planning.search.board import Board
from factory_assets.planning.search.loads import Shop

Array = Any
NEVER = 1 << 60


class Numbers(NamedTuple):
    """A problem as arrays.

    A name that ends in `_at` says where the rows of each begin in another array (one more at the end); minutes are
    whole numbers, -1 stands for none.

    Attributes:
        choices_at: Of each load, in the next one.
        choices: Machine, minutes, skill and kind of tool of each choice.
        earlier: Loads that each load waits for.
        earlier_at: Of each load.
        later: Loads that wait for it.
        later_at: Of each load.
        loads: Release, family (0: none), end if it is pinned (else 0), start in the schedule in force, and how many of
            its operations are in that schedule.
        orders: Orders of each load.
        orders_at: Of each load.
        members: Loads of each order.
        members_at: Of each order.
        due: Of each order; `NEVER` if nobody waits.
        rate: Money for each late minute of an order.
        takes: Materials that each load takes.
        taken: How much of them.
        takes_at: Of each load.
        shifts: Begin, end and working minutes before, of the shifts of the machines.
        machines: First and last + 1 shift (-1: it always works), whether it may pause, and first family.
        setups: Minutes by machine, family before and family after.
        machine_rate: Money for each minute of each machine.
        stays: Pinned stays: begin, end, family, set-up minutes; by machine and time.
        stays_at: Of each machine.
        visits: Maintenance: machine, minutes, earliest, latest, skill, whether it may be left out, old start.
        risk: Minute and money of each point of their risk.
        risk_at: Of each maintenance task.
        able: Lanes of people with each skill; a lane is one person or one tool.
        able_at: Of each skill.
        tool_lanes: First and last + 1 lane of each kind of tool.
        there: Shifts of the lanes: begin, end.
        there_at: First and last + 1 of each lane, -1 if always.
        busy: Pinned times of the lanes: lane, begin, end; by time.
        stock: What comes, and what pinned loads take: material, minute; by time.
        stock_amount: How much.
        n_materials: How many materials there are.
        move_rate: Money for each minute of a move.
        horizon: Nothing ends after.
    """

    choices_at: Array
    choices: Array
    earlier: Array
    earlier_at: Array
    later: Array
    later_at: Array
    loads: Array
    orders: Array
    orders_at: Array
    members: Array
    members_at: Array
    due: Array
    rate: Array
    takes: Array
    taken: Array
    takes_at: Array
    shifts: Array
    machines: Array
    setups: Array
    machine_rate: Array
    stays: Array
    stays_at: Array
    visits: Array
    risk: Array
    risk_at: Array
    able: Array
    able_at: Array
    tool_lanes: Array
    there: Array
    there_at: Array
    busy: Array
    stock: Array
    stock_amount: Array
    n_materials: int
    move_rate: float
    horizon: int


def _whole(values: Iterable[Any], *columns: int) -> Array:
    """Whole numbers as an array, with so many columns if given."""
    found = np.array(list(values), np.int64)
    return found.reshape(-1, *columns) if columns else found


def rows(lists: Iterable[Sequence[int]]) -> tuple[Array, Array]:
    """Lists behind each other, and where each begins (one more at the end)."""
    kept = [list(one) for one in lists]
    flat = [number for one in kept for number in one]
    return _whole(flat), _whole([0, *np.cumsum([len(one) for one in kept])])


def numbers_of(shop: Shop, pins: Board) -> Numbers:
    """The arrays of a problem.

    Args:
        shop: The problem.
        pins: A board with nothing but the pinned tasks on it.
    """
    code = _codes(shop)
    skills = _skills(shop)
    tools = {kind: number for number, kind in enumerate(pins.tools)}
    parts: dict[str, Any] = {}
    for part in (
        _choices(shop, skills, tools),
        _loads(shop, pins, code),
        _machines(shop, code),
        _stays(pins, code),
        _visits(shop, skills),
        _lanes(shop, pins, skills),
        _materials(shop, pins),
    ):
        parts |= part
    horizon = shop.problem.horizon_min
    return Numbers(
        **parts,
        move_rate=float(shop.problem.move_cost_per_min),
        horizon=NEVER if horizon is None else horizon,
    )


def _codes(shop: Shop) -> dict[str | None, int]:
    families = {load.family for load in shop.loads} | {machine.first_family for machine in shop.machines}
    return {None: 0} | {name: at for at, name in enumerate(sorted(families - {None}, key=str), start=1)}


def _skills(shop: Shop) -> dict[str | None, int]:
    wanted = {choice.skill for load in shop.loads for choice in load.choices}
    if shop.with_people:
        wanted |= {task.skill for task in shop.problem.maintenance}
    return {None: -1} | {name: at for at, name in enumerate(sorted(wanted - {None}, key=str))}


def _choices(shop: Shop, skills: Mapping[str | None, int], tools: Mapping[str, int]) -> dict[str, Any]:
    choices = [choice for load in shop.loads for choice in load.choices]
    missing = len(tools)  # a kind of tool that there is none of
    return {
        "choices_at": _whole([0, *np.cumsum([len(load.choices) for load in shop.loads])]),
        "choices": _whole(
            [
                (one.machine, one.duration, skills[one.skill], -1 if one.tool is None else tools.get(one.tool, missing))
                for one in choices
            ],
            4,
        ),
    }


def _loads(shop: Shop, pins: Board, code: Mapping[str | None, int]) -> dict[str, Any]:
    earlier, earlier_at = rows(load.after for load in shop.loads)
    later, later_at = rows(shop.followers)
    orders, orders_at = rows(load.orders for load in shop.loads)
    of_order: list[list[int]] = [[] for _ in shop.problem.orders]
    for load in shop.loads:
        for order in load.orders:
            of_order[order].append(load.index)
    members, members_at = rows(of_order)
    old: dict[int, list[int]] = {}
    for task in shop.problem.before:
        number = shop.load_of.get(task.name)
        if number is not None and number not in pins.end:
            old.setdefault(number, []).append(task.start_min)
    loads = [
        (
            load.release,
            code[load.family],
            pins.end.get(load.index, 0),
            old.get(load.index, [-1])[0],
            len(old.get(load.index, ())),
        )
        for load in shop.loads
    ]
    dues = [NEVER if order.due_min is None else order.due_min for order in shop.problem.orders]
    return {
        "earlier": earlier,
        "earlier_at": earlier_at,
        "later": later,
        "later_at": later_at,
        "loads": _whole(loads, 5),
        "orders": orders,
        "orders_at": orders_at,
        "members": members,
        "members_at": members_at,
        "due": _whole(dues),
        "rate": np.array([order.late_cost_per_min for order in shop.problem.orders], np.float64),
    }


def _machines(shop: Shop, code: Mapping[str | None, int]) -> dict[str, Any]:
    setups = np.zeros((len(shop.machines), len(code), len(code)), np.int64)
    for number, machine in enumerate(shop.machines):
        for (before, after), minutes in machine.setup_min.items():
            if before in code and after in code:
                setups[number, code[before], code[after]] = minutes
    shifts = [row for clock in shop.clocks for row in zip(clock.begins, clock.ends, clock.sums, strict=False)]
    ends = np.cumsum([len(clock.begins) for clock in shop.clocks])
    machines = []
    for machine, clock, end in zip(shop.machines, shop.clocks, ends.tolist(), strict=True):
        first, last = (-1, -1) if clock.always else (end - len(clock.begins), end)
        machines.append((first, last, clock.may_pause, code[machine.first_family]))
    return {
        "shifts": _whole(shifts, 3),
        "machines": _whole(machines, 4),
        "setups": setups,
        "machine_rate": np.array([machine.cost_per_min for machine in shop.machines], np.float64),
    }


def _stays(pins: Board, code: Mapping[str | None, int]) -> dict[str, Any]:
    stays = [(one.begin, one.end, code[one.family], one.setup_min) for own in pins.taken for one in own]
    return {"stays": _whole(stays, 4), "stays_at": _whole([0, *np.cumsum([len(own) for own in pins.taken])])}


def _visits(shop: Shop, skills: Mapping[str | None, int]) -> dict[str, Any]:
    pinned = {task.name for task in shop.problem.pinned}
    old = {task.name: task.start_min for task in shop.problem.before}
    free = [task for task in shop.problem.maintenance if task.name not in pinned]
    horizon = shop.problem.horizon_min
    open_end = NEVER // 2 if horizon is None else horizon
    found = [
        (
            shop.machine_index[task.machine],
            task.duration_min,
            task.earliest_min,
            open_end - task.duration_min if task.latest_min is None else task.latest_min,
            skills[task.skill] if shop.with_people else -1,
            task.latest_min is None,
            old.get(task.name, -1),
        )
        for task in free
    ]
    points = [point for task in free for point in task.risk_cost]
    return {
        "visits": _whole(found, 7),
        "risk": np.array(points, np.float64).reshape(-1, 2),
        "risk_at": _whole([0, *np.cumsum([len(task.risk_cost) for task in free])]),
    }


def _lanes(shop: Shop, pins: Board, skills: Mapping[str | None, int]) -> dict[str, Any]:
    """People first, then tools."""
    names = [name for name in skills if name is not None]
    able, able_at = rows(
        [
            number
            for number, lane in enumerate(pins.people)
            if lane.operator is not None and name in lane.operator.skills
        ]
        for name in names
    )
    tools, first = [], len(pins.people)
    for lanes in pins.tools.values():
        tools.append((first, first + len(lanes)))
        first += len(lanes)
    tools.append((first, first))
    there: list[Interval] = []
    at = []
    for lane in pins.people:
        shifts = lane.operator.shifts if lane.operator is not None else None
        at.append((-1, -1) if shifts is None else (len(there), len(there) + len(shifts)))
        there += shifts or ()
    every = [*pins.people, *(lane for lanes in pins.tools.values() for lane in lanes)]
    busy = [
        (number, begin, end)
        for number, lane in enumerate(every)
        for begin, end in zip(lane.begins, lane.ends, strict=True)
    ]
    at += [(-1, -1)] * (len(every) - len(pins.people))
    return {
        "able": able,
        "able_at": able_at,
        "tool_lanes": _whole(tools, 2),
        "there": _whole(there, 2),
        "there_at": _whole(at, 2),
        "busy": _whole(busy, 3),
    }


def _materials(shop: Shop, pins: Board) -> dict[str, Any]:
    wanted = {name for load in shop.loads for name, quantity in load.materials.items() if quantity > 0}
    index = {name: number for number, name in enumerate(sorted(wanted))}
    takes, takes_at = rows([index[name] for name in load.materials if name in index] for load in shop.loads)
    taken = [quantity for load in shop.loads for name, quantity in load.materials.items() if name in index]
    events = [(index[name], minute, amount) for name in index for minute, amount in pins.stock.get(name, [])]
    return {
        "takes": takes,
        "taken": np.array(taken, np.float64),
        "takes_at": takes_at,
        "stock": _whole([(material, minute) for material, minute, _ in events], 2),
        "stock_amount": np.array([amount for _, _, amount in events], np.float64),
        "n_materials": len(index),
    }
