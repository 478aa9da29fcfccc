"""Finds a schedule: dispatching at once, then local search, then CP-SAT, until time is over or nothing is better."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING

from factory_assets.planning.bounds import lower_bound
from factory_assets.planning.costs import Objective, value_of
from factory_assets.planning.exact.cp_model import Model
from factory_assets.planning.exact.windows import improve_windows
from factory_assets.planning.incumbent import Incumbent, Progress
from factory_assets.planning.problem import Problem, Schedule
from factory_assets.planning.search.dispatching import best_dispatch
from factory_assets.planning.search.loads import NoScheduleError, Shop

if TYPE_CHECKING:
    from factory_assets.planning.search.local_search import Improver

SEARCH_SHARE = 0.6  # of the time, at most, before CP-SAT begins
SEARCH_SECONDS = 0.04  # for each load, at most: small problems are proved sooner
LARGE_MODEL = (
    40_000  # choices and possible successions above which CP-SAT is given windows instead of the whole problem
)
DISPATCH_SHARE = 0.2  # of the time, for further dispatching rules


def objective_of(problem: Problem) -> Objective:
    """Money where anything costs anything, else the makespan."""
    costs = (
        any(order.due_min is not None and order.late_cost_per_min for order in problem.orders)
        or any(machine.cost_per_min for machine in problem.machines)
        or any(cost for task in problem.maintenance for _, cost in task.risk_cost)
        or (problem.before and problem.move_cost_per_min)
    )
    return "cost" if costs else "makespan"


def solve(
    problem: Problem,
    *,
    seconds: float = 30.0,
    workers: int = 2,
    seed: int = 0,
    objective: Objective | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Schedule:
    """Find a schedule that keeps to everything in the problem and costs little.

    Args:
        problem: What is to be scheduled.
        seconds: How long to search; it ends before when the best schedule is proved.
        workers: Threads at work at the same time, at most.
        seed: Of the random choices. With one worker and the same number of steps the result is the same.
        objective: `cost` or `makespan`; by `objective_of` if not given.
        on_progress: Told of each better schedule and each better bound, in the thread that found it.

    Returns:
        The best schedule found, with its proven lower bound.

    Raises:
        BadProblemError: The problem contradicts itself.
        NoScheduleError: Nothing was found that keeps to everything.
    """
    shop = Shop(problem)
    wanted = objective or objective_of(problem)
    run = Incumbent(shop, wanted, seconds, on_progress)
    reason = _dispatch(run)
    run.raise_bound(lower_bound(shop, wanted), "bounds")
    if run.best is not None and not run.stopped.is_set():
        _search(run, workers, seed)
    found = run.result()
    if run.best is None:
        _whole_model(run, workers, seed)
        found = run.result()
    if found is None:
        raise reason or NoScheduleError("no schedule was found")
    return found


def _dispatch(run: Incumbent) -> NoScheduleError | None:
    """The first schedule; the reason if there is none."""
    limit = DISPATCH_SHARE * run.left
    try:
        found = best_dispatch(run.shop, run.objective, enough=lambda: run.spent > limit)
    except NoScheduleError as error:
        return error
    run.offer(found.tasks, found.solver)
    return None


def _search(run: Incumbent, workers: int, seed: int) -> None:
    """Local search alone, then CP-SAT with local search beside it."""
    from factory_assets.planning.search.local_search import improver_of

    assert run.best is not None  # noqa: S101 (said to the type checker)
    begun, share = run.spent, min(SEARCH_SHARE * run.left, SEARCH_SECONDS * len(run.shop.loads))
    improvers = [
        improver_of(run.shop, run.best, run.objective, seed * 97 + number) for number in range(max(1, workers))
    ]
    for thread in _improve(run, improvers, lambda: (run.spent - begun) / share):
        thread.join()
    if run.stopped.is_set() or run.left < 0.2:
        return
    beside: list[Thread] = []
    if workers > 1:
        first = improver_of(run.shop, run.best, run.objective, seed * 97 + workers)
        begun_again, rest = run.spent, run.left
        beside = _improve(run, [first], lambda: 0.3 + 0.7 * (run.spent - begun_again) / rest)
    if _is_large(run.shop):
        improve_windows(run, max(1, workers - 1), seed)
    else:
        _whole_model(run, max(1, workers - 1), seed)
    for thread in beside:
        thread.join()


def _improve(run: Incumbent, improvers: list[Improver], progress: Callable[[], float]) -> list[Thread]:
    """Start searches that offer what they find and end with the run."""
    from factory_assets.planning.search.local_search import improve

    def on_better(one: Improver) -> None:
        run.offer(one.tasks(), "local search")

    target = run.bound if run.bound is not None else 0.0
    return improve(improvers, target, lambda: 1.0 if run.stopped.is_set() or run.left <= 0 else progress(), on_better)


def _is_large(shop: Shop) -> bool:
    """Whether the whole problem is too much for one model."""
    with_family = [0] * len(shop.machines)
    for load in shop.loads:
        for machine in {choice.machine for choice in load.choices}:
            with_family[machine] += load.family is not None and bool(shop.machines[machine].setup_min)
    return sum(len(load.choices) for load in shop.loads) + sum(count * count for count in with_family) > LARGE_MODEL


def horizon_of(run: Incumbent) -> int:
    """A minute by which some best schedule ends."""
    shop, problem = run.shop, run.shop.problem
    if problem.horizon_min is not None:
        return problem.horizon_min
    if run.objective == "makespan" and run.best is not None:
        stays = [pin.end_min for pin in problem.pinned]
        late = [task.latest_min + task.duration_min for task in problem.maintenance if task.latest_min is not None]
        return max(run.best.makespan_min, *stays, *late, 0)
    longest = sum(max(choice.duration for choice in load.choices) for load in shop.loads)
    setups = len(shop.loads) * max((m for machine in shop.machines for m in machine.setup_min.values()), default=0)
    after = max(
        [load.release for load in shop.loads]
        + [pin.end_min for pin in problem.pinned]
        + [supply.at_min for supply in problem.supplies]
        + [task.start_min for task in problem.before]
        + [(task.latest_min or task.earliest_min) + task.duration_min for task in problem.maintenance]
        + [minute for task in problem.maintenance for minute, _ in task.risk_cost]
        + [clock.ends[-1] for clock in shop.clocks if clock.ends]
        + [operator.shifts[-1][1] for operator in problem.operators if operator.shifts]
    )
    return after + longest + setups


def _whole_model(run: Incumbent, workers: int, seed: int) -> None:
    """CP-SAT on the whole problem, from the best schedule on."""
    model = Model(run.shop, run.objective, horizon_of(run))
    if run.best is not None:
        model.hint(run.best)
    if run.left > 0:
        status = run_model(run, model, workers, seed)
        if status == "INFEASIBLE" and run.best is None:
            raise NoScheduleError("it is proved that no schedule keeps to everything in the problem")


def run_model(run: Incumbent, model: Model, workers: int, seed: int) -> str:
    """Solve a model of the whole problem; what it finds and proves goes to the incumbent. Returns the status."""
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    solver.parameters.max_time_in_seconds = run.left

    def claim(value: float) -> None:
        bound = value if model.money is None else model.money.bound(value)
        run.raise_bound(bound, "cp-sat")
        if run.stopped.is_set():
            solver.stop_search()

    class Found(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            run.offer(model.tasks(self), "cp-sat")
            if run.stopped.is_set():
                self.stop_search()

    solver.best_bound_callback = claim
    status = solver.solve(model.cp, Found())
    name = str(solver.status_name(status))
    if name == "OPTIMAL":
        claim(solver.best_objective_bound)
        run.stopped.set()
    return name


def gap_of(schedule: Schedule, objective: Objective) -> float | None:
    """How far a schedule is above its proven lower bound, as a share of it; None if nothing is proven."""
    if schedule.lower_bound is None or schedule.lower_bound <= 0:
        return None
    return (value_of(schedule, objective) - schedule.lower_bound) / schedule.lower_bound
