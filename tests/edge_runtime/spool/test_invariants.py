"""Any order of parts, kills, absent exchanges and clock steps: nothing is lost, nothing is there twice."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_runtime.spool import Spool
from edge_runtime.spool.segments import encode_record
from edge_runtime.station.records import Trigger, VerdictRecord
from tests.edge_runtime.spool.spools import Station, a_verdict, an_image


class Life(RuleBasedStateMachine):
    """What was told to the line is the truth; the spool and the exchange must agree with it."""

    spool: Spool

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.station = Station(self.root, batch=3)
        self.spool = self.station.open()
        self.numbers: dict[str, int] = {}
        self.given: dict[int, VerdictRecord] = {}
        self.open: dict[int, Trigger] = {}

    @rule(trigger_id=st.integers(0, 40), hour=st.integers(0, 23))
    def accept(self, trigger_id: int, hour: int) -> None:
        trigger = Trigger(str(trigger_id), f"part {trigger_id % 7}", "plc", f"2026-09-01T{hour:02d}:00:00.000000+00:00")
        answer = self.spool.accept(trigger)
        known = self.numbers.get(trigger.trigger_id)
        if known is None:
            assert answer == len(self.numbers) + 1
            self.numbers[trigger.trigger_id] = answer
            self.open[answer] = trigger
        elif known in self.open:
            assert answer == known
        else:
            assert answer == self.given[known]

    @precondition(lambda self: self.open)
    @rule(data=st.data(), verdict=st.sampled_from(["ok", "nok"]), with_image=st.booleans())
    def conclude(self, data: st.DataObject, verdict: Any, with_image: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.open)))
        record = a_verdict(number, self.open.pop(number), verdict=verdict, score=0.9)
        self.given[number] = self.spool.conclude(record, an_image(number, side_px=4) if with_image else None)

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def conclude_again(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.given)))
        standing = self.given[number]
        late = a_verdict(number, standing.trigger, verdict="nok", score=None, failure="deadline")
        assert self.spool.conclude(late, an_image(99, side_px=4)).verdict == standing.verdict

    @rule()
    def kill(self) -> None:
        self.station.kill(self.spool)
        self.spool = self.station.open()
        assert dict(self.spool.unconcluded()) == self.open

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = self.station.open()

    @rule(everything=st.booleans())
    def work(self, everything: bool) -> None:
        self.spool.keep(everything=everything)
        self.spool.forward(everything=everything)

    @rule()
    def exchange_comes(self) -> None:
        away = self.root / "away"
        if away.exists():
            away.rename(self.station.results)
        else:
            self.station.connect()

    @rule()
    def exchange_goes(self) -> None:
        if self.station.results.exists() and not (self.root / "away").exists():
            self.station.results.rename(self.root / "away")

    @invariant()
    def nothing_is_lost_or_there_twice(self) -> None:
        if not hasattr(self, "station") or not self.station.results.exists():
            return
        rows = self.station.handed_on()
        assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
        images = self.station.images()
        for row in rows:
            given = self.given[row["sequence"]].as_json()
            assert {**row, "image": None, "blobs": ()} == {**given, "image": None, "blobs": ()}
            assert row["image"] in (None, given["image"])
            assert row["image"] is None or row["image"] in images

    def teardown(self) -> None:
        if not hasattr(self, "station"):
            return
        self.exchange_comes()
        self.spool.work()
        assert self.spool.problem() is None
        behind = min(self.open, default=len(self.numbers) + 1)
        assert [row["sequence"] for row in self.station.handed_on()] == list(range(1, behind))
        assert all(encode_record(record) for record in self.spool.recent(5))
        self.spool.close()
        shutil.rmtree(self.root)


Life.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestAnyLife = Life.TestCase
