"""Quick answers to a change on the floor: schedules that stay close to the one in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from factory_assets.planning.exact.windows import with_setups
from factory_assets.planning.lacking import lacking
from factory_assets.planning.problem import Task
from factory_assets.planning.search.board import Board
from factory_assets.planning.search.loads import Load, NoScheduleError, Shop


def repairs(shop: Shop) -> Iterator[list[Task]]:
    """Schedules that stay close to `problem.before`.

    First one in which only what must move goes into gaps; then some in which loads begin no earlier than before, in
    the old order, with the old machines and with any.
    """
    with suppress(NoScheduleError):
        yield _filled(shop)
    for old_machines in (True, False):
        for rush in ("first", "due", "last"):
            with suppress(NoScheduleError):
                yield _shifted(shop, rush, old_machines=old_machines)


def _shifted(shop: Shop, rush: str, *, old_machines: bool) -> list[Task]:
    """All in the old order, later where it must; `rush`: new loads go first, by their due dates (due), or last."""
    old = {task.name: task for task in shop.problem.before}
    board = Board(shop, _maintenance(shop))
    routing = _routing(shop, old)
    active = shop.active(routing)
    rank = {number: at for at, number in enumerate(shop.sorted)}

    def key(load: Load) -> tuple[float, int]:
        task = old.get(load.names[0])
        if task is not None:
            return task.start_min, rank[load.index]
        due = [shop.problem.orders[order].due_min for order in load.orders]
        dues = [minute for minute in due if minute is not None]
        when = {"first": -1.0, "last": float("inf"), "due": min(dues, default=float("inf"))}[rush]
        return when, rank[load.index]

    left = sorted((load for load in shop.loads if load.index in active and load.index not in board.end), key=key)
    while left:
        waiting = []
        for load in left:
            if any(before in active and before not in board.end for before in load.after):
                waiting.append(load)
                continue
            _put(shop, board, load, active, old.get(load.names[0]), old_machine=old_machines)
        left = waiting
    return board.tasks


def _put(shop: Shop, board: Board, load: Load, active: frozenset[int], old: Task | None, *, old_machine: bool) -> None:
    """Place a load where it was, or as soon after as it goes."""
    ready = board.ready(load, active)
    if old is not None:
        ready = max(ready, old.start_min)
        machine = shop.machine_index[old.machine]
        same = tuple(choice for choice in load.choices if choice.machine == machine)
        place = board.best(load, ready, same) if same else None
        if place is not None and (old_machine or place.block.start == old.start_min):
            board.put(load, place)
            return
    place = board.best(load, ready)
    if place is None:
        raise NoScheduleError(f"operation {load.names[0]} has no place after the change")
    board.put(load, place)


def _routing(shop: Shop, old: Mapping[str, Task]) -> dict[int, int]:
    """For each order with alternatives the routing in force, if there is one."""
    pinned = {task.name for task in shop.problem.pinned}
    found = {}
    for order, routings in enumerate(shop.routings):
        for at, loads in enumerate(routings):
            names = [name for number in loads for name in shop.loads[number].names]
            if all(name in old or name in pinned for name in names):
                found[order] = at
                break
    return found


def _maintenance(shop: Shop) -> dict[str, int | None]:
    """When maintenance was to be done; what is new goes to its earliest minute if it must be done, else nowhere."""
    old = {task.name: task.start_min for task in shop.problem.before}
    wanted: dict[str, int | None] = {}
    for task in shop.problem.maintenance:
        wanted[task.name] = old.get(task.name, None if task.latest_min is None else task.earliest_min)
    return wanted


def _filled(shop: Shop) -> list[Task]:
    """What can stay stays exactly; the rest goes into the gaps, and takes along only what waits for it."""
    problem = shop.problem
    active = shop.active(_routing(shop, {task.name: task for task in problem.before}))
    old = {shop.load_of[task.name]: task for task in problem.before if task.name in shop.load_of}
    pinned = {shop.load_of[task.name] for task in problem.pinned if task.name in shop.load_of}
    rank = {number: at for at, number in enumerate(shop.sorted)}
    moving = {number for number in active - pinned if number not in old or not _can_stay(shop, number, old[number])}
    staying = [task for task in problem.before if shop.load_of.get(task.name) in active - pinned - moving]
    fixed = [task.name for task in problem.pinned]
    moving |= {shop.load_of[name] for name in lacking(problem, [*problem.pinned, *staying], fixed)}
    while True:
        kept = tuple(
            task
            for task in problem.before
            if task.name in shop.load_of and shop.load_of[task.name] in active - moving - pinned
        )
        board = Board(Shop(replace(problem, pinned=(*problem.pinned, *kept), before=())), _maintenance(shop))
        for number in sorted(moving, key=lambda one: (old[one].start_min if one in old else -1, rank[one])):
            _take_with(shop, board, number, moving, active)
        tasks = with_setups(shop, board.tasks)
        pushed = _pushed(shop, tasks, active - moving - pinned)
        if not pushed:
            return tasks
        moving |= pushed


def _take_with(shop: Shop, board: Board, number: int, moving: set[int], active: frozenset[int]) -> None:
    """Place a moving load, after the moving ones that it waits for."""
    if number in board.end:
        return
    load = shop.loads[number]
    for before in load.after:
        if before in moving:
            _take_with(shop, board, before, moving, active)
    place = board.best(load, board.ready(load, active))
    if place is None:
        raise NoScheduleError(f"operation {load.names[0]} has no place after the change")
    board.put(load, place)


def _can_stay(shop: Shop, number: int, task: Task) -> bool:
    """Whether a load could be where it was, were it alone with what is pinned."""
    machine, load = shop.machine_index[task.machine], shop.loads[number]
    clock = shop.clocks[machine]
    block = clock.block(task.start_min, 0, task.start_min, clock.worked(task.end_min) - clock.worked(task.start_min))
    durations = {choice.duration for choice in load.choices if choice.machine == machine}
    whole = block is not None and (block.start, block.end) == (task.start_min, task.end_min)
    fits = whole and clock.worked(task.end_min) - clock.worked(task.start_min) in durations
    free = all(
        pin.end_min <= task.setup_start_min or task.end_min <= pin.setup_start_min
        for pin in shop.problem.pinned
        if pin.machine == task.machine
    )
    return fits and free and task.start_min >= load.release


def _pushed(shop: Shop, tasks: list[Task], kept: frozenset[int]) -> set[int]:
    """Kept loads that begin before what they wait for has ended, or whose set-up has become too long."""
    ends = {shop.load_of[task.name]: task.end_min for task in tasks if task.name in shop.load_of}
    found: set[int] = set()
    last: dict[str, int] = {}
    for task in sorted(tasks, key=lambda task: (task.start_min, task.end_min)):
        number = shop.load_of.get(task.name)
        if number in kept and number is not None:
            load = shop.loads[number]
            late = any(ends.get(before, 0) > task.start_min for before in load.after)
            alone = task.name == load.names[0]
            if late or (alone and task.setup_start_min < last.get(task.machine, 0)) or not _setup_whole(shop, task):
                found.add(number)
        last[task.machine] = max(task.end_min, last.get(task.machine, 0))
    return found


def _setup_whole(shop: Shop, task: Task) -> bool:
    """Whether a set-up lies in one shift with its work, where the machine may not pause."""
    clock = shop.clocks[shop.machine_index[task.machine]]
    if clock.always or clock.may_pause:
        return task.setup_start_min >= 0
    return clock.worked(task.start_min) - clock.worked(task.setup_start_min) == task.start_min - task.setup_start_min
