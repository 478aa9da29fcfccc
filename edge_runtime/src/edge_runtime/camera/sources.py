"""What frames are read from. Each kind of source has a module of its own; a hung driver hangs no other process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_runtime.errors import EdgeError
from edge_runtime.station.config import Camera, FolderCamera, GenicamCamera, RtspCamera, UsbCamera, VideoCamera


class SourceLost(EdgeError):  # noqa: N818 (the name says what happened)
    """A source that cannot be opened, or that gives no more frames for now."""


class SourceEnded(EdgeError):  # noqa: N818 (the name says what happened)
    """A source that is at its end, such as a video."""


@dataclass(frozen=True, slots=True)
class CameraFrame:
    """One frame, or why there is none of a part that came.

    Attributes:
        pixels: uint8, (height, width) or (height, width, 3) in OpenCV's order; None if it is unreadable.
        captured_ns: When it was taken or read, `time.monotonic_ns`.
        part_id: What the line calls the part; None where the source does not know.
        trigger_id: The same for the same file; None where frames have no name.
        fault: Why it is unreadable; None if it is not.
    """

    pixels: np.ndarray | None
    captured_ns: int
    part_id: str | None = None
    trigger_id: str | None = None
    fault: str | None = None


class FrameSource(Protocol):
    """A source of frames. After `SourceLost` it may be opened again.

    Attributes:
        idle_s: How long to wait after `read` gave nothing; 0 where `read` itself waits for the next frame.
    """

    idle_s: float

    def open(self) -> None:
        """Open it, or open it again.

        Raises:
            EdgeError: It cannot be opened, now (`SourceLost`) or at all.
        """

    def read(self, timeout_s: float) -> CameraFrame | None:
        """The next frame, or None if there is none within about this time.

        Raises:
            SourceLost: It gives no more frames until it is opened again.
            SourceEnded: It never will.
        """

    def done(self, part_id: str) -> None:
        """The verdict on a part is kept, so what it was read from may go."""

    def dropped(self, part_id: str, *, again: bool) -> None:
        """Nobody judged a part: what it was read from stays, and is read again if it is still wanted."""

    def close(self) -> None:
        """Let go of it."""


def make_source(settings: Camera) -> FrameSource:
    """The source of these settings, not yet opened.

    Raises:
        EdgeError: A library that it needs is not installed.
    """
    if isinstance(settings, FolderCamera):
        from edge_runtime.camera.folder_source import FolderSource

        return FolderSource(settings)
    if isinstance(settings, GenicamCamera):
        from edge_runtime.camera.genicam_source import GenicamSource

        return GenicamSource(settings)
    from edge_runtime.camera import capture_sources

    kinds: dict[type, type] = {
        VideoCamera: capture_sources.VideoSource,
        UsbCamera: capture_sources.UsbSource,
        RtspCamera: capture_sources.RtspSource,
    }
    source: FrameSource = kinds[type(settings)](settings)
    return source


def open_source(settings: Camera) -> FrameSource:
    """The source of these settings, opened.

    Raises:
        EdgeError: It cannot be opened.
    """
    source = make_source(settings)
    source.open()
    return source
