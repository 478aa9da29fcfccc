"""Things of which there is less than orders need: materials, hours of machines, hours of people."""

from __future__ import annotations

from collections.abc import Iterator

from factory_assets.planning.explaining.relaxing import FAR, Conflict, Demand, Speaker, horizon_of, open_spans, routings
from factory_assets.planning.problem import Machine, Operation, Operator, Problem
from factory_assets.planning.showing.reports import duration_words
from factory_assets.planning.spans import Spans, common, joined, minutes


def missing_materials(problem: Problem, speaker: Speaker) -> Iterator[Conflict]:
    """Materials of which all that ever comes is less than the orders need."""
    until = FAR if problem.horizon_min is None else problem.horizon_min
    begun = {task.name for task in problem.pinned if task.start_min < 0}
    needs: dict[str, dict[str, float]] = {}
    for order in problem.orders:
        of = {one.name: one for one in order.operations if one.name not in begun}
        for material in {name for one in of.values() for name in one.materials}:
            least = min(
                sum(of[name].materials.get(material, 0) for name in names if name in of) for names in routings(order)
            )
            if least > 0:
                needs.setdefault(material, {})[order.name] = least
    for material, of_orders in sorted(needs.items()):
        coming = [one for one in problem.supplies if one.material == material]
        there = sum(one.quantity for one in coming if one.at_min <= until)
        chosen = _exceeding(of_orders, there + 1e-6)
        if chosen:
            need = sum(of_orders[name] for name in chosen)
            words = (
                f"{_listed('order', chosen)} {_verb('need', chosen)} {need:g} of {material}, but there are {there:g}"
            )
            late = any(one.at_min > until for one in coming)
            words += f" by {speaker.at(until)}" if late else " in stock and on order"
            limits = (Demand("material", material), *(horizon_of(problem) if late else ()))
            yield Conflict((*(Demand("order", name) for name in chosen), *limits), words)


def too_few_machine_hours(problem: Problem, speaker: Speaker) -> Iterator[Conflict]:
    """Machines on which orders that can be done nowhere else need more time than there is."""
    pinned = {task.name for task in problem.pinned}
    for machine in problem.machines:
        needs: dict[str, float] = {}
        for order in problem.orders:
            free = [one for one in order.operations if one.name not in pinned]
            least = min(
                sum(_only_on(machine.name, one) for one in free if one.name in names) for names in routings(order)
            )
            if least > 0:
                needs[order.name] = least
        opened = minutes(open_spans(machine, 0, problem.horizon_min))
        chosen = _exceeding(needs, opened)
        if len(chosen) > 1:
            need = int(sum(needs[name] for name in chosen))
            until = _until_words(problem, speaker)
            words = (
                f"{_listed('order', chosen)} {_verb('need', chosen)} {duration_words(need)} on {machine.name}, "
                f"which alone can make {'it' if len(chosen) == 1 else 'them'}, "
                f"but it works {duration_words(opened)} {until}"
            )
            orders = tuple(Demand("order", name) for name in chosen)
            yield Conflict((*orders, *_time_limits(machine, need, problem.horizon_min)), words)


def too_few_people(problem: Problem, speaker: Speaker) -> Iterator[Conflict]:
    """Skills of which orders need more time than all who have them are there."""
    if not problem.operators:
        return
    horizon_min = FAR if problem.horizon_min is None else problem.horizon_min
    pinned = {task.name for task in problem.pinned}
    skills = {mode.skill for one in problem.operations.values() for mode in one.modes if mode.skill is not None}
    for skill in sorted(skills):
        able = [one for one in problem.operators if skill in one.skills and one.count > 0]
        needs: dict[str, float] = {}
        for order in problem.orders:
            free = [one for one in order.operations if one.name not in pinned]
            least = min(sum(_only_by(skill, one) for one in free if one.name in names) for names in routings(order))
            if least > 0:
                needs[order.name] = least
        there = _presence_min(able, {one.name for one in able}, horizon_min)
        chosen = _exceeding(needs, there)
        if able and chosen:
            need = sum(needs[name] for name in chosen)
            people = ", ".join(one.name for one in able) + (" is" if len(able) == 1 else " are")
            words = (
                f"{_listed('order', chosen)} {_verb('need', chosen)} {duration_words(int(need))} of {skill}, but "
                f"{people} there for {duration_words(int(there))} "
                f"{_until_words(problem, speaker)}"
            )
            orders = tuple(Demand("order", name) for name in chosen)
            yield Conflict((*orders, Demand("skill", skill), *_presence_limits(able, need, problem.horizon_min)), words)


def _presence_limits(able: list[Operator], need: float, until: int | None) -> tuple[Demand, ...]:
    """Whose absence matters, and whether the horizon does."""
    kept = {one.name for one in able if one.shifts is not None}
    horizon_min = FAR if until is None else until
    for name in sorted(kept):
        if _presence_min(able, kept - {name}, horizon_min) < need:
            kept.discard(name)
    present = tuple(Demand("presence", name) for name in sorted(kept))
    is_by_horizon = until is not None and _presence_min(able, kept, FAR) >= need
    return (*present, Demand("horizon", "")) if is_by_horizon else present


def _presence_min(able: list[Operator], kept: set[str], horizon_min: int) -> int:
    """Minutes that people are there, those who are not kept to their shifts all the time."""
    return sum(
        one.count * (horizon_min if one.shifts is None or one.name not in kept else minutes(_until(one, horizon_min)))
        for one in able
    )


def _until(operator: Operator, horizon_min: int) -> Spans:
    return common([(0, horizon_min)], joined(operator.shifts or ()))


def _only_by(skill: str, operation: Operation) -> int:
    if operation.batch is not None or any(mode.skill != skill for mode in operation.modes):
        return 0
    return min((mode.duration_min for mode in operation.modes), default=0)


def _time_limits(machine: Machine, need: int, horizon_min: int | None) -> tuple[Demand, ...]:
    """Which of shifts and horizon leave less time than is needed: the horizon alone, the shifts alone, or both."""
    shifts, horizon = Demand("shifts", machine.name), Demand("horizon", "")
    if horizon_min is not None and need > horizon_min:
        return (horizon,)
    return (shifts,) if minutes(joined(machine.shifts or ())) < need else (shifts, horizon)


def _only_on(machine: str, operation: Operation) -> int:
    if operation.batch is not None or any(mode.machine != machine for mode in operation.modes):
        return 0
    return min((mode.duration_min for mode in operation.modes), default=0)


def _exceeding(needs: dict[str, float], there: float) -> list[str]:
    """The largest needs that together are more than there is: without any one of them, the others are not."""
    chosen, total = [], 0.0
    for name, need in sorted(needs.items(), key=lambda item: (-item[1], item[0])):
        chosen.append(name)
        total += need
        if total > there:
            return chosen
    return []


def _listed(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{what} {shown}" if len(names) == 1 else f"{what}s {shown} together"


def _verb(verb: str, names: list[str]) -> str:
    return f"{verb}s" if len(names) == 1 else verb


def _until_words(problem: Problem, speaker: Speaker) -> str:
    return "in all" if problem.horizon_min is None else f"until {speaker.at(problem.horizon_min)}"
