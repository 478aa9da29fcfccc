"""The material store: what lies there, what is promised to tasks, and deliveries that come when they come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from factory_assets.reference_plant.erp import chance
from factory_assets.reference_plant.erp.hours import minute_of
from factory_assets.reference_plant.erp.memory import Job, Memory
from factory_assets.reference_plant.erp.order_book import DELIVERY, local
from factory_assets.reference_plant.erp.steps import Key, step_of

EPS = 1e-6


def arrival_of(delivery: str, seed: int) -> int:
    """The minute in which a delivery comes: not always the one that was promised."""
    promised = local(dt.datetime.strptime(delivery[:6], "%y%m%d").date(), DELIVERY)  # noqa: DTZ007 (a day)
    return minute_of(promised) + chance.delay_of(seed, delivery)


class Store:
    """The stock of a plant, which it changes as time goes by."""

    def __init__(self, memory: Memory, seed: int) -> None:
        self.memory = memory
        self.promised: dict[Key, int] = {}
        self.arrivals = {name: arrival_of(name, seed) for name in memory.deliveries}
        for key, job in memory.jobs.items():
            if job.begin > memory.now:
                self.promise(key, job)

    def holds(self, keys: Iterable[Key]) -> bool:
        """Whether there is enough for some operations, beside what is promised to others."""
        need = self._needs(keys)
        promised = self._needs(self.promised) if need else {}
        return all(
            self.memory.stock.get(material, 0.0) - promised.get(material, 0.0) >= quantity - EPS
            for material, quantity in need.items()
        )

    def promise(self, key: Key, job: Job) -> None:
        """Keep the material of an operation until the operation begins."""
        if step_of(key).material is not None:
            self.promised[key] = job.begin

    def move(self, minute: int) -> None:
        """Take in what has come by then, and hand out what has been begun."""
        stock = self.memory.stock
        for name in [name for name, comes in self.arrivals.items() if comes <= minute]:
            del self.arrivals[name]
            row = self.memory.deliveries.pop(name)
            stock[row["material_id"]] = round(stock.get(row["material_id"], 0.0) + row["quantity"], 3)
        for key in [key for key, begin in self.promised.items() if begin <= minute]:
            del self.promised[key]
            for material, quantity in self._needs([key]).items():
                stock[material] = max(0.0, round(stock[material] - quantity, 3))

    def _needs(self, keys: Iterable[Key]) -> dict[str, float]:
        need: dict[str, float] = {}
        for key in keys:
            step = step_of(key)
            if step.material is not None:
                quantity = step.per_piece * self.memory.orders[key[0]]["pieces"]
                need[step.material] = need.get(step.material, 0.0) + quantity
        return need
