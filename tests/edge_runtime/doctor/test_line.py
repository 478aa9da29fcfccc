"""Checks of camera, triggers and page."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.bundle.state import only_one
from edge_runtime.camera import sources
from edge_runtime.doctor.line import camera, page, service_runs, token_file, trigger
from edge_runtime.station.config import (
    FolderCamera,
    FreeRun,
    ImageHealth,
    PageSettings,
    PlcTrigger,
    Region,
    SoftwareTrigger,
)
from tests.image_files import pattern

HEALTH = ImageHealth()


def folder_with(folder: Path, image: np.ndarray | None) -> FolderCamera:
    folder.mkdir()
    if image is not None:
        cv2.imwrite(str(folder / "part-1.png"), image)
    return FolderCamera(kind="folder", folder=folder, poll_s=0.01)


def test_a_frame_is_looked_at(tmp_path: Path) -> None:
    settings = folder_with(tmp_path / "parts", pattern())
    check = camera(settings, None, HEALTH, is_in_use=False)
    assert (check.state, "64 x 48" in check.text) == ("ok", True)
    assert (tmp_path / "parts" / "part-1.png").exists()
    beyond = Region(left_px=30, top_px=0, width_px=40, height_px=10)
    assert camera(settings, beyond, HEALTH, is_in_use=False).state == "failed"


def test_a_frame_that_cannot_be_trusted_fails(tmp_path: Path) -> None:
    settings = folder_with(tmp_path / "parts", np.zeros((48, 64), np.uint8))
    check = camera(settings, None, HEALTH, is_in_use=False)
    assert check.state == "failed"
    assert "dark" in check.text
    (tmp_path / "parts" / "part-1.png").write_bytes(b"no image")
    assert camera(settings, None, HEALTH, is_in_use=False).state == "failed"


def test_no_image_yet_is_no_fault_of_a_folder_but_no_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_runtime.doctor.line.FRAME_S", 0.05)
    settings = folder_with(tmp_path / "parts", None)
    assert camera(settings, None, HEALTH, is_in_use=False).state == "warning"
    nowhere = FolderCamera(kind="folder", folder=tmp_path / "none")
    assert camera(nowhere, None, HEALTH, is_in_use=False).state == "failed"


def test_a_driver_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forever = threading.Event()

    def hang(_: object) -> None:
        forever.wait()
        raise sources.SourceLost("it was let go", "nothing to mend")

    monkeypatch.setattr(sources, "open_source", hang)
    settings = folder_with(tmp_path / "parts", None)
    check = camera(settings, None, HEALTH, is_in_use=False, timeout_s=0.05)
    assert (check.state, "hangs" in check.text) == ("failed", True)
    forever.set()


def test_the_camera_of_a_running_service_is_left_alone(tmp_path: Path) -> None:
    assert not service_runs(tmp_path)
    (tmp_path / "spool").mkdir()
    assert not service_runs(tmp_path)
    with only_one(tmp_path / "spool", "station"):
        assert service_runs(tmp_path)
    assert camera(folder_with(tmp_path / "parts", None), None, HEALTH, is_in_use=True).state == "ok"


def test_triggers(tmp_path: Path) -> None:
    assert trigger(FreeRun(kind="free_run"), tmp_path).state == "ok"
    assert trigger(SoftwareTrigger(kind="software", socket=tmp_path / "t.sock"), tmp_path).state == "ok"
    assert trigger(SoftwareTrigger(kind="software"), tmp_path / ("x" * 120)).state == "failed"
    plc = PlcTrigger(kind="plc", endpoint="opc.tcp://plc-3", node="ns=2;s=part")
    asked: list[tuple[str, int]] = []

    def unreachable(host: str, port: int) -> str:
        asked.append((host, port))
        return "no route to host"

    assert trigger(plc, tmp_path, unreachable).state == "failed"
    assert asked == [("plc-3", 4840)]
    assert trigger(plc, tmp_path, lambda *_: None).state == "ok"


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = PageSettings(port=other.getsockname()[1])
        assert [check.state for check in page(settings, is_in_use=False)] == ["failed"]
        assert [check.state for check in page(settings, is_in_use=True)] == ["ok"]
    assert [check.state for check in page(PageSettings(port=0), is_in_use=False)] == ["ok"]


@pytest.mark.parametrize(("mode", "state"), [(0o600, "ok"), (0o640, "warning"), (0o644, "failed")])
def test_the_token_file(tmp_path: Path, mode: int, state: str) -> None:
    path = tmp_path / "token"
    path.write_text("a" * 32)
    path.chmod(mode)
    assert token_file(path).state == state
    assert "a" * 32 not in token_file(path).text
