"""Camera, page and worker are killed while parts come; each comes back by itself."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_runtime.station.parts import Options
from edge_runtime.station.records import VerdictRecord
from edge_runtime.station.status import status_of
from factory_assets.benchmarks.tiny_station import DEFECTIVE, SOUND
from tests.edge_runtime.station.conftest import make_site
from tests.edge_runtime.station.line import Line
from tests.edge_runtime.station.station_site import StationSite, trigger


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> StationSite:
    site = make_site(tmp_path_factory.mktemp("supervision"))
    site.publish()
    site.pull()
    (site.publisher.root / "parts").mkdir()
    return site


@pytest.fixture(scope="module")
def line(site: StationSite) -> Iterator[Line]:
    line = Line(site.station(Options(), page={"port": 0}, trigger={"kind": "software"}, deadline_ms=3000))
    yield line
    line.station.close()


@pytest.fixture(autouse=True)
def _ready(line: Line) -> None:
    line.until_ready()
    assert line.station.parts.camera is not None
    line.station.parts.camera.restarts.was_good()


def put(folder: Path, name: str, pixels: np.ndarray) -> None:
    cv2.imwrite(str(folder / f".{name}.png"), pixels)
    (folder / f".{name}.png").rename(folder / f"{name}.png")


def inspect(line: Line, site: StationSite, name: str, pixels: np.ndarray = SOUND) -> VerdictRecord:
    line.station.submit(trigger(name), line.answers.append)
    put(site.publisher.root / "parts", name, pixels)
    return line.verdict_of(name)


def test_a_part_of_the_camera_is_judged_and_shown(line: Line, site: StationSite) -> None:
    assert inspect(line, site, "defective", DEFECTIVE).verdict == "nok"
    page = line.station.parts.page
    assert page is not None
    line.until(lambda: page.text.startswith("listening"), "the page")
    url = page.text.removeprefix("listening: ")

    def answer() -> str:
        with urllib.request.urlopen(f"{url}api/status", timeout=5) as found:  # noqa: S310 (this station's own page)
            return str(found.read().decode())

    line.until(lambda: "press-3" in answer(), "the page's status")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_camera_that_dies_or_hangs_is_started_again(line: Line, site: StationSite, number: signal.Signals) -> None:
    camera = line.station.parts.camera
    assert camera is not None
    assert camera.pid is not None
    before = camera.pid
    os.kill(before, number)
    line.until(lambda: camera.fault is not None, "the loss")
    record = inspect(line, site, f"while it is away {number}")
    assert (record.verdict, record.failure) == ("nok", "camera")
    assert line.station.states.state == "Error"
    line.until_ready()
    assert camera.pid != before
    assert inspect(line, site, f"when it is back {number}").verdict == "ok"


def test_a_file_that_is_no_image_rejects_its_part(line: Line, site: StationSite) -> None:
    line.station.submit(trigger("broken"), line.answers.append)
    (site.publisher.root / "parts" / "broken.png").write_bytes(b"no image")
    record = line.verdict_of("broken")
    assert (record.verdict, record.failure) == ("nok", "image")


def test_a_page_that_dies_is_started_again_and_nobody_waits_for_one_that_hangs(line: Line, site: StationSite) -> None:
    page = line.station.parts.page
    assert page is not None
    assert page.pid is not None
    os.kill(page.pid, signal.SIGSTOP)
    for number in range(5):
        assert inspect(line, site, f"page hangs {number}").failure is None
    before = page.pid
    os.kill(before, signal.SIGKILL)
    line.until(lambda: page.pid not in (None, before), "another page")
    assert line.station.states.state == "Ready"


def test_its_status_says_how_it_is(line: Line, site: StationSite) -> None:
    inspect(line, site, "last")
    status = status_of(line.station)
    assert status.is_ready
    assert (status.station, status.product, status.release) == ("press-3", "plate", 1)
    assert status.counts["triggers"] == status.counts["ok"] + status.counts["nok"]
    assert status.recent[0].trigger.part_id == "last"
    assert {health.name for health in status.health} == {"camera", "engine", "spool", "release", "clock", "triggers"}
    assert {health.state for health in status.health if health.name in ("camera", "engine", "clock")} == {"ok"}
    assert sum(status.latency["total"].counts) > 0
