"""A what-if as plain values: times in the plant's zone, money in the plant's currency."""

from __future__ import annotations

from typing import Any

from factory_assets.planning.problem import Schedule, Task
from factory_assets.planning.solving import gap_of
from factory_assets.planning.what_if.difference import Difference
from factory_assets.planning.what_if.tables import cost_parts
from factory_assets.planning.what_if.trial import Trial


def document(trial: Trial, currency: str) -> dict[str, Any]:
    """Everything that is known of a what-if."""
    clock = trial.base.clock
    return {
        "day": trial.base.day,
        "schedule_id": trial.base.summary.get("schedule_id"),
        "from": _at(trial, trial.now_min),
        "time_zone": clock.time_zone,
        "currency": currency,
        "anew": trial.anew,
        "changes": [change.words(clock) for change in trial.changes],
        "notes": list(trial.notes),
        "feasible": trial.after is not None,
        "clashes": list(trial.clashes),
        "before": _of_schedule(trial.before),
        "after": None if trial.after is None else _of_schedule(trial.after),
        "difference": None if trial.difference is None else _of_difference(trial, trial.difference),
    }


def _of_schedule(schedule: Schedule) -> dict[str, Any]:
    return {
        "cost": cost_parts(schedule.cost),
        "lower_bound": schedule.lower_bound,
        "gap": gap_of(schedule, "cost"),
        "makespan_min": schedule.makespan_min,
        "solver": schedule.solver,
    }


def _of_difference(trial: Trial, found: Difference) -> dict[str, Any]:
    assert trial.after is not None  # noqa: S101 (said to the type checker)
    before, after = cost_parts(trial.before.cost), cost_parts(trial.after.cost)
    return {
        "cost": {part: after[part] - value for part, value in before.items()},
        "orders": [
            {
                "order": one.order,
                "ended": _at(trial, one.end_before_min),
                "ends": _at(trial, one.end_after_min),
                "due": _at(trial, one.due_min),
                "late_before_min": one.late_before_min,
                "late_after_min": one.late_after_min,
                "cost_before": one.cost_before,
                "cost_after": one.cost_after,
            }
            for one in found.orders
        ],
        "moved": [
            {"task": one.name, "before": _of_task(trial, one.before), "after": _of_task(trial, one.after)}
            for one in found.moved
        ],
        "moved_count": found.moved_count,
        "movable": found.movable,
        "share_moved": found.share_moved,
        "longer": list(found.longer),
        "maintenance": [
            {"task": one.name, "before": _of_task(trial, one.before), "after": _of_task(trial, one.after)}
            for one in found.maintenance
        ],
        "machines": [
            {
                "machine": one.machine,
                "load_before": one.load_before,
                "load_after": one.load_after,
                "busy_before_min": one.busy_before_min,
                "busy_after_min": one.busy_after_min,
                "open_before_min": one.open_before_min,
                "open_after_min": one.open_after_min,
            }
            for one in found.loads
        ],
    }


def _of_task(trial: Trial, task: Task | None) -> dict[str, Any] | None:
    if task is None:
        return None
    return {"machine": task.machine, "begins": _at(trial, task.start_min), "ends": _at(trial, task.end_min)}


def _at(trial: Trial, minute: int | None) -> str | None:
    return None if minute is None else trial.base.clock.moment(minute).isoformat()
