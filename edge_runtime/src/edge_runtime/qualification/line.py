"""The real station in this process, shown golden samples: worker, spool and deadlines, but no camera and no page."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from edge_runtime.bundle.state import only_one
from edge_runtime.errors import EdgeError, InputError
from edge_runtime.spool import Spool
from edge_runtime.station.clock import NS_PER_MS, NS_PER_S, utc_now
from edge_runtime.station.config import FreeRun, StationConfig
from edge_runtime.station.loop import Station
from edge_runtime.station.parts import SPOOL, ImageJudge, Options, make_parts
from edge_runtime.station.records import Stage, Trigger, VerdictRecord
from edge_runtime.station.release_updates import ReleaseUpdates
from edge_runtime.station.run import SWITCH_S
from edge_runtime.station.states import EventLog
from edge_runtime.station.trials import Trials

if TYPE_CHECKING:
    import numpy as np

    from edge_runtime.station.judging import Ready

PREFIX = "qualifying-"
BEFORE_VERDICT: tuple[Stage, ...] = ("frame", "fit", "engine")
LOOK_S = 0.1
READY_S = 120.0
OUTSTANDING = 2
# A worker that hangs is killed, and its parts are answered; this is for what nobody thought of.
VERDICT_S = 120.0


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame that was shown.

    Attributes:
        record: Its verdict.
        total_ms: From the frame in memory to the verdict told, which was made durable before.
    """

    record: VerdictRecord
    total_ms: float

    def stages_ms(self) -> dict[Stage, float]:
        """The stages; `verdict` is all that is left of the total."""
        found = dict(self.record.stages_ms)
        known_ms = sum(found[stage] for stage in BEFORE_VERDICT if stage in found)
        return {**found, "total": self.total_ms, "verdict": max(0.0, self.total_ms - known_ms)}


class Line:
    """Drives a station; see `opened`.

    Args:
        station: Not started yet.
        frames: What is shown, in turn.
    """

    def __init__(self, station: Station, frames: list[np.ndarray]) -> None:
        self.station = station
        self._frames = frames
        self._count = 0
        self._answered: dict[str, Shown] = {}

    @property
    def pids(self) -> list[int]:
        """Of all processes that belong to the station."""
        posts = [post.pid for post in self.station.crew.posts()]
        return [os.getpid(), *(pid for pid in posts if pid is not None)]

    def until_ready(self) -> Ready:
        """Start the station and wait for its worker.

        Raises:
            EdgeError: It cannot judge, and why.
        """
        self.station.start()
        end_ns = monotonic_ns() + int(READY_S * NS_PER_S)
        crew = self.station.crew
        while crew.judging is None or crew.judging.ready is None:
            if crew.restarted or monotonic_ns() > end_ns:
                raise EdgeError(f"the station cannot judge: {crew.fault}", "see factory-edge doctor")
            self.station.run_once(LOOK_S)
        return crew.judging.ready

    def show(self) -> str:
        """Show the next frame, without waiting; the trigger's name."""
        self._count += 1
        name = f"{PREFIX}{self._count}"
        pixels = self._frames[self._count % len(self._frames)]
        began_ns = monotonic_ns()

        def told(record: VerdictRecord) -> None:
            self._answered[name] = Shown(record, (monotonic_ns() - began_ns) / NS_PER_MS)

        frame = self.station.parts.ring.put(pixels, None, began_ns)
        self.station.submit(Trigger(name, name, "software", utc_now()), told, frame)
        return name

    def verdict(self, name: str) -> Shown:
        """Wait for the verdict on a frame that was shown.

        Raises:
            EdgeError: None came.
        """
        end_ns = monotonic_ns() + int(VERDICT_S * NS_PER_S)
        while name not in self._answered:
            if monotonic_ns() > end_ns:
                raise EdgeError("the station gave no verdict", "this is a fault of the software: report it")
            self.station.run_once(LOOK_S)
        return self._answered.pop(name)

    def idle(self, until_ns: int) -> None:
        """Let the station do what it does between parts."""
        while (left_ns := until_ns - monotonic_ns()) > 0:
            self.station.run_once(min(LOOK_S, left_ns / NS_PER_S))

    def at_a_rate(self, count: int, rate_hz: float) -> list[Shown]:
        """Show frames at a steady rate, each once the one before has its verdict."""
        found = []
        due_ns = monotonic_ns()
        for _ in range(count):
            self.idle(due_ns)
            found.append(self.verdict(self.show()))
            due_ns = max(due_ns + int(NS_PER_S / rate_hz), monotonic_ns())
        return found

    def after_pauses(self, count: int, pause_s: float) -> list[Shown]:
        """Show one frame after each pause."""
        found = []
        for _ in range(count):
            self.idle(monotonic_ns() + int(pause_s * NS_PER_S))
            found.append(self.verdict(self.show()))
        return found

    def back_to_back(self, count: int, longest_s: float) -> dict[str, Any]:
        """Show frames so that one always waits for the worker.

        Returns:
            `frames` judged, `failures`, `seconds`, and `frames_a_second` of the judged ones.
        """
        found: list[Shown] = []
        waiting: list[str] = []
        began_ns = monotonic_ns()
        end_ns = began_ns + int(longest_s * NS_PER_S)
        for _ in range(count):
            waiting.append(self.show())
            if len(waiting) >= OUTSTANDING:
                found.append(self.verdict(waiting.pop(0)))
            if monotonic_ns() > end_ns:
                break
        found += [self.verdict(name) for name in waiting]
        seconds = (monotonic_ns() - began_ns) / NS_PER_S
        judged = sum(shown.record.failure is None for shown in found)
        return {
            "frames": judged,
            "failures": failures(found),
            "seconds": round(seconds, 3),
            "frames_a_second": round(judged / seconds, 1),
        }


def failures(found: list[Shown]) -> dict[str, int]:
    """How many frames were rejected without being judged, by reason."""
    return dict(Counter(shown.record.failure for shown in found if shown.record.failure is not None))


@contextlib.contextmanager
def alone(state: Path) -> Iterator[None]:
    """Keep stations from the state folder, and take away what a killed qualification left there.

    Raises:
        InputError: A station is at work in it.
    """
    spool = state / SPOOL
    spool.mkdir(exist_ok=True)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(only_one(spool, "station"))
        except InputError as error:
            raise InputError(
                f"a station, or another qualification, is at work in {state}: both would be disturbed",
                "end it first, such as with systemctl stop factory-edge",
            ) from error
        for left in state.glob(f"{PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


@contextlib.contextmanager
def opened(config: StationConfig, release: int, frames: list[np.ndarray], options: Options) -> Iterator[Line]:
    """A station that is not started, with a spool of its own beside the real one.

    Args:
        config: Of the station; see `measured`.
        release: What judges, whatever trial the disk speaks of.
        frames: What is shown.
        options: For tests.
    """
    # On the same disk, so that keeping verdicts takes as long; no verdict gets among the real ones.
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=config.state))
    try:
        spool = Spool(folder, config.station, config.spool)
        parts = make_parts(
            config,
            replace(
                options,
                has_camera=False,
                ring_slot_bytes=max(frame.nbytes for frame in frames),
                spool=spool,
            ),
        )
        parts.trials = _OneRelease(parts.log, config, release)
        if parts.image_judge is not None:
            parts.image_judge = _Looking(parts.image_judge)
        station = Station(parts)
        try:
            with _as_the_service_runs():
                yield Line(station, frames)
        finally:
            station.close()
            multiprocessing.active_children()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measured(config: StationConfig) -> StationConfig:
    """The settings without what is not measured: page, triggers, updates and handing on."""
    return config.model_copy(
        update={
            "page": None,
            "trigger": FreeRun(kind="free_run"),
            "release": config.release.model_copy(update={"repository": None}),
            "spool": config.spool.model_copy(update={"results": None}),
        }
    )


class _Looking:
    """Image health takes its time, but rejects nothing: golden samples are no camera's frames."""

    def __init__(self, judge: ImageJudge) -> None:
        self._judge = judge

    def judge(self, pixels: np.ndarray, age_s: float) -> str | None:
        self._judge.judge(pixels, age_s)
        return None


class _NoUpdates(ReleaseUpdates):
    """Nothing is pulled, settled or rolled back."""

    def start(self) -> None:
        pass

    def close(self) -> None:
        self.connection.close()
        self._theirs.close()


class _OneRelease(Trials):
    """One release judges, and none is on trial: measuring must not settle what parts are to decide."""

    def __init__(self, log: EventLog, config: StationConfig, release: int) -> None:
        super().__init__(config.state, _NoUpdates(config.state, config.release), log)
        self._release = release

    def start(self, now_ns: int) -> None:
        self.crew.begin(self._release)


@contextlib.contextmanager
def _as_the_service_runs() -> Iterator[None]:
    """Garbage is collected between parts, and threads take turns as in `station.run`."""
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        sys.setswitchinterval(switch_s)
