"""Sources that OpenCV captures from: video files, USB cameras, network cameras."""

from __future__ import annotations

import sys
import time

import cv2
import numpy as np

from edge_runtime.camera.sources import CameraFrame, SourceEnded, SourceLost
from edge_runtime.environment import with_secrets
from edge_runtime.station.config import RtspCamera, UsbCamera, VideoCamera

# A network camera that says nothing for so long is lost.
OPEN_MS, READ_MS = 2500, 2000
FRAMES_A_SECOND = 25.0


class _Capture:
    """What the sources have in common: one `cv2.VideoCapture`, whose frames have no part id."""

    idle_s = 0.0

    def __init__(self) -> None:
        self._capture: cv2.VideoCapture | None = None

    def done(self, part_id: str) -> None:
        """Nothing is kept."""

    def dropped(self, part_id: str, *, again: bool) -> None:
        """What a running camera saw does not come again."""

    def close(self) -> None:
        """Release the device or file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _grabbed(self) -> np.ndarray | None:
        if self._capture is None:
            return None
        is_there, pixels = self._capture.read()
        return np.ascontiguousarray(pixels) if is_there and pixels is not None else None


class VideoSource(_Capture):
    """A video file at its own pace, every frame of it."""

    def __init__(self, settings: VideoCamera) -> None:
        super().__init__()
        self._settings = settings
        self._pause_s, self._due_s, self._frames = 0.0, 0.0, 0

    def open(self) -> None:
        """Open the file at its beginning.

        Raises:
            SourceLost: It is not there, or is no video.
        """
        self.close()
        self._capture = cv2.VideoCapture(str(self._settings.file))
        if not self._capture.isOpened():
            self.close()
            raise SourceLost(f"video {self._settings.file} cannot be opened", "give a video file that OpenCV can read")
        rate = self._settings.frames_a_second or self._capture.get(cv2.CAP_PROP_FPS) or FRAMES_A_SECOND
        self._pause_s, self._due_s, self._frames = 1 / rate, time.monotonic(), 0

    def read(self, timeout_s: float) -> CameraFrame | None:
        """The next frame once it is due.

        Raises:
            SourceLost: The file gives no frame at all.
            SourceEnded: It is at its end, and is not repeated.
        """
        wait_s = self._due_s - time.monotonic()
        if wait_s > 0:
            time.sleep(min(wait_s, timeout_s))
        if wait_s > timeout_s:
            return None
        pixels = self._grabbed()
        if pixels is None:
            pixels = self._again()
        self._frames += 1
        self._due_s += self._pause_s
        return CameraFrame(pixels, time.monotonic_ns())

    def _again(self) -> np.ndarray:
        shown = f"video {self._settings.file}"
        if self._frames and not self._settings.repeat:
            raise SourceEnded(f"{shown} ended after {self._frames} frames", "give another file, or `repeat: true`")
        self.open()
        pixels = self._grabbed()
        if pixels is None:
            raise SourceLost(f"{shown} gives no frame", "give a video file that OpenCV can read")
        return pixels


class UsbSource(_Capture):
    """A USB or CSI camera; its driver holds one frame back at most, so that frames are new."""

    def __init__(self, settings: UsbCamera) -> None:
        super().__init__()
        self._settings = settings

    def open(self) -> None:
        """Open the device and set it.

        Raises:
            SourceLost: It is not there, or has not the frame size that was asked for.
        """
        self.close()
        settings = self._settings
        driver = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
        self._capture = cv2.VideoCapture(settings.device, driver)
        if not self._capture.isOpened():
            self.close()
            raise SourceLost(f"camera {settings.device} cannot be opened", "plug it in, and let the service use it")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        for key, wanted in (
            (cv2.CAP_PROP_FRAME_WIDTH, settings.width_px),
            (cv2.CAP_PROP_FRAME_HEIGHT, settings.height_px),
            (cv2.CAP_PROP_FPS, settings.frames_a_second),
        ):
            if wanted is not None:
                self._capture.set(key, wanted)
        self._see_size()

    def read(self, timeout_s: float) -> CameraFrame | None:
        """The next frame.

        Raises:
            SourceLost: The driver gives none.
        """
        pixels = self._grabbed()
        if pixels is None:
            raise SourceLost(f"camera {self._settings.device} gives no frame", "see its plug and cable")
        return CameraFrame(pixels, time.monotonic_ns())

    def _see_size(self) -> None:
        wanted = (self._settings.width_px, self._settings.height_px)
        capture = self._capture
        if capture is None:
            return
        given = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        if any(want is not None and want != have for want, have in zip(wanted, given, strict=True)):
            self.close()
            asked = " x ".join("any" if side is None else str(side) for side in wanted)
            raise SourceLost(
                f"camera {self._settings.device} gives {given[0]} x {given[1]} pixels, not {asked}",
                "ask for a size that it has (`v4l2-ctl --list-formats-ext`)",
            )


class RtspSource(_Capture):
    """A network camera. Reading all the time is what keeps its frames new: nothing waits in between."""

    def __init__(self, settings: RtspCamera) -> None:
        super().__init__()
        # Only this one, without secrets, is ever shown.
        self._shown = settings.url

    def open(self) -> None:
        """Connect.

        Raises:
            InputError: A secret is missing.
            SourceLost: The camera does not answer in time.
        """
        self.close()
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
        self._capture = cv2.VideoCapture(with_secrets(self._shown), cv2.CAP_FFMPEG, limits)
        if not self._capture.isOpened():
            self.close()
            raise SourceLost(f"camera {self._shown} does not answer", "see its address, user, password and network")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def read(self, timeout_s: float) -> CameraFrame | None:
        """The next frame.

        Raises:
            SourceLost: None came in time, or the stream ended.
        """
        pixels = self._grabbed()
        if pixels is None:
            raise SourceLost(f"camera {self._shown} gives no frame", "see its network")
        return CameraFrame(pixels, time.monotonic_ns())
