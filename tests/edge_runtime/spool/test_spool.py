"""One number and one verdict for every trigger, whatever happens to the process and to the disk."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from edge_runtime.errors import InputError, StateError
from edge_runtime.spool import Limits, Spool, SpoolFull
from edge_runtime.station.records import VerdictRecord
from tests.edge_runtime.spool.spools import STATION, Station, a_trigger, a_verdict, an_image, run_parts


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path)


def test_numbers_have_no_gap_over_the_whole_life(station: Station) -> None:
    numbers = []
    for life in range(3):
        spool = station.open()
        numbers += [record.sequence for record in run_parts(spool, 4, prefix=f"life {life} ")]
        station.kill(spool)
    assert numbers == list(range(1, 13))


def test_a_trigger_that_comes_again_is_told_what_it_was_told(station: Station) -> None:
    spool = station.open()
    trigger = a_trigger("t1")
    assert spool.accept(trigger) == 1
    assert spool.accept(trigger) == 1
    given = spool.conclude(a_verdict(1, trigger, verdict="nok", score=0.8))
    assert spool.accept(trigger) == given
    station.kill(spool)
    again = station.open()
    assert again.accept(trigger) == given
    assert again.accept(a_trigger("t2")) == 2


def test_the_first_verdict_counts(station: Station) -> None:
    spool = station.open()
    trigger = a_trigger("t1")
    spool.accept(trigger)
    first = spool.conclude(a_verdict(1, trigger, verdict="nok", score=None, failure="deadline"), an_image())
    late = spool.conclude(a_verdict(1, trigger), an_image(1))
    assert late == first
    assert spool.recent(5) == [first]


def test_a_number_that_nobody_was_given_cannot_be_concluded(station: Station) -> None:
    with pytest.raises(LookupError):
        station.open().conclude(a_verdict(3, a_trigger("t")))


def test_a_killed_station_knows_what_it_was_at(station: Station) -> None:
    spool = station.open()
    run_parts(spool, 2)
    open_ones = [a_trigger("x"), a_trigger("y")]
    numbers = [spool.accept(trigger) for trigger in open_ones]
    station.kill(spool)
    again = station.open()
    assert again.unconcluded() == list(zip(numbers, open_ones, strict=True))
    assert [record.sequence for record in again.recent(10)] == [2, 1]
    again.conclude(a_verdict(3, open_ones[0], verdict="nok", failure="interrupted"))
    assert [number for number, _ in again.unconcluded()] == [4]


def test_the_newest_come_first(station: Station) -> None:
    spool = station.open(Limits(recent=3, ballast_bytes=0))
    run_parts(spool, 5)
    assert [record.sequence for record in spool.recent(2)] == [5, 4]
    assert [record.sequence for record in spool.recent(50)] == [5, 4, 3]


def test_a_verdict_names_an_image_only_if_one_was_taken(station: Station) -> None:
    spool = station.open(Limits(queued_images=1, ballast_bytes=0))
    triggers = [a_trigger(f"t{place}") for place in range(3)]
    for trigger in triggers:
        spool.accept(trigger)
    rejected = {"verdict": "nok", "score": 0.9}
    taken = spool.conclude(a_verdict(1, triggers[0], **rejected), an_image())
    crowded = spool.conclude(a_verdict(2, triggers[1], **rejected), an_image())
    without = spool.conclude(a_verdict(3, triggers[2], image="elsewhere.png", **rejected))
    assert (taken.image, crowded.image, without.image) == (spool.image_name(taken), None, None)
    assert spool.figures()["dropped_images"] == 1


def test_a_second_owner_is_refused(station: Station) -> None:
    spool = station.open()
    with pytest.raises(InputError, match="another station"):
        station.open()
    spool.close()
    station.open().close()


def test_a_damaged_or_newer_file_is_told(station: Station) -> None:
    station.open().close()
    path = station.folder / "verdicts.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(StateError, match="schema version 9"):
        station.open()
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StateError, match="damaged"):
        station.open()


def _pages(spool: Spool, more: int) -> None:
    """Let the disk have room for so many pages more."""
    writer = spool._ledger._writer
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages + more}")


def test_a_full_disk_takes_the_reserve_and_then_refuses(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = station.open()
    ballast = station.folder / "ballast"
    assert ballast.stat().st_size == 4096
    run_parts(spool, 3, prefix="before ")
    _pages(spool, 0)
    give_up = type(spool._reserve).give_up

    def given_up(reserve: object) -> bool:
        is_given = give_up(reserve)  # type: ignore[arg-type]
        if is_given:
            _pages(spool, 8)
        return is_given

    monkeypatch.setattr(type(spool._reserve), "give_up", given_up)
    with pytest.raises(SpoolFull, match="room"):
        run_parts(spool, 100, prefix="full ")
    assert not ballast.exists()
    monkeypatch.undo()
    assert "reserve" in str(spool.problem())
    last = spool._ledger.newest
    assert last > 3
    _pages(spool, 1000)
    for number, trigger in spool.unconcluded():
        spool.conclude(a_verdict(number, trigger, verdict="nok", failure="spool"))
    assert [record.sequence for record in run_parts(spool, 2, prefix="after ")] == [last + 1, last + 2]
    spool.work()
    assert ballast.stat().st_size == 4096
    assert spool.unconcluded() == []


def test_an_exchange_that_is_away_for_ever_fills_the_spool_and_no_further(station: Station) -> None:
    spool = station.open(Limits(waiting=6, ballast_bytes=0))
    run_parts(spool, 6)
    spool.work()
    with pytest.raises(SpoolFull, match="exchange is not there"):
        spool.accept(a_trigger("one more"))
    station.connect()
    spool.work()
    assert spool.accept(a_trigger("one more")) == 7


def test_handed_on_verdicts_are_forgotten_but_for_repeats(station: Station) -> None:
    station.connect()
    spool = station.open(Limits(repeats=4, ballast_bytes=0))
    run_parts(spool, 120)
    spool.work()
    assert isinstance(spool.accept(a_trigger("t119")), VerdictRecord)
    assert isinstance(spool.accept(a_trigger("t116")), VerdictRecord)
    assert spool.accept(a_trigger("t115")) == 121
    with sqlite3.connect(station.folder / "verdicts.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM verdict").fetchone() == (5,)


def test_without_an_exchange_the_oldest_go(station: Station) -> None:
    spool = station.open(Limits(repeats=4, waiting=10, ballast_bytes=0), results=None)
    run_parts(spool, 30)
    spool._tidy()
    assert spool.figures()["waiting"] == 10
    assert spool.accept(a_trigger("t30")) == 31


def test_the_thread_hands_on_by_itself(station: Station) -> None:
    station.connect()
    spool = station.open(batch_s=0.01)
    spool.start()
    trigger = a_trigger("t")
    spool.accept(trigger)
    given = spool.conclude(a_verdict(1, trigger, verdict="nok", score=0.9), an_image())
    spool.close()
    assert spool.problem() is None
    assert [row["image"] for row in station.handed_on()] == [given.image]
    assert set(station.images()) == {given.image}
    assert (station.results / STATION / "images" / str(given.image)).is_file()


def test_an_exchange_that_hangs_holds_up_nothing_here(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_runtime.spool import forwarding

    hangs, goes_on = threading.Event(), threading.Event()

    def hanging(path: Path, data: bytes) -> None:
        hangs.set()
        goes_on.wait(30)
        raise OSError(110, "Connection timed out")

    monkeypatch.setattr(forwarding, "write_atomic", hanging)
    station.connect()
    spool = station.open(batch=1)
    spool.start()
    run_parts(spool, 1)
    assert hangs.wait(30)
    trigger = a_trigger("meanwhile")
    spool.accept(trigger)
    spool.conclude(a_verdict(2, trigger, verdict="nok", score=0.9), an_image())
    until = time.monotonic() + 30
    while not spool.figures()["stored_images"] and time.monotonic() < until:
        time.sleep(0.01)
    assert spool.figures()["stored_images"] == 1
    goes_on.set()
    spool.close()


def test_a_rehearsal_leaves_nothing(station: Station) -> None:
    spool = station.open()
    first, second = a_trigger("t1"), a_trigger("t2")
    for sequence, trigger in enumerate([first, second], start=1):
        assert spool.accept(trigger) == sequence
    log = station.folder / "verdicts.sqlite-wal"
    before = log.read_bytes()
    spool.rehearse(a_verdict(1, first, verdict="nok", score=0.9))
    spool.rehearse(a_verdict(7, second))
    assert log.read_bytes() == before
    given = spool.conclude(a_verdict(1, first))
    spool.rehearse(a_verdict(1, first, verdict="nok", score=0.9))
    station.kill(spool)
    again = station.open()
    assert again.accept(first) == given
    assert again.unconcluded() == [(2, second)]


def test_a_verdict_of_any_length_fits_into_the_room_of_its_trigger(station: Station) -> None:
    spool = station.open()
    given = {}
    for part, length in enumerate([1, 3000, 1, 700, 20_000, 5]):
        trigger = a_trigger(f"t{part}")
        spool.accept(trigger)
        assert spool.unconcluded() == [(part + 1, trigger)]
        given[trigger] = spool.conclude(a_verdict(part + 1, trigger, detail="x" * length))
    station.kill(spool)
    again = station.open()
    assert {trigger: again.accept(trigger) for trigger in given} == given
