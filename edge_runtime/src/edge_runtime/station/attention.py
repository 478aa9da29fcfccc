"""Staying awake while an engine works on a part, and being ready for its answer.

A process that sleeps is woken after 0.05 to 0.1 ms, and what it did not do for some milliseconds takes it three times
as long: together more than keeping a verdict takes. So the loop asks for the answer again and again instead, and does
what it will have to do once before, without effect. That is a few milliseconds of one core a part.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from edge_runtime.station.clock import NS_PER_MS

if TYPE_CHECKING:
    from edge_runtime.station.jobs import Job
    from edge_runtime.station.judging import Answer, Ready

# For so long after a part was given to an engine; beside one that takes longer, 0.2 ms are little.
AWAKE_NS = 5 * NS_PER_MS
# An answer is awaited no sooner than this after a rehearsal begins, which takes 0.1 ms.
REHEARSAL_NS = NS_PER_MS // 2


class Attention:
    """When the loop is to stay awake."""

    def __init__(self) -> None:
        self.last: tuple[Answer, Ready] | None = None
        self._has_cores = False
        self._usual_ns = AWAKE_NS + 1
        self._job: Job | None = None
        self._is_rehearsed = False

    def see_cores(self, worker_pid: int | None) -> None:
        """Look whether this process and a worker have more than one core: on a single one they would be rivals."""
        self._has_cores = False
        if worker_pid is not None and hasattr(os, "sched_getaffinity"):
            try:
                self._has_cores = len(os.sched_getaffinity(0) | os.sched_getaffinity(worker_pid)) > 1
            except OSError:  # it is gone
                return

    def given(self, job: Job) -> None:
        """A part went to an engine."""
        self._job, self._is_rehearsed = job, False

    def answered(self, job: Job, answer: Answer, ready: Ready, now_ns: int) -> None:
        """The engine answered."""
        self.last, self._usual_ns = (answer, ready), now_ns - job.sent_ns

    def awake_until_ns(self) -> int:
        """Until when the loop is not to sleep, by the monotonic clock; 0 if it may."""
        job = self._job
        if job is None or job.is_done or not self._has_cores or self._usual_ns > AWAKE_NS:
            return 0
        return job.sent_ns + AWAKE_NS

    def to_rehearse(self, now_ns: int) -> Job | None:
        """The part whose verdict is to be rehearsed now, once; None if there is none, or no time for it."""
        job = self._job
        if job is None or self._is_rehearsed or not job.sequence or now_ns >= self.awake_until_ns():
            return None
        if now_ns + REHEARSAL_NS > job.sent_ns + self._usual_ns:
            return None
        self._is_rehearsed = True
        return job
