"""A schedule as the rows of a dispatch list and of maintenance work orders, and as CSV."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from factory_assets.planning.problem import Problem, Schedule, Task


@dataclass(frozen=True)
class DispatchRow:
    """An operation that a machine shall do.

    Attributes:
        task_id: The operation's name.
        sequence: Its place on its machine, from 1; operations of a batch have the same.
    """

    task_id: str
    order_id: str
    machine_id: str
    sequence: int
    setup_start_utc: dt.datetime
    start_utc: dt.datetime
    end_utc: dt.datetime
    operator_id: str | None


@dataclass(frozen=True)
class WorkOrderRow:
    """A maintenance task that a technician shall do."""

    work_order_id: str
    machine_id: str
    start_utc: dt.datetime
    end_utc: dt.datetime
    technician_id: str | None


@dataclass(frozen=True)
class Dispatch:
    """What goes back to the ERP.

    Attributes:
        start_utc: Minute 0 of the schedule.
        operations: By machine and time.
        work_orders: By name.
    """

    start_utc: dt.datetime
    operations: tuple[DispatchRow, ...]
    work_orders: tuple[WorkOrderRow, ...]

    @property
    def schedule_id(self) -> str:
        """A digest of all rows: equal for equal schedules, whoever made them and when."""
        rows = [*map(asdict, self.operations), *map(asdict, self.work_orders)]
        text = json.dumps(rows, default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def dispatch_of(problem: Problem, schedule: Schedule) -> Dispatch:
    """The rows of a schedule."""
    clock = _Clock(problem.start_utc)
    rows: list[DispatchRow] = []
    place: dict[str, tuple[int, tuple[str, int]]] = {}
    for task in sorted(schedule.tasks, key=lambda task: (task.machine, task.start_min, task.end_min, task.name)):
        if task.name not in problem.operations:
            continue
        batch = problem.operations[task.name].batch
        run = (task.name if batch is None else f"batch {batch}", task.start_min)
        sequence, last = place.get(task.machine, (0, ("", 0)))
        place[task.machine] = (sequence + (run != last), run)
        rows.append(
            DispatchRow(
                task.name,
                problem.order_of[task.name].name,
                task.machine,
                place[task.machine][0],
                clock.at(task.setup_start_min),
                clock.at(task.start_min),
                clock.at(task.end_min),
                task.operator,
            )
        )
    names = {maintenance.name for maintenance in problem.maintenance}
    orders = (_work_order(task, clock) for task in schedule.tasks if task.name in names)
    return Dispatch(
        problem.start_utc, tuple(rows), tuple(sorted(orders, key=lambda row: (row.start_utc, row.work_order_id)))
    )


def dispatch_csv(dispatch: Dispatch) -> str:
    """Operations and maintenance in one CSV table, by machine and time, times in UTC with a Z."""
    names = ("kind", *(field.name for field in fields(DispatchRow)))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    lines: list[Mapping[str, object]] = [{"kind": "operation", **asdict(row)} for row in dispatch.operations]
    lines += [
        {
            "kind": "maintenance",
            "task_id": row.work_order_id,
            "machine_id": row.machine_id,
            "setup_start_utc": row.start_utc,
            "start_utc": row.start_utc,
            "end_utc": row.end_utc,
            "operator_id": row.technician_id,
        }
        for row in dispatch.work_orders
    ]
    for line in sorted(lines, key=lambda line: (str(line["machine_id"]), str(line["start_utc"]), str(line["task_id"]))):
        writer.writerow({key: _written(value) for key, value in line.items()})
    return text.getvalue()


def _written(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    # A spreadsheet would run what begins like a formula.
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _work_order(task: Task, clock: _Clock) -> WorkOrderRow:
    return WorkOrderRow(task.name, task.machine, clock.at(task.start_min), clock.at(task.end_min), task.operator)


@dataclass(frozen=True)
class _Clock:
    start_utc: dt.datetime

    def at(self, minute: int) -> dt.datetime:
        return self.start_utc.astimezone(dt.UTC) + dt.timedelta(minutes=minute)
