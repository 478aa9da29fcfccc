"""GigE Vision and USB3 Vision cameras, through their maker's GenTL producer and harvesters."""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np

from edge_runtime.camera.sources import CameraFrame, SourceLost
from edge_runtime.errors import InputError
from edge_runtime.station.config import GenicamCamera

# A camera that waits for a hardware trigger gives no frames for long; whether it is still there is asked so often.
ASKED_S = 1.0
# From what the camera sends to OpenCV's order of colours. GenICam and OpenCV name Bayer patterns from other corners.
_COLOURS = {
    "RGB8": cv2.COLOR_RGB2BGR,
    "BayerRG8": cv2.COLOR_BayerBG2BGR,
    "BayerBG8": cv2.COLOR_BayerRG2BGR,
    "BayerGR8": cv2.COLOR_BayerGB2BGR,
    "BayerGB8": cv2.COLOR_BayerGR2BGR,
}
_GREY_BITS = {"Mono8": 8, "Mono10": 10, "Mono12": 12, "Mono14": 14, "Mono16": 16}


class GenicamSource:
    """A GenICam camera, as its user set or it was set by the settings; triggered by itself or by a line."""

    idle_s = 0.0

    def __init__(self, settings: GenicamCamera) -> None:
        self._settings = settings
        self._harvester: Any = None
        self._camera: Any = None
        self._asked_s = 0.0

    def open(self) -> None:
        """Open the camera, set it and let it run.

        Raises:
            InputError: harvesters is not installed, or the producer is not there.
            SourceLost: The camera is not there, or refuses a setting.
        """
        try:
            from harvesters.core import Harvester  # type: ignore[import-not-found]
        except ImportError as error:
            raise InputError("GenICam cameras need harvesters", "pip install 'factory-edge[genicam]'") from error
        if not self._settings.producer.is_file():
            raise InputError(f"GenTL producer {self._settings.producer} is not there", "install the maker's software")
        self.close()
        number = self._settings.serial_number
        try:
            self._harvester = Harvester()
            self._harvester.add_file(str(self._settings.producer))
            self._harvester.update()
            self._camera = self._harvester.create({"serial_number": number} if number else 0)
            self._set()
            self._camera.start()
        # The producer's maker decides what it raises.
        except Exception as error:
            self.close()
            raise SourceLost(
                f"{self._shown()} cannot be opened: {error}", "see its plug, and who else uses it"
            ) from error
        self._asked_s = time.monotonic()

    def read(self, timeout_s: float) -> CameraFrame | None:
        """The next frame that is complete, or None in time.

        Raises:
            SourceLost: The camera is gone, or sends pixels in a format that is not known.
        """
        if self._camera is None:
            raise SourceLost(f"{self._shown()} is not open", "open it")
        try:
            # `fetch` would wait for ever where every frame is incomplete.
            buffer = self._camera.try_fetch(timeout=timeout_s)
            if buffer is None:
                self._see_it_is_there()
                return None
            with buffer:
                taken_ns = time.monotonic_ns()
                # The driver uses this memory again.
                return CameraFrame(self._pixels(buffer.payload.components[0]), taken_ns)
        except SourceLost:
            raise
        except Exception as error:
            raise SourceLost(f"{self._shown()} gives no frame: {error}", "see its plug and cable") from error

    def done(self, part_id: str) -> None:
        """Nothing is kept."""

    def dropped(self, part_id: str, *, again: bool) -> None:
        """What a running camera saw does not come again."""

    def close(self) -> None:
        """Stop the camera and let go of the producer, in this order: a producer may crash in another."""
        camera, self._camera = self._camera, None
        harvester, self._harvester = self._harvester, None
        for step in (camera and camera.stop, camera and camera.destroy, harvester and harvester.reset):
            if step is None:
                continue
            try:
                step()
            except Exception:  # noqa: BLE001, S112 (what is gone cannot be closed)
                continue

    def _set(self) -> None:
        nodes = self._camera.remote_device.node_map
        if self._settings.exposure_us is not None:
            nodes.ExposureTime.value = self._settings.exposure_us
        if self._settings.gain_db is not None:
            nodes.Gain.value = self._settings.gain_db

    def _see_it_is_there(self) -> None:
        if time.monotonic() - self._asked_s > ASKED_S:
            # Reading a register fails once the camera is gone; waiting for a frame does not.
            _ = self._camera.remote_device.node_map.Width.value
            self._asked_s = time.monotonic()

    def _pixels(self, component: Any) -> np.ndarray:
        """uint8, (height, width) or (height, width, 3), of their own."""
        form, size = str(component.data_format), (int(component.height), int(component.width))
        if form in _GREY_BITS:
            grey = component.data.reshape(size)
            return np.array(grey >> (_GREY_BITS[form] - 8), np.uint8)
        if form == "BGR8":
            return np.array(component.data.reshape(*size, 3), np.uint8)
        if form in _COLOURS:
            data = component.data.reshape(*size, 3) if form == "RGB8" else component.data.reshape(size)
            return np.ascontiguousarray(cv2.cvtColor(data, _COLOURS[form]))
        raise SourceLost(f"{self._shown()} sends pixels as {form}", f"set it to {', '.join((*_GREY_BITS, *_COLOURS))}")

    def _shown(self) -> str:
        return f"GenICam camera {self._settings.serial_number or 'of ' + self._settings.producer.name}"
