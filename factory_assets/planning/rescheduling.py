"""A new schedule when the floor has changed: what has begun or is frozen stays, and few other tasks move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from factory_assets.planning.exact.cp_model import Model
from factory_assets.planning.exact.cp_parts import Staying
from factory_assets.planning.incumbent import Incumbent, Progress
from factory_assets.planning.problem import Maintenance, Order, Problem, Schedule, Task
from factory_assets.planning.repairs import repairs
from factory_assets.planning.search.dispatching import best_dispatch
from factory_assets.planning.search.loads import NoScheduleError, Shop
from factory_assets.planning.search.timeline import Clock, without
from factory_assets.planning.solving import horizon_of, objective_of, run_model

BUILD_SHARE = 0.5  # of the time may be gone before CP-SAT is not worth starting


@dataclass(frozen=True)
class Breakdown:
    """A machine that cannot work for a while.

    Attributes:
        machine: Which.
        begin_min: From when.
        end_min: Until when.
    """

    machine: str
    begin_min: int
    end_min: int


@dataclass(frozen=True)
class Rescheduled:
    """A new schedule and what it was made from.

    Attributes:
        problem: With shifts cut by breakdowns, pinned tasks and the schedule in force: what the schedule must keep to.
        schedule: The new schedule.
        moved: Tasks of the schedule in force, not pinned, that begin at another minute or on another machine.
        free: How many tasks of the schedule in force were not pinned.
    """

    problem: Problem
    schedule: Schedule
    moved: tuple[str, ...]
    free: int


def reschedule(
    problem: Problem,
    in_force: Sequence[Task],
    now_min: int,
    *,
    frozen_min: int = 0,
    breakdowns: Sequence[Breakdown] = (),
    cost_per_moved: float | None = None,
    most_moved: float = 0.2,
    seconds: float = 4.0,
    workers: int = 2,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Rescheduled:
    """Make a schedule that follows the one in force as closely as it pays.

    Rush orders are orders of `problem` that are not in the schedule in force; orders left out of `problem` are gone.

    Args:
        problem: As it is now, with the same minute 0 as the schedule in force.
        in_force: The tasks of the schedule in force.
        now_min: The minute it is now.
        frozen_min: Tasks that begin within so many minutes stay as they are, unless a breakdown makes that impossible.
        breakdowns: Machines that cannot work.
        cost_per_moved: What it costs that a task is moved at all; by default more than anything that moving could save
            in an average task, so that only what must move does.
        most_moved: The share of tasks, not pinned, of which more are moved only if nothing else can be done or it
            saves very much.
        seconds: How long to search.
        workers: Threads, at most.
        seed: Of the random choices.
        on_progress: Told of each better schedule (its value includes the cost of moved tasks, its bound too).

    Raises:
        NoScheduleError: Nothing was found that keeps to everything.
    """
    changed = changed_problem(problem, in_force, now_min, frozen_min=frozen_min, breakdowns=breakdowns)
    shop = Shop(changed)
    stay_cost = cost_per_moved if cost_per_moved is not None else _default_stay_cost(changed)
    few = int(most_moved * len(changed.before))
    staying = Staying(stay_cost, few, OVER * stay_cost)
    run = _Stable(shop, seconds, on_progress, staying)
    for tasks in repairs(shop):
        run.offer(tasks, "dispatching")
    if run.best is None:
        found = best_dispatch(shop, objective_of(changed))
        run.offer(found.tasks, found.solver)
    if run.left > BUILD_SHARE * seconds and len(shop.loads) <= MODEL_LOADS:
        model = Model(shop, "cost", horizon_of(run), staying=staying)
        if run.best is not None:
            model.hint(run.best)
        if run.left > 0:
            run_model(run, model, workers, seed)
    schedule = run.result()
    if schedule is None:
        raise NoScheduleError("no schedule was found after the change")
    moved = moved_tasks(changed, schedule)
    return Rescheduled(changed, replace(schedule, lower_bound=None), moved, len(changed.before))


OVER = 50.0  # times the cost of a moved task, for each one more than few
MODEL_LOADS = 1500  # above, the repaired schedule is taken as it is


def changed_problem(
    problem: Problem,
    in_force: Sequence[Task],
    now_min: int,
    *,
    frozen_min: int = 0,
    breakdowns: Sequence[Breakdown] = (),
) -> Problem:
    """The problem from now on: begun and frozen tasks pinned, the others as the schedule to stay close to.

    A breakdown cuts the shifts of its machine; on a machine without shifts it becomes a pinned maintenance task. A task
    that has begun on a broken machine waits for its end if the machine may pause, and is begun anew elsewhere or later
    if not.
    """
    machines = dict(problem.machine)
    extra: list[Maintenance] = []
    stops: list[Task] = []
    for number, lost in enumerate(breakdowns):
        if lost.machine not in machines:
            raise NoScheduleError(f"the breakdown is of unknown machine {lost.machine}")
        machine = machines[lost.machine]
        if machine.shifts is not None:
            shifts = without(machine.shifts, (lost.begin_min, lost.end_min), lost.end_min)
            machines[lost.machine] = replace(machine, shifts=shifts)
            continue
        name, minutes = f"breakdown {number} of {lost.machine}", lost.end_min - lost.begin_min
        extra.append(Maintenance(name, lost.machine, minutes, lost.begin_min, lost.begin_min))
        stops.append(Task(name, lost.machine, lost.begin_min, lost.begin_min, lost.end_min))
    known = set(problem.operations) | {task.name for task in problem.maintenance}
    kept = [task for task in in_force if task.name in known]
    given = {task.name: task for task in problem.pinned}
    clocks = {name: Clock(machine) for name, machine in machines.items()}
    pinned = dict(given)
    for task in kept:
        if task.name not in given and task.setup_start_min < now_min + frozen_min:
            stays = _after_breakdowns(problem, task, now_min, breakdowns, clocks)
            if stays is not None:
                pinned[task.name] = stays
    _release_clashes(problem, pinned, given, now_min)
    while _release_setups(problem, pinned, given, clocks):
        _release_clashes(problem, pinned, given, now_min)
    floor = _released(problem, pinned, now_min)
    before = tuple(task for task in kept if task.name not in pinned)
    maintenance = [
        task if task.name in pinned else replace(task, earliest_min=max(task.earliest_min, now_min))
        for task in problem.maintenance
    ]
    return replace(
        problem,
        machines=tuple(machines[machine.name] for machine in problem.machines),
        orders=floor,
        maintenance=(*maintenance, *extra),
        pinned=(*pinned.values(), *stops),
        before=before,
    )


def _after_breakdowns(
    problem: Problem, task: Task, now_min: int, breakdowns: Sequence[Breakdown], clocks: Mapping[str, Clock]
) -> Task | None:
    """The task where it is, or with a later end where it waits for a repair; None if it cannot stay."""
    for lost in breakdowns:
        clash = lost.machine == task.machine and lost.begin_min < task.end_min and task.setup_start_min < lost.end_min
        if not clash:
            continue
        machine = problem.machine[task.machine]
        if task.start_min >= now_min or not machine.may_pause or machine.shifts is None:
            return None
        worked = Clock(machine)
        minutes = worked.worked(task.end_min) - worked.worked(task.start_min)
        clock = clocks[task.machine]
        target = clock.worked(task.start_min) + minutes
        if target > clock.sums[-1]:
            return None
        task = replace(task, end_min=clock.end_of(target))
    return task


def _release_clashes(problem: Problem, pinned: dict[str, Task], given: Mapping[str, Task], now_min: int) -> None:
    """Let go of frozen tasks that can no longer be where they were: behind a longer task or one that is not pinned."""
    again = True
    while again:
        again = False
        last: dict[str, int] = {}
        batches: dict[str, str | None] = {}
        for task in sorted(pinned.values(), key=lambda task: (task.setup_start_min, task.end_min)):
            operation = problem.operations.get(task.name)
            before, batch = (operation.after, operation.batch) if operation is not None else ((), None)
            late = any(
                pinned[name].end_min > task.start_min if name in pinned else task.start_min >= now_min
                for name in before
            )
            # The operations of a batch are on their machine at the same time.
            is_together = batch is not None and batches.get(task.machine) == batch
            is_behind = not is_together and task.setup_start_min < last.get(task.machine, task.setup_start_min)
            if task.name not in given and (late or is_behind):
                del pinned[task.name]
                again = True
            else:
                batches[task.machine] = batch
                last[task.machine] = max(task.end_min, last.get(task.machine, task.end_min))
        again = _release_batches(problem, pinned) or again


def _release_setups(
    problem: Problem, pinned: dict[str, Task], given: Mapping[str, Task], clocks: Mapping[str, Clock]
) -> bool:
    """Let go of frozen tasks whose set-up no longer fits what is before them; returns whether there were any."""
    family = {name: machine.first_family for name, machine in problem.machine.items()}
    found = False
    for task in sorted(pinned.values(), key=lambda task: (task.setup_start_min, task.end_min)):
        own = problem.operations[task.name].family if task.name in problem.operations else None
        if own is None:
            continue
        before, clock = family[task.machine], clocks[task.machine]
        needed = 0 if before is None else problem.machine[task.machine].setup_min.get((before, own), 0)
        left = clock.worked(task.start_min) - clock.worked(task.setup_start_min)
        if task.name not in given and task.start_min >= 0 and left != needed:
            del pinned[task.name]
            found = True
        else:
            family[task.machine] = own
    return found


def _release_batches(problem: Problem, pinned: dict[str, Task]) -> bool:
    """Let go of batches of which only a part is pinned; returns whether there were any."""
    batches: dict[str, list[str]] = {}
    for operation in problem.operations.values():
        if operation.batch is not None:
            batches.setdefault(operation.batch, []).append(operation.name)
    found = False
    for names in batches.values():
        part = [name for name in names if name in pinned]
        if 0 < len(part) < len(names):
            found = True
            for name in part:
                del pinned[name]
    return found


def _released(problem: Problem, pinned: Mapping[str, Task], now_min: int) -> tuple[Order, ...]:
    """The orders, those with anything still to be done not before now."""
    return tuple(
        order
        if all(operation.name in pinned for operation in order.operations)
        else replace(order, release_min=max(order.release_min, now_min))
        for order in problem.orders
    )


def moved_tasks(problem: Problem, schedule: Schedule) -> tuple[str, ...]:
    """The tasks of `problem.before` that begin at another minute or on another machine, or are gone."""
    placed = schedule.task
    return tuple(
        task.name
        for task in problem.before
        if task.name not in placed
        or (placed[task.name].machine, placed[task.name].start_min) != (task.machine, task.start_min)
    )


def _default_stay_cost(problem: Problem) -> float:
    """A cost of moving a task at all: what an hour of the dearest order's lateness costs, and at least one."""
    return max([1.0, *(60 * order.late_cost_per_min for order in problem.orders)])


class _Stable(Incumbent):
    """An incumbent that counts moved tasks, and reckons in money whatever the problem's objective."""

    def __init__(
        self, shop: Shop, seconds: float, on_progress: Callable[[Progress], None] | None, staying: Staying
    ) -> None:
        super().__init__(shop, "cost", seconds, on_progress)
        self._staying = staying

    def value_of(self, schedule: Schedule) -> float:
        """Cost and moved tasks of a schedule."""
        return schedule.cost.total + self._staying.total(len(moved_tasks(self.shop.problem, schedule)))
