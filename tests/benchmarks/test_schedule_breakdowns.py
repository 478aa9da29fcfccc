"""Breakdowns in the middle of a schedule, and what they may move."""

from __future__ import annotations

from factory_assets.benchmarks.schedule_breakdowns import breakdown_of, touched
from factory_assets.benchmarks.schedule_derived import derived
from factory_assets.planning.instances import parse_instance
from factory_assets.planning.problem import Task
from factory_assets.planning.rescheduling import Breakdown
from factory_assets.planning.search.dispatching import dispatch
from factory_assets.planning.search.loads import Shop
from tests.benchmarks.schedule_made import job_shop

CHAIN = parse_instance("2 2\n0 10 1 10\n0 10 1 10\n", flexible=False)
TASKS = (
    Task("j0-0", "m0", 0, 0, 10),
    Task("j0-1", "m1", 10, 10, 20),
    Task("j1-0", "m0", 10, 10, 20),
    Task("j1-1", "m1", 20, 20, 30),
)


def test_what_a_breakdown_hits_and_what_follows_may_move() -> None:
    assert touched(CHAIN, TASKS, Breakdown("m0", 15, 17), 100) == {"j1-0", "j1-1"}
    assert touched(CHAIN, TASKS, Breakdown("m0", 5, 7), 100) == {task.name for task in TASKS}
    assert touched(CHAIN, TASKS, Breakdown("m0", 5, 7), 15) == {"j0-0", "j0-1", "j1-0"}, (
        "what begins later is not asked"
    )
    assert touched(CHAIN, TASKS, Breakdown("m0", 20, 25), 100) == set()


def test_a_breakdown_is_drawn_of_a_machine_at_work() -> None:
    problem = derived(job_shop(2, 6, 4), "la77")
    tasks = dispatch(Shop(problem), "ATC").tasks
    now, lost = breakdown_of(problem, tasks, "la77", 0)
    assert breakdown_of(problem, tasks, "la77", 0) == (now, lost)
    assert now == max(task.end_min for task in tasks) // 2
    assert lost.begin_min == now < lost.end_min
    busy = {task.machine for task in tasks if task.setup_start_min <= now < task.end_min}
    assert lost.machine in busy or not busy
