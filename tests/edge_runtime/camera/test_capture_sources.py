"""Videos at their pace, and cameras that are not there, fall silent or are not what was asked for."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_runtime.camera import capture_sources
from edge_runtime.camera.sources import CameraFrame, FrameSource, SourceEnded, SourceLost, open_source
from edge_runtime.errors import InputError
from edge_runtime.station.config import RtspCamera, UsbCamera, VideoCamera

FRAMES = 5


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "parts.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 100.0, (64, 48))
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 40 * number, np.uint8))
    writer.release()
    return path


def frames_of(source: FrameSource, count: int) -> list[CameraFrame]:
    frames: list[CameraFrame] = []
    while len(frames) < count:
        frame = source.read(0.05)
        if frame is not None:
            frames.append(frame)
    return frames


def test_a_video_gives_every_frame_and_ends(video: Path) -> None:
    source = open_source(VideoCamera(kind="video", file=video, frames_a_second=1000))
    frames = frames_of(source, FRAMES)
    means = [float(np.mean(frame.pixels)) for frame in frames if frame.pixels is not None]
    np.testing.assert_allclose(means, [0, 40, 80, 120, 160], atol=3)
    with pytest.raises(SourceEnded, match="ended after 5 frames"):
        source.read(1)
    source.close()


def test_a_video_begins_again(video: Path) -> None:
    source = open_source(VideoCamera(kind="video", file=video, frames_a_second=1000, repeat=True))
    assert len(frames_of(source, 2 * FRAMES + 1)) == 2 * FRAMES + 1
    source.close()


def test_a_video_keeps_its_pace(video: Path) -> None:
    source = open_source(VideoCamera(kind="video", file=video, frames_a_second=0.1))
    frames_of(source, 1)
    assert source.read(0.01) is None
    source.close()


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "a.avi").write_bytes(b"no video")
    for name in ("a.avi", "b.avi"):
        with pytest.raises(SourceLost, match="cannot be opened"):
            open_source(VideoCamera(kind="video", file=tmp_path / name))


class FakeCapture:
    """Stands in for `cv2.VideoCapture`."""

    def __init__(self, *asked: Any) -> None:
        self.asked, self.set_to, self.is_released = asked, {}, False

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def set(self, key: int, value: float) -> bool:
        self.set_to[key] = value
        return True

    def get(self, key: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FRAME_HEIGHT: 480.0}.get(key, 0.0)

    def read(self) -> tuple[bool, np.ndarray | None]:
        return (False, None) if self.is_released else (True, np.zeros((480, 640, 3), np.uint8))

    def release(self) -> None:
        self.is_released = True


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> list[FakeCapture]:
    made: list[FakeCapture] = []

    def capture(*asked: Any) -> FakeCapture:
        made.append(FakeCapture(*asked))
        return made[-1]

    monkeypatch.setattr(capture_sources.cv2, "VideoCapture", capture)
    return made


def test_a_usb_camera_is_set_and_read(captures: list[FakeCapture]) -> None:
    source = open_source(UsbCamera(kind="usb", device=2, width_px=640, height_px=480, frames_a_second=30))
    assert captures[0].asked[0] == 2
    assert captures[0].set_to[cv2.CAP_PROP_BUFFERSIZE] == 1
    assert captures[0].set_to[cv2.CAP_PROP_FPS] == 30
    assert frames_of(source, 1)[0].part_id is None
    captures[0].is_released = True
    with pytest.raises(SourceLost, match="camera 2 gives no frame"):
        source.read(0.1)


def test_a_usb_camera_of_another_size(captures: list[FakeCapture]) -> None:
    with pytest.raises(SourceLost, match="gives 640 x 480 pixels, not 1920 x any"):
        open_source(UsbCamera(kind="usb", width_px=1920))
    assert captures[0].is_released


def test_a_usb_camera_that_is_not_there() -> None:
    with pytest.raises(SourceLost, match="camera /dev/video99 cannot be opened"):
        open_source(UsbCamera(kind="usb", device="/dev/video99"))


def test_secrets_come_from_the_environment_and_are_never_shown(
    captures: list[FakeCapture], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = RtspCamera(kind="rtsp", url="rtsp://{CAMERA_USER}:{CAMERA_PASSWORD}@10.0.0.7/1")
    monkeypatch.setenv("CAMERA_USER", "line")
    monkeypatch.delenv("CAMERA_PASSWORD", raising=False)
    with pytest.raises(InputError, match="names CAMERA_PASSWORD, which"):
        open_source(settings)
    monkeypatch.setenv("CAMERA_PASSWORD", "p@ss/word")
    source = open_source(settings)
    assert captures[0].asked[0] == "rtsp://line:p%40ss%2Fword@10.0.0.7/1"
    captures[0].is_released = True
    with pytest.raises(SourceLost) as lost:
        source.read(0.1)
    assert "ss" not in str(lost.value).replace("{CAMERA_PASSWORD}", "")


def test_a_network_camera_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_sources, "OPEN_MS", 200)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/1"
        with pytest.raises(SourceLost, match="does not answer"):
            open_source(RtspCamera(kind="rtsp", url=url))
