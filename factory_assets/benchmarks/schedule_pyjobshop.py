"""PyJobShop on a problem: its model of it, its search, and its solution as a schedule of ours.

Only what both can say in full is put into a model: alternative machines, shifts, set-ups by family, release and due
dates with whole costs, a horizon, and either the makespan or the weighted tardiness.
Source of the interface: pyjobshop 0.0.9, `Model` and `solvers.ortools`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from factory_assets.planning.costs import Objective, schedule_of
from factory_assets.planning.problem import Interval, Machine, Problem, Schedule, Task
from factory_assets.planning.search.loads import Shop
from factory_assets.planning.search.timeline import Clock

Modes = list[tuple[str, str]]  # of each of its modes: the operation and the machine


class NotModelledError(ValueError):
    """The problem has something that PyJobShop's model would not say in full."""


def model_of(problem: Problem, objective: Objective) -> tuple[Any, Modes]:
    """The problem as a model of PyJobShop.

    Raises:
        NotModelledError: It cannot be said in full.
    """
    pyjobshop = import_module("pyjobshop")
    _refuse(problem, objective)
    model, modes = pyjobshop.Model(), Modes()
    deadline = problem.horizon_min if problem.horizon_min is not None else pyjobshop.MAX_VALUE
    machines = {
        one.name: model.add_machine(breaks_of(one, problem.horizon_min), name=one.name) for one in problem.machines
    }
    tasks = {}
    for order in problem.orders:
        job = model.add_job(
            int(order.late_cost_per_min), release_date=order.release_min, deadline=deadline, due_date=order.due_min
        )
        for operation in order.operations:
            pauses = {problem.machine[mode.machine].may_pause for mode in operation.modes if _has_shifts(problem, mode)}
            task = model.add_task(job, earliest_start=order.release_min, allow_breaks=pauses == {True})
            tasks[operation.name] = task
            for mode in operation.modes:
                model.add_mode(task, machines[mode.machine], mode.duration_min)
                modes.append((operation.name, mode.machine))
    for operation in problem.operations.values():
        for before in operation.after:
            model.add_end_before_start(tasks[before], tasks[operation.name])
    _add_setups(model, problem, machines, tasks)
    if objective == "makespan":
        model.set_objective(weight_makespan=1)
    else:
        model.set_objective(weight_total_tardiness=1)
    return model, modes


def breaks_of(machine: Machine, horizon_min: int | None) -> list[Interval]:
    """When a machine does not work, up to the horizon."""
    if machine.shifts is None:
        return []
    begins = [0, *(end for _, end in machine.shifts)]
    ends = [*(begin for begin, _ in machine.shifts), horizon_min or 0]
    return [(begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end]


def _has_shifts(problem: Problem, mode: Any) -> bool:
    return problem.machine[mode.machine].shifts is not None


def _refuse(problem: Problem, objective: Objective) -> None:
    """What the two would not mean the same by."""
    operations = problem.operations.values()
    machines = problem.machines
    faults = {
        "operators, tools, materials, maintenance, pinned tasks or a schedule in force": any(
            (problem.operators, problem.tools, problem.supplies, problem.maintenance, problem.pinned, problem.before)
        ),
        "routings": any(order.routings for order in problem.orders),
        "batches": any(one.batch is not None for one in operations),
        "set-ups on a machine with shifts, or from a first family": any(
            one.setup_min and (one.shifts is not None or one.first_family is not None) for one in machines
        ),
        "set-ups and operations without a family": any(one.setup_min for one in machines)
        and any(one.family is None for one in operations),
        "shifts without a horizon": any(one.shifts is not None for one in machines) and problem.horizon_min is None,
        "machines that pause beside machines that do not": len(
            {one.may_pause for one in machines if one.shifts is not None}
        )
        > 1,
        "costs of machines": objective == "cost" and any(one.cost_per_min for one in machines),
        "late costs that are not whole": any(order.late_cost_per_min % 1 for order in problem.orders),
    }
    told = [fault for fault, is_there in faults.items() if is_there]
    if told:
        raise NotModelledError(f"PyJobShop cannot be given this problem in full: it has {'; '.join(told)}")


def _add_setups(model: Any, problem: Problem, machines: dict[str, Any], tasks: dict[str, Any]) -> None:
    """A set-up time for each pair of tasks of different families on a machine."""
    for machine in problem.machines:
        if not machine.setup_min:
            continue
        own = [one for one in problem.operations.values() if any(mode.machine == machine.name for mode in one.modes)]
        for left in own:
            for right in own:
                minutes = machine.setup_min.get((str(left.family), str(right.family)), 0)
                if left is not right and minutes:
                    model.add_setup_time(machines[machine.name], tasks[left.name], tasks[right.name], minutes)


def solve(model: Any, *, seconds: float, workers: int, seed: int, on_solution: Callable[[], None], since: float) -> Any:
    """Search with PyJobShop's own CP-SAT model.

    Args:
        model: The model.
        seconds: In all, with the building of the CP-SAT model.
        workers: Threads.
        seed: Of the random choices.
        on_solution: Told of each solution; the interface of PyJobShop has nothing of the kind, so the solver that it
            makes is given a callback that does nothing else.
        since: When the time began, by `time.perf_counter`.

    Returns:
        PyJobShop's `Result`.
    """
    from ortools.sat.python import cp_model

    class Told(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            on_solution()

    class Solver(cp_model.CpSolver):
        def solve(self, model: Any, solution_callback: Any = None) -> Any:
            return super().solve(model, solution_callback or Told())

    module: Any = import_module("pyjobshop.solvers.ortools.CPModel")  # the package shows the class under this name
    built = module.CPModel(model.data())
    left = max(0.1, seconds - (time.perf_counter() - since))
    before, module.CpSolver = module.CpSolver, Solver
    try:
        return built.solve(time_limit=left, num_workers=workers, random_seed=seed)
    finally:
        module.CpSolver = before


def schedule_from(problem: Problem, modes: Modes, solution: Any) -> Schedule | None:
    """PyJobShop's solution as a schedule: its machines and starts, with the set-up directly before the start.

    None if it holds nothing.
    """
    if not solution.tasks:
        return None
    chosen = {modes[task.mode][0]: (modes[task.mode][1], task) for task in solution.tasks}
    found: list[Task] = []
    for machine in problem.machines:
        clock, family = Clock(machine), machine.first_family
        own = sorted(
            (task.start, task.end, name, task.processing) for name, (on, task) in chosen.items() if on == machine.name
        )
        for start, _, name, work in own:
            following = problem.operations[name].family
            setup = machine.setup_min.get((str(family), str(following)), 0) if family and following else 0
            found.append(Task(name, machine.name, start - setup, start, clock.end(start, work)))
            family = following or family
    return schedule_of(Shop(problem), found, "pyjobshop")
