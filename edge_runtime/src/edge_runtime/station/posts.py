"""A place for a worker: filled again when the worker dies or hangs, and asked now and then whether it is alive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from edge_runtime.station.children import Child, ChildPost, Target
from edge_runtime.station.clock import NS_PER_MS, NS_PER_S
from edge_runtime.station.judging import Answer
from edge_runtime.station.worker import FAILED, JUDGE, READY, VERDICT, WARM

if TYPE_CHECKING:
    from edge_runtime.camera.ring import FrameRef
    from edge_runtime.station.judging import Ready, WorkerSettings

Work = TypeVar("Work")
START_S = 60.0
REFUSED_PAUSE_S = 5.0
# An answer that is later than the deadline by this is not awaited any longer.
HANG_MARGIN_MS = 100.0
HANG_MARGIN_SHARE = 0.5
IDLE_HANG_S = 2.0
# A worker that still answers so long after its start is good, whether or not it is ever idle.
GOOD_AFTER_S = 10.0


class Came(NamedTuple):
    """A worker is ready."""

    ready: Ready


class Judged(NamedTuple):
    """A worker's answer to some work."""

    work: Any
    answer: Answer


class Left(NamedTuple):
    """A worker is gone, with the work that it had to do."""

    reason: str
    lost: list[Any]
    is_refused: bool


class Post(ChildPost, Generic[Work]):
    """The worker for one release.

    Args:
        settings: Of the worker.
        keep_warm_s: An idle engine runs so often.
        target: What a worker process does.
    """

    def __init__(self, settings: WorkerSettings, keep_warm_s: float, target: Target) -> None:
        super().__init__()
        self.settings, self.release = settings, settings.release
        self.ready: Ready | None = None
        self.fault = "the engine is starting"
        self._target, self._keep_warm_ns = target, int(keep_warm_s * NS_PER_S)
        self._hang_ns = int(
            (settings.deadline_ms + max(HANG_MARGIN_MS, HANG_MARGIN_SHARE * settings.deadline_ms)) * NS_PER_MS
        )
        self._started_ns = 0
        self._last_used_ns = 0
        self._warm_sent_ns = 0
        self._in_flight: dict[int, tuple[int, Work]] = {}
        self._number = 0
        self._failure: tuple[str, bool] | None = None

    @property
    def is_free(self) -> bool:
        """It can judge a frame now."""
        return self.ready is not None and not self._in_flight

    def give(self, work: Work, frame: FrameRef, now_ns: int, *, wants_map: bool = False) -> bool:
        """Let a frame be judged; False if the worker is gone, which `receive` then tells."""
        if self._child is None or self.ready is None:
            return False
        self._number += 1
        if not self._child.send((JUDGE, self._number, frame.slot, frame.generation, frame.shape, wants_map)):
            return False
        self._in_flight[self._number] = (now_ns, work)
        self._last_used_ns = now_ns
        return True

    def holds(self, work: Work) -> bool:
        """Whether its answer is awaited."""
        return any(held is work for _, held in self._in_flight.values())

    def receive(self, now_ns: int) -> Came | Judged | Left | None:
        """Read one message; there must be one."""
        if self._child is None:
            return None
        try:
            message = self._child.receive()
        except EOFError:
            reason, is_refused = self._failure or (f"the worker is gone ({self._child.ending()})", False)
            return self._left(now_ns, reason, is_refused=is_refused)
        return self._understood(message, now_ns)

    def _understood(self, message: tuple[Any, ...], now_ns: int) -> Came | Judged | None:
        kind = message[0]
        if kind == VERDICT:
            found = self._in_flight.pop(message[1], None)
            if now_ns - self._started_ns > GOOD_AFTER_S * NS_PER_S:
                self.restarts.was_good()
            return Judged(found[1], Answer._make(message[2])) if found else None
        if kind == READY:
            self.ready, self.fault, self._last_used_ns = message[1], "", now_ns
            return Came(message[1])
        if kind == FAILED:
            self._failure = (message[1], message[2])
            return None
        self._warm_sent_ns = 0
        self.restarts.was_good()
        return None

    def tend(self, now_ns: int) -> Left | None:
        """Start, warm or kill the worker, as is due."""
        if self._child is None:
            if now_ns >= self._next_start_ns:
                self._start(now_ns)
            return None
        if self.ready is None:
            if now_ns - self._started_ns > START_S * NS_PER_S:
                return self._killed(now_ns, f"the worker was not ready after {START_S:g} s")
            return None
        if self._in_flight:
            sent_ns = next(iter(self._in_flight.values()))[0]
            if now_ns - sent_ns > self._hang_ns:
                return self._killed(now_ns, f"the engine hangs: no answer for {(now_ns - sent_ns) / NS_PER_MS:.0f} ms")
        elif self._warm_sent_ns and now_ns - self._warm_sent_ns > IDLE_HANG_S * NS_PER_S + self._hang_ns:
            return self._killed(now_ns, "the idle engine hangs")
        elif not self._warm_sent_ns and now_ns - self._last_used_ns > self._keep_warm_ns and self._child.send((WARM,)):
            self._warm_sent_ns = self._last_used_ns = now_ns
        return None

    def restart_now(self) -> None:
        """What kept it from starting may be over."""
        if self._child is None:
            self._next_start_ns = 0

    def close(self) -> list[Work]:
        """End the worker; what it had to do comes back."""
        if self._child is not None:
            self._child.kill()
        held = [work for _, work in self._in_flight.values()]
        self._child, self.ready = None, None
        self._in_flight.clear()
        return held

    def _start(self, now_ns: int) -> None:
        self.restarts.started(now_ns)
        self._child = Child(f"worker of release {self.release}", self._target, (self.settings,))
        self._started_ns, self._failure, self._warm_sent_ns = now_ns, None, 0

    def _killed(self, now_ns: int, reason: str) -> Left:
        return self._left(now_ns, reason)

    def _left(self, now_ns: int, reason: str, *, is_refused: bool = False) -> Left:
        if self._child is not None:
            self._child.kill()
        lost = [work for _, work in self._in_flight.values()]
        self._child, self.ready, self.fault = None, None, reason
        self._in_flight.clear()
        self._next_start_ns = self.restarts.next_start_ns(now_ns)
        if is_refused:
            self._next_start_ns = max(self._next_start_ns, now_ns + int(REFUSED_PAUSE_S * NS_PER_S))
        return Left(reason, lost, is_refused)


PostMaker = Callable[[int], Post[Any]]
