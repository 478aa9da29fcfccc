"""Events as lines of JSON on standard error, written by a thread: a full pipe there must not stop the line."""

from __future__ import annotations

import contextlib
import json
import queue
import sys
import threading

from edge_runtime.station.states import Event

QUEUED = 1000


class EventWriter:
    """Writes events in their order; what cannot be written in time is counted instead."""

    def __init__(self) -> None:
        self.dropped = 0
        self._events: queue.Queue[Event | None] = queue.Queue(QUEUED)
        self._thread = threading.Thread(target=self._run, name="event writer", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Take an event; never waits."""
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write what is left, if that is quick."""
        with contextlib.suppress(queue.Full):
            self._events.put_nowait(None)
        self._thread.join(1.0)

    def _run(self) -> None:
        while (event := self._events.get()) is not None:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(json.dumps(event.as_json()) + "\n")
                sys.stderr.flush()
