from __future__ import annotations

import datetime as dt

import pytest

from edge_runtime.station import clock


@pytest.mark.parametrize("utc_ns", [0, 999_999_999, 1_788_249_600_000_001_999, 1_788_249_600_999_999_999])
def test_times_are_those_of_the_library(utc_ns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "time_ns", lambda: utc_ns)
    whole = dt.datetime.fromtimestamp(utc_ns // clock.NS_PER_S, dt.UTC)
    at = whole.replace(microsecond=utc_ns % clock.NS_PER_S // 1000)
    assert clock.utc_now() == at.isoformat(timespec="microseconds")
