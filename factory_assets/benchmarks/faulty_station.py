"""A station whose parts come at a fixed pace, and the kinds of faults that are done to it meanwhile."""

from __future__ import annotations

import datetime as dt
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.camera.ring import FrameRef
from edge_runtime.spool import Spool
from edge_runtime.spool.spool import Limits
from edge_runtime.station.config import SpoolSettings
from edge_runtime.station.parts import SPOOL, Options
from edge_runtime.station.records import Trigger, VerdictRecord
from factory_assets.benchmarks import faulty_engines
from factory_assets.benchmarks.faulty_engines import faulty, grey
from factory_assets.benchmarks.tiny_station import DEFECTIVE, SOUND, TinyStation

STATION = "bench"
DEADLINE_MS = 200.0
# Later than the deadline, but not so late that the engine is taken for one that hangs.
SLOW_S = 0.25
PARTS_A_SECOND = 50
RING_SLOTS = 16
PATIENCE_S = 90.0
TOO_DARK = 2
DEFECT_EVERY = 3
NS = 1_000_000_000


@dataclass
class Part:
    """A part that was triggered.

    Attributes:
        due_ns: When it was in front of the camera, monotonic; the caller's clock begins here.
        expected: The right verdict.
        is_faulty: A fault was done to it.
        answers: The verdicts that its caller was told, each with when.
    """

    due_ns: int
    expected: str
    is_faulty: bool
    answers: list[tuple[int, VerdictRecord]]

    @property
    def is_judged(self) -> bool:
        """Whether an engine's verdict was told."""
        return bool(self.answers) and self.answers[0][1].failure is None


class Stand:
    """A tiny station with engines that can fail; its parts are triggered when they are due, whatever it does.

    Args:
        folder: Empty, to work in.
        has_camera: Whether frames come as files through a real camera process; else they are put into the ring.
    """

    def __init__(self, folder: Path, *, has_camera: bool) -> None:
        self.parts: dict[str, Part] = {}
        self._folder, self._has_camera = folder / "parts", has_camera
        self._folder.mkdir(parents=True)
        options = Options(has_camera=has_camera, open_engine=partial(faulty, slow_s=SLOW_S), ring_slots=RING_SLOTS)
        camera = {"kind": "folder", "folder": self._folder, "poll_s": 0.005}
        self.line = TinyStation(folder, options=options, station=STATION, camera=camera, deadline_ms=DEADLINE_MS)
        self.station = self.line.station

    def start(self) -> None:
        """Start the station, and wait until it is ready."""
        self.line.start()

    def recover(self) -> None:
        """Trigger parts, one after the other, until one is judged.

        Raises:
            TimeoutError: None is.
        """
        end_s = time.monotonic() + PATIENCE_S
        while not self.parts or not self.parts[next(reversed(self.parts))].is_judged:
            if time.monotonic() > end_s:
                msg = f"no part was judged for {PATIENCE_S:g} s; the station is {self.station.states.state}"
                raise TimeoutError(msg)
            self.pace(1)

    def pace(self, count: int, kind: Kind | None = None) -> None:
        """Trigger so many parts, each when it is due, and wait for the last verdict; some suffer a fault."""
        start_ns = time.monotonic_ns()
        for number in range(count):
            due_ns = start_ns + number * NS // PARTS_A_SECOND
            self._run_until(due_ns)
            is_faulty = kind is not None and kind.is_due(number, count)
            is_defective = number % DEFECT_EVERY == 0
            name = f"part-{len(self.parts) + 1}"
            self.parts[name] = Part(due_ns, "nok" if is_defective else "ok", is_faulty, [])
            pixels = DEFECTIVE if is_defective else SOUND
            if kind is None:
                self.show(name, pixels)
            else:
                kind.trigger(self, name, pixels, is_faulty, number)
        self._run_until(start_ns + count * NS // PARTS_A_SECOND)
        while self.station.jobs:
            self.station.run_once(1 / PARTS_A_SECOND)

    def show(self, name: str, pixels: np.ndarray, *, overwritten: bool = False) -> None:
        """Trigger with a frame of these pixels."""
        if self._has_camera:
            hidden = self._folder / f".{name}.png"
            cv2.imwrite(str(hidden), pixels)
            hidden.rename(self._file(name))
            self.submit(name, None)
            return
        ring = self.station.parts.ring
        frame = ring.put(pixels, None, self.parts[name].due_ns)
        for _ in range(ring.slots if overwritten else 0):
            ring.put(DEFECTIVE, None, time.monotonic_ns())
        self.submit(name, frame)

    def submit(self, name: str, frame: FrameRef | None) -> None:
        """Trigger; without a frame the camera's is awaited."""
        at_utc = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
        trigger = Trigger(trigger_id=name, part_id=name, source="software", at_utc=at_utc)
        self.station.submit(trigger, self._told, frame)

    def kill_camera(self) -> None:
        """Kill the camera's process, if there is one now."""
        camera = self.station.parts.camera
        if camera is not None and camera.pid is not None:
            os.kill(camera.pid, signal.SIGKILL)

    def close(self) -> dict[str, VerdictRecord]:
        """Stop the station; what its spool holds, by trigger.

        Raises:
            AssertionError: The spool holds a trigger without a verdict.
        """
        self.line.close()
        settings, limits = SpoolSettings(), Limits(recent=len(self.parts) + 1)
        spool = Spool(self.station.config.state / SPOOL, STATION, settings, limits=limits)
        try:
            if spool.unconcluded():
                msg = f"the spool holds triggers without a verdict: {spool.unconcluded()[:3]}"
                raise AssertionError(msg)
            return {record.trigger.trigger_id: record for record in spool.recent(limits.recent)}
        finally:
            spool.close()

    def _run_until(self, end_ns: int) -> None:
        while (left_ns := end_ns - time.monotonic_ns()) > 0:
            self.station.run_once(left_ns / NS)

    def _told(self, record: VerdictRecord) -> None:
        name = record.trigger.trigger_id
        self.parts[name].answers.append((time.monotonic_ns(), record))
        if self._has_camera:
            self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.png"


TriggerPart = Callable[[Stand, str, np.ndarray, bool, int], None]


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: In words.
        failures: What a part that suffers it is rejected for; the first of them at least once.
        every: It begins at one in so many triggers.
        trigger: Triggers a part, and does the fault to it if it is its turn.
        lasts: So many triggers suffer it each time.
        has_camera: See `Stand`.
    """

    name: str
    failures: tuple[str, ...]
    every: int
    trigger: TriggerPart
    lasts: int = 1
    has_camera: bool = False

    def is_due(self, number: int, count: int) -> bool:
        """Whether the part of this number suffers it, in a run of so many."""
        every = min(self.every, count)
        return 0 <= number % every - every // 2 < min(self.lasts, max(1, every // 4))


def _of_engine(value: int) -> TriggerPart:
    """The part's grey value makes the engine fail."""

    def trigger(stand: Stand, name: str, pixels: np.ndarray, is_faulty: bool, number: int) -> None:  # noqa: FBT001
        stand.show(name, grey(value) if is_faulty else pixels)

    return trigger


def _camera_killed(stand: Stand, name: str, pixels: np.ndarray, is_faulty: bool, number: int) -> None:  # noqa: FBT001
    if is_faulty:
        stand.kill_camera()
    stand.show(name, pixels)


def _disk_full(stand: Stand, name: str, pixels: np.ndarray, is_faulty: bool, number: int) -> None:  # noqa: FBT001
    # No file of this process can be written any more, whatever disk it lies on.
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (0 if is_faulty else hard, hard))
    stand.show(name, pixels)


def _frame_spoilt(stand: Stand, name: str, pixels: np.ndarray, is_faulty: bool, number: int) -> None:  # noqa: FBT001
    if is_faulty and number % 2:
        stand.show(name, grey(TOO_DARK))
    else:
        stand.show(name, pixels, overwritten=is_faulty)


# Where a process must start again, its parts are rejected for that reason too; it may start eight times a minute.
KINDS = (
    Kind("engine hangs", ("deadline", "engine"), 125, _of_engine(faulty_engines.HANGS)),
    Kind("engine's process killed", ("engine",), 125, _of_engine(faulty_engines.DIES)),
    Kind("engine gives NaN", ("engine",), 5, _of_engine(faulty_engines.GIVES_NAN)),
    Kind("engine raises", ("engine",), 5, _of_engine(faulty_engines.RAISES)),
    Kind("engine late", ("deadline", "engine"), 50, _of_engine(faulty_engines.IS_SLOW)),
    Kind("camera's process killed", ("camera",), 125, _camera_killed, has_camera=True),
    Kind("disk full", ("spool",), 100, _disk_full, lasts=25),
    Kind("frame dark or written over", ("image", "camera"), 5, _frame_spoilt),
)


@dataclass(frozen=True)
class Found:
    """What came of one kind.

    Attributes:
        kind: Its name.
        parts: All, in their order; `after` of them came after the last fault was over.
        kept: What the spool holds, by trigger.
        counts: The station's counters of verdicts and triggers.
        failures: And of failures.
    """

    kind: str
    parts: dict[str, Part]
    after: int
    kept: dict[str, VerdictRecord]
    counts: Counter[str]
    failures: Counter[str]
