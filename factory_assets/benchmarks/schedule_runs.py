"""Does the runs of the scheduling benchmark, one or several at a time, each in a process on cores of its own."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from factory_assets.benchmarks import schedule_derived
from factory_assets.benchmarks.schedule_engines import PEER, RULES, digest_of, version_of
from factory_assets.benchmarks.schedule_instances import Instance, ScheduleBenchmarkError, chosen, read_instances
from factory_assets.benchmarks.schedule_jobs import Job, Part, Row, RowFile
from factory_assets.planning import problem as planning_problem

WORKER = "factory_assets.benchmarks.schedule_worker"
GRACE_S = 180.0  # a process may take so much longer than twice its search before it is ended
PREPARE_S = 600.0
PARTS: tuple[Part, ...] = ("makespan", "derived", "breakdown")
PEERS = ("ours", PEER)


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    Attributes:
        instances: Folder of instances.
        bounds: File of bounds.
        seconds: For each run.
        workers: Threads of each run.
        seeds: How many; 0, 1, 2 and so on.
        engines: Which.
        names: Only these instances.
        parts: What is asked.
        jobs: Runs at the same time.
        deadline_s: After so long no further run is begun.
    """

    instances: Path
    bounds: Path
    seconds: float = 30.0
    workers: int = 2
    seeds: int = 2
    engines: tuple[str, ...] = PEERS
    names: tuple[str, ...] = ()
    parts: tuple[str, ...] = PARTS
    jobs: int = 1
    deadline_s: float = float("inf")


@dataclass
class Outcome:
    """What was run.

    Attributes:
        plan: As asked.
        rows: Finished runs.
        left: How many were not begun.
    """

    plan: Plan
    rows: list[Row] = field(default_factory=list)
    left: int = 0

    def of(self, part: Part) -> list[Row]:
        """The rows of a part."""
        return [row for row in self.rows if row["part"] == part]


def jobs_of(plan: Plan, found: dict[str, Instance]) -> list[Job]:
    """All jobs: seed by seed, so that what is done by a deadline is paired; engines take turns to be first."""
    _check(plan)
    jobs = []
    for seed in range(plan.seeds):
        in_turn = plan.engines if seed % 2 == 0 else plan.engines[::-1]
        if "makespan" in plan.parts:
            jobs += [
                _job("makespan", one, engine, seed, plan) for one in chosen(found, plan.names) for engine in in_turn
            ]
        for one in schedule_derived.bases(found, plan.names):
            rules = RULES if seed == 0 else ()
            if "derived" in plan.parts:
                jobs += [_job("derived", one, engine, seed, plan) for engine in (*in_turn, *rules)]
            if "breakdown" in plan.parts:
                jobs.append(_job("breakdown", one, "ours", seed, plan))
    return jobs


def _job(part: Part, one: Instance, engine: str, seed: int, plan: Plan) -> Job:
    digest = one.digest if part == "makespan" else f"{one.digest} {_how_derived()}"
    return Job(
        part, one.name, str(one.path.resolve()), one.is_flexible, digest, engine, version_of(engine, part), seed,
        float(plan.seconds), plan.workers,
    )  # fmt: skip


@cache
def _how_derived() -> str:
    return digest_of([Path(schedule_derived.__file__)])


def _check(plan: Plan) -> None:
    cores, needed = len(os.sched_getaffinity(0)), plan.jobs * plan.workers
    known = {*PARTS, "contradictions"}
    numbers = min(plan.seconds, plan.workers, plan.seeds, plan.jobs)
    faults = {
        f"--engines: give some of {', '.join(PEERS)}": not plan.engines or not set(plan.engines) <= set(PEERS),
        f"--parts: give some of {', '.join(sorted(known))}": not plan.parts or not set(plan.parts) <= known,
        f"{PEER} is not installed: leave it out with --engines ours": PEER in plan.engines and not find_spec(PEER),
        "--seconds, --workers, --seeds and --jobs must be above 0": numbers <= 0,
        f"--jobs {plan.jobs} of {plan.workers} workers need {needed} cores, there are {cores}": plan.jobs > 1
        and needed > cores,
    }
    told = [fault for fault, is_there in faults.items() if is_there]
    if told:
        raise ScheduleBenchmarkError("; ".join(told))


def measure(plan: Plan, rows: RowFile, say: Callable[[str], None] = lambda _: None) -> Outcome:
    """Do what has no row yet.

    Args:
        plan: What is asked.
        rows: Where finished rows are kept.
        say: Told of each finished run, in a line.

    Raises:
        ScheduleBenchmarkError: The plan cannot be run, or rows were made with something else.
    """
    begun = time.monotonic()
    found = read_instances(plan.instances, plan.bounds)
    jobs = jobs_of(plan, found)
    missing = rows.missing(jobs)
    if missing and plan.deadline_s > 0:
        _ask(None, (), PREPARE_S)  # compiled once, before several would do it at once
        _work_off(missing, plan, rows, begun + plan.deadline_s, say)
    done = rows.of(jobs)
    return Outcome(plan, [with_bounds(row, found) for row in done], len(jobs) - len(done))


def _work_off(jobs: Sequence[Job], plan: Plan, rows: RowFile, until: float, say: Callable[[str], None]) -> None:
    """Do jobs, several at a time; a fault, or an interruption, ends them all after the run that is going on."""
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    lock, ended, faults = threading.Lock(), threading.Event(), list[Exception]()

    def work(cores: tuple[int, ...]) -> None:
        try:
            while time.monotonic() < until and not ended.is_set():
                job = waiting.get_nowait()
                row = _ask(job, cores, 2 * job.seconds + GRACE_S)
                with lock:
                    rows.add(row)
                    say(f"{waiting.qsize()} to go; {line_of(row)}")
        except queue.Empty:
            return
        except Exception as error:  # noqa: BLE001 (raised again where the threads are joined)
            faults.append(error)
            ended.set()

    threads = [threading.Thread(target=work, args=(cores,)) for cores in core_sets(plan.jobs, plan.workers)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        ended.set()
    if faults:
        raise faults[0]


def core_sets(jobs: int, workers: int) -> list[tuple[int, ...]]:
    """The cores of each run that goes on at the same time; none where the machine has no more than one run asks for."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) <= workers and jobs == 1:
        return [()]
    return [tuple(cores[at * workers : (at + 1) * workers]) for at in range(jobs)]


def _ask(job: Job | None, cores: tuple[int, ...], seconds: float) -> Row:
    """Have a worker do a job (none: only prepare); a worker that fails or does not end gives a row that says so."""
    command = [sys.executable, "-m", WORKER, ",".join(map(str, cores))]
    text = "" if job is None else json.dumps(asdict(job))
    root = str(Path(planning_problem.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=seconds, check=False, env=environment
        )
        fault = "" if done.returncode == 0 else f"ended with {done.returncode}: {done.stderr.strip()[-600:]}"
    except subprocess.TimeoutExpired:
        fault = f"did not end within {seconds:.0f} s"
    if not fault:
        return json.loads(done.stdout) if job is not None else {}
    if job is None:
        raise ScheduleBenchmarkError(f"the engines cannot be started: the worker {fault}")
    nothing = dict.fromkeys(("makespan", "cost", "lower_bound", "first_feasible_s", "wall_s", "cpu_s"))
    return {**asdict(job), **nothing, "checked": False, "violations": [], "error": fault}


def with_bounds(row: Row, found: dict[str, Instance]) -> Row:
    """A row with what is known of its instance: family, group, best known makespan, gap as a share of it."""
    one = found[row["instance"]]
    if row["part"] != "makespan":
        return {**row, "family": "derived", "best_known": None}
    makespan = row["makespan"]
    return {
        **row, "family": one.family, "group": one.group, "operations": one.operations, "best_known": one.best_known,
        "optimal_known": one.optimal_known,
        "gap": None if makespan is None else (makespan - one.best_known) / one.best_known,
    }  # fmt: skip


def line_of(row: Row) -> str:
    """A finished run in a line."""
    what = f"{row['part']} {row['instance']} seed {row['seed']} {row['engine']}"
    if row.get("error"):
        return f"{what}: {row['error']}"
    value = row["makespan"] if row["part"] == "makespan" else row["cost"]
    checked = "" if row["checked"] else f", NOT CHECKED {row['violations'][:1]}"
    times = f"{row['wall_s'] or 0:.1f} s, {row['cpu_s'] or 0:.1f} s CPU"
    return f"{what}: {value}, bound {row['lower_bound']}, {times}{checked}"
