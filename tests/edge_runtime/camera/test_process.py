"""The camera process tells of every frame and every fault, and comes back after both."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.camera import folder_source, process
from edge_runtime.camera.process import run_camera, slot_bytes
from edge_runtime.camera.ring import LARGEST_FRAME_BYTES, FrameRing
from edge_runtime.camera.sources import CameraFrame, SourceLost
from edge_runtime.station.config import FolderCamera, Region, RtspCamera, UsbCamera
from tests.edge_runtime.camera.camera_events import RunningCamera
from tests.image_files import encoded, pattern


@pytest.fixture(autouse=True)
def quickly_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_source, "SETTLED_S", 0.05)
    monkeypatch.setattr(process, "PAUSES_S", (0.01,))


def folder_camera(folder: Path, **more: Any) -> FolderCamera:
    return FolderCamera(kind="folder", folder=folder, poll_s=0.005, **more)


def write(path: Path, pixels: np.ndarray) -> None:
    path.with_suffix(".new").write_bytes(encoded(pixels, ".png"))
    path.with_suffix(".new").replace(path)


def test_files_become_frames_and_go_when_they_are_done(tmp_path: Path) -> None:
    with RunningCamera(folder_camera(tmp_path, when_done="delete")) as camera:
        camera.event("opened")
        for name in ("a", "b", "c"):
            write(tmp_path / f"{name}.png", pattern())
            frame = camera.frame()
            assert frame.part_id == name
            np.testing.assert_array_equal(camera.ring.read(frame), pattern())
            camera.connection.send(("done", name))
        camera.event("heartbeat")
        camera.event("heartbeat")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_nobody_can_judge_yet_is_offered_again(tmp_path: Path) -> None:
    with RunningCamera(folder_camera(tmp_path, when_done="delete")) as camera:
        for name in ("a", "b"):
            write(tmp_path / f"{name}.png", pattern())
        first, second = camera.frame(), camera.frame()
        camera.connection.send(("skip", second.part_id))
        camera.connection.send(("again", first.part_id))
        again = camera.frame()
        assert (again.part_id, again.trigger_id) == (first.part_id, first.trigger_id)
        camera.connection.send(("done", again.part_id))
        camera.event("heartbeat")
        camera.event("heartbeat")
    assert [path.stem for path in tmp_path.iterdir()] == [second.part_id]


def test_an_unreadable_file_is_told_with_its_part(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"")
    with RunningCamera(folder_camera(tmp_path)) as camera:
        event = camera.event("unreadable")
        assert (event.part_id, event.text) == ("bad", "bad.png: the file is empty")
        assert event.trigger_id is not None
        assert event.trigger_id.startswith("bad.png@")


def test_a_folder_that_vanishes_is_lost_and_opened_again(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    with RunningCamera(folder_camera(folder)) as camera:
        assert "is not there" in camera.event("lost").text
        folder.mkdir()
        camera.event("opened")
        write(folder / "a.png", pattern())
        assert camera.frame().part_id == "a"
        folder.rename(tmp_path / "away")
        camera.event("lost")
        camera.event("heartbeat")
        (tmp_path / "away").rename(folder)
        camera.event("opened")
        write(folder / "b.png", pattern())
        assert camera.frame().part_id == "b"


def test_the_region_is_cut_out(tmp_path: Path) -> None:
    write(tmp_path / "a.png", pattern())
    region = Region(left_px=10, top_px=5, width_px=20, height_px=30)
    with RunningCamera(folder_camera(tmp_path), region, slot_bytes(folder_camera(tmp_path), region)) as camera:
        np.testing.assert_array_equal(camera.ring.read(camera.frame()), pattern()[5:35, 10:30])
        write(tmp_path / "small.png", pattern()[:20])
        event = camera.event("unreadable")
        assert (event.part_id, event.text[:61]) == (
            "small",
            "the frame has 64 x 20 pixels, the region ends at 30, 35 / giv",
        )


def test_a_frame_larger_than_the_ring_takes_is_told(tmp_path: Path) -> None:
    write(tmp_path / "large.png", pattern())
    with RunningCamera(folder_camera(tmp_path), slot_bytes=1000) as camera:
        event = camera.event("unreadable")
        assert event.part_id == "large"
        assert "64 x 48 pixels has 3072 bytes, the ring takes 1 to 1000" in event.text


class Troubled:
    """A source whose driver raises whatever it likes."""

    idle_s = 0.0

    def __init__(self, troubles: list[BaseException | CameraFrame]) -> None:
        self._troubles, self.opened = troubles, 0

    def open(self) -> None:
        self.opened += 1

    def read(self, timeout_s: float) -> CameraFrame | None:
        if not self._troubles:
            return None
        trouble = self._troubles.pop(0)
        if isinstance(trouble, BaseException):
            raise trouble
        return trouble

    def done(self, part_id: str) -> None: ...

    def dropped(self, part_id: str, *, again: bool) -> None: ...

    def close(self) -> None: ...


def test_whatever_a_driver_raises_the_source_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = CameraFrame(np.full((4, 4), 7, np.uint8), 5)
    source = Troubled([frame, RuntimeError("usb reset"), SourceLost("unplugged", "plug it in"), frame])
    monkeypatch.setattr(process, "make_source", lambda settings: source)
    with RunningCamera(RtspCamera(kind="rtsp", url="rtsp://camera")) as camera:
        camera.frame()
        assert camera.event("lost").text == "RuntimeError: usb reset"
        assert camera.event("lost").text == "unplugged / plug it in"
        assert (camera.ring.read(camera.frame()) == 7).all()
    assert source.opened == 3


def test_it_ends_with_the_station(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ring = FrameRing.create(4, 10_000)
    try:
        ours, theirs = context.Pipe()
        running = context.Process(target=run_camera, args=(folder_camera(tmp_path), None, ring.name, theirs))
        running.start()
        theirs.close()
        assert ours.recv().kind == "heartbeat"
        ours.close()
        running.join(10)
        assert running.exitcode == 0
    finally:
        ring.unlink()


def test_a_killed_process_is_followed_by_one_that_goes_on(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ring = FrameRing.create(4, 10_000)
    write(tmp_path / "a.png", pattern())
    refs = []
    try:
        for _ in range(2):
            ours, theirs = context.Pipe()
            running = context.Process(target=run_camera, args=(folder_camera(tmp_path), None, ring.name, theirs))
            running.start()
            theirs.close()
            while not hasattr(message := ours.recv(), "captured_ns"):
                pass
            refs.append(message)
            os.kill(running.pid or 0, signal.SIGKILL)
            running.join()
        assert refs[0].trigger_id == refs[1].trigger_id
        for ref in refs:
            np.testing.assert_array_equal(ring.read(ref), pattern())
    finally:
        ring.unlink()


def test_how_large_frames_can_be(tmp_path: Path) -> None:
    camera = folder_camera(tmp_path)
    assert slot_bytes(camera, None) == LARGEST_FRAME_BYTES == 150_000_000
    assert slot_bytes(camera, Region(left_px=1, top_px=1, width_px=10, height_px=20)) == 600
    assert slot_bytes(UsbCamera(kind="usb", width_px=10, height_px=10), None) == 300
    assert slot_bytes(UsbCamera(kind="usb", width_px=10), None) == LARGEST_FRAME_BYTES
