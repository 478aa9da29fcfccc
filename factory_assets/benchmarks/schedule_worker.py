"""One run of the scheduling benchmark in a process of its own: a job from stdin, a row to stdout.

Started as `python -m factory_assets.benchmarks.schedule_worker [CORE,CORE...]`; it keeps to these cores.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from factory_assets.benchmarks.schedule_engines import Found
    from factory_assets.benchmarks.schedule_jobs import Job, Row
    from factory_assets.planning.costs import Objective
    from factory_assets.planning.problem import Problem


def run(job: Job) -> Row:
    """Do a job; the row says what was found and whether the checker has anything against it."""
    from factory_assets.benchmarks import schedule_engines
    from factory_assets.planning.instances import parse_instance

    text = Path(job.path).read_text(encoding="ascii", errors="replace")
    plain = parse_instance(text, flexible=job.is_flexible, name=job.path)
    schedule_engines.prepare()
    if job.part == "breakdown":
        from factory_assets.benchmarks.schedule_breakdowns import reschedule_row

        return {**asdict(job), **reschedule_row(plain, job)}
    problem, objective = plain, _objective(job)
    if job.part == "derived":
        from factory_assets.benchmarks.schedule_derived import derived

        problem = derived(plain, job.instance)
    limits = schedule_engines.Limits(job.seconds, job.workers, job.seed)
    found = schedule_engines.ENGINES[job.engine](problem, objective, limits)
    return {**asdict(job), **result_of(problem, found, objective)}


def _objective(job: Job) -> Objective:
    return "makespan" if job.part == "makespan" else "cost"


def result_of(problem: Problem, found: Found, objective: Objective) -> Row:
    """What goes into the row of a run, the checker's verdict with it."""
    from factory_assets.planning.checking.checker import violations

    schedule = found.schedule
    against = violations(problem, schedule, objective=objective) if schedule is not None else []
    return {
        "makespan": schedule.makespan_min if schedule is not None else None,
        "cost": schedule.cost.total if schedule is not None and objective == "cost" else None,
        "lower_bound": found.lower_bound,
        "first_feasible_s": found.first_feasible_s,
        "wall_s": found.wall_s,
        "cpu_s": found.cpu_s,
        "checked": schedule is not None and not against,
        "violations": [one.words for one in against[:5]],
    }


def machine() -> str:
    """What the run was on: processor and cores."""
    facts = Path("/proc/cpuinfo")
    text = facts.read_text(encoding="utf-8", errors="replace") if facts.is_file() else ""
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return f"{name[1] if name else platform.machine()}, {os.cpu_count()} cores"


def main(arguments: list[str]) -> None:
    """Bind to the cores, before any library starts threads; then do the job."""
    cores = [int(core) for core in arguments[0].split(",")] if arguments and arguments[0] else []
    if cores:
        os.sched_setaffinity(0, cores)
    from factory_assets.benchmarks.schedule_jobs import Job

    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints goes to stderr
    text = sys.stdin.read()
    if text.strip():
        row = run(Job(**json.loads(text)))
        answer.write(json.dumps({**row, "cores": sorted(os.sched_getaffinity(0)), "machine": machine()}) + "\n")
    else:
        from factory_assets.benchmarks.schedule_engines import prepare

        prepare()
    answer.close()


if __name__ == "__main__":
    main(sys.argv[1:])
