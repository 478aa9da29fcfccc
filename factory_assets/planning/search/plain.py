"""Plain shops: jobs as chains on machines that always work, and nothing else, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from factory_assets.planning.search.loads import Shop

Array = Any


@dataclass
class PlainShop:
    """A plain shop as arrays.

    Attributes:
        job_before: The operation before each in its job, -1 for none.
        job_after: The one after.
        choices: Where each operation's choices begin in the next two; one more at the end.
        choice_machine: Machine of each choice.
        choice_minutes: Minutes of each choice.
    """

    job_before: Array
    job_after: Array
    choices: Array
    choice_machine: Array
    choice_minutes: Array
    n_machines: int


def plain_shop(shop: Shop) -> PlainShop | None:
    """The arrays of a plain shop; None if the problem asks for more than machines and chains."""
    problem = shop.problem
    plain = (
        not (problem.pinned or problem.maintenance or problem.before or problem.horizon_min)
        and all(machine.shifts is None and not any(machine.setup_min.values()) for machine in shop.machines)
        and not any(shop.routings)
        and all(_is_plain(shop, number) for number in range(len(shop.loads)))
    )
    if not plain:
        return None
    before = [load.after[0] if load.after else -1 for load in shop.loads]
    after = [followers[0] if followers else -1 for followers in shop.followers]
    counts = [len(load.choices) for load in shop.loads]
    choices = [choice for load in shop.loads for choice in load.choices]
    return PlainShop(
        np.array(before, np.int64),
        np.array(after, np.int64),
        np.array([0, *np.cumsum(counts)], np.int64),
        np.array([choice.machine for choice in choices], np.int64),
        np.array([choice.duration for choice in choices], np.int64),
        len(shop.machines),
    )


def _is_plain(shop: Shop, number: int) -> bool:
    load = shop.loads[number]
    alone = len(load.after) <= 1 and len(shop.followers[number]) <= 1
    needs = load.release or load.materials or any(one.skill or one.tool or one.duration == 0 for one in load.choices)
    return alone and not needs
