"""A problem and the schedule in force, changed as a planner asks: what has begun by then stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from factory_assets.planning.lacking import lacking
from factory_assets.planning.problem import Order, Problem, Supply, Task
from factory_assets.planning.rescheduling import Breakdown
from factory_assets.planning.what_if.changes import (
    Change,
    ExtraDelivery,
    ExtraShift,
    LateDelivery,
    MaintenanceAt,
    NewDue,
    NoMaintenance,
    RushOrder,
    Stop,
    WithoutOrder,
)
from factory_assets.planning.what_if.clock import PlantClock
from factory_assets.planning.what_if.errors import WhatIfError
from factory_assets.planning.what_if.rush_orders import order_like
from factory_assets.planning.what_if.work import (
    Work,
    interval,
    know_material,
    maintenance_of,
    order_of,
    put_maintenance,
)
from factory_assets.planning.what_if.working_time import FAR, extra_shift, note_missing_people, stop

NEVER = 1e6  # money: what it costs to place maintenance that is left out, so that nothing does


@dataclass(frozen=True)
class Changed:
    """What a schedule is to be made from.

    Attributes:
        problem: With the changes; only what has begun is pinned.
        in_force: The schedule in force, without tasks that cannot stay where they are.
        stops: Machines that do not work.
        notes: What a planner should know of how the changes were understood.
    """

    problem: Problem
    in_force: tuple[Task, ...]
    stops: tuple[Breakdown, ...]
    notes: tuple[str, ...]


def applied(
    problem: Problem,
    in_force: Sequence[Task],
    changes: Sequence[Change],
    *,
    now_min: int,
    frozen_min: int,
    clock: PlantClock,
    partly_done: Iterable[str] = (),
) -> Changed:
    """Change a problem.

    Args:
        problem: What the schedule in force keeps to.
        in_force: Its tasks.
        changes: What is asked.
        now_min: The minute from which things can be changed.
        frozen_min: Tasks that begin within so many minutes from then stay where they can.
        clock: Of the problem; for messages.
        partly_done: Orders of which operations are done and no longer in the problem: nothing is made like them.

    Raises:
        WhatIfError: A change names what is not there, or a time that is over or beyond what is planned.
    """
    work = Work(problem, {task.name: task for task in in_force}, now_min, now_min + frozen_min, clock)
    done = frozenset(partly_done)
    ways: dict[type, Callable[..., None]] = {
        Stop: stop,
        ExtraShift: extra_shift,
        RushOrder: lambda one, change: _rush_order(one, change, done),
        WithoutOrder: _without_order,
        NewDue: _new_due,
        LateDelivery: _late_delivery,
        ExtraDelivery: _extra_delivery,
        MaintenanceAt: _maintenance_at,
        NoMaintenance: _no_maintenance,
    }
    # Extra shifts first: a stop within one holds. Extra deliveries last: they come when it is said.
    for change in sorted(
        changes, key=lambda change: isinstance(change, ExtraDelivery) - isinstance(change, ExtraShift)
    ):
        ways[type(change)](work, change)
    note_missing_people(work, [change for change in changes if isinstance(change, ExtraShift)])
    work.let_go(_frozen_in_vain(work))
    pinned = _begun(work)
    return Changed(
        replace(work.problem, pinned=pinned, before=()),
        tuple(work.tasks.values()),
        tuple(work.stops),
        tuple(work.notes),
    )


def _rush_order(work: Work, change: RushOrder, partly_done: frozenset[str]) -> None:
    like = order_of(work, change.like)
    if like.name in partly_done:
        whole = [order.name for order in work.problem.orders if order.name not in partly_done]
        msg = f"a part of order {like.name} is done, and no schedule knows what that was; take a whole one such as "
        raise WhatIfError(msg + (", ".join(whole[:3]) or "none: there is no whole order"))
    names = {order.name for order in work.problem.orders}
    number = next(count for count in range(1, len(names) + 2) if f"rush-{count}" not in names)
    if change.due_min <= work.now:
        msg = f"a rush order cannot be due {work.clock.words(change.due_min)}: it is {work.clock.words(work.now)}"
        raise WhatIfError(msg)
    rush = order_like(like, f"rush-{number}", change, work.now)
    work.problem = replace(work.problem, orders=(*work.problem.orders, rush))
    if not rush.late_cost_per_min:
        work.notes.append(f"{rush.name} costs nothing when it is late: say what an hour costs after a comma")


def _without_order(work: Work, change: WithoutOrder) -> None:
    order = order_of(work, change.order)
    begun = tuple(
        one for one in order.operations if one.name in work.tasks and not work.not_begun(work.tasks[one.name])
    )
    gone = {one.name for one in order.operations} - {one.name for one in begun}
    work.let_go(gone)
    if begun:
        work.notes.append(f"of order {order.name} {len(begun)} operation(s) had begun and end as planned")
    rest = replace(order, operations=begun, routings=(), due_min=None)
    orders = [rest if one.name == order.name else one for one in work.problem.orders]
    work.problem = replace(work.problem, orders=tuple(_without(one, gone) for one in orders if one.operations))


def _without(order: Order, gone: set[str]) -> Order:
    """An order whose operations do not wait for some that are gone."""
    if not any(gone.intersection(one.after) for one in order.operations):
        return order
    operations = (replace(one, after=tuple(n for n in one.after if n not in gone)) for one in order.operations)
    return replace(order, operations=tuple(operations))


def _new_due(work: Work, change: NewDue) -> None:
    order = replace(order_of(work, change.order), due_min=change.due_min)
    if not order.late_cost_per_min:
        work.notes.append(f"order {order.name} costs nothing when it is late: its due date decides nothing")
    work.problem = replace(
        work.problem, orders=tuple(order if one.name == order.name else one for one in work.problem.orders)
    )


def _late_delivery(work: Work, change: LateDelivery) -> None:
    supplies = work.problem.supplies
    know_material(work, change.material)

    def later(one: Supply) -> Supply:
        is_late = one.material == change.material and one.at_min > work.now
        return replace(one, at_min=one.at_min + change.late_min) if is_late else one

    late = tuple(later(one) for one in supplies)
    if late == supplies:
        msg = f"no {change.material} is to come after {work.clock.words(work.now)}: all of it is in stock"
        raise WhatIfError(msg)
    work.problem = replace(work.problem, supplies=late)


def _extra_delivery(work: Work, change: ExtraDelivery) -> None:
    know_material(work, change.material)
    begin, _ = interval(work, change.at_min, change.at_min + 1)
    supply = Supply(change.material, begin, change.quantity)
    work.problem = replace(work.problem, supplies=(*work.problem.supplies, supply))


def _maintenance_at(work: Work, change: MaintenanceAt) -> None:
    minute, _ = interval(work, change.start_min, change.start_min + 1)
    task = maintenance_of(work, change.machine)
    if task.name in work.tasks and work.tasks[task.name].start_min != minute:
        work.let_go([task.name])
    put_maintenance(work, replace(task, earliest_min=minute, latest_min=minute))


def _no_maintenance(work: Work, change: NoMaintenance) -> None:
    task = maintenance_of(work, change.machine)
    work.let_go([task.name])
    left_out = task.risk_cost[-1][1] if task.risk_cost else 0.0
    last = max([work.problem.horizon_min or FAR, *(minute for minute, _ in task.risk_cost)]) + 1
    risk = ((0, left_out + NEVER), (last, left_out + NEVER), (last + 1, left_out))
    put_maintenance(work, replace(task, latest_min=None, risk_cost=risk))


def _frozen_in_vain(work: Work) -> set[str]:
    """Frozen tasks whose operator, tool or material is not there: they cannot stay where they are."""
    begun = [task.name for task in work.tasks.values() if not work.not_begun(task)]
    short = lacking(work.problem, work.tasks.values(), begun)
    return {name for name in short if work.tasks[name].setup_start_min < work.frozen_until}


def _begun(work: Work) -> tuple[Task, ...]:
    """Operations that had begun before minute 0, unless they are stopped now, and maintenance that has begun."""
    before = {task.name for task in work.problem.pinned if task.setup_start_min < 0}

    def is_stopped(task: Task) -> bool:
        spans = [(one.begin_min, one.end_min) for one in work.stops if one.machine == task.machine]
        return any(begin < task.end_min and task.start_min < end for begin, end in spans)

    return tuple(
        task
        for task in work.tasks.values()
        if not work.not_begun(task)
        and (task.name not in work.problem.operations or (task.name in before and not is_stopped(task)))
    )
