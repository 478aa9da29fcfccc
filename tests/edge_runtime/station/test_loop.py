from __future__ import annotations

import pytest

from edge_runtime.station.loop import Station
from edge_runtime.station.parts import Options
from edge_runtime.station.records import VerdictRecord
from edge_runtime.station.status import ClockWatch, status_of
from tests.edge_runtime.station.station_site import StationSite, trigger
from tests.edge_runtime.station.test_accounts import FakeSpool


@pytest.fixture
def spool() -> FakeSpool:
    return FakeSpool()


@pytest.fixture
def station(station_site: StationSite, spool: FakeSpool) -> Station:
    """Without a release, and thus without a worker."""
    return station_site.station(Options(has_camera=False, spool=spool))


def test_a_full_disk_is_an_error_until_there_is_space(station: Station, spool: FakeSpool) -> None:
    told: list[VerdictRecord] = []
    spool.accept(trigger("left open"))
    station.start()
    station.run_once(0)
    assert station.states.state == "Initialized"
    assert [record.failure for record in spool.records.values()] == ["interrupted"]
    spool.is_full_for = {"accept", "conclude"}
    station.submit(trigger("a"), told.append)
    station.run_once(0)
    assert (told[0].verdict, told[0].failure) == ("nok", "spool")
    assert "no space" in str(told[0].detail)
    assert station.states.state == "Error"
    assert {health.name: health.state for health in status_of(station).health}["spool"] == "failed"
    spool.is_full_for = set()
    station.submit(trigger("a"), told.append)
    station.run_once(0)
    assert (told[1].failure, told[1].sequence) == ("no_release", 2)
    assert station.states.state == "Initialized"
    station.close()
    assert station.states.state == "Halted"


def test_what_is_outstanding_is_rejected_when_it_stops(station: Station, spool: FakeSpool) -> None:
    told: list[VerdictRecord] = []
    station.start()
    job = station.jobs.new(trigger("a"), told.append, 0)
    station.accounts.accept(job)
    station.close()
    assert [record.failure for record in told] == ["interrupted"]
    assert spool.records == {1: told[0]}


def test_a_clock_that_was_set_is_noticed() -> None:
    watch = ClockWatch()
    second_ns = 10**9
    watch.look(100 * second_ns, 0)
    watch.look(101 * second_ns, second_ns)
    assert watch.text == ""
    watch.look(202 * second_ns, 2 * second_ns)
    assert "set by +100.0 s" in watch.text
