"""Improves large schedules piece by piece: CP-SAT reorders what lies in a window of time, all else stands still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from factory_assets.planning.exact.cp_model import Model
from factory_assets.planning.incumbent import Incumbent
from factory_assets.planning.problem import Task
from factory_assets.planning.search.loads import Shop

FREE_LOADS = 60
SECONDS = 2.0  # for one window, at most


def improve_windows(run: Incumbent, workers: int, seed: int) -> None:
    """Open windows until the time is over."""
    random = Random(seed)  # noqa: S311 (not for secrets)
    while run.left > 0.3 and not run.stopped.is_set() and run.best is not None:
        tasks = _window(run, random, workers, seed)
        if tasks is not None:
            run.offer(tasks, "cp-sat")


def _window(run: Incumbent, random: Random, workers: int, seed: int) -> list[Task] | None:
    """Reorder the loads around a minute, on some machines; None if nothing better came out."""
    from ortools.sat.python import cp_model

    shop, best = run.shop, run.best
    if best is None:
        return None
    pinned = {task.name for task in shop.problem.pinned}
    movable = [task for task in best.tasks if task.name in shop.load_of and task.name not in pinned]
    if not movable:
        return None
    centre = random.choice(movable).start_min
    machines = set(random.sample([machine.name for machine in shop.machines], k=max(1, len(shop.machines) // 2)))
    near = sorted((task for task in movable if task.machine in machines), key=lambda task: abs(task.start_min - centre))
    free = {name for task in near[:FREE_LOADS] for name in shop.loads[shop.load_of[task.name]].names}
    part = Shop(replace(shop.problem, pinned=tuple(task for task in best.tasks if task.name not in free)))
    begin = min(task.setup_start_min for task in best.tasks if task.name in free)
    end = max(task.end_min for task in best.tasks if task.name in free)
    within = {shop.load_of[name]: (begin, end) for name in free}
    model = Model(part, run.objective, max(best.makespan_min, *(task.end_min for task in best.tasks)), within=within)
    model.hint(best)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    solver.parameters.max_time_in_seconds = min(SECONDS, run.left)
    status = solver.solve(model.cp)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return with_setups(shop, model.tasks(solver))


def with_setups(shop: Shop, tasks: Sequence[Task]) -> list[Task]:
    """The tasks with each set-up as long as the family before asks for; pinned tasks stay as they are."""
    pinned = {task.name for task in shop.problem.pinned}
    family = [machine.first_family for machine in shop.machines]
    done: dict[int, int] = {}
    found = []
    for task in sorted(tasks, key=lambda task: (task.start_min, task.end_min)):
        number = shop.load_of.get(task.name)
        if number is None or task.name in pinned:
            found.append(task)
        else:
            machine = shop.machine_index[task.machine]
            if number not in done:
                minutes = shop.setup_min(machine, family[machine], shop.loads[number].family)
                clock = shop.clocks[machine]
                begin = clock.begin_of(clock.worked(task.start_min) - minutes) if minutes else task.start_min
                done[number] = task.start_min if begin is None else begin
            found.append(replace(task, setup_start_min=done[number]))
        if number is not None:
            machine = shop.machine_index[task.machine]
            family[machine] = shop.loads[number].family or family[machine]
    return found
