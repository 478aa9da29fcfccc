"""A problem with a longer horizon, for what no longer fits: shifts go on as they were."""

from __future__ import annotations

import math
from dataclasses import replace

from factory_assets.planning.problem import Interval, Problem
from factory_assets.planning.spans import joined

WEEK_MIN = 7 * 24 * 60


def longer(problem: Problem) -> Problem | None:
    """The same with at least twice the horizon, whole weeks later with the shifts of those before.

    Holidays, and the hour of a change of the clocks, are not known so far ahead. None without a horizon.
    """
    horizon = problem.horizon_min
    if horizon is None:
        return None
    later = math.ceil(horizon / WEEK_MIN) * WEEK_MIN

    def on(shifts: tuple[Interval, ...] | None) -> tuple[Interval, ...] | None:
        if shifts is None:
            return None
        kept = [(max(begin, 0), min(end, horizon)) for begin, end in shifts if begin < horizon and end > 0]
        return tuple(joined([*shifts, *((begin + later, end + later) for begin, end in kept)]))

    return replace(
        problem,
        machines=tuple(replace(one, shifts=on(one.shifts)) for one in problem.machines),
        operators=tuple(replace(one, shifts=on(one.shifts)) for one in problem.operators),
        horizon_min=later + horizon,
    )
