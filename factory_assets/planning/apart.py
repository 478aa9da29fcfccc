"""Planning in a process of its own: OR-Tools loaded after TensorFlow crashes the process (OR-Tools issue 3230)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.planning_settings import PlanningSettings
from factory_assets.planning.incumbent import Progress
from factory_assets.planning.planner import Kind, Plan, plan
from factory_assets.planning.problem import Problem, Task
from factory_assets.planning.rescheduling import Breakdown


class PlanningDiedError(FactoryError, RuntimeError):
    """The process that plans ended without an answer."""


def plan_apart(
    problem: Problem,
    in_force: Sequence[Task],
    stops: Sequence[Breakdown],
    settings: PlanningSettings,
    *,
    kind: Kind,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Plan:
    """`planner.plan`, in a process that holds nothing but what planning needs.

    Raises:
        CannotBePlannedError: As `plan` does.
        PlanningDiedError: The process was killed, by lack of memory for instance.
    """
    context = get_context("spawn")
    answers, there = context.Pipe(duplex=False)
    asked = (problem, tuple(in_force), tuple(stops), settings, kind, seed)
    process = context.Process(target=_work, args=(there, asked), daemon=True)
    process.start()
    there.close()
    try:
        while True:
            answer = answers.recv()
            if isinstance(answer, Plan):
                return answer
            if isinstance(answer, Exception):
                raise answer
            if on_progress is not None:
                on_progress(answer)
    except EOFError:
        process.join()
        msg = f"the process that plans ended with {process.exitcode}: give it more memory, or plan less at a time"
        raise PlanningDiedError(msg) from None
    finally:
        answers.close()
        process.join()


def _work(answers: Connection, asked: tuple[Any, ...]) -> None:
    problem, in_force, stops, settings, kind, seed = asked
    from factory_assets.planning.search.local_search import prepare

    try:
        if kind == "morning":
            prepare()  # the first time on a machine it takes longer than the search may
        answers.send(plan(problem, in_force, stops, settings, kind=kind, seed=seed, on_progress=answers.send))
    except Exception as error:  # noqa: BLE001 (it is raised where the answer is waited for)
        answers.send(error)
