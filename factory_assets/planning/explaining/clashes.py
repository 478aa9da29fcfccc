"""Why there is no schedule, in a planner's words."""

from __future__ import annotations

from factory_assets.planning.explaining.conflicts import explain
from factory_assets.planning.explaining.relaxing import Conflict
from factory_assets.planning.problem import Problem
from factory_assets.planning.search.dispatching import best_dispatch
from factory_assets.planning.search.loads import BadProblemError, NoScheduleError, Shop
from factory_assets.planning.solving import objective_of, solve

EXPLAIN_SECONDS = 10.0
LOOK_SECONDS = 1.0
SMALL = 60  # operations up to which an exact search answers soon enough to be asked many times
NAMED = 12


def clashes(problem: Problem, time_zone: str) -> tuple[str, ...]:
    """What cannot all be kept in a problem without a schedule; empty if a schedule is found after all."""
    try:
        Shop(problem)
    except BadProblemError as contradiction:
        return (str(contradiction),)
    is_small = len(problem.operations) <= SMALL
    looked_for = can_be_planned if is_small else has_room
    found = explain(problem, looked_for, seconds=EXPLAIN_SECONDS, time_zone=time_zone)
    return tuple(_words(conflict, is_small=is_small) for conflict in found)


def can_be_planned(problem: Problem) -> bool:
    """Whether a schedule is found in a short time, by all that searches."""
    try:
        solve(problem, seconds=LOOK_SECONDS, workers=1)
    except (NoScheduleError, BadProblemError):
        return False
    return True


def has_room(problem: Problem) -> bool:
    """Whether a dispatching rule finds a place for everything; that none does is no proof."""
    try:
        best_dispatch(Shop(problem), objective_of(problem), enough=lambda: True)
    except (NoScheduleError, BadProblemError):
        return False
    return True


def _words(conflict: Conflict, *, is_small: bool) -> str:
    if not conflict.is_irreducible and len(conflict.demands) > NAMED:
        kinds = sorted({one.kind for one in conflict.demands})
        count, told = len(conflict.demands), ", ".join(kinds)
        return f"which of {count} demands ({told}) clash was not found within {EXPLAIN_SECONDS:.0f} s"
    searched = is_small or len(conflict.demands) <= 1 or not conflict.words.startswith("these")
    return conflict.words if searched else f"{conflict.words} (As far as a quick search finds.)"
