"""Checks of releases, with a real publisher."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_runtime.doctor.releases import active_release, engine, expiry, repository
from edge_runtime.station.config import ReleaseSettings
from tests.edge_runtime.station.station_site import StationSite
from tests.tiny_bundle import Site, contents

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def station_site(site: Site) -> StationSite:
    made = StationSite(site)
    made.publish()
    return made


def test_the_active_release_and_its_engine(station_site: StationSite) -> None:
    state, settings = station_site.state, ReleaseSettings()
    assert active_release(state, can_pull=True).state == "warning"
    assert active_release(state, can_pull=False).state == "failed"
    assert engine(state, None, settings) is None
    station_site.pull()
    assert active_release(state, can_pull=False).state == "ok"
    opened = engine(state, None, settings)
    assert opened is not None
    assert (opened.state, "fp32 opens and runs" in opened.text) == ("ok", True)
    other = engine(state, "another", settings)
    assert other is not None
    assert other.state == "failed"


def test_a_changed_release_fails(station_site: StationSite) -> None:
    station_site.pull()
    graph = next(station_site.state.rglob("model.onnx"))
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    check = active_release(station_site.state, can_pull=True)
    assert (check.state, "model.onnx" in check.text) == ("failed", True)


def test_looking_at_the_repository_changes_nothing(station_site: StationSite) -> None:
    station_site.pull()
    station_site.publish()
    before = contents(station_site.state)
    check = repository(station_site.state, ReleaseSettings(repository=station_site.publisher.releases))
    assert (check.state, "good until" in check.text) == ("ok", True)
    assert contents(station_site.state) == before


def test_before_the_first_pull_the_root_is_told(station_site: StationSite) -> None:
    check = repository(station_site.state, ReleaseSettings(repository=station_site.publisher.releases))
    assert (check.state, "will be pinned" in check.text) == ("ok", True)
    assert not station_site.state.exists()


def test_a_repository_that_is_gone_or_does_not_verify(station_site: StationSite, tmp_path: Path) -> None:
    releases = station_site.publisher.releases
    gone = repository(station_site.state, ReleaseSettings(repository=tmp_path / "nowhere"))
    assert (gone.state, "cannot be reached" in gone.text) == ("warning", True)
    shutil.rmtree(releases / "metadata")
    (releases / "metadata").mkdir()
    assert repository(station_site.state, ReleaseSettings(repository=releases)).state == "warning"
    assert repository(station_site.state, ReleaseSettings()).state == "ok"


@pytest.mark.parametrize(("days", "state"), [(30, "ok"), (3, "warning")])
def test_it_is_said_in_time_that_a_repository_expires(days: int, state: str) -> None:
    assert expiry(NOW + timedelta(days=days), now=NOW).state == state
