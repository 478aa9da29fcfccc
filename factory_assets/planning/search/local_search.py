"""Local search: a schedule improved by small changes, for as long as there is time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from random import Random
from threading import Thread
from typing import Protocol

from factory_assets.planning.costs import Objective, schedule_of, value_of
from factory_assets.planning.problem import Machine, Mode, Operation, Order, Problem, Schedule, Task
from factory_assets.planning.search.annealing import Annealing, annealing_of
from factory_assets.planning.search.board import Board
from factory_assets.planning.search.dispatching import dispatch, maintenance_minutes
from factory_assets.planning.search.loads import Choice, Shop
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
    """The strongest search that covers a problem: tabu, annealing, or else `BoardSearch`."""
    plain = plain_shop(shop) if objective == "makespan" else None
    if plain is not None:
        return TabuSearch(shop, plain, start, seed)
    return annealing_of(shop, start, objective, seed) or BoardSearch(shop, start, objective, seed)


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


class BoardSearch:
    """Changes of sequence, machines, routings and maintenance, each tried on a `Board`: slow, but for every problem.

    Attributes:
        best: The smallest value so far.
    """

    def __init__(self, shop: Shop, start: Schedule, objective: Objective, seed: int) -> None:
        self._shop, self._objective, self._random = shop, objective, Random(seed)  # noqa: S311 (not for secrets)
        rank = {number: at for at, number in enumerate(shop.sorted)}
        placed = {load.index: start.task[load.names[0]] for load in shop.loads if load.names[0] in start.task}
        self._sequence = sorted(
            range(len(shop.loads)),
            key=lambda one: (placed[one].start_min if one in placed else -1, rank[one]),
        )
        self._choices: dict[int, tuple[Choice, ...]] = {}
        for number, task in placed.items():
            machine = shop.machine_index[task.machine]
            alike = tuple(choice for choice in shop.loads[number].choices if choice.machine == machine)
            if alike:
                self._choices[number] = alike
        self._routing = {
            order: next(at for at, loads in enumerate(routings) if loads <= placed.keys())
            for order, routings in enumerate(shop.routings)
            if routings
        }
        self._maintenance: dict[str, int | None] = {
            task.name: start.task[task.name].start_min if task.name in start.task else None
            for task in shop.problem.maintenance
        }
        self._schedule = start
        self.best = value_of(start, objective)

    def burst(self, progress: float, target: float) -> float:
        """Try one change; see `Improver`."""
        del progress, target
        state = (self._sequence, self._choices, self._routing, self._maintenance)
        self._sequence, self._choices = list(self._sequence), dict(self._choices)
        self._routing, self._maintenance = dict(self._routing), dict(self._maintenance)
        self._change()
        found = self._decoded()
        if found is None or value_of(found, self._objective) > self.best:
            self._sequence, self._choices, self._routing, self._maintenance = state
        else:
            self._schedule, self.best = found, value_of(found, self._objective)
        return self.best

    def tasks(self) -> list[Task]:
        """The tasks of the best schedule."""
        return list(self._schedule.tasks)

    def _change(self) -> None:
        """One change at random."""
        random, shop = self._random, self._shop
        kind = random.random()
        if kind < 0.1 and self._maintenance:
            task = random.choice(shop.problem.maintenance)
            minutes: list[int | None] = list(maintenance_minutes(shop, task))
            self._maintenance[task.name] = random.choice(minutes + ([None] if task.latest_min is None else []))
        elif kind < 0.2 and self._routing:
            order = random.choice(list(self._routing))
            self._routing[order] = random.randrange(len(shop.routings[order]))
        elif kind < 0.5 and self._choices:
            number = random.choice(list(self._choices))
            choices = shop.loads[number].choices
            self._choices[number] = choices if random.random() < 0.3 else (random.choice(choices),)
        else:
            at = random.randrange(len(self._sequence))
            load = self._sequence.pop(at)
            self._sequence.insert(max(0, at + random.choice((-8, -4, -2, -1, 1, 2, 4, 8))), load)

    def _decoded(self) -> Schedule | None:
        """The schedule of the present sequence; None if something finds no place."""
        shop, active = self._shop, self._shop.active(self._routing)
        try:
            board = Board(shop, self._maintenance)
        except ValueError:
            return None
        left = [number for number in self._sequence if number in active and number not in board.end]
        while left:
            waiting = []
            for number in left:
                load = shop.loads[number]
                if any(before in active and before not in board.end for before in load.after):
                    waiting.append(number)
                    continue
                place = board.best(load, board.ready(load, active), self._choices.get(number))
                if place is None:
                    return None
                board.put(load, place)
            left = waiting
        return schedule_of(shop, board.tasks, "local search")
