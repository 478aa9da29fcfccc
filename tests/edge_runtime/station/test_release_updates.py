from __future__ import annotations

from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.bundle.state import read_active, read_fallback, read_rolled_back
from edge_runtime.files import write_atomic
from edge_runtime.station import release_updates
from edge_runtime.station.config import ReleaseSettings
from edge_runtime.station.release_updates import ReleaseUpdates, Report, Task, run_task
from tests.edge_runtime.station.station_site import StationSite


def done(site: StationSite, kind: Any, reason: str = "", **changes: Any) -> Report:
    """A task done in this process."""
    ours, theirs = Pipe()
    settings = ReleaseSettings(**{"repository": site.publisher.releases, **changes})
    run_task(Task(kind, site.state, settings, reason), theirs)
    report: Report = ours.recv()
    return report


def test_tasks_do_on_disk_what_was_decided(station_site: StationSite) -> None:
    station_site.publish()
    assert done(station_site, "pull") == Report("pull", 1, is_new=True)
    assert done(station_site, "pull") == Report("pull", 1)
    station_site.publish(gain=0.9)
    assert done(station_site, "pull") == Report("pull", 2, is_new=True)
    assert done(station_site, "roll_back", "hangs") == Report("roll_back", 1)
    note = read_rolled_back(station_site.state)
    assert note is not None
    assert note.reason == "hangs"
    refused = done(station_site, "pull")
    assert "rolled back on this machine: hangs" in str(refused.fault)
    station_site.publish(gain=0.8)
    assert done(station_site, "pull") == Report("pull", 3, is_new=True)
    assert done(station_site, "settle") == Report("settle")
    assert read_fallback(station_site.state) is None
    assert "no release to go back to" in str(done(station_site, "roll_back", "hangs").fault)
    assert done(station_site, "pull", repository=None) == Report("pull", 3)


def test_a_repository_that_is_not_there_changes_nothing(station_site: StationSite) -> None:
    report = done(station_site, "pull")
    assert "is not a folder" in str(report.fault)
    assert read_active(station_site.state) is None


@pytest.fixture
def pulls(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """Tasks are not done; the reports to give for them, the last one again and again."""
    reports = [Report("pull", 1)]
    monkeypatch.setattr(release_updates, "_done", lambda task: reports.pop(0) if len(reports) > 1 else reports[0])
    return reports


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "releases" / "metadata").mkdir(parents=True)
    (tmp_path / "releases" / "metadata" / "timestamp.json").write_text("1")
    return tmp_path / "releases"


@pytest.fixture
def updates(tmp_path: Path, repository: Path, pulls: list[Report]) -> Iterator[ReleaseUpdates]:
    made = ReleaseUpdates(tmp_path, ReleaseSettings(repository=repository, poll_s=0.01))
    made.start()
    yield made
    made.close()


def is_silent(updates: ReleaseUpdates) -> bool:
    return not updates.connection.poll(0.2)


def told(updates: ReleaseUpdates) -> Report:
    assert updates.connection.poll(20)
    return updates.receive()


def test_it_pulls_once_and_again_when_the_repository_changes(updates: ReleaseUpdates, repository: Path) -> None:
    assert told(updates).release == 1
    assert is_silent(updates)
    write_atomic(repository / "metadata" / "timestamp.json", b"2")
    assert told(updates).release == 1
    assert is_silent(updates)


def test_it_notices_a_pull_by_hand(updates: ReleaseUpdates, tmp_path: Path) -> None:
    told(updates)
    write_atomic(tmp_path / "active.json", b"{}")
    assert told(updates).kind == "pull"


def test_what_was_refused_is_tried_again(tmp_path: Path, repository: Path, pulls: list[Report]) -> None:
    pulls[:] = [Report("pull", fault="expired"), Report("pull", fault="expired"), Report("pull", 1)]
    updates = ReleaseUpdates(tmp_path, ReleaseSettings(repository=repository, poll_s=0.01))
    updates.start()
    assert [told(updates).fault for _ in range(3)] == ["expired", "expired", None]
    assert is_silent(updates)
    updates.close()


def test_during_a_trial_it_looks_for_nothing_but_does_what_it_is_told(
    updates: ReleaseUpdates, repository: Path
) -> None:
    told(updates)
    updates.pause()
    write_atomic(repository / "metadata" / "timestamp.json", b"2")
    assert is_silent(updates)
    updates.settle()
    told(updates)
    updates.look_again()
    assert told(updates).kind == "pull"


def test_however_often_it_is_asked_it_pulls_now_and_then(updates: ReleaseUpdates) -> None:
    told(updates)
    for _ in range(5):
        updates.pull()
    told(updates)
    assert is_silent(updates)


def test_without_a_repository_it_waits_for_a_pull_by_hand(tmp_path: Path, pulls: list[Report]) -> None:
    updates = ReleaseUpdates(tmp_path, ReleaseSettings(poll_s=0.01))
    updates.start()
    assert is_silent(updates)
    write_atomic(tmp_path / "active.json", b"{}")
    assert told(updates).kind == "pull"
    updates.close()


def test_a_rollback_is_done_before_it_ends(tmp_path: Path, pulls: list[Report]) -> None:
    pulls[:] = [Report("roll_back", 1)]
    updates = ReleaseUpdates(tmp_path, ReleaseSettings(poll_s=10))
    updates.roll_back("hangs")
    updates.start()
    updates.close()
    assert told(updates).kind == "roll_back"
