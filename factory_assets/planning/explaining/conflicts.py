"""Why a problem has no schedule: a set of demands that clash, as small as can be, in the planner's words.

What shows without a solver is said at once. Otherwise demands are taken away until only those are left without any one
of which the others could be kept (QuickXplain: U. Junker, AAAI 2004).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from factory_assets.planning.explaining.obstacles import obstacles
from factory_assets.planning.explaining.relaxing import Conflict, Demand, Kind, Speaker, demands_of, with_only
from factory_assets.planning.problem import Problem

# Those that are many, and make problems large, first.
KINDS: tuple[Kind, ...] = (
    "order",
    "pinned",
    "maintenance",
    "release",
    "material",
    "shifts",
    "tool",
    "presence",
    "skill",
    "horizon",
)
IsFeasible = Callable[[Problem], bool]


class _OutOfTimeError(Exception):
    """The time is over."""


def explain(
    problem: Problem, is_feasible: IsFeasible, *, seconds: float = 10.0, time_zone: str = "UTC"
) -> list[Conflict]:
    """Say why no schedule keeps to everything.

    Args:
        problem: That seems to have none.
        is_feasible: Whether a problem has a schedule. It may answer False when it found none in its time; then what
            is said holds as far as it looked.
        seconds: After so long (and the call that is going on) what is left of the demands is given as it is, and not
            called irreducible.
        time_zone: IANA name, for clock times.

    Returns:
        All contradictions that show at once, or else one that was searched for; empty if the problem has a schedule.
    """
    until = time.monotonic() + seconds
    at_once = obstacles(problem, time_zone=time_zone)
    if at_once:
        return at_once
    if is_feasible(problem):
        return []
    search = _Search(problem, is_feasible, until)
    demands = demands_of(problem)
    try:
        # With nothing to give up, nothing can be blamed.
        kept = [] if search.clash([]) else search.smallest([], False, search.without_kinds(demands))  # noqa: FBT003
        is_irreducible = bool(kept)
    except _OutOfTimeError:
        kept, is_irreducible = search.known, False
    return [Conflict(tuple(kept), _words(problem, kept, time_zone, is_irreducible=is_irreducible), is_irreducible)]


class _Search:
    """Halves the demands, and looks in each half for those that are needed for the clash."""

    def __init__(self, problem: Problem, is_feasible: IsFeasible, until: float) -> None:
        self.problem, self.is_feasible, self.until = problem, is_feasible, until
        self.known: list[Demand] = demands_of(problem)

    def clash(self, demands: Sequence[Demand]) -> bool:
        """Whether these cannot all be kept."""
        if time.monotonic() > self.until:
            raise _OutOfTimeError
        clashes = not self.is_feasible(with_only(self.problem, demands))
        if clashes and 0 < len(demands) < len(self.known):
            self.known = list(demands)
        return clashes

    def without_kinds(self, demands: list[Demand]) -> list[Demand]:
        """The demands without all of a kind, where that leaves a clash: what is left is solved much faster."""
        for kind in KINDS:
            fewer = [demand for demand in demands if demand.kind != kind]
            if 0 < len(fewer) < len(demands) and self.clash(fewer):
                demands = fewer
        return demands

    def smallest(self, background: list[Demand], has_grown: bool, demands: list[Demand]) -> list[Demand]:  # noqa: FBT001
        """The demands that clash with each other and the background, without any that are not needed."""
        if has_grown and self.clash(background):
            return []
        if len(demands) <= 1:
            return demands
        half = len(demands) // 2
        left, right = demands[:half], demands[half:]
        of_right = self.smallest([*background, *left], bool(left), right)
        of_left = self.smallest([*background, *of_right], bool(of_right), left)
        return [*of_left, *of_right]


def _words(problem: Problem, kept: Sequence[Demand], time_zone: str, *, is_irreducible: bool) -> str:
    speaker = Speaker(problem, time_zone)
    if not kept:
        return "no schedule was found even when everything that can be given up was given up"
    listed = "; ".join(speaker.demand(demand) for demand in kept)
    end = "give up one of them" if is_irreducible else "the search for fewer ran out of time"
    return f"these cannot all be kept: {listed}. {end[0].upper()}{end[1:]}."
