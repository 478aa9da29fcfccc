from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml

from edge_runtime.cli import main
from edge_runtime.spool import Spool
from edge_runtime.station.config import SpoolSettings
from factory_assets.benchmarks.tiny_station import DEFECTIVE, SOUND
from tests.edge_runtime.station.conftest import make_site
from tests.edge_runtime.station.station_site import StationSite

PATIENCE_S = 40.0
ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    return tmp_path


@pytest.fixture
def site(folder: Path) -> StationSite:
    site = make_site(folder)
    site.publish()
    site.pull()
    return site


def write_config(folder: Path, **changes: Any) -> Path:
    values = {
        "station": "press-3",
        "state": "state",
        "camera": {"kind": "folder", "folder": "parts", "when_done": "delete"},
        "deadline_ms": 2000,
        "page": None,
    }
    path = folder / "station.yaml"
    path.write_text(yaml.safe_dump({**values, **changes}))
    return path


def put_parts(folder: Path, start: int, count: int) -> None:
    for number in range(start, start + count):
        cv2.imwrite(str(folder / f".{number}.png"), DEFECTIVE if number % 3 == 0 else SOUND)
        (folder / f".{number}.png").rename(folder / "parts" / f"part-{number:03d}.png")


@contextmanager
def service(config: Path, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The service in a process of its own."""
    command = [sys.executable, "-m", "edge_runtime.cli", "run", "--config", str(config), *options]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}, cwd=ROOT
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(is_so: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end_s, f"{what} did not come true in {PATIENCE_S:g} s"
        time.sleep(0.002)


def children_of(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # After the name in brackets come the state and the parent.
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found


def is_alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def kept(folder: Path) -> dict[str, Any]:
    """Verdicts by part, from the spool of a service that has ended."""
    spool = Spool(folder / "state" / "spool", "press-3", SpoolSettings())
    records = spool.recent(200)
    assert not spool.unconcluded()
    spool.close()
    assert sorted(record.sequence for record in records) == list(range(1, len(records) + 1))
    assert len({record.trigger.trigger_id for record in records}) == len(records)
    return {record.trigger.part_id: record for record in records}


@pytest.mark.usefixtures("site")
def test_it_inspects_a_folder_and_ends_after_so_many_parts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_parts(folder, 0, 6)
    report = folder / "report.json"
    with service(write_config(folder), "--parts", "6", "--json", str(report)) as process:
        assert process.wait(PATIENCE_S) == 0
        told = process.stderr.read() if process.stderr else ""
    assert json.loads(report.read_text())["counts"] == {"triggers": 6, "ok": 4, "nok": 2, "classified": 0}
    found = kept(folder)
    assert {part: record.verdict for part, record in found.items()} == {
        f"part-{number:03d}": "nok" if number % 3 == 0 else "ok" for number in range(6)
    }
    assert not list((folder / "parts").iterdir())
    states = [event["to"] for event in map(json.loads, told.splitlines()) if event["event"] == "StateChanged"]
    assert states == ["Initialized", "Ready", "ContinuousExecution", "Halted"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl and /proc")
@pytest.mark.usefixtures("site")
def test_nothing_is_lost_or_doubled_when_it_is_killed(folder: Path) -> None:
    config = write_config(folder)
    for number in range(3):
        put_parts(folder, 20 * number, 20)
        waiting = len(list((folder / "parts").iterdir()))
        with service(config) as process:
            wait_for(lambda most=waiting - 2: len(list((folder / "parts").iterdir())) <= most, "some verdicts")
            time.sleep(0.002 * number)
            children = children_of(process.pid)
            assert children
            process.kill()
            process.wait()
            wait_for(lambda pids=tuple(children): not any(map(is_alive, pids)), "their end")
    with service(config) as process:
        wait_for(lambda: not list((folder / "parts").iterdir()), "all verdicts")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    found = kept(folder)
    assert set(found) == {f"part-{number:03d}" for number in range(60)}
    for part, record in found.items():
        if record.failure is None:
            assert record.verdict == ("nok" if int(part[-3:]) % 3 == 0 else "ok")
        else:
            assert (record.verdict, record.failure) == ("nok", "interrupted")


@pytest.mark.usefixtures("site")
def test_programs_trigger_over_its_socket_and_a_second_service_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(str(folder / "notices"))
    notices.settimeout(PATIENCE_S)
    config = write_config(folder, trigger={"kind": "software"})
    with service(config, NOTIFY_SOCKET=str(folder / "notices")) as process:
        while not notices.recv(1000).startswith(b"READY=1"):
            pass
        assert notices.recv(1000).startswith(b"WATCHDOG=1")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(folder / "state" / "trigger.sock"))
            client.sendall(b'{"part_id": "part-001", "trigger_id": "t1"}\n')
            put_parts(folder, 1, 1)
            lines = client.makefile()
            record = json.loads(lines.readline())
            client.sendall(b'{"part_id": "part-001", "trigger_id": "t1"}\n')
            assert json.loads(lines.readline()) == record
        assert (record["verdict"], record["failure"], record["sequence"]) == ("ok", None, 1)
        assert main(["run", "--config", str(config)]) == 2
        assert "another station is at work" in capsys.readouterr().err
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    assert kept(folder)["part-001"].verdict == "ok"


def test_a_port_in_use_or_a_token_that_is_not_there_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["run", "--config", str(write_config(folder, page={"port": port}))]) == 2
    assert f"page.port {port} on 127.0.0.1 is in use" in capsys.readouterr().err
    page = {"host": "192.0.2.1", "port": 0, "token_file": "missing"}
    assert main(["run", "--config", str(write_config(folder, page=page))]) == 2
    assert "missing" in capsys.readouterr().err


def test_bad_settings_are_refused_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", str(write_config(folder, colour="red"))]) == 2
    assert "colour" in capsys.readouterr().err
