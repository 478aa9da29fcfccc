"""Contradictions that can be seen without a solver: each check gives the smallest set that clashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from factory_assets.planning.explaining.relaxing import Conflict, Demand, Speaker, horizon_of, open_spans, routings
from factory_assets.planning.explaining.scarcity import missing_materials, too_few_machine_hours, too_few_people
from factory_assets.planning.problem import Maintenance, Mode, Operation, Order, Problem, Task
from factory_assets.planning.showing.reports import duration_words
from factory_assets.planning.spans import common, joined, minutes, without


def obstacles(problem: Problem, *, time_zone: str = "UTC") -> list[Conflict]:
    """All contradictions that show without searching for a schedule; empty if none do."""
    speaker = Speaker(problem, time_zone)
    checks: tuple[Callable[[Problem, Speaker], Iterator[Conflict]], ...] = (
        _operations,
        _lengths,
        missing_materials,
        _pinned,
        _pinned_early,
        _maintenance,
        too_few_machine_hours,
        too_few_people,
    )
    return [conflict for check in checks for conflict in check(problem, speaker)]


def _operations(problem: Problem, speaker: Speaker) -> Iterator[Conflict]:
    """Operations that nothing or nobody can do, in every routing."""
    pinned = {task.name for task in problem.pinned}
    for order in problem.orders:
        blocked = {}
        for operation in order.operations:
            if operation.name in pinned:
                continue
            reasons = [_mode_obstacle(problem, mode) for mode in operation.modes]
            if all(reason is not None for reason in reasons):
                blocked[operation.name] = [reason for reason in reasons if reason is not None]
        firsts = [next((name for name in names if name in blocked), None) for names in routings(order)]
        if any(name is None for name in firsts):
            continue
        found = [reason for name in dict.fromkeys(firsts) for reason in blocked[str(name)]]
        demands = dict.fromkeys(demand for limits, _ in found for demand in limits)
        words = "; ".join(dict.fromkeys(text for _, text in found))
        names = " and ".join(str(name) for name in dict.fromkeys(firsts))
        yield Conflict((Demand("order", order.name), *demands), f"order {order.name} cannot be made: {names}: {words}")


def _mode_obstacle(problem: Problem, mode: Mode) -> tuple[tuple[Demand, ...], str] | None:
    machine = problem.machine[mode.machine]
    if mode.tool is not None and problem.tools.get(mode.tool, 0) < 1:
        return (Demand("tool", mode.tool),), f"there is no {mode.tool}, which it needs on {mode.machine}"
    if problem.operators and mode.skill is not None:
        able = [one for one in problem.operators if mode.skill in one.skills and one.count > 0]
        if not able:
            return (Demand("skill", mode.skill),), f"nobody can do {mode.skill}, which it needs on {mode.machine}"
    opened = open_spans(machine, 0, problem.horizon_min)
    longest = max((end - begin for begin, end in opened), default=0)
    there = minutes(opened) if machine.may_pause else longest
    is_too_long_anyway = problem.horizon_min is not None and mode.duration_min > problem.horizon_min
    if machine.shifts is None or there >= mode.duration_min or is_too_long_anyway:
        return None
    takes = f"it takes {duration_words(mode.duration_min)} on {mode.machine}"
    if not opened:
        words = f"{mode.machine} has no shift"
    elif machine.may_pause:
        words = f"{takes}, whose shifts are {duration_words(minutes(opened))} in all"
    else:
        words = f"{takes}, which may not pause, and whose longest shift is {duration_words(longest)}"
    ever = [end - begin for begin, end in machine.shifts]
    is_cut = (sum(ever) if machine.may_pause else max(ever, default=0)) >= mode.duration_min
    return (Demand("shifts", machine.name), *(horizon_of(problem) if is_cut else ())), words


def _lengths(problem: Problem, speaker: Speaker) -> Iterator[Conflict]:
    """Orders too long for the time between release and horizon, if everything else stood still for them."""
    if problem.horizon_min is None:
        return
    pinned = {task.name for task in problem.pinned}
    for order in problem.orders:
        shortest = min((_longest_path(order, names, pinned) for names in routings(order)), default=0)
        if order.release_min + shortest > problem.horizon_min:
            released = f"is released at {speaker.at(order.release_min)} and " if order.release_min > 0 else ""
            words = (
                f"order {order.name} {released}takes at least {duration_words(shortest)}, "
                f"but everything must end by {speaker.at(problem.horizon_min)}"
            )
            is_by_release = order.release_min > 0 and shortest <= problem.horizon_min
            release = (Demand("release", order.name),) if is_by_release else ()
            yield Conflict((Demand("order", order.name), *release, Demand("horizon", "")), words)


def _longest_path(order: Order, names: tuple[str, ...], pinned: set[str]) -> int:
    operations = {one.name: one for one in order.operations if one.name in names and one.name not in pinned}
    length: dict[str, int] = {}

    def of(name: str) -> int:
        if name not in length:
            length[name] = 0  # a circle is refused elsewhere
            operation = operations[name]
            shortest = min((mode.duration_min for mode in operation.modes), default=0)
            length[name] = shortest + max((of(before) for before in operation.after if before in operations), default=0)
        return length[name]

    return max((of(name) for name in operations), default=0)


def _pinned(problem: Problem, speaker: Speaker) -> Iterator[Conflict]:
    """Pinned tasks that are on one machine at once, or before what they wait for."""
    ordered = sorted(problem.pinned, key=lambda task: (task.machine, task.setup_start_min))
    for left, right in combinations(ordered, 2):
        is_at_once = left.machine == right.machine and right.setup_start_min < left.end_min
        if is_at_once and not _are_batch(problem, left, right):
            words = f"{speaker.pinned(left)}, and {speaker.pinned(right)}, at the same time"
            yield Conflict((Demand("pinned", left.name), Demand("pinned", right.name)), words)
    of = {task.name: task for task in problem.pinned}
    for task in problem.pinned:
        operation = problem.operations.get(task.name)
        for before in operation.after if operation is not None else ():
            if before in of and task.start_min >= 0 and of[before].end_min > task.start_min:
                first = speaker.pinned(of[before])
                words = f"{speaker.pinned(task)}, before {before}, which comes first, has ended: {first}"
                yield Conflict((Demand("pinned", before), Demand("pinned", task.name)), words)


def _pinned_early(problem: Problem, speaker: Speaker) -> Iterator[Conflict]:
    """Pinned tasks that leave too little time for what must come first and is not pinned itself."""
    pinned = {task.name for task in problem.pinned}
    for task in problem.pinned:
        operation = problem.operations.get(task.name)
        if operation is None or task.start_min < 0:
            continue
        order = problem.order_of[task.name]
        before = {name for name in _all_before(order, operation) if name not in pinned}
        shortest = min(
            (_longest_path(order, tuple(before & set(names)), pinned) for names in routings(order)), default=0
        )
        if not shortest or order.release_min + shortest <= task.start_min:
            continue
        words = f"{speaker.pinned(task)}, but what comes first takes at least {duration_words(shortest)}"
        is_by_release = order.release_min > 0 and shortest <= task.start_min
        release = (Demand("release", order.name),) if is_by_release else ()
        words += f" from {speaker.at(order.release_min)}, when order {order.name} is released" if is_by_release else ""
        yield Conflict((Demand("order", order.name), *release, Demand("pinned", task.name)), words)


def _all_before(order: Order, operation: Operation) -> set[str]:
    of = {one.name: one for one in order.operations}
    found: set[str] = set()
    ahead = [name for name in operation.after if name in of]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += [one for one in of[name].after if one in of]
    return found


def _are_batch(problem: Problem, left: Task, right: Task) -> bool:
    first, second = problem.operations.get(left.name), problem.operations.get(right.name)
    return first is not None and second is not None and first.batch is not None and first.batch == second.batch


def _maintenance(problem: Problem, speaker: Speaker) -> Iterator[Conflict]:
    """Maintenance that finds no place in its window, or that clashes with another."""
    pinned_names = {task.name for task in problem.pinned}
    bound = [one for one in problem.maintenance if one.latest_min is not None and one.name not in pinned_names]
    stuck = set()
    for one in bound:
        conflict = _alone(problem, one, speaker) or _beside_pinned(problem, one, speaker)
        if conflict is not None:
            stuck.add(one.name)
            yield conflict
    for left, right in combinations([one for one in bound if one.name not in stuck], 2):
        if left.machine == right.machine and not (_fit(left, right) or _fit(right, left)):
            words = f"{speaker.maintenance(left)}, and {speaker.maintenance(right)}: they cannot follow each other"
            yield Conflict((Demand("maintenance", left.name), Demand("maintenance", right.name)), words)


def _alone(problem: Problem, one: Maintenance, speaker: Speaker) -> Conflict | None:
    demand, latest = Demand("maintenance", one.name), one.latest_min or 0
    if latest < one.earliest_min:
        return Conflict((demand,), f"{speaker.maintenance(one)}: the window ends before it begins")
    if problem.horizon_min is not None and one.earliest_min + one.duration_min > problem.horizon_min:
        words = f"{speaker.maintenance(one)}, but everything must end by {speaker.at(problem.horizon_min)}"
        return Conflict((demand, Demand("horizon", "")), words)
    if one.skill is None or not problem.operators:
        return None
    able = [operator for operator in problem.operators if one.skill in operator.skills and operator.count > 0]
    if not able:
        words = f"{speaker.maintenance(one)}, but nobody can do {one.skill}"
        return Conflict((demand, Demand("skill", one.skill)), words)
    window = [(one.earliest_min, latest + one.duration_min)]
    if any(
        operator.shifts is None
        or any(end - begin >= one.duration_min for begin, end in common(window, joined(operator.shifts)))
        for operator in able
    ):
        return None
    names = ", ".join(operator.name for operator in able)
    words = f"{speaker.maintenance(one)}, but nobody who can do {one.skill} ({names}) is there so long at that time"
    present = tuple(Demand("presence", operator.name) for operator in able)
    return Conflict((demand, Demand("skill", one.skill), *present), words)


def _beside_pinned(problem: Problem, one: Maintenance, speaker: Speaker) -> Conflict | None:
    window = [(one.earliest_min, (one.latest_min or 0) + one.duration_min)]
    on_machine = [task for task in problem.pinned if task.machine == one.machine]

    def finds_place(tasks: list[Task]) -> bool:
        taken = joined((task.setup_start_min, task.end_min) for task in tasks)
        return any(end - begin >= one.duration_min for begin, end in without(window, taken))

    if finds_place(on_machine):
        return None
    for task in list(on_machine):
        fewer = [other for other in on_machine if other is not task]
        if not finds_place(fewer):
            on_machine = fewer
    words = f"{speaker.maintenance(one)}, but {', '.join(speaker.pinned(task) for task in on_machine)}"
    pinned = tuple(Demand("pinned", task.name) for task in on_machine)
    return Conflict((Demand("maintenance", one.name), *pinned), words)


def _fit(first: Maintenance, second: Maintenance) -> bool:
    return first.earliest_min + first.duration_min <= (second.latest_min or 0)
