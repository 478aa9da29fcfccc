"""When the loop stays awake for an engine, and that what it rehearses has no effect."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_runtime.station import attention
from edge_runtime.station.attention import AWAKE_NS, Attention
from edge_runtime.station.clock import NS_PER_MS
from edge_runtime.station.jobs import Job, Jobs
from edge_runtime.station.judging import Answer, Ready
from edge_runtime.station.records import VerdictRecord
from factory_assets.benchmarks.tiny_station import DEFECTIVE, SOUND, TinyStation
from tests.edge_runtime.station.station_site import trigger

READY = Ready(3, "inspection-plate", "0" * 16, "plate", "openvino fp32", 0.5)
GOOD = Answer("ok", 0.2, 0.5, None, (), None, None)
SENT_NS = 1_000 * NS_PER_MS
CORES = {"one": [{0}, {0}], "two": [{0}, {1}]}


@pytest.fixture(params=["two"])
def awake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Attention:
    """On so many cores, with an engine that takes 2 ms."""
    cores = iter(CORES[request.param])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: next(cores), raising=False)
    found = Attention()
    found.see_cores(123)
    found.answered(a_job(), GOOD, READY, SENT_NS + 2 * NS_PER_MS)
    return found


def a_job(sequence: int = 1) -> Job:
    job = Jobs(100).new(trigger("a"), None, SENT_NS)
    job.sequence, job.sent_ns = sequence, SENT_NS
    return job


def test_it_stays_awake_for_a_part_until_that_is_answered(awake: Attention) -> None:
    assert awake.awake_until_ns() == 0
    job = a_job()
    awake.given(job)
    assert awake.awake_until_ns() == SENT_NS + AWAKE_NS
    job.is_done = True
    assert awake.awake_until_ns() == 0


@pytest.mark.parametrize("awake", ["one"], indirect=True)
def test_on_one_core_it_leaves_that_to_the_engine(awake: Attention) -> None:
    awake.given(a_job())
    assert awake.awake_until_ns() == 0
    assert awake.to_rehearse(SENT_NS) is None


def test_it_does_not_stay_awake_for_what_takes_long(awake: Attention) -> None:
    awake.answered(a_job(), GOOD, READY, SENT_NS + AWAKE_NS + 1)
    awake.given(a_job())
    assert awake.awake_until_ns() == 0


def test_a_worker_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(pid: int) -> set[int]:
        if pid:
            raise ProcessLookupError
        return {0, 1}

    monkeypatch.setattr(os, "sched_getaffinity", gone, raising=False)
    found = Attention()
    for pid in (None, 123):
        found.see_cores(pid)
        assert found.awake_until_ns() == 0


def test_a_part_is_rehearsed_once_and_in_time(awake: Attention) -> None:
    job = a_job()
    awake.given(job)
    assert awake.to_rehearse(SENT_NS + NS_PER_MS) is job
    assert awake.to_rehearse(SENT_NS + NS_PER_MS) is None
    awake.given(a_job())
    # The answer is about to come.
    assert awake.to_rehearse(SENT_NS + 2 * NS_PER_MS) is None
    awake.given(a_job(sequence=0))
    assert awake.to_rehearse(SENT_NS) is None


def test_rehearsed_verdicts_are_those_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "REHEARSAL_NS", -AWAKE_NS)
    monkeypatch.setattr(Attention, "see_cores", lambda self, _: setattr(self, "_has_cores", True))
    line = TinyStation(tmp_path)
    spool, rehearsed = line.station.parts.spool, list[VerdictRecord]()
    rehearse = spool.rehearse

    def noted(record: VerdictRecord) -> None:
        rehearsed.append(record)
        rehearse(record)

    monkeypatch.setattr(spool, "rehearse", noted)
    try:
        line.start()
        for part, frame in enumerate([SOUND, DEFECTIVE] * 20):
            record = line.inspect(frame, f"part-{part}")
            assert record.verdict == ("nok" if frame is DEFECTIVE else "ok")
            assert (record.sequence, record.failure) == (part + 1, None)
        assert spool.recent(40)[0] == record
    finally:
        line.close()
    assert rehearsed
    assert len({record.sequence for record in rehearsed}) == len(rehearsed)
