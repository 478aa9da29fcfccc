"""What the plant tells its ERP: the rows of the tables that change from export to export."""

from __future__ import annotations

from factory_assets.reference_plant.erp.floor import Rows, machine_rows
from factory_assets.reference_plant.erp.hours import DAY_MIN, moment_of
from factory_assets.reference_plant.erp.memory import Memory, WorkOrder
from factory_assets.reference_plant.erp.presence import OVERDUE_MIN, Machines, expected_end
from factory_assets.reference_plant.erp.steps import STEPS, Key, step_of
from factory_assets.reference_plant.erp.store import arrival_of

KEPT_DAYS = 5  # orders that are done, and stops that are over
MORE_SHARE, MORE_MIN = 0.1, 5  # how much longer overdue work is thought to take, of its planned time and at least


def tidy(memory: Memory) -> None:
    """Drop the orders that were done long ago, and say what maintenance has come to."""
    memory.families |= _families(memory)
    for work_order in memory.work_orders:
        _look_at(work_order, memory.now)
    old = memory.now - KEPT_DAYS * DAY_MIN
    for order in list(memory.orders):
        ended = done_at(memory, order)
        if ended is not None and ended <= old:
            del memory.orders[order]
            for key in [key for key in memory.jobs if key[0] == order]:
                del memory.jobs[key]


def report_rows(memory: Memory, machines: Machines, seed: int) -> dict[str, Rows]:
    """The rows of each table, as people know things at the moment of the memory."""
    families = memory.families | _families(memory)
    return {
        "machine": [{**row, "first_family": families[row["machine_id"]]} for row in machine_rows()],
        "production_order": [{**row, "state": _state(memory, name)} for name, row in sorted(memory.orders.items())],
        "operation_report": _operations(memory, machines),
        "machine_stop": _stops(memory, machines),
        "material_stock": [
            {"material_id": name, "quantity": quantity} for name, quantity in sorted(memory.stock.items())
        ],
        "purchase_delivery": [_delivery(memory, name, seed) for name in sorted(memory.deliveries)],
    }


def done_at(memory: Memory, order: str) -> int | None:
    """When the last operation of an order ended; None if something is left to do."""
    routing = next((key[1] for key in memory.jobs if key[0] == order), None)
    if routing is None:
        return None
    jobs = [memory.jobs.get((order, routing, number)) for number in STEPS[routing]]
    ends = [job.end for job in jobs if job is not None and job.end <= memory.now]
    return max(ends) if len(ends) == len(jobs) else None


def _look_at(order: WorkOrder, now: int) -> None:
    """Say of maintenance that was begun when it ended, or when people think that it will."""
    if order.state != "begun" or order.ends is None:
        return
    if order.ends <= now:
        order.state, order.end = "done", order.ends
    elif order.end <= now:
        order.end = now - now % OVERDUE_MIN + OVERDUE_MIN  # whoever asked before: the same answer


def _families(memory: Memory) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for key, job in sorted(memory.jobs.items(), key=lambda item: item[1].begin):
        family = step_of(key).family
        if family is not None and job.begin <= memory.now:
            found[job.machine] = family
    return found


def _state(memory: Memory, order: str) -> str:
    if done_at(memory, order) is not None:
        return "done"
    is_begun = any(key[0] == order and job.begin <= memory.now for key, job in memory.jobs.items())
    return "begun" if is_begun else "released"


def _operations(memory: Memory, machines: Machines) -> Rows:
    return [
        {
            "order_id": key[0],
            "routing_id": key[1],
            "operation_no": key[2],
            "machine_id": job.machine,
            "operator_id": job.operator,
            "began_utc": moment_of(job.begin),
            "expected_end_utc": None if job.end <= memory.now else moment_of(_expected(memory, key, machines)),
            "ended_utc": moment_of(job.end) if job.end <= memory.now else None,
        }
        for key, job in sorted(memory.jobs.items())
        if job.begin <= memory.now
    ]


def _expected(memory: Memory, key: Key, machines: Machines) -> int:
    """When people think that an operation will end: by its planned time, and by what they know of stops."""
    job = memory.jobs[key]
    alike = [other for other, one in memory.jobs.items() if one == job]
    planned = max(step_of(other).planned_min(memory.orders[other[0]]["pieces"]) for other in alike)
    hours = machines.known_hours(job.machine, memory.now)
    end = hours.end_of(job.begin, planned)
    return end if end > memory.now else hours.end_of(memory.now, max(MORE_MIN, round(MORE_SHARE * planned)))


def _stops(memory: Memory, machines: Machines) -> Rows:
    now, old = memory.now, memory.now - KEPT_DAYS * DAY_MIN
    return [
        {
            "machine_id": stop.machine,
            "began_utc": moment_of(stop.begin),
            "expected_end_utc": moment_of(expected_end(stop, now)) if stop.end > now else None,
            "ended_utc": moment_of(stop.end) if stop.end <= now else None,
            "reason": stop.reason,
        }
        for stop in machines.stops
        if stop.begin <= now and stop.end > old
    ]


def _delivery(memory: Memory, name: str, seed: int) -> dict[str, object]:
    """A delivery; one that has not come when it was promised has a new date from its supplier."""
    row = memory.deliveries[name]
    if row["due_utc"] > moment_of(memory.now):
        return row
    return {**row, "due_utc": moment_of(arrival_of(name, seed))}
