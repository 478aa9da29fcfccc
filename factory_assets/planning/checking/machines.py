"""What machines ask of a schedule: length of tasks, shifts, one thing at a time, set-ups, batches, maintenance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from factory_assets.planning.checking.placement import Placed, Placement
from factory_assets.planning.checking.violation import Violation
from factory_assets.planning.problem import Machine, Maintenance, Problem, Task


@dataclass(frozen=True)
class Occupation:
    """A stretch of a machine's time: a task, or a batch as one.

    Attributes:
        task: Its place; of a batch, of one of it.
        names: The tasks that are done in it.
        placed: What is done, one of a batch; None for maintenance.
        family: What the machine must be set up for; None if for nothing in particular.
    """

    task: Task
    names: tuple[str, ...]
    placed: Placed | None
    family: str | None = None


def machine_violations(problem: Problem, placement: Placement) -> Iterator[Violation]:
    """Everything that is wrong on machines."""
    for placed in placement.operations:
        yield from _length_violations(problem.machine[placed.task.machine], placed, placement)
    for machine, occupations in by_machine(placement).items():
        yield from _overlaps(machine, occupations)
        yield from _setup_violations(problem.machine[machine], occupations, placement)
    yield from _batch_violations(placement)
    for task, maintenance in placement.maintenance:
        yield from _maintenance_violations(task, maintenance, is_pinned=task.name in placement.pinned)
    placed_names = {task.name for task, _ in placement.maintenance}
    for maintenance in problem.maintenance:
        if maintenance.latest_min is not None and maintenance.name not in placed_names:
            words = f"{maintenance.name} must begin by minute {maintenance.latest_min} but is not in the schedule"
            yield Violation("maintenance", (maintenance.name,), words)


def by_machine(placement: Placement) -> dict[str, list[Occupation]]:
    """What occupies each machine, in order of time."""
    batches: dict[object, list[Placed]] = defaultdict(list)
    for placed in placement.operations:
        key = (placed.operation.batch, placed.task.machine, placed.task.start_min)
        batches[key if placed.operation.batch is not None else id(placed)].append(placed)
    alone = [
        Occupation(members[0].task, tuple(member.task.name for member in members), members[0], _family(members))
        for members in batches.values()
    ]
    alone += [Occupation(task, (task.name,), None) for task, _ in placement.maintenance]
    machines: dict[str, list[Occupation]] = defaultdict(list)
    for occupation in sorted(alone, key=lambda one: (one.task.setup_start_min, one.task.end_min, one.task.name)):
        machines[occupation.task.machine].append(occupation)
    return machines


def _family(members: list[Placed]) -> str | None:
    return next((member.operation.family for member in members if member.operation.family is not None), None)


def needed_setup_min(machine: Machine, family: str | None, following: str | None) -> int:
    """Minutes from one family to another; an operation without a family needs no set-up."""
    return 0 if family is None or following is None else machine.setup_min.get((family, following), 0)


def setups(machine: Machine, occupations: list[Occupation]) -> Iterator[tuple[Occupation, str | None, int]]:
    """What occupies a machine in order of time, with the family before it and the minutes of set-up that it needs."""
    family = machine.first_family
    for occupation in occupations:
        if occupation.placed is None:
            continue
        yield occupation, family, needed_setup_min(machine, family, occupation.family)
        family = occupation.family if occupation.family is not None else family


def _length_violations(machine: Machine, placed: Placed, placement: Placement) -> Iterator[Violation]:
    task, wanted, presence = placed.task, placed.duration_min, placement.presences[machine.name]
    if task.end_min < task.start_min or task.setup_start_min > task.start_min:
        yield Violation("duration", (task.name,), f"{task.name} ends before it begins")
        return
    if placed.is_pinned:
        return
    worked = presence.minutes(task.start_min, task.end_min)
    length = task.end_min - task.start_min
    if worked != wanted and (machine.may_pause or length != wanted):
        words = f"{task.name} takes {wanted} min on {machine.name}, but {worked} working minutes are planned"
        yield Violation("duration", (task.name,), words)
    elif not machine.may_pause and worked != length:
        words = f"{task.name} does not lie in one shift of {machine.name}, which may not pause"
        yield Violation("duration", (task.name,), words)
    elif length and not (
        presence.holds(task.start_min, task.start_min + 1) and presence.holds(task.end_min - 1, task.end_min)
    ):
        yield Violation("duration", (task.name,), f"{task.name} begins or ends while {machine.name} does not work")


def _overlaps(machine: str, occupations: list[Occupation]) -> Iterator[Violation]:
    last = None
    for now in occupations:
        if now.task.end_min == now.task.setup_start_min:
            continue  # what takes no time can stand where another ends or begins, and inside nothing
        if last is not None and now.task.setup_start_min < last.task.end_min:
            words = (
                f"on {machine}, {now.task.name} begins at minute {now.task.setup_start_min}, "
                f"before {last.task.name} ends at minute {last.task.end_min}"
            )
            yield Violation("overlap", (*last.names, *now.names), words)
        if last is None or now.task.end_min > last.task.end_min:
            last = now
    for now in occupations:
        minute = now.task.setup_start_min
        if now.task.end_min == minute:
            for other in occupations:
                if other.task.setup_start_min < minute < other.task.end_min:
                    words = f"on {machine}, {now.task.name} is inside {other.task.name}"
                    yield Violation("overlap", (*other.names, *now.names), words)


def _setup_violations(machine: Machine, occupations: list[Occupation], placement: Placement) -> Iterator[Violation]:
    presence = placement.presences[machine.name]
    for occupation, family, needed in setups(machine, occupations):
        task, placed = occupation.task, occupation.placed
        if placed is None or (placed.is_pinned and task.start_min < 0):
            continue
        begin, end = task.setup_start_min, task.start_min
        if placed.is_pinned:
            given = end - begin
        else:
            given = presence.minutes(begin, end) if machine.may_pause else presence.longest(begin, end)
        if given < needed:
            words = (
                f"{machine.name} needs {needed} min from {family} to {occupation.family} before {task.name}, "
                f"but has {given} working minutes"
            )
            yield Violation("setup", occupation.names, words)
        elif needed == 0 and begin != end:
            yield Violation("setup", occupation.names, f"{machine.name} is set up for {task.name}, which needs none")


def _batch_violations(placement: Placement) -> Iterator[Violation]:
    batches = defaultdict(list)
    for placed in placement.operations:
        if placed.operation.batch is not None:
            batches[placed.operation.batch, placed.task.machine].append(placed)
    for (batch, machine), members in batches.items():
        names = tuple(member.task.name for member in members)
        times = {(m.task.setup_start_min, m.task.start_min, m.task.end_min) for m in members}
        if len(times) > 1:
            yield Violation("batch", names, f"batch {batch} does not begin and end together on {machine}")
        if len({member.operation.family for member in members} - {None}) > 1:
            yield Violation("batch", names, f"batch {batch} on {machine} needs the machine set up for several families")


def _maintenance_violations(task: Task, maintenance: Maintenance, *, is_pinned: bool) -> Iterator[Violation]:
    name = (task.name,)
    if task.machine != maintenance.machine:
        yield Violation("maintenance", name, f"{task.name} is of {maintenance.machine}, not of {task.machine}")
    if is_pinned:
        return
    if task.end_min - task.start_min != maintenance.duration_min:
        words = f"{task.name} takes {maintenance.duration_min} min, but {task.end_min - task.start_min} are planned"
        yield Violation("maintenance", name, words)
    if task.setup_start_min != task.start_min:
        yield Violation("maintenance", name, f"{task.name} is maintenance and needs no set-up")
    if task.start_min < maintenance.earliest_min:
        words = f"{task.name} begins at minute {task.start_min}, before its window at {maintenance.earliest_min}"
        yield Violation("maintenance", name, words)
    if maintenance.latest_min is not None and task.start_min > maintenance.latest_min:
        words = f"{task.name} begins at minute {task.start_min}, after its window at {maintenance.latest_min}"
        yield Violation("maintenance", name, words)
