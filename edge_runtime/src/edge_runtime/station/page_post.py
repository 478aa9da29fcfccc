"""The page's process, and the thread that feeds it: whatever is slow there, inspection does not wait."""

from __future__ import annotations

import contextlib
import threading
from multiprocessing.connection import Connection
from typing import Any

from edge_runtime.station.children import Child, ChildPost, Target
from edge_runtime.station.clock import NS_PER_S
from edge_runtime.station.records import LivePicture, StationStatus

# A page that takes nothing for so long hangs; while it starts, on a busy machine, it is given longer.
BLOCKED_S, STARTING_S = 10.0, 60.0


class PagePost(ChildPost):
    """Shows the newest status and picture; what was not taken in time is replaced by what is newer.

    Args:
        target: What the process does.
        arguments: Of the target.
    """

    def __init__(self, target: Target, arguments: tuple[Any, ...]) -> None:
        super().__init__()
        self.text = ""
        self._target, self._arguments = target, arguments
        self._feeder: _Feeder | None = None

    def show(self, shown: StationStatus | LivePicture, now_ns: int) -> None:
        """Hand something to the page; never waits."""
        if self._feeder is not None:
            self._feeder.offer(shown, now_ns)

    def receive(self, now_ns: int) -> tuple[str, str] | None:
        """What the page says: `listening` and where, or `failed` and why."""
        if self._child is None:
            return None
        try:
            message: tuple[str, str] = self._child.receive()
        except EOFError:
            reason = self.text if self.text.startswith("failed") else f"failed: {self._child.ending()}"
            self._gone(now_ns)
            return "failed", reason
        self.text = f"{message[0]}: {message[1]}"
        return message

    def tend(self, now_ns: int) -> str | None:
        """Start or kill the process, as is due; a reason if it was killed."""
        if self._child is None:
            if now_ns >= self._next_start_ns:
                self.restarts.started(now_ns)
                self.text = ""
                self._child = Child("page", self._target, self._arguments)
                self._feeder = _Feeder(self._child.connection)
            return None
        longest_s = BLOCKED_S if self.text else STARTING_S
        if self._feeder is not None and self._feeder.is_blocked(now_ns, longest_s):
            self._gone(now_ns)
            return f"the page took nothing for {longest_s:g} s"
        return None

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            if self._feeder is not None:
                self._feeder.stop()
            self._child.close(0.5)
            self._child = None

    def _gone(self, now_ns: int) -> None:
        if self._feeder is not None:
            self._feeder.stop()
        if self._child is not None:
            self._child.kill()
        self._child = self._feeder = None
        self._next_start_ns = self.restarts.next_start_ns(now_ns)


class _Feeder:
    """A thread that sends the newest of each kind; it may be stuck in a pipe that nobody empties."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._newest: dict[type, StationStatus | LivePicture] = {}
        self._ready = threading.Event()
        self._is_over = False
        self._sending_since_ns = 0
        self._now_ns = 0
        self._thread = threading.Thread(target=self._run, name="page feeder", daemon=True)
        self._thread.start()

    def offer(self, shown: StationStatus | LivePicture, now_ns: int) -> None:
        self._newest[type(shown)] = shown
        self._now_ns = now_ns
        self._ready.set()

    def is_blocked(self, now_ns: int, longest_s: float) -> bool:
        since_ns = self._sending_since_ns
        return since_ns != 0 and now_ns - since_ns > longest_s * NS_PER_S

    def stop(self) -> None:
        self._is_over = True
        self._ready.set()

    def _run(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                self._ready.wait()
                self._ready.clear()
                if self._is_over:
                    return
                for kind in list(self._newest):
                    shown = self._newest.pop(kind, None)
                    if shown is not None:
                        self._sending_since_ns = self._now_ns
                        self._connection.send(shown)
                        self._sending_since_ns = 0
