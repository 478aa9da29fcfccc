"""The page as a process of its own: it starts, says where it listens, and never outlives the station."""

from __future__ import annotations

import json
import multiprocessing
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.errors import InputError
from edge_runtime.station.config import PageSettings
from edge_runtime.web.access import read_token
from edge_runtime.web.process import listen, run_page
from tests.edge_runtime.web.fake_station import picture, status, verdict

STARTS_S = 60


@pytest.fixture
def started() -> Iterator[Any]:
    processes: list[BaseProcess] = []

    def start(settings: PageSettings) -> tuple[BaseProcess, Connection]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=run_page, args=(settings, theirs), daemon=True)
        process.start()
        theirs.close()
        processes.append(process)
        return process, ours

    yield start
    for process in processes:
        process.kill()
        process.join()


def heard(connection: Connection) -> tuple[str, str]:
    assert connection.poll(STARTS_S), "the page said nothing"
    kind, text = connection.recv()
    return kind, text


def test_it_shows_what_comes_down_the_pipe_and_ends_with_it(started: Any) -> None:
    process, ours = started(PageSettings(port=0))
    kind, url = heard(ours)
    assert kind == "listening"
    ours.send(picture(verdict(5, score=0.9)))
    ours.send(status(verdict(5, score=0.9)))
    said: dict[str, Any] = {}
    while said.get("age_s") is None:
        with urllib.request.urlopen(f"{url}api/status", timeout=10) as answer:  # noqa: S310
            said = json.load(answer)
    assert said["picture"]["sequence"] == 5
    assert answer.headers["server"] == "factory-edge"
    ours.close()
    process.join(20)
    assert process.exitcode == 0


def test_a_port_in_use_is_told_to_the_station_and_to_the_log(started: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process, ours = started(PageSettings(port=port))
        assert heard(ours) == (
            "failed",
            f"page.port {port} on 127.0.0.1 is in use / end what uses it, or give another page.port",
        )
        process.join(20)
    assert process.exitcode == 2
    assert capfd.readouterr().err.splitlines() == [
        f"factory-edge: page.port {port} on 127.0.0.1 is in use / end what uses it, or give another page.port"
    ]


def test_it_does_not_serve_without_its_token(started: Any, tmp_path: Path) -> None:
    process, ours = started(PageSettings(port=0, token_file=tmp_path / "none"))
    kind, text = heard(ours)
    assert kind == "failed"
    assert "cannot be read" in text
    process.join(20)
    assert process.exitcode == 2


def test_a_host_that_is_not_this_machine_is_refused() -> None:
    for host in ("192.0.2.1", "no such host"):
        with pytest.raises(InputError, match=r"page\.host"):
            listen(host, 0)


@pytest.mark.parametrize(
    ("content", "mode", "fault"),
    [
        ("", 0o600, "holds no token"),
        ("short", 0o600, "holds no token"),
        ("ä" * 40, 0o600, "holds no token"),
        ("two\nlines of a token file", 0o600, "holds no token"),
        ("a" * 32, 0o644, "open to every user"),
    ],
)
def test_a_token_file_must_hold_a_secret(tmp_path: Path, content: str, mode: int, fault: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(InputError, match=fault):
        read_token(path)


def test_a_token_file_may_end_with_a_line(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{'a' * 32}\n")
    path.chmod(0o640)
    assert read_token(path) == "a" * 32


def test_the_station_imports_it_without_the_page_s_libraries() -> None:
    code = (
        "import sys, edge_runtime.web.process; "
        "print([name for name in ('cv2', 'starlette', 'uvicorn', 'prometheus_client') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_page_s_files_are_in_the_wheel() -> None:
    from hatchling.builders.wheel import WheelBuilder

    root = Path(__file__).resolve().parents[3] / "edge_runtime"
    packed = {file.distribution_path for file in WheelBuilder(str(root)).recurse_included_files()}
    static = {path.name for path in (root / "src" / "edge_runtime" / "web" / "static").iterdir()}
    assert {f"edge_runtime/web/static/{name}" for name in static} <= packed
    assert static == {"page.html", "page.css", "page.js", "login.html", "icon.svg"}
