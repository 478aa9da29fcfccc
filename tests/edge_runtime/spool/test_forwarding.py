"""Into the exchange: in order, each verdict exactly once, whenever the exchange is there, killed at any point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.spool import Limits, forwarding
from edge_runtime.spool.segments import segment_name
from tests.edge_runtime.spool.spools import STATION, Station, a_trigger, a_verdict, an_image, run_parts

REJECTED: dict[str, Any] = {"verdict": "nok", "score": 0.9}


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def station(tmp_path: Path) -> Station:
    station = Station(tmp_path)
    station.connect()
    return station


def reject_parts(spool: Any, count: int) -> None:
    for place in range(count):
        trigger = a_trigger(f"t{place}")
        spool.conclude(a_verdict(spool.accept(trigger), trigger, **REJECTED), an_image(place, side_px=8))


def test_segments_are_consecutive_and_of_a_batch(station: Station) -> None:
    spool = station.open()
    run_parts(spool, 12)
    spool.forward()
    assert [path.name for path in sorted((station.results / STATION).iterdir())] == [
        segment_name(1, 5),
        segment_name(6, 10),
    ]
    spool.work()
    assert [row["sequence"] for row in station.handed_on()] == list(range(1, 13))
    assert spool.figures()["waiting"] == 0


def test_an_open_number_holds_back_what_comes_after_it(station: Station) -> None:
    spool = station.open()
    run_parts(spool, 2)
    trigger = a_trigger("slow")
    spool.accept(trigger)
    run_parts(spool, 4, prefix="later ")
    spool.work()
    assert [row["sequence"] for row in station.handed_on()] == [1, 2]
    spool.conclude(a_verdict(3, trigger))
    spool.work()
    assert [row["sequence"] for row in station.handed_on()] == list(range(1, 8))


def test_a_part_of_a_batch_goes_once_the_oldest_has_waited(station: Station) -> None:
    spool = station.open(batch_s=60.0)
    step = spool._forwarder.step
    assert not step(0.0)
    run_parts(spool, 2)
    assert not step(30.0)
    assert step(60.0)
    assert [row["sequence"] for row in station.handed_on()] == [1, 2]


def test_the_exchange_comes_and_goes(station: Station) -> None:
    station.results.rmdir()
    spool = station.open()
    run_parts(spool, 7)
    spool.work()
    assert "not there" in str(spool.problem())
    assert not station.results.exists()
    station.connect()
    spool.work()
    assert spool.problem() is None
    assert len(station.handed_on()) == 7


def test_a_failing_exchange_is_asked_again_after_growing_pauses(station: Station) -> None:
    station.results.rmdir()
    spool = station.open(batch_s=0.001)
    run_parts(spool, 1)
    asked = []
    require = type(spool._forwarder)._require
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(spool._forwarder), "_require", lambda self, results: (asked.append(now), require(self, results))
        )
        for now in range(400):
            spool._forwarder.step(float(now))
    assert asked[:7] == [0, 1, 3, 7, 15, 31, 63]
    assert asked[7:] == [123, 183, 243, 303, 363]


def test_a_full_exchange_keeps_everything_here(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = station.open()
    reject_parts(spool, 6)

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(forwarding, "write_atomic", full)
        spool.work()
    assert "No space" in str(spool.problem())
    assert spool.figures()["waiting"] == spool.figures()["stored_images"] == 6
    spool.work()
    assert len(station.handed_on()) == len(station.images()) == 6
    assert spool.figures()["stored_images"] == 0


def test_a_dropped_image_is_not_named(station: Station) -> None:
    spool = station.open(Limits(ballast_bytes=0))
    reject_parts(spool, 4)
    while spool._images.write_one():
        pass
    victim = next((station.folder / "images").rglob("*2-nok.png"))
    victim.unlink()
    half = next((station.folder / "images").rglob("*3-nok.png"))
    half.write_bytes(half.read_bytes()[:40])
    spool.work()
    assert [row["image"] is not None for row in station.handed_on()] == [True, False, False, True]
    assert set(station.images()) == {row["image"] for row in station.handed_on() if row["image"]}


POINTS = ("ledger.cut", "ledger.replace", "ledger.sync", "write", "after write", "ledger.hand_on", "images.forget")


def _die_at(point: str, call: int, spool: Any, patch: pytest.MonkeyPatch) -> None:
    """Kill the process at the so-many-th call of something."""
    calls = iter(range(1, 1000))

    def dying(function: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            is_it = next(calls) == call
            if is_it and not after:
                raise Killed
            result = function(*arguments)
            if is_it:
                raise Killed
            return result

        return called

    if "write" in point:
        patch.setattr(forwarding, "write_atomic", dying(forwarding.write_atomic, after=point.startswith("after")))
        return
    owner, name = point.split(".")
    held = spool._ledger if owner == "ledger" else spool._images
    patch.setattr(held, name, dying(getattr(held, name)))


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("call", [1, 2, 4])
def test_killed_at_any_point_the_same_files_come_to_be(station: Station, tmp_path: Path, point: str, call: int) -> None:
    contents = []
    for is_killed in (False, True):
        station = Station(tmp_path / str(is_killed))
        station.connect()
        spool = station.open()
        reject_parts(spool, 8)
        while spool._images.write_one():
            pass
        next((station.folder / "images").rglob("*2-nok.png")).unlink()
        if is_killed:
            with pytest.MonkeyPatch.context() as patch:
                _die_at(point, call, spool, patch)
                try:
                    spool.work()
                    assert call > 1
                except Killed:
                    patch.undo()
                    station.kill(spool)
                    spool = station.open()
        spool.work()
        assert spool.problem() is None
        assert spool.figures()["waiting"] == spool.figures()["stored_images"] == 0
        place = station.results / STATION
        contents.append({p.relative_to(place): p.read_bytes() for p in place.rglob("*") if p.is_file()})
        spool.close()
    assert contents[0] == contents[1]


def test_half_written_files_in_the_exchange_are_cleared_away(station: Station) -> None:
    folder = station.results / STATION
    (folder / "images" / "00000000").mkdir(parents=True)
    left = [folder / ".x.jsonl.ab", folder / "images" / "00000000" / ".y.png.cd"]
    for path in left:
        path.write_bytes(b"half")
    spool = station.open()
    run_parts(spool, 1)
    spool.work()
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize("theirs", [(1, 5), (1, 3), (4, 9)])
def test_verdicts_of_another_under_the_same_numbers_are_told_and_left_alone(
    station: Station, theirs: tuple[int, int]
) -> None:
    spool = station.open()
    path = station.results / STATION / segment_name(*theirs)
    path.parent.mkdir()
    path.write_bytes(b"theirs")
    run_parts(spool, 5)
    spool.work()
    assert "another station is called" in str(spool.problem())
    assert path.read_bytes() == b"theirs"
    assert len(list(path.parent.iterdir())) == 1
    assert spool.figures()["waiting"] == 5


def test_a_station_that_lost_its_spool_goes_on_where_it_was(station: Station) -> None:
    spool = station.open()
    run_parts(spool, 5)
    spool.work()
    spool.close()
    station.folder.rename(station.folder.with_name("lost"))
    spool = station.open()
    assert run_parts(spool, 1, prefix="new ")[0].sequence == 6
    spool.work()
    assert [row["sequence"] for row in station.handed_on()] == [1, 2, 3, 4, 5, 6]
