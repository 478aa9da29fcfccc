from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edge_runtime.station.parts import Options
from factory_assets.benchmarks.faulty_engines import DIES, GIVES_NAN, HANGS, IS_SLOW, RAISES, faulty, grey
from factory_assets.benchmarks.tiny_station import DEFECTIVE, SOUND
from tests.edge_runtime.station.conftest import make_site
from tests.edge_runtime.station.line import Line
from tests.edge_runtime.station.station_site import trigger

DEADLINE_MS = 400.0


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    site = make_site(tmp_path_factory.mktemp("faults"))
    site.publish()
    site.pull()
    opened = Line(site.station(Options(has_camera=False, open_engine=faulty, ring_slots=16), deadline_ms=DEADLINE_MS))
    yield opened
    opened.station.close()


@pytest.fixture(autouse=True)
def _ready(line: Line) -> None:
    line.until_ready()
    # What ended before is forgotten: the next worker starts at once.
    line.station.crew.judging.restarts.__init__()  # type: ignore[union-attr,misc]


def test_parts_are_judged_and_kept(line: Line) -> None:
    sound, defective = line.inspect(SOUND), line.inspect(DEFECTIVE)
    assert (sound.verdict, defective.verdict) == ("ok", "nok")
    assert sound.failure is None
    assert sound.release == 1
    assert sound.product == "plate"
    assert sound.score == pytest.approx(60 / 255, abs=1e-3)
    assert set(sound.stages_ms) == {"frame", "fit", "engine", "verdict", "total"}
    assert defective.sequence == sound.sequence + 1
    assert line.station.parts.spool.recent(1) == [defective]


def test_a_repeated_trigger_gets_the_verdict_that_was_given(line: Line) -> None:
    first = line.inspect(SOUND, "twice")
    counted = dict(line.station.accounts.counts)
    line.station.submit(trigger("twice"), line.answers.append)
    assert line.answers[-1] == first
    assert dict(line.station.accounts.counts) == counted


def test_a_trigger_that_is_outstanding_is_judged_once_for_all_who_ask(line: Line) -> None:
    line.show(SOUND, "asked twice")
    line.show(DEFECTIVE, "asked twice")
    line.until(lambda: sum(r.trigger.trigger_id == "asked twice" for r in line.answers) == 2)
    first, second = (record for record in line.answers if record.trigger.trigger_id == "asked twice")
    assert first == second
    assert first.verdict == "ok"


def test_several_may_be_outstanding_and_are_judged_in_their_order(line: Line) -> None:
    names = [line.show(SOUND if number % 2 else DEFECTIVE) for number in range(8)]
    found = [line.verdict_of(name) for name in names]
    assert [record.verdict for record in found] == ["nok", "ok"] * 4
    assert [record.sequence for record in found] == list(range(found[0].sequence, found[0].sequence + 8))
    assert all(record.failure is None for record in found)


@pytest.mark.parametrize(("value", "words"), [(GIVES_NAN, "nan"), (RAISES, "out of order")])
def test_an_engine_that_fails_rejects_the_part(line: Line, value: int, words: str) -> None:
    record = line.inspect(grey(value))
    assert (record.verdict, record.failure) == ("nok", "engine")
    assert words in (record.detail or "")
    assert record.score is None
    assert line.inspect(SOUND).verdict == "ok"


def test_a_worker_that_dies_rejects_its_part_and_all_until_it_is_back(line: Line) -> None:
    restarts = line.station.crew.restarted
    record = line.inspect(grey(DIES))
    assert (record.verdict, record.failure) == ("nok", "engine")
    assert "signal 9" in (record.detail or "")
    start = time.monotonic()
    at_once = line.inspect(SOUND)
    assert at_once.failure == "engine"
    assert at_once.stages_ms["total"] < DEADLINE_MS
    assert time.monotonic() - start < DEADLINE_MS / 1000
    line.until_ready()
    assert line.station.crew.restarted == restarts + 1
    assert line.inspect(SOUND).verdict == "ok"


def test_a_worker_that_hangs_is_killed_after_the_verdict_was_given(line: Line) -> None:
    hung = line.station.crew.judging.pid  # type: ignore[union-attr]
    name = line.show(grey(HANGS))
    behind = line.show(SOUND)
    record = line.verdict_of(name)
    assert (record.verdict, record.failure) == ("nok", "deadline")
    assert record.stages_ms["total"] < DEADLINE_MS
    assert line.verdict_of(behind).verdict == "nok"
    line.until(lambda: line.station.crew.judging.pid not in (None, hung), "a new worker")  # type: ignore[union-attr]
    line.until_ready()
    assert line.inspect(SOUND).verdict == "ok"


def test_a_late_answer_is_counted_and_dropped(line: Line) -> None:
    late = line.station.accounts.late_answers
    record = line.inspect(grey(IS_SLOW))
    assert (record.verdict, record.failure) == ("nok", "deadline")
    restarts = line.station.crew.restarted
    line.until(lambda: line.station.accounts.late_answers == late + 1, "a late answer")
    assert line.station.crew.restarted == restarts
    assert line.inspect(SOUND).verdict == "ok"
    assert [r.verdict for r in line.answers if r.sequence == record.sequence] == ["nok"]


def test_an_idle_worker_that_hangs_is_found(line: Line) -> None:
    stopped = line.station.crew.judging.pid  # type: ignore[union-attr]
    assert stopped is not None
    os.kill(stopped, signal.SIGSTOP)
    line.until(lambda: line.station.crew.judging.pid not in (None, stopped), "a new worker")  # type: ignore[union-attr]
    assert "hangs" in [e for e in line.station.log.events if e.kind == "ErrorEvent"][-1].values["text"]


@pytest.mark.parametrize(("value", "words"), [(2, "dark"), (254, "blown")])
def test_a_frame_that_cannot_be_trusted_rejects_the_part(line: Line, value: int, words: str) -> None:
    record = line.inspect(grey(value))
    assert (record.verdict, record.failure) == ("nok", "image")
    assert words in (record.detail or "")
    assert line.inspect(SOUND).verdict == "ok"


def test_a_stale_frame_rejects_the_part(line: Line) -> None:
    frame = line.station.parts.ring.put(SOUND, None, time.monotonic_ns() - 10**10)
    line.station.submit(trigger("stale"), line.answers.append, frame)
    record = line.verdict_of("stale")
    assert record.verdict == "nok"
    assert record.failure in ("image", "deadline")


def test_a_frame_that_was_written_over_rejects_the_part(line: Line) -> None:
    ring = line.station.parts.ring
    frame = ring.put(SOUND, None, time.monotonic_ns())
    for _ in range(ring.slots):
        ring.put(DEFECTIVE, None, time.monotonic_ns())
    line.station.submit(trigger("written over"), line.answers.append, frame)
    record = line.verdict_of("written over")
    assert (record.verdict, record.failure) == ("nok", "camera")


def test_without_a_frame_the_part_is_rejected_in_time(line: Line) -> None:
    line.station.submit(trigger("no frame"), line.answers.append)
    record = line.verdict_of("no frame")
    assert (record.verdict, record.failure) == ("nok", "camera")
    assert record.stages_ms["total"] < DEADLINE_MS


def test_sequences_have_no_gap_and_every_trigger_has_one_verdict(line: Line) -> None:
    rng = np.random.default_rng(0)
    names = [line.show(grey(int(value))) for value in rng.choice([60, 200, GIVES_NAN, RAISES, 2], 40)]
    found = [line.verdict_of(name) for name in names]
    assert sorted(record.sequence for record in found) == list(range(found[0].sequence, found[0].sequence + 40))
    counts = line.station.accounts.counts
    assert counts["triggers"] == counts["ok"] + counts["nok"]
    assert not line.station.parts.spool.unconcluded()
