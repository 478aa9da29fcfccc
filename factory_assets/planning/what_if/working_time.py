"""Machines that stand, operators who are away, and extra shifts of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from factory_assets.planning.problem import Machine
from factory_assets.planning.rescheduling import Breakdown
from factory_assets.planning.spans import common, joined, minutes, without
from factory_assets.planning.what_if.changes import ExtraShift, Stop
from factory_assets.planning.what_if.errors import WhatIfError
from factory_assets.planning.what_if.work import Work, interval, operator_of, put_machine, put_operator

FAR = 60 * 24 * 400  # minutes; where no horizon is known


def stop(work: Work, change: Stop) -> None:
    """A machine stands, or an operator is away; what had begun with an operator is ended by somebody."""
    begin, end = interval(work, change.begin_min, change.end_min)
    if change.name in work.problem.machine:
        machine = work.problem.machine[change.name]
        if machine.shifts is None:
            put_machine(work, replace(machine, shifts=((0, work.problem.horizon_min or FAR),)))
        work.stops.append(Breakdown(change.name, begin, end))
        return
    operator = operator_of(work, change.name)
    left = without([(0, FAR)] if operator.shifts is None else joined(operator.shifts), [(begin, end)])
    put_operator(work, replace(operator, shifts=tuple(left)))
    begun = sorted(
        task.name
        for task in work.tasks.values()
        if task.operator == change.name and not work.not_begun(task) and task.start_min < end and begin < task.end_min
    )
    if begun:
        work.notes.append(f"{', '.join(begun)} had begun with {change.name} and ends as planned")


def extra_shift(work: Work, change: ExtraShift) -> None:
    """A machine or an operator works at another time too, from now on."""
    begin, end = interval(work, change.begin_min, change.end_min)
    span = (max(begin, work.now), end)
    one = work.problem.machine.get(change.name) or operator_of(work, change.name)
    if one.shifts is None:
        msg = f"{change.name} always works: an extra shift adds nothing"
        raise WhatIfError(msg)
    if minutes(common(joined(one.shifts), [span])) == span[1] - span[0]:
        work.notes.append(f"{change.name} works then already: the extra shift adds nothing")
    shifts = tuple(joined([*one.shifts, span]))
    if isinstance(one, Machine):
        put_machine(work, replace(one, shifts=shifts))
    else:
        put_operator(work, replace(one, shifts=shifts))


def note_missing_people(work: Work, changes: Sequence[ExtraShift]) -> None:
    """An extra shift of a machine that nobody can work on, because they are not there, changes nothing."""
    for change in changes:
        if change.name not in work.problem.machine or not work.problem.operators:
            continue
        modes = [mode for one in work.problem.operations.values() for mode in one.modes if mode.machine == change.name]
        skills = {mode.skill for mode in modes if mode.skill is not None}
        able = [one for one in work.problem.operators if one.skills & skills and one.count]
        span = [(max(change.begin_min, work.now), change.end_min)]
        if skills and not any(one.shifts is None or common(joined(one.shifts), span) for one in able):
            names = ", ".join(one.name for one in able) or "anybody"
            work.notes.append(f"nobody who can work on {change.name} is there then: give {names} an extra shift too")
