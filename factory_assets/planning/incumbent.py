"""The best schedule so far and the best proven bound, while several searches work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event, Lock

from factory_assets.planning.costs import Objective, schedule_of, value_of
from factory_assets.planning.problem import Schedule, Task
from factory_assets.planning.search.loads import Shop


@dataclass(frozen=True)
class Progress:
    """What is known at a moment.

    Attributes:
        seconds: Since the start.
        value: Of the best schedule: money or minutes; None if there is none yet.
        bound: Proven lower bound; None if nothing is proven.
        solver: What found the schedule or the bound.
    """

    seconds: float
    value: float | None
    bound: float | None
    solver: str


class Incumbent:
    """Keeps the best schedule and the best bound; safe between threads.

    Attributes:
        best: The best schedule; None if there is none yet.
        bound: The best proven lower bound.
        stopped: Set when nothing better can be found, or time is over.
    """

    def __init__(
        self, shop: Shop, objective: Objective, seconds: float, on_progress: Callable[[Progress], None] | None
    ) -> None:
        self.shop, self.objective = shop, objective
        self.best: Schedule | None = None
        self.bound: float | None = None
        self.stopped = Event()
        self._begun, self._seconds = time.monotonic(), seconds
        self._on_progress, self._lock = on_progress, Lock()

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begun

    @property
    def left(self) -> float:
        """Seconds until time is over."""
        return max(0.0, self._seconds - self.spent)

    @property
    def value(self) -> float:
        """The value of the best schedule; infinity without one."""
        return float("inf") if self.best is None else self.value_of(self.best)

    def value_of(self, schedule: Schedule) -> float:
        """What is to be made small."""
        return value_of(schedule, self.objective)

    @property
    def is_proved(self) -> bool:
        """Whether no schedule can be better."""
        return self.bound is not None and self.value <= self.bound + 1e-6

    def offer(self, tasks: Sequence[Task], solver: str) -> bool:
        """Keep a schedule if it is better; returns whether it was."""
        schedule = schedule_of(self.shop, tasks, solver)
        with self._lock:
            if self.value_of(schedule) >= self.value - 1e-9:
                return False
            self.best = schedule
            self._tell(solver)
        return True

    def raise_bound(self, bound: float, solver: str) -> None:
        """Keep a proven bound if it is higher."""
        with self._lock:
            if self.bound is None or bound > self.bound + 1e-9:
                self.bound = bound
                self._tell(solver)

    def _tell(self, solver: str) -> None:
        if self.is_proved:
            self.stopped.set()
        if self._on_progress is not None:
            value = None if self.best is None else self.value
            self._on_progress(Progress(self.spent, value, self.bound, solver))

    def result(self) -> Schedule | None:
        """The best schedule with its bound; a bound is never told above what was reached."""
        if self.best is None:
            return None
        bound = None if self.bound is None else min(self.bound, self.value)
        return replace(self.best, lower_bound=bound)
