from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edge_runtime.station.service_notices import ServiceNotices


def test_a_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(5)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    notices = ServiceNotices.of_environment()
    notices.ready("Ready")
    notices.alive("Error")
    notices.stopping()
    notices.close()
    assert [manager.recv(100) for _ in range(3)] == [
        b"READY=1\nSTATUS=Ready",
        b"WATCHDOG=1\nSTATUS=Error",
        b"STOPPING=1",
    ]
    manager.close()


def test_without_one_or_with_a_dead_one_nothing_happens(tmp_path: Path) -> None:
    for address in (None, str(tmp_path / "gone"), "@abstract-and-gone"):
        notices = ServiceNotices(address)
        notices.ready("Ready")
        notices.alive("Ready")
        notices.close()
