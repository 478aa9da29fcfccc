from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.errors import SpoolFull
from edge_runtime.station.accounts import Accounts
from edge_runtime.station.jobs import Job, Jobs
from edge_runtime.station.judging import Answer, Ready
from edge_runtime.station.records import Trigger, VerdictRecord
from factory_assets.benchmarks.tiny_station import SOUND
from tests.edge_runtime.station.station_site import trigger

READY = Ready(3, "inspection-plate", "0" * 16, "plate", "openvino fp32", 0.5)
GOOD = Answer("ok", 0.2, 0.5, None, (), None, None, fit_ns=1000, engine_ns=2000)


class FakeSpool:
    """Keeps all in memory, and can be full."""

    def __init__(self) -> None:
        self.is_full_for: set[str] = set()
        self.triggers: dict[str, int] = {}
        self.records: dict[int, VerdictRecord] = {}
        self.rehearsed: list[VerdictRecord] = []

    def _refuse(self, what: str) -> None:
        if what in self.is_full_for:
            raise SpoolFull("no space", "make some")

    def accept(self, trigger: Trigger) -> int | VerdictRecord:
        self._refuse("accept")
        number = self.triggers.setdefault(trigger.trigger_id, len(self.triggers) + 1)
        return self.records.get(number, number)

    def conclude(self, record: VerdictRecord, image: np.ndarray | None = None) -> VerdictRecord:
        self._refuse("conclude")
        assert record.sequence not in self.records
        self.records[record.sequence] = replace(record, image=None if image is None else "image.png")
        return self.records[record.sequence]

    def rehearse(self, record: VerdictRecord) -> None:
        self.rehearsed.append(record)

    def unconcluded(self) -> list[tuple[int, Trigger]]:
        return [(number, trigger(name)) for name, number in self.triggers.items() if number not in self.records]

    def keeps_image(self, record: VerdictRecord) -> bool:
        return record.verdict == "nok"

    def recent(self, count: int) -> list[VerdictRecord]:
        return []

    def figures(self) -> dict[str, int]:
        return {}

    def problem(self) -> str | None:
        return "full" if self.is_full_for else None

    def start(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def spool() -> FakeSpool:
    return FakeSpool()


@pytest.fixture
def accounts(spool: FakeSpool) -> Accounts:
    return Accounts(spool, "press-3", "plate")


def job(name: str, told: list[VerdictRecord] | None = None) -> Job:
    return Jobs(100).new(trigger(name), None if told is None else told.append, 0)


def test_a_verdict_is_durable_before_it_is_told(accounts: Accounts, spool: FakeSpool) -> None:
    told: list[VerdictRecord] = []
    asked = job("a")
    asked.replies.append(lambda record: told.append(spool.records[record.sequence]))
    assert accounts.accept(asked) is None
    record = accounts.judged(asked, GOOD, READY)
    assert told == [record]
    assert (record.verdict, record.release, record.engine, record.score) == ("ok", 3, "openvino fp32", 0.2)
    assert accounts.counts == {"triggers": 1, "ok": 1, "nok": 0, "classified": 0}
    assert sum(accounts.latencies.histograms()["engine"].counts) == 1


def test_what_the_last_run_left_open_is_rejected_as_interrupted(accounts: Accounts, spool: FakeSpool) -> None:
    for name in "ab":
        spool.accept(trigger(name))
    assert accounts.conclude_interrupted() == 2
    assert {(r.verdict, r.failure) for r in spool.records.values()} == {("nok", "interrupted")}
    again = job("a")
    known = accounts.accept(again)
    assert known is not None
    assert known.failure == "interrupted"


def test_on_a_full_disk_they_are_kept_once_there_is_space(accounts: Accounts, spool: FakeSpool) -> None:
    spool.accept(trigger("a"))
    spool.is_full_for = {"conclude"}
    accounts.conclude_interrupted()
    assert accounts.fault is not None
    known = accounts.accept(job("a"))
    assert known is not None
    assert known.failure == "interrupted"
    spool.is_full_for = set()
    accounts.recover()
    assert spool.records == {1: known}


def test_who_does_not_wait_any_longer_stops_nobody(accounts: Accounts) -> None:
    told: list[VerdictRecord] = []
    asked = job("a", told)

    def is_gone(record: VerdictRecord) -> None:
        raise BrokenPipeError

    asked.replies.insert(0, is_gone)
    accounts.accept(asked)
    accounts.judged(asked, GOOD, READY)
    assert len(told) == 1


def test_rejected_images_are_kept(accounts: Accounts) -> None:
    accounts.pixels = lambda _: SOUND
    asked = job("a")
    accounts.accept(asked)
    assert accounts.judged(asked, GOOD._replace(verdict="nok", score=0.9), READY).image == "image.png"


def test_a_full_disk_rejects_parts_that_it_cannot_take(accounts: Accounts, spool: FakeSpool) -> None:
    spool.is_full_for = {"accept", "conclude"}
    told: list[VerdictRecord] = []
    asked = job("a", told)
    assert accounts.accept(asked) is None
    assert asked.sequence == 0
    accounts.reject(asked, "spool", "")
    assert (told[0].verdict, told[0].failure, told[0].sequence) == ("nok", "spool", 0)
    assert accounts.fault is not None
    spool.is_full_for = set()
    accounts.recover()
    assert accounts.fault is None
    asked = job("b")
    accounts.accept(asked)
    assert accounts.judged(asked, GOOD, READY).verdict == "ok"


def test_what_was_told_on_a_full_disk_is_kept_once_there_is_space(accounts: Accounts, spool: FakeSpool) -> None:
    told: list[VerdictRecord] = []
    asked = job("a", told)
    accounts.accept(asked)
    spool.is_full_for = {"conclude"}
    accounts.judged(asked, GOOD, READY)
    assert (told[0].verdict, told[0].failure) == ("nok", "spool")
    # The same trigger again gets the same answer.
    assert accounts.accept(job("a")) == told[0]
    accounts.recover()
    assert accounts.fault is not None
    spool.is_full_for = set()
    accounts.recover()
    assert spool.records == {1: told[0]}
    assert accounts.fault is None


def test_a_rehearsal_gives_no_verdict(accounts: Accounts, spool: FakeSpool) -> None:
    told: list[VerdictRecord] = []
    one = job("a", told)
    accounts.accept(one)
    accounts.rehearse(one, GOOD, READY)
    assert (spool.rehearsed[0].sequence, spool.rehearsed[0].verdict) == (1, "ok")
    assert not told
    assert not one.is_done
    assert accounts.given == accounts.counts["ok"] == 0
    assert accounts.judged(one, GOOD._replace(verdict="nok", score=0.9), READY).verdict == "nok"
    assert [record.verdict for record in told] == ["nok"]
