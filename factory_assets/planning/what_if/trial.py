"""A what-if: the schedule that would follow from changes, compared with the one in force. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from factory_assets.foundation.planning_settings import PlanningSettings
from factory_assets.planning.bounds import lower_bound
from factory_assets.planning.checking.checker import violations
from factory_assets.planning.costs import schedule_of
from factory_assets.planning.explaining.clashes import clashes
from factory_assets.planning.incumbent import Progress
from factory_assets.planning.problem import Problem, Schedule
from factory_assets.planning.rescheduling import changed_problem, reschedule
from factory_assets.planning.search.loads import BadProblemError, NoScheduleError, Shop
from factory_assets.planning.solving import solve
from factory_assets.planning.what_if.applying import Changed, applied
from factory_assets.planning.what_if.base import Base
from factory_assets.planning.what_if.changes import Change, WithoutOrder
from factory_assets.planning.what_if.difference import Difference, difference
from factory_assets.planning.what_if.errors import WhatIfError
from factory_assets.planning.what_if.longer import longer


@dataclass(frozen=True)
class Trial:
    """What would be.

    Attributes:
        base: The schedule in force.
        changes: What was asked.
        now_min: From when on things could change.
        anew: Whether all was placed anew that could be, or few tasks moved.
        notes: How the changes were understood.
        before: The schedule in force, with its cost from its minute 0, without what it cost to move to it.
        problem: What the new schedule keeps to.
        after: The new schedule; None if there is none.
        difference: From before to after; None if there is no schedule.
        clashes: Why there is no schedule, in words; empty if there is one.
    """

    base: Base
    changes: tuple[Change, ...]
    now_min: int
    anew: bool
    notes: tuple[str, ...]
    before: Schedule
    problem: Problem
    after: Schedule | None
    difference: Difference | None
    clashes: tuple[str, ...] = ()


def try_out(
    base: Base,
    changes: Sequence[Change],
    settings: PlanningSettings,
    *,
    now_min: int,
    anew: bool = False,
    seconds: float | None = None,
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
) -> Trial:
    """Make the schedule that would follow.

    Args:
        base: The schedule in force and its problem.
        changes: What is asked.
        settings: Frozen time, cost of moving, time of the search.
        now_min: Until then everything has gone as planned.
        anew: Place anew all that can be moved, rather than move few tasks.
        seconds: How long to search; by default as long as the plant file says.
        seed: Of the random choices.
        on_progress: Told of each better schedule.

    Raises:
        WhatIfError: The question cannot be asked.
    """
    question = _Question(base, tuple(changes), settings, now_min, anew, seconds, seed, on_progress)
    known = base.problem
    try:
        return question.answered(known)
    except (NoScheduleError, BadProblemError) as error:
        far, reason = longer(known), str(error)
    changed, wanted = question.changed(known)
    if far is not None:
        # What lasts longer than shifts are known may still be done, if they go on as they are.
        with suppress(NoScheduleError, BadProblemError):
            end = base.clock.words(known.horizon_min or 0)
            note = f"no schedule was found that ends by {end}, until when shifts are known; they are taken to go on so"
            found = question.answered(far)
            return replace(found, notes=(*found.notes, note))
    told = clashes(wanted, settings.timezone) or (reason,)
    return Trial(base, tuple(changes), now_min, anew, changed.notes, _in_force(base, known), wanted, None, None, told)


@dataclass(frozen=True)
class _Question:
    """What is asked, and how long is looked for an answer."""

    base: Base
    changes: tuple[Change, ...]
    settings: PlanningSettings
    now: int
    anew: bool
    seconds: float | None
    seed: int
    on_progress: Callable[[Progress], None] | None

    def changed(self, known: Problem) -> tuple[Changed, Problem]:
        """The changes, and what a schedule must keep to then."""
        frozen = self.settings.frozen_min
        changed = applied(
            known, self.base.schedule.tasks, self.changes, now_min=self.now, frozen_min=frozen, clock=self.base.clock,
            partly_done=self.base.partly_done,
        )  # fmt: skip
        # What it cost to come to the schedule in force is spent; from here on, moving its tasks costs.
        changed = replace(
            changed, problem=replace(changed.problem, move_cost_per_min=self.settings.move_cost_per_h / 60)
        )
        wanted = changed_problem(
            changed.problem, changed.in_force, self.now, frozen_min=frozen, breakdowns=changed.stops
        )  # fmt: skip
        return changed, wanted

    def answered(self, known: Problem) -> Trial:
        """The answer; raises NoScheduleError or BadProblemError if no schedule is found."""
        changed, wanted = self.changed(known)
        after = _with_bound(wanted, self._made(changed, wanted))
        _refuse_if_broken(wanted, after)
        before = _in_force(self.base, known)
        called_off = {change.order for change in self.changes if isinstance(change, WithoutOrder)}
        compared = difference(known, before, wanted, after, called_off=called_off)
        return Trial(self.base, self.changes, self.now, self.anew, changed.notes, before, wanted, after, compared)

    def _made(self, changed: Changed, wanted: Problem) -> Schedule:
        settings, workers = self.settings, self.settings.workers
        if self.anew:
            return solve(
                wanted, seconds=self.seconds or settings.seconds, workers=workers, seed=self.seed, objective="cost",
                on_progress=self.on_progress,
            )  # fmt: skip
        return reschedule(
            changed.problem, changed.in_force, self.now, frozen_min=settings.frozen_min,
            breakdowns=changed.stops, seconds=self.seconds or settings.reschedule_seconds, workers=workers,
            seed=self.seed, on_progress=self.on_progress,
        ).schedule  # fmt: skip


def _in_force(base: Base, known: Problem) -> Schedule:
    """The schedule in force as something to compare with: no moves, and a bound that holds for that."""
    problem = replace(known, before=())
    schedule = schedule_of(Shop(problem), base.schedule.tasks, base.schedule.solver)
    # A bound that was proven with the cost of moves says nothing of the cost without them.
    free = not known.before or not known.move_cost_per_min
    bound = base.schedule.lower_bound if free else None
    return _with_bound(problem, replace(schedule, lower_bound=bound))


def _with_bound(problem: Problem, schedule: Schedule) -> Schedule:
    """The better of the bound that a search has proven and the one that follows at once."""
    at_once = lower_bound(Shop(problem), "cost")
    bound = max(at_once, schedule.lower_bound or 0.0)
    return replace(schedule, lower_bound=bound if bound > 0 else None)


def _refuse_if_broken(problem: Problem, schedule: Schedule) -> None:
    broken = violations(problem, schedule, objective="cost")
    if broken:
        words = "; ".join(one.words for one in broken[:3])
        msg = f"the schedule that was found breaks {len(broken)} rule(s), so nothing is said of it: {words}"
        raise WhatIfError(msg)
