"""The camera process: frames of a source go into the ring, and word of them to the station; it may be killed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal

import numpy as np

from edge_runtime.camera.ring import LARGEST_FRAME_BYTES, FrameRing, RingError
from edge_runtime.camera.sources import CameraFrame, FrameSource, SourceEnded, make_source
from edge_runtime.errors import EdgeError
from edge_runtime.station.config import Camera, Region, UsbCamera

HEARTBEAT_S = 0.25
READ_S = 0.05
# A lost source is opened again after growing pauses.
PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0)
COLOURS = 3

EventKind = Literal["opened", "lost", "ended", "heartbeat", "unreadable"]


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """What the camera process tells beside frames.

    Attributes:
        kind: `unreadable` means that a part came whose frame cannot be used: it must be rejected.
        text: What happened, in words.
        part_id: Of the unreadable part; None where the source does not know.
        trigger_id: See `FrameRef`.
    """

    kind: EventKind
    text: str = ""
    part_id: str | None = None
    trigger_id: str | None = None


def slot_bytes(settings: Camera, region: Region | None) -> int:
    """How large the largest frame of a station can be, in bytes; see `FrameRing.create`."""
    if region is not None:
        return region.width_px * region.height_px * COLOURS
    if isinstance(settings, UsbCamera) and settings.width_px and settings.height_px:
        return settings.width_px * settings.height_px * COLOURS
    return LARGEST_FRAME_BYTES


def run_camera(settings: Camera, region: Region | None, ring_name: str, connection: Connection) -> None:
    """Read frames until the station says `("stop",)` or is gone.

    Sends `FrameRef` and `CameraEvent` objects, a heartbeat among them every 0.25 s; while a source is opened there may
    be none for 3 s. A source whose driver hangs hangs this process: whoever misses its heartbeats kills it.
    Takes, for every frame and unreadable part with a part id, one of these, which lets the next files of a folder come:
    `("done", part_id)` once the verdict is kept; `("again", part_id)` if nobody can judge yet, so that the file must be
    offered again; `("skip", part_id)` if nobody asked for a verdict: its file stays where it is.
    """
    ring = FrameRing.attach(ring_name)
    try:
        _Camera(settings, region, ring, connection).run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # The station is gone, and with it all use of frames.
        pass
    finally:
        ring.close()


class _Camera:
    def __init__(self, settings: Camera, region: Region | None, ring: FrameRing, connection: Connection) -> None:
        self._settings, self._region, self._ring, self._connection = settings, region, ring, connection
        self._source: FrameSource | None = None
        self._is_open = self._has_ended = self._is_stopped = False
        self._losses, self._reopen_s, self._heartbeat_s = 0, 0.0, 0.0
        self._told = ""

    def run(self) -> None:
        """Read until told to stop."""
        while not self._is_stopped:
            self._beat()
            idle_s = self._step()
            self._listen(idle_s)
        if self._source is not None:
            self._source.close()

    def _step(self) -> float:
        """Open the source or read one frame; how long to wait then."""
        if self._has_ended:
            return READ_S
        try:
            if not self._is_open:
                return self._opened()
            return self._read()
        except SourceEnded as error:
            self._has_ended = True
            self._send(CameraEvent("ended", error.what))
        except EdgeError as error:
            self._lost(str(error))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # noqa: BLE001 (whatever a driver raises, the station must hear of it)
            self._lost(f"{type(error).__name__}: {error}")
        return 0.0

    def _opened(self) -> float:
        wait_s = self._reopen_s - time.monotonic()
        if wait_s > 0:
            return min(wait_s, READ_S)
        if self._source is None:
            self._source = make_source(self._settings)
        self._source.open()
        self._is_open, self._told = True, ""
        self._send(CameraEvent("opened", f"{self._settings.kind} camera is open"))
        return 0.0

    def _read(self) -> float:
        if self._source is None:
            return READ_S
        frame = self._source.read(READ_S)
        if frame is None:
            return min(self._source.idle_s, READ_S)
        self._losses = 0
        self._hand_on(frame)
        return 0.0

    def _hand_on(self, frame: CameraFrame) -> None:
        fault = frame.fault
        if frame.pixels is not None:
            try:
                pixels = _cut(frame.pixels, self._region)
                ref = self._ring.put(pixels, frame.part_id, frame.captured_ns, frame.trigger_id)
            except RingError as error:
                fault = str(error)
            else:
                self._send(ref)
                return
        self._send(CameraEvent("unreadable", fault or "no pixels", frame.part_id, frame.trigger_id))

    def _lost(self, text: str) -> None:
        self._is_open = False
        self._reopen_s = time.monotonic() + PAUSES_S[min(self._losses, len(PAUSES_S) - 1)]
        self._losses += 1
        if text != self._told:
            self._told = text
            self._send(CameraEvent("lost", text))

    def _beat(self) -> None:
        now_s = time.monotonic()
        if now_s - self._heartbeat_s >= HEARTBEAT_S:
            self._heartbeat_s = now_s
            self._send(CameraEvent("heartbeat"))

    def _listen(self, timeout_s: float) -> None:
        """Take what the station says, for so long or until it says something."""
        while not self._is_stopped and self._connection.poll(timeout_s):
            timeout_s = 0.0
            message: tuple[Any, ...] = self._connection.recv()
            if message[0] == "stop":
                self._is_stopped = True
            elif message[0] == "done" and self._source is not None:
                self._source.done(message[1])
            elif message[0] in ("again", "skip") and self._source is not None:
                self._source.dropped(message[1], again=message[0] == "again")

    def _send(self, message: object) -> None:
        self._connection.send(message)


def _cut(pixels: np.ndarray, region: Region | None) -> np.ndarray:
    """The region of a frame.

    Raises:
        RingError: The frame does not hold it.
    """
    if region is None:
        return pixels
    height, width = pixels.shape[:2]
    right, bottom = region.left_px + region.width_px, region.top_px + region.height_px
    if right > width or bottom > height:
        raise RingError(
            f"the frame has {width} x {height} pixels, the region ends at {right}, {bottom}",
            "give a region within the frame",
        )
    return pixels[region.top_px : bottom, region.left_px : right]
