"""An order that is made like another one."""

from __future__ import annotations

import math
from dataclasses import replace

from factory_assets.planning.problem import Operation, Order
from factory_assets.planning.what_if.changes import RushOrder


def order_like(like: Order, name: str, change: RushOrder, now_min: int) -> Order:
    """The new order, released now; its operations run alone where those of the other run in a batch.

    Args:
        like: The order that it is like.
        name: Of the new order; its operations have the numbers of the other's.
        change: How many times as many pieces, when it is due, and what an hour late costs.
        now_min: When it is released.
    """
    names = {one.name: _renamed(one.name, like.name, name) for one in like.operations}
    late_cost = like.late_cost_per_min if change.late_cost_per_min is None else change.late_cost_per_min
    return Order(
        name,
        tuple(_like(one, names, change.factor) for one in like.operations),
        now_min,
        change.due_min,
        late_cost,
        tuple(tuple(names[one] for one in routing) for routing in like.routings),
    )


def _renamed(operation: str, like: str, name: str) -> str:
    return name + operation[len(like) :] if operation.startswith(f"{like}/") else f"{name} {operation}"


def _like(operation: Operation, names: dict[str, str], factor: float) -> Operation:
    return replace(
        operation,
        name=names[operation.name],
        modes=tuple(
            replace(mode, duration_min=max(1, math.ceil(mode.duration_min * factor))) for mode in operation.modes
        ),
        after=tuple(names[one] for one in operation.after if one in names),
        materials={material: quantity * factor for material, quantity in operation.materials.items()},
        batch=None,
    )
