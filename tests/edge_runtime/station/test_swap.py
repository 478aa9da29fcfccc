"""Releases change while real workers judge; the finer points of trials are in test_crew and test_trials."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from edge_runtime.bundle.state import read_active, read_fallback, read_rolled_back
from edge_runtime.station.parts import Options
from factory_assets.benchmarks.faulty_engines import BAD, BAD_DIES, faulty, grey
from factory_assets.benchmarks.tiny_station import SOUND
from factory_assets.engines.release import Lifetimes
from tests.edge_runtime.station.conftest import make_site
from tests.edge_runtime.station.line import Line
from tests.edge_runtime.station.station_site import StationSite

TRIAL_PARTS = 3


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> StationSite:
    site = make_site(tmp_path_factory.mktemp("swap"))
    site.publisher.releases.mkdir()
    return site


@pytest.fixture(scope="module")
def shared_line(site: StationSite) -> Iterator[Line]:
    """A station that starts without a release, and looks for some."""
    release = {"repository": site.publisher.releases, "poll_s": 0.1, "trial_parts": TRIAL_PARTS}
    options = Options(has_camera=False, open_engine=faulty)
    line = Line(site.station(options, release=release, keep_warm_s=0.2))
    assert line.inspect(SOUND).failure == "no_release"
    site.publish()
    yield line
    line.station.close()


@pytest.fixture
def line(shared_line: Line, site: StationSite) -> Line:
    """The same once a release judges that has proven itself."""
    shared_line.until_ready()
    inspect_until(shared_line, lambda: shared_line.station.crew.stage == "none")
    shared_line.until(lambda: read_fallback(site.state) is None, "settled on disk")
    assert shared_line.inspect(SOUND).failure is None
    return shared_line


def active(site: StationSite) -> int:
    record = read_active(site.state)
    assert record is not None
    return record.release


def inspect_until(line: Line, is_so: object, value: int = 60) -> list[str | None]:
    """Inspect without a pause until something is so; the failures on the way."""
    failures: list[str | None] = []

    def look() -> bool:
        failures.append(line.inspect(grey(value)).failure)
        return bool(is_so())  # type: ignore[operator]

    line.until(look)
    return failures


def texts(line: Line) -> list[object]:
    return [event.values["text"] for event in line.station.log.events if event.kind == "ReleaseChanged"]


def test_a_newer_release_takes_over_between_two_parts_and_proves_itself(line: Line, site: StationSite) -> None:
    told = len(texts(line))
    newest = site.publish(gain=0.9)
    assert set(inspect_until(line, lambda: line.answers[-1].release == newest)) == {None}
    assert line.station.trials.update == "active"
    assert line.station.crew.other is not None
    assert read_fallback(site.state) is not None
    for _ in range(TRIAL_PARTS - 1):
        record = line.inspect(SOUND)
    assert record.score == pytest.approx(0.9 * 60 / 255, abs=1e-3)
    assert line.station.crew.other is None
    line.until(lambda: read_fallback(site.state) is None, "settled on disk")
    assert texts(line)[told:] == ["staging", "on trial", "has proven itself"]


def test_one_that_fails_on_trial_is_rolled_back_and_not_taken_again(line: Line, site: StationSite) -> None:
    good = line.answers[-1].release
    bad = site.publish(gain=0.8, code_version=BAD)
    assert set(inspect_until(line, lambda: line.answers[-1].release == bad)) == {None}
    record = line.inspect(grey(BAD_DIES))
    # There was time to judge the part again.
    assert (record.release, record.verdict) == (good, "ok")
    assert "signal 9" in line.station.trials.update
    line.until(lambda: active(site) == good, "the release before, on disk")
    note = read_rolled_back(site.state)
    assert note is not None
    assert note.release == bad
    line.until(lambda: line.station.trials.fault is not None, "a refusal")
    assert f"release {bad} was rolled back on this machine" in str(line.station.trials.fault)
    assert line.inspect(SOUND).release == good
    newer = site.publish(gain=0.7)
    assert set(inspect_until(line, lambda: line.answers[-1].release == newer)) == {None}
    assert read_rolled_back(site.state) is None


def test_one_that_fails_on_recent_frames_never_judges_a_part(line: Line, site: StationSite) -> None:
    bad = site.publish(gain=0.6, code_version=BAD)
    assert set(inspect_until(line, lambda: f"release {bad}" in line.station.trials.update, BAD_DIES)) == {None}
    assert bad not in {record.release for record in line.answers}


def test_updates_that_do_not_verify_are_refused_and_inspection_goes_on(line: Line, site: StationSite) -> None:
    before = active(site)
    site.publish(gain=0.5, now=dt.datetime.now(dt.UTC), lifetimes=Lifetimes(timestamp_days=-1))
    line.until(lambda: "expired" in str(line.station.trials.fault), "a refusal")
    assert line.inspect(SOUND).release == active(site) == before
    newer = site.publish(gain=0.4)
    assert set(inspect_until(line, lambda: line.answers[-1].release == newer)) == {None}


def test_a_damaged_release_never_judges(station_site: StationSite, lines: list[Line]) -> None:
    station_site.publish()
    station_site.pull()
    model = next((station_site.state / "releases").rglob("model.onnx"))
    model.write_bytes(model.read_bytes()[:-1] + b"\0")
    line = Line(station_site.station())
    lines.append(line)
    line.until(lambda: "changed" in str(line.station.crew.fault), "a refusal")
    record = line.inspect(SOUND)
    assert (record.verdict, record.failure) == ("nok", "engine")
    assert "was changed" in (record.detail or "")
