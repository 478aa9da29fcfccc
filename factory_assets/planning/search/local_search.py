"""Local search: a schedule improved by small changes, for as long as there is time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Protocol

from factory_assets.planning.costs import Objective
from factory_assets.planning.problem import Machine, Mode, Operation, Order, Problem, Schedule, Task
from factory_assets.planning.search.annealing import Annealing
from factory_assets.planning.search.dispatching import dispatch
from factory_assets.planning.search.loads import Shop
from factory_assets.planning.search.plain import plain_shop
from factory_assets.planning.search.tabu import TabuSearch


class Improver(Protocol):
    """A search that can be asked for more, again and again."""

    @property
    def best(self) -> float:
        """The smallest value so far."""

    def burst(self, progress: float, target: float) -> float:
        """Search for a moment.

        Args:
            progress: How much of the whole search is over, from 0 to 1.
            target: A value as small as this is enough.

        Returns:
            The smallest value so far.
        """

    def tasks(self) -> list[Task]:
        """The tasks of the best schedule."""


def improver_of(shop: Shop, start: Schedule, objective: Objective, seed: int) -> Improver:
    """Tabu search for the makespan of plain shops, annealing for everything else."""
    plain = plain_shop(shop) if objective == "makespan" else None
    if plain is not None:
        return TabuSearch(shop, plain, start, seed)
    return Annealing(shop, start, objective, seed)


def improve(
    improvers: Sequence[Improver],
    target: float,
    progress: Callable[[], float],
    on_better: Callable[[Improver], None],
) -> list[Thread]:
    """Start searches, each in a thread of its own; they end when progress reaches 1 or the target is reached.

    Args:
        improvers: One for each thread.
        target: A proven lower bound.
        progress: How much of the search is over, asked in each thread between bursts.
        on_better: Told, in that search's thread, when it found something better.

    Returns:
        The threads, running.
    """

    def work(one: Improver) -> None:
        known = one.best
        while (over := progress()) < 1 and one.best > target:
            if one.burst(over, target) < known:
                known = one.best
                on_better(one)

    threads = [Thread(target=work, args=(one,), daemon=True) for one in improvers]
    for thread in threads:
        thread.start()
    return threads


def prepare() -> None:
    """Compile the searches, which takes some seconds once on a machine, so that no schedule has to wait for it."""
    modes = (Mode("a", 2), Mode("b", 3))
    operations = (Operation("1", modes), Operation("2", modes, ("1",)))
    shop = Shop(
        Problem(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), (Machine("a"), Machine("b")), (Order("o", operations),))
    )
    start, plain = dispatch(shop, "FIFO"), plain_shop(shop)
    if plain is not None:
        TabuSearch(shop, plain, start, 0).run(1)
    Annealing(shop, start, "cost", 0).run(1, 0.5)
