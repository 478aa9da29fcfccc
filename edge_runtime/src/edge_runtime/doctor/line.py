"""Checks of what the station meets at the line: camera, triggers, page."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge_runtime.doctor.check import Check, failed, failed_by, fine, warning
from edge_runtime.errors import EdgeError, InputError
from edge_runtime.station.config import (
    Camera,
    ImageHealth,
    PageSettings,
    PlcTrigger,
    Region,
    SoftwareTrigger,
    TriggerSettings,
)

if TYPE_CHECKING:
    import numpy as np

    from edge_runtime.camera.sources import CameraFrame

CAMERA_S = 20.0
FRAME_S = 5.0
OPC_UA_PORT = 4840
REACH_S = 3.0
# The length of a socket's address on Linux, less its closing zero.
SOCKET_PATH_BYTES = 107


def service_runs(state: Path) -> bool:
    """Whether a service holds this state folder."""
    from edge_runtime.bundle.state import only_one

    folder = state / "spool"
    if not folder.is_dir():
        return False
    try:
        with only_one(folder, "station"):
            return False
    except InputError:
        return True
    except OSError:
        return False


def camera(
    settings: Camera, region: Region | None, health: ImageHealth, *, is_in_use: bool, timeout_s: float = CAMERA_S
) -> Check:
    """Check that the camera gives a frame that can be trusted."""
    if is_in_use:
        return fine("camera", "the running service has it: see its page")
    found: list[Check] = []

    def look() -> None:
        found.append(_look(settings, region, health))

    # A driver may hang where no time-out reaches.
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if found:
        return found[0]
    return failed("camera", f"{settings.kind} hangs, or failed without an error", "check its cable, supply and driver")


def _look(settings: Camera, region: Region | None, health: ImageHealth) -> Check:
    try:
        frame = _first_frame(settings)
    except EdgeError as error:
        return failed_by("camera", error)
    if frame is None and settings.kind == "folder":
        return warning("camera", f"{settings.folder} holds no image yet", "put one there and look again")
    if frame is None:
        return failed("camera", f"no frame within {FRAME_S:g} s", "check that the camera runs free, not triggered")
    if frame.pixels is None:
        return failed("camera", f"the frame is unreadable: {frame.fault}", "give an image that can be read")
    return judged(f"{settings.kind}, a frame", frame.pixels, region, health)


def _first_frame(settings: Camera) -> CameraFrame | None:
    from edge_runtime.camera.sources import open_source

    source = open_source(settings)
    try:
        until = time.monotonic() + FRAME_S
        frame = source.read(FRAME_S)
        while frame is None and time.monotonic() < until:
            time.sleep(source.idle_s)
            frame = source.read(FRAME_S)
        return frame
    finally:
        source.close()


def judged(what: str, pixels: np.ndarray, region: Region | None, health: ImageHealth) -> Check:
    """Check that a frame holds the region and can be trusted.

    Args:
        what: Where it comes from.
        pixels: uint8, (height, width) or (height, width, 3).
        region: The part of it that is looked at.
        health: What is let through.
    """
    from edge_runtime.camera.image_health import FrameJudge

    height, width = pixels.shape[:2]
    text = f"{what} of {width} x {height} pixels"
    seen = pixels
    if region is not None:
        right_px, bottom_px = region.left_px + region.width_px, region.top_px + region.height_px
        if right_px > width or bottom_px > height:
            return failed("camera", f"{text}; the region reaches beyond it", "give a region that lies in the frame")
        seen = pixels[region.top_px : bottom_px, region.left_px : right_px]
    reason = FrameJudge(health).judge(seen, 0.0)
    if reason is not None:
        return failed("camera", f"{text}, {reason}", "look after light and lens, or after image_health")
    return fine("camera", text)


def trigger(settings: TriggerSettings, state: Path, reach: Callable[[str, int], str | None] | None = None) -> Check:
    """Check that triggers can come."""
    if isinstance(settings, SoftwareTrigger):
        path = settings.socket or state / "trigger.sock"
        if len(str(path).encode()) > SOCKET_PATH_BYTES:
            return failed("trigger", f"{path} is too long for a socket", "give a shorter trigger.socket")
        return fine("trigger", f"programs trigger through {path}")
    if isinstance(settings, PlcTrigger):
        address = urlsplit(settings.endpoint)
        host, port = address.hostname or "", address.port or OPC_UA_PORT
        fault = (reach or _reach)(host, port)
        if fault is not None:
            return failed("trigger", f"{settings.endpoint} cannot be reached: {fault}", "check network and endpoint")
        return fine("trigger", f"{settings.endpoint} answers")
    return fine("trigger", "every frame is a part")


def _reach(host: str, port: int) -> str | None:
    try:
        socket.create_connection((host, port), REACH_S).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def page(settings: PageSettings, *, is_in_use: bool) -> list[Check]:
    """Check that the page can listen, and that its token is a secret."""
    from edge_runtime.web.process import listen

    found = []
    if is_in_use:
        found.append(fine("page", f"the running service serves it on {settings.host} port {settings.port}"))
    else:
        try:
            listen(settings.host, settings.port).close()
            found.append(fine("page", f"{settings.host} port {settings.port} is free"))
        except EdgeError as error:
            found.append(failed_by("page", error))
    if settings.token_file is not None:
        found.append(token_file(settings.token_file))
    return found


def token_file(path: Path) -> Check:
    """Check that the token can be read by the service, and by few others."""
    from edge_runtime.web.access import read_token

    try:
        read_token(path)
    except EdgeError as error:
        return failed_by("token file", error)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return warning("token file", f"{path} can be read by its group (mode {mode:03o})", f"chmod 600 {path}")
    return fine("token file", f"{path}, mode {mode:03o}")
