"""The steps of the reference plant's routings, as its floor knows them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from factory_assets.reference_plant.erp.floor import BATCHED, MATERIAL_OF, ROUTINGS

Key = tuple[str, str, int]  # order, routing, number of the operation


@dataclass(frozen=True)
class Step:
    """An operation of a routing.

    Attributes:
        number: Unique in its routing.
        machines: Any will do.
        fixed_min: Minutes whatever the number of pieces.
        min_per_piece: Minutes a piece.
        skill: What the operator must be able to do.
        tool: Which kind of tool is needed.
        after: Numbers of the operations before it.
        family: What the machine must be set up for.
        is_batched: Whether orders of one batch do it together.
        material: What it takes.
        per_piece: How much of it.
    """

    number: int
    machines: tuple[str, ...]
    fixed_min: float
    min_per_piece: float
    skill: str | None
    tool: str | None
    after: tuple[int, ...]
    family: str | None
    is_batched: bool
    material: str | None
    per_piece: float

    def planned_min(self, pieces: int) -> int:
        """How long it takes by the routing."""
        return math.ceil(round(self.fixed_min + pieces * self.min_per_piece, 6))


def _steps(routing: str) -> dict[int, Step]:
    product, steps = ROUTINGS[routing]
    material, per_piece = MATERIAL_OF[product]
    found = {}
    for number, (machine_class, low, high), fixed, per_piece_min, skill, tool, after in steps:
        takes = number == steps[0][0]
        found[number] = Step(
            number,
            tuple(f"{machine_class}-{machine:02d}" for machine in range(low, high + 1)),
            fixed,
            per_piece_min,
            skill,
            tool,
            after,
            None if machine_class == "oven" else product,
            (routing, number) in BATCHED,
            material if takes else None,
            per_piece if takes else 0.0,
        )
    return found


STEPS = {routing: _steps(routing) for routing in ROUTINGS}
ROUTINGS_OF = {
    product: tuple(routing for routing, (made, _) in ROUTINGS.items() if made == product) for product in MATERIAL_OF
}


def step_of(key: Key) -> Step:
    """The step of an order's operation."""
    return STEPS[key[1]][key[2]]


def task_name(key: Key, product: str) -> str:
    """What a dispatch list calls an operation: with the routing where the product has several."""
    order, routing, number = key
    return f"{order}/{routing}/{number}" if len(ROUTINGS_OF[product]) > 1 else f"{order}/{number}"
