"""What each machine has to do: by the dispatch list, or by whose order is due first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from factory_assets.reference_plant.erp.hours import minute_of
from factory_assets.reference_plant.erp.memory import Listed, Memory
from factory_assets.reference_plant.erp.steps import ROUTINGS_OF, STEPS, Key, step_of, task_name


@dataclass(frozen=True)
class Task:
    """Operations that run together on a machine: one, or a batch.

    Attributes:
        planned: When its set-up should begin, in minutes since 1970; 0 if nobody has said.
        operator: Who should do it.
    """

    keys: tuple[Key, ...]
    machine: str
    planned: int = 0
    operator: str | None = None

    @property
    def name(self) -> str:
        """Order, routing and operation of the first."""
        order, routing, number = self.keys[0]
        return f"{order} {routing} {number}"

    @property
    def planned_for(self) -> tuple[int, str]:
        """What lists are merged by."""
        return self.planned, self.machine


def listed_tasks(memory: Memory) -> dict[str, list[Task]]:
    """The tasks of each machine that have not begun, in the order of the dispatch list.

    Lines of orders that are done or unknown, and of routings other than the one that was begun, are left out.
    """
    keys = {
        task_name((order, routing, number), row["product_id"]): (order, routing, number)
        for order, row in memory.orders.items()
        for routing in open_routings(memory, order)
        for number in STEPS[routing]
    }
    lines = [line for line in memory.listed if line.task in keys and line.machine in step_of(keys[line.task]).machines]
    lines.sort(key=lambda line: (line.machine, line.sequence, line.task))
    found: dict[str, list[Task]] = {}
    for (machine, _), alike in groupby(lines, key=lambda line: (line.machine, line.sequence)):
        together = list(alike)
        for task in _tasks(memory, together, [keys[line.task] for line in together]):
            found.setdefault(machine, []).append(task)
    return found


def _tasks(memory: Memory, lines: list[Listed], keys: list[Key]) -> Iterator[Task]:
    done: set[Key] = set()
    for line, key in zip(lines, keys, strict=True):
        batch = batch_of(memory, key)
        if not done.intersection(batch) and not any(one in memory.jobs for one in batch):
            yield Task(batch, line.machine, line.setup_start, line.operator)
        done.update(batch)


def batch_of(memory: Memory, key: Key) -> tuple[Key, ...]:
    """All operations that run together with one; itself alone if it is not batched."""
    order, routing, number = key
    batch = memory.orders[order]["batch_id"]
    if not step_of(key).is_batched or batch is None:
        return (key,)
    return tuple(
        (name, routing, number)
        for name, row in sorted(memory.orders.items())
        if row["batch_id"] == batch and row["product_id"] == memory.orders[order]["product_id"]
    )


def open_routings(memory: Memory, order: str) -> tuple[str, ...]:
    """The routing that was begun, or all of the product."""
    routings = ROUTINGS_OF[memory.orders[order]["product_id"]]
    begun = tuple(name for name in routings if any((order, name, number) in memory.jobs for number in STEPS[name]))
    return begun or routings


def by_due_date(memory: Memory, orders: Iterable[str]) -> list[Key]:
    """The operations of orders that have not begun, earliest due first."""
    rows = sorted((minute_of(memory.orders[order]["due_utc"]), order) for order in orders)
    return [
        (order, routing, number)
        for _, order in rows
        for routing in open_routings(memory, order)
        for number in STEPS[routing]
        if (order, routing, number) not in memory.jobs
    ]
