"""The engines of the scheduling benchmark behind one interface: a problem goes in, a schedule and its time come out.

The clock of an engine runs from when it is handed the problem until it hands back what it found; what is imported and
compiled once on a machine is done before, for every engine alike (`prepare`).
"""

from __future__ import annotations

import ast
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module, metadata
from pathlib import Path

from factory_assets.benchmarks import schedule_pyjobshop
from factory_assets.planning import problem as planning_problem
from factory_assets.planning.costs import Objective
from factory_assets.planning.incumbent import Progress
from factory_assets.planning.problem import Problem, Schedule
from factory_assets.planning.search.dispatching import dispatch
from factory_assets.planning.search.loads import NoScheduleError, Shop
from factory_assets.planning.solving import solve

RULES = ("ATC", "EDD", "SPT")
PEER = "pyjobshop"


@dataclass(frozen=True)
class Limits:
    """What every engine is given alike.

    Attributes:
        seconds: To search.
        workers: Threads.
        seed: Of the random choices.
    """

    seconds: float
    workers: int
    seed: int


@dataclass(frozen=True)
class Found:
    """What an engine handed back.

    Attributes:
        schedule: None if it found none.
        lower_bound: What it claims as proven; None if nothing.
        first_feasible_s: When it had its first schedule.
        wall_s: How long it worked.
        cpu_s: Time of all its threads on the processor.
    """

    schedule: Schedule | None
    lower_bound: float | None
    first_feasible_s: float | None
    wall_s: float
    cpu_s: float


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self.begun, self._cpu = time.perf_counter(), time.process_time()
        self.first: float | None = None

    def on_schedule(self) -> None:
        """Note the time of the first call."""
        if self.first is None:
            self.first = time.perf_counter() - self.begun

    def times(self) -> tuple[float | None, float, float]:
        """First schedule, wall time, processor time."""
        return self.first, time.perf_counter() - self.begun, time.process_time() - self._cpu


Engine = Callable[[Problem, Objective, Limits], Found]


def _ours(problem: Problem, objective: Objective, limits: Limits) -> Found:
    watch = Stopwatch()

    def on_progress(progress: Progress) -> None:
        if progress.value is not None:
            watch.on_schedule()

    try:
        schedule: Schedule | None = solve(
            problem, seconds=limits.seconds, workers=limits.workers, seed=limits.seed, objective=objective,
            on_progress=on_progress,
        )  # fmt: skip
    except NoScheduleError:
        schedule = None
    return Found(schedule, schedule.lower_bound if schedule is not None else None, *watch.times())


def _pyjobshop(problem: Problem, objective: Objective, limits: Limits) -> Found:
    watch = Stopwatch()
    model, modes = schedule_pyjobshop.model_of(problem, objective)
    result = schedule_pyjobshop.solve(
        model, seconds=limits.seconds, workers=limits.workers, seed=limits.seed, on_solution=watch.on_schedule,
        since=watch.begun,
    )  # fmt: skip
    times = watch.times()
    schedule = schedule_pyjobshop.schedule_from(problem, modes, result.best)
    if schedule is None:
        return Found(None, None, *times)
    bound = float(result.lower_bound)
    return Found(replace(schedule, lower_bound=bound), bound, *times)


def _dispatching(rule: str, problem: Problem, objective: Objective, limits: Limits) -> Found:
    """One dispatching rule; it has no random choices and takes no second thread."""
    del objective, limits
    watch = Stopwatch()
    try:
        schedule: Schedule | None = dispatch(Shop(problem), rule)
        watch.on_schedule()
    except NoScheduleError:
        schedule = None
    return Found(schedule, None, *watch.times())


ENGINES: Mapping[str, Engine] = {
    "ours": _ours,
    PEER: _pyjobshop,
    **{rule: partial(_dispatching, rule) for rule in RULES},
}


def prepare() -> None:
    """Import and compile what the engines need, so that no clock runs meanwhile."""
    for name in ("ortools.sat.python.cp_model", "pyjobshop"):
        import_module(name)
    from factory_assets.planning.search import local_search

    local_search.prepare()


@cache
def version_of(engine: str, part: str = "makespan") -> str:
    """What an engine's figures belong to: the code of ours without comments, or the releases of the peer."""
    ortools = metadata.version("ortools")
    if engine == PEER:
        return f"pyjobshop {metadata.version('pyjobshop')}, ortools {ortools}"
    return f"code {_code_digest(part)}, ortools {ortools}"


def _code_digest(part: str) -> str:
    """Of everything in the room that can change what is found; comments and docstrings do not count."""
    room = Path(planning_problem.__file__).parent
    names = ["problem", "solving", "bounds", "costs", "incumbent"]
    if part == "breakdown":
        names += ["rescheduling", "repairs", "lacking"]
    folders = [*sorted((room / "search").glob("*.py")), *sorted((room / "exact").glob("*.py"))]
    return digest_of([*(room / f"{name}.py" for name in names), *folders])


def digest_of(files: Iterable[Path]) -> str:
    """A digest of what Python files do: comments and docstrings do not count."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(_bare(file.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:12]


def _bare(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body[0] = ast.Expr(ast.Constant(None))
    return _shape(tree)


def _shape(part: object) -> str:
    """A syntax tree as text, the same on all versions of Python: `ast.dump` and `ast.unparse` differ between them."""
    if isinstance(part, ast.AST):
        fields = (f"{name}={_shape(value)}" for name, value in ast.iter_fields(part) if value not in (None, []))
        return f"{type(part).__name__}({','.join(fields)})"
    return f"[{','.join(map(_shape, part))}]" if isinstance(part, list) else repr(part)
