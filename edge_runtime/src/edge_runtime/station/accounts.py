"""Giving verdicts: each is made durable first, then told; and all are counted."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from time import monotonic_ns
from typing import TYPE_CHECKING, Protocol

from edge_runtime.errors import SpoolFull
from edge_runtime.station.clock import NS_PER_MS, utc_now
from edge_runtime.station.latency import Latencies
from edge_runtime.station.records import Failure, Stage, Trigger, VerdictRecord

if TYPE_CHECKING:
    import numpy as np

    from edge_runtime.station.jobs import Job
    from edge_runtime.station.judging import Answer, Ready

RECENT = 50
HELD_BACK = 10_000
DISK_ERRORS = (OSError, sqlite3.Error, SpoolFull)


class Store(Protocol):
    """What is needed of the spool."""

    def accept(self, trigger: Trigger) -> int | VerdictRecord: ...  # noqa: D102
    def conclude(self, record: VerdictRecord, image: np.ndarray | None = None) -> VerdictRecord: ...  # noqa: D102
    def rehearse(self, record: VerdictRecord) -> None: ...  # noqa: D102
    def unconcluded(self) -> list[tuple[int, Trigger]]: ...  # noqa: D102
    def keeps_image(self, record: VerdictRecord) -> bool: ...  # noqa: D102
    def recent(self, count: int) -> list[VerdictRecord]: ...  # noqa: D102
    def figures(self) -> dict[str, int]: ...  # noqa: D102
    def problem(self) -> str | None: ...  # noqa: D102
    def start(self) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Accounts:
    """The verdicts of this station.

    Args:
        spool: Keeps them.
        station: Its name.
        product: What is inspected, while no release says it.
    """

    def __init__(self, spool: Store, station: str, product: str) -> None:
        self.counts: Counter[str] = Counter({"triggers": 0, "ok": 0, "nok": 0, "classified": 0})
        self.failures: Counter[str] = Counter()
        self.latencies = Latencies()
        self.given = 0
        self.late_answers = 0
        self.product = product
        self.fault: str | None = None
        # Gives a copy of a job's frame, if it is still whole.
        self.pixels: Callable[[Job], np.ndarray | None] = lambda _: None
        self.recent: deque[VerdictRecord] = deque(spool.recent(RECENT), maxlen=RECENT)
        self._spool, self._station = spool, station
        self._held_back: deque[VerdictRecord] = deque(maxlen=HELD_BACK)

    def conclude_interrupted(self) -> int:
        """The triggers that the last run accepted and did not answer are rejected now.

        Returns:
            How many there were.
        """
        left = self._spool.unconcluded()
        for sequence, trigger in left:
            record = self._failed(sequence, trigger, "interrupted", "the service ended before the verdict was given")
            self.counts["triggers"] += 1
            self._count(record)
            self._held_back.append(record)
        self.recover()
        return len(left)

    def accept(self, job: Job) -> VerdictRecord | None:
        """Make a trigger durable; the verdict that was given for it before, if one was.

        Where the disk is full the job's sequence number stays 0.
        """
        self.counts["triggers"] += 1
        try:
            accepted = self._spool.accept(job.trigger)
        except DISK_ERRORS as error:
            self.fault = str(error)
            return None
        if not self._held_back:
            self.fault = None
        if isinstance(accepted, VerdictRecord):
            return accepted
        job.sequence = accepted
        return next((record for record in self._held_back if record.sequence == accepted), None)

    def judged(self, job: Job, answer: Answer, ready: Ready) -> VerdictRecord:
        """Give the verdict of an engine."""
        return self._give(job, self._judgement(job, answer, ready))

    def rehearse(self, job: Job, answer: Answer, ready: Ready) -> None:
        """Do what `judged` is about to do, without any effect: what was just done is done again in half the time."""
        self._spool.rehearse(self._judgement(job, answer, ready))

    def _judgement(self, job: Job, answer: Answer, ready: Ready) -> VerdictRecord:
        now_ns = monotonic_ns()
        frame_ns, total_ns = max(0, job.sent_ns - job.start_ns), now_ns - job.start_ns
        verdict_ns = max(0, total_ns - frame_ns - answer.fit_ns - answer.engine_ns)
        stages: dict[Stage, float] = {
            "frame": frame_ns / NS_PER_MS,
            "fit": answer.fit_ns / NS_PER_MS,
            "engine": answer.engine_ns / NS_PER_MS,
            "verdict": verdict_ns / NS_PER_MS,
            "total": total_ns / NS_PER_MS,
        }
        return VerdictRecord(
            station=self._station,
            sequence=job.sequence,
            trigger=job.trigger,
            product=ready.product,
            verdict=answer.verdict,
            concluded_utc=utc_now(),
            release=ready.release,
            bundle_version=ready.version,
            engine=ready.engine,
            score=answer.score,
            threshold=answer.threshold,
            label=answer.label,
            blobs=answer.blobs,
            failure=answer.failure,
            detail=answer.detail,
            stages_ms=stages,
        )

    def reject(self, job: Job, failure: Failure, detail: str) -> VerdictRecord:
        """Give the fail-safe verdict."""
        record = self._failed(job.sequence, job.trigger, failure, detail)
        total_ms = round((monotonic_ns() - job.start_ns) / NS_PER_MS, 4)
        return self._give(job, replace(record, stages_ms={"total": total_ms}))

    def repeat(self, job: Job, record: VerdictRecord) -> None:
        """Tell a verdict that was given before."""
        self.counts["triggers"] -= 1
        job.is_done = True
        _tell(job, record)

    def recover(self) -> None:
        """Keep what could not be kept while the disk was full."""
        try:
            while self._held_back:
                self._spool.conclude(self._held_back[0])
                self._held_back.popleft()
        except DISK_ERRORS as error:
            self.fault = str(error)
            return
        if self.fault is not None and self._spool.problem() is None:
            self.fault = None

    def _failed(self, sequence: int, trigger: Trigger, failure: Failure, detail: str) -> VerdictRecord:
        return VerdictRecord(
            station=self._station,
            sequence=sequence,
            trigger=trigger,
            product=self.product,
            verdict="nok",
            concluded_utc=utc_now(),
            failure=failure,
            detail=detail,
        )

    def _give(self, job: Job, record: VerdictRecord) -> VerdictRecord:
        """Durable first, then told."""
        job.is_done = True
        record = self._kept(job, record) if record.sequence else self._unkept(record)
        _tell(job, record)
        self.given += 1
        self._count(record)
        if record.failure is None:
            self.latencies.add(record.stages_ms)
        return record

    def _kept(self, job: Job, record: VerdictRecord) -> VerdictRecord:
        try:
            image = self.pixels(job) if self._spool.keeps_image(record) else None
            record = self._spool.conclude(record, image)
        except DISK_ERRORS as error:
            self.fault = str(error)
            record = self._unkept(record)
            self._held_back.append(record)
        return record

    def _unkept(self, record: VerdictRecord) -> VerdictRecord:
        """A verdict that cannot be kept is given as if nothing was judged."""
        detail = f"the verdict cannot be kept: {self.fault}"
        return replace(
            record, verdict="nok", failure="spool", detail=detail, score=None, label=None, blobs=(), image=None
        )

    def _count(self, record: VerdictRecord) -> None:
        self.counts[record.verdict] += 1
        if record.failure is not None:
            self.failures[record.failure] += 1
        self.recent.appendleft(record)


def _tell(job: Job, record: VerdictRecord) -> None:
    for reply in job.replies:
        # Who does not wait any longer must not stop the line.
        with contextlib.suppress(Exception):
            reply(record)


def figures_of(spool: Store) -> dict[str, int]:
    """The spool's figures; empty while it cannot say."""
    with contextlib.suppress(*DISK_ERRORS):
        return dict(spool.figures())
    return {}
