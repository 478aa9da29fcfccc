"""A breakdown in the middle of a schedule: how fast the new one is there, and what it leaves in place."""

from __future__ import annotations

import time
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from factory_assets.benchmarks.schedule_derived import SEED, derived
from factory_assets.planning.problem import Problem, Task

if TYPE_CHECKING:
    from factory_assets.benchmarks.schedule_jobs import Job, Row
    from factory_assets.planning.rescheduling import Breakdown

FIRST_S = 10.0  # at most, for the schedule in force
SEARCH_S = 4.0  # for the new one
FROZEN_MIN = 120
STOP_MIN = (120, 480)


def breakdown_of(problem: Problem, tasks: Sequence[Task], name: str, seed: int) -> tuple[int, Breakdown]:
    """Half-way through the schedule a machine that is at work breaks down; drawn by `SEED`, name and seed.

    Returns:
        The minute it is then, and the breakdown.
    """
    from factory_assets.planning.rescheduling import Breakdown

    random = Random(f"{SEED} breakdown {name} {seed}")  # noqa: S311 (not for secrets)
    now = max(task.end_min for task in tasks) // 2
    busy = sorted({task.machine for task in tasks if task.setup_start_min <= now < task.end_min})
    machine = random.choice(busy or [one.name for one in problem.machines])
    return now, Breakdown(machine, now, now + random.randint(*STOP_MIN))


def touched(problem: Problem, tasks: Sequence[Task], lost: Breakdown, until: int) -> set[str]:
    """Tasks that cannot stay because of a breakdown: those it hits, and what follows them, begun before a minute.

    Follows: in its order, or next on its machine.
    """
    found = {
        task.name
        for task in tasks
        if task.machine == lost.machine and task.setup_start_min < lost.end_min and lost.begin_min < task.end_min
    }
    ordered = sorted(tasks, key=lambda task: (task.setup_start_min, task.end_min))
    machine_hit: set[str] = set()
    for task in ordered:
        is_behind = any(before in found for before in problem.operations[task.name].after)
        if task.name in found or is_behind or task.machine in machine_hit:
            found.add(task.name)
            machine_hit.add(task.machine)
    return {task.name for task in tasks if task.name in found and task.setup_start_min < until}


def reschedule_row(plain: Problem, job: Job) -> Row:
    """Make a schedule, break a machine down, make the new one; what came of it."""
    from factory_assets.planning.checking.checker import violations
    from factory_assets.planning.rescheduling import reschedule
    from factory_assets.planning.solving import solve

    problem = derived(plain, job.instance)
    in_force = solve(problem, seconds=min(job.seconds, FIRST_S), workers=job.workers, seed=job.seed).tasks
    now, lost = breakdown_of(problem, in_force, job.instance, job.seed)
    begun, cpu = time.perf_counter(), time.process_time()
    found = reschedule(
        problem, in_force, now, frozen_min=FROZEN_MIN, breakdowns=(lost,), seconds=SEARCH_S, workers=job.workers,
        seed=job.seed,
    )  # fmt: skip
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    against = violations(found.problem, found.schedule, objective="cost")
    may_move = touched(problem, in_force, lost, now + FROZEN_MIN)
    frozen = [task for task in in_force if task.setup_start_min < now + FROZEN_MIN and task.name not in may_move]
    changed = [task.name for task in frozen if found.schedule.task.get(task.name) != task]
    others = [task for task in in_force if task.setup_start_min >= now + FROZEN_MIN or task.name in may_move]
    places = {task.name: (task.machine, task.start_min) for task in found.schedule.tasks}
    moved = [task.name for task in others if places.get(task.name) != (task.machine, task.start_min)]
    return {
        "makespan": found.schedule.makespan_min, "cost": found.schedule.cost.lateness, "lower_bound": None,
        "first_feasible_s": None, "wall_s": wall, "cpu_s": cpu, "checked": not against,
        "violations": [one.words for one in against[:5]], "machine_down": lost.machine, "now_min": now,
        "down_min": lost.end_min - lost.begin_min, "frozen": len(frozen), "frozen_changed": len(changed),
        "others": len(others), "moved": len(moved),
    }  # fmt: skip
