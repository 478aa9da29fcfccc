"""A camera process in a thread, and what it said."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from typing import Any

from edge_runtime.camera.process import CameraEvent, run_camera
from edge_runtime.camera.ring import FrameRef, FrameRing
from edge_runtime.station.config import Camera, Region

PATIENCE_S = 15.0


class RunningCamera:
    """Runs `run_camera` until the end of the `with` block."""

    def __init__(self, settings: Camera, region: Region | None = None, slot_bytes: int = 1 << 20) -> None:
        self.ring = FrameRing.create(8, slot_bytes)
        self.connection, theirs = multiprocessing.Pipe()
        self._thread = threading.Thread(target=run_camera, args=(settings, region, self.ring.name, theirs))
        self.said: list[Any] = []

    def __enter__(self) -> RunningCamera:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.connection.send(("stop",))
        self._thread.join(PATIENCE_S)
        self.ring.unlink()
        self.ring.close()
        assert not self._thread.is_alive()

    def until(self, is_it: Callable[[Any], bool]) -> Any:
        """The first message like this; all that were said are kept, heartbeats apart."""
        by_s = time.monotonic() + PATIENCE_S
        while self.connection.poll(max(0.0, by_s - time.monotonic())):
            message = self.connection.recv()
            if not (isinstance(message, CameraEvent) and message.kind == "heartbeat"):
                self.said.append(message)
            if is_it(message):
                return message
        raise AssertionError(f"it only said {self.said}")

    def event(self, kind: str) -> CameraEvent:
        found: CameraEvent = self.until(lambda message: isinstance(message, CameraEvent) and message.kind == kind)
        return found

    def frame(self) -> FrameRef:
        found: FrameRef = self.until(lambda message: isinstance(message, FrameRef))
        return found
