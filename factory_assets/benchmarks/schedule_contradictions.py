"""Contradictions planted into shops that have a schedule: are they found, named, and not blamed on anything else?

Each case is a seeded shop that can be planned (which is tried), with one thing changed so that it no longer can. The
explanation must name what was planted; and without any one of the things that it names, the others must be solvable,
which is tried with the solver and looked at by the checker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from factory_assets.benchmarks.schedule_shops import CASES, Case, shop
from factory_assets.planning.problem import Problem

if TYPE_CHECKING:
    from factory_assets.planning.explaining.relaxing import Conflict

SEED = 20260106
EXPLAIN_S = 10.0
TRIES_S = (0.3, 3.0)  # to find a schedule where there should be one
CLASH_S = 2.0  # to find one where there should be none


@dataclass(frozen=True)
class Explained:
    """How one contradiction was explained.

    Attributes:
        case: Which.
        is_fair: The shop can be planned without what was planted, and no schedule is found with it.
        is_named: The demands and the words of the explanation hold all that was planted.
        is_irreducible: Each explanation is a clash, and none without any one of its demands.
        seconds: How long the explanation took.
        words: The explanation.
    """

    case: str
    is_fair: bool
    is_named: bool
    is_irreducible: bool
    seconds: float
    words: tuple[str, ...]

    @property
    def is_explained(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.is_fair and self.is_named and self.is_irreducible


def explained(
    case: Case, seed: int = SEED, explain_with: Callable[[Problem], list[Conflict]] | None = None
) -> Explained:
    """Plant a contradiction, have it explained, and judge the explanation.

    Args:
        case: What is planted.
        seed: Of the shop and of where it is planted.
        explain_with: What explains; the platform's own if not given.
    """
    random = Random(f"{seed} {case.name}")  # noqa: S311 (not for secrets)
    base = shop(random)
    problem, planted = case.plant(base, random)
    is_fair = is_solvable(base) and is_clash(problem)
    begun = time.perf_counter()
    conflicts = (explain_with or _explain)(problem)
    seconds = time.perf_counter() - begun
    is_named = any(_names(conflict, planted) for conflict in conflicts)
    is_irreducible = bool(conflicts) and all(irreducible(problem, conflict) for conflict in conflicts)
    words = tuple(conflict.words for conflict in conflicts)
    return Explained(case.name, is_fair, is_named, is_irreducible, seconds, words)


def _explain(problem: Problem) -> list[Conflict]:
    from factory_assets.planning.explaining.clashes import can_be_planned
    from factory_assets.planning.explaining.conflicts import explain

    return explain(problem, can_be_planned, seconds=EXPLAIN_S)


def _names(conflict: Conflict, planted: Sequence[tuple[str, str]]) -> bool:
    named = {(demand.kind, demand.name) for demand in conflict.demands}
    return named.issuperset(planted) and all(name in conflict.words for _, name in planted)


def irreducible(problem: Problem, conflict: Conflict) -> bool:
    """Whether the demands clash, and without any one of them do not."""
    from factory_assets.planning.explaining.relaxing import with_only

    if not is_clash(with_only(problem, conflict.demands)):
        return False
    return all(
        is_solvable(with_only(problem, [one for one in conflict.demands if one != given_up]))
        for given_up in conflict.demands
    )


def is_solvable(problem: Problem) -> bool:
    """Whether a schedule is found to which the checker has no objection."""
    return any(_finds_schedule(problem, seconds) for seconds in TRIES_S)


def is_clash(problem: Problem) -> bool:
    """Whether no schedule is found."""
    return not _finds_schedule(problem, CLASH_S)


def _finds_schedule(problem: Problem, seconds: float) -> bool:
    from factory_assets.planning.checking.checker import violations
    from factory_assets.planning.search.loads import BadProblemError, NoScheduleError
    from factory_assets.planning.solving import solve

    try:
        schedule = solve(problem, seconds=seconds, workers=1)
    except (NoScheduleError, BadProblemError):
        return False
    return not violations(problem, schedule)


def all_explained(cases: Sequence[Case] = CASES, seed: int = SEED) -> list[Explained]:
    """Every case, one after the other; compiled before."""
    from factory_assets.planning.search import local_search

    local_search.prepare()
    return [explained(case, seed) for case in cases]
