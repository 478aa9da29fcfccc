"""A production line in a test: it drives a station in this process and waits for verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from edge_runtime.station.loop import Station
from edge_runtime.station.records import VerdictRecord
from tests.edge_runtime.station.station_site import trigger

PATIENCE_S = 30.0


class Line:
    """Puts frames into the ring itself.

    Args:
        station: Not started yet.
    """

    def __init__(self, station: Station) -> None:
        self.station = station
        self.answers: list[VerdictRecord] = []
        self._count = 0
        station.start()

    def until(self, is_so: Callable[[], object], what: str = "the condition") -> None:
        """Let the station run until something is so."""
        end_s = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < end_s, f"{what} did not come true in {PATIENCE_S:g} s"
            self.station.run_once(0.05)

    def until_ready(self) -> None:
        self.until(lambda: self.station.states.state == "Ready", "Ready")

    def show(self, pixels: np.ndarray, name: str | None = None) -> str:
        """Trigger with a frame, without waiting; the trigger's name."""
        self._count += 1
        name = name or f"part-{self._count}"
        frame = self.station.parts.ring.put(pixels, None, time.monotonic_ns())
        self.station.submit(trigger(name), self.answers.append, frame)
        return name

    def verdict_of(self, name: str) -> VerdictRecord:
        """Wait for a verdict."""
        self.until(lambda: any(record.trigger.trigger_id == name for record in self.answers), f"verdict of {name}")
        return next(record for record in self.answers if record.trigger.trigger_id == name)

    def inspect(self, pixels: np.ndarray, name: str | None = None) -> VerdictRecord:
        """Trigger with a frame and wait for the verdict."""
        return self.verdict_of(self.show(pixels, name))
