"""Triggers whose verdict is still to be given, and by when."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_runtime.station.clock import NS_PER_MS
from edge_runtime.station.records import Trigger, VerdictRecord

if TYPE_CHECKING:
    from edge_runtime.camera.ring import FrameRef

Reply = Callable[[VerdictRecord], None]
LARGEST_MARGIN_MS = 20.0
MARGIN_SHARE = 0.2
EARLY_FRAMES = 4


@dataclass(slots=True, eq=False)
class Job:
    """A trigger on its way to its verdict.

    Attributes:
        number: Counted by this process.
        trigger: What asked.
        start_ns: Monotonic; the deadline counts from here.
        give_by_ns: Then the fail-safe verdict is given, a margin before the deadline.
        replies: Who waits for the verdict.
        sequence: The spool's number; 0 where the spool could not take it.
        frame: What is looked at; None until it is there.
        sent_ns: When it went to a worker.
        is_done: The verdict was given.
    """

    number: int
    trigger: Trigger
    start_ns: int
    give_by_ns: int
    replies: list[Reply] = field(default_factory=list)
    sequence: int = 0
    frame: FrameRef | None = None
    sent_ns: int = 0
    is_done: bool = False


class Jobs:
    """All that are outstanding.

    Args:
        deadline_ms: From trigger to verdict.
    """

    def __init__(self, deadline_ms: float) -> None:
        margin_ms = min(LARGEST_MARGIN_MS, MARGIN_SHARE * deadline_ms)
        self._allowed_ns = int((deadline_ms - margin_ms) * NS_PER_MS)
        self._number = 0
        self._by_deadline: list[tuple[int, int, Job]] = []
        self._by_trigger: dict[str, Job] = {}
        self._waiting: dict[int, Job] = {}
        self._early: deque[FrameRef] = deque(maxlen=EARLY_FRAMES)

    def __len__(self) -> int:
        return len(self._by_trigger)

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._by_trigger.values()))

    def new(self, trigger: Trigger, reply: Reply | None, start_ns: int) -> Job:
        """A job for a trigger that is not outstanding."""
        self._number += 1
        job = Job(self._number, trigger, start_ns, start_ns + self._allowed_ns, [reply] if reply else [])
        self._by_trigger[trigger.trigger_id] = job
        heapq.heappush(self._by_deadline, (job.give_by_ns, job.number, job))
        return job

    def of_trigger(self, trigger_id: str) -> Job | None:
        """The outstanding job of a trigger."""
        return self._by_trigger.get(trigger_id)

    def wait_for_frame(self, job: Job) -> None:
        """Its frame is still to come."""
        self._waiting[job.number] = job

    def for_frame(self, frame: FrameRef) -> list[Job]:
        """Those that a frame is for.

        One that carries a part id shows that part and no other, and may come before its trigger; it is remembered for
        a while. One of a running camera shows whatever was triggered before it was captured.
        """
        if frame.part_id is None:
            due = [job for job in self._waiting.values() if job.start_ns <= frame.captured_ns]
        else:
            due = [job for job in self._waiting.values() if job.trigger.part_id == frame.part_id][:1]
            if not due:
                self._early.append(frame)
        for job in due:
            del self._waiting[job.number]
        return due

    def of_part(self, part_id: str | None) -> list[Job]:
        """Those that wait for the frame of a part."""
        return [job for job in self._waiting.values() if job.trigger.part_id == part_id]

    def early_frame(self, part_id: str) -> FrameRef | None:
        """The frame of a part that came before its trigger."""
        for frame in self._early:
            if frame.part_id == part_id:
                self._early.remove(frame)
                return frame
        return None

    def done(self, job: Job) -> None:
        """The verdict was given."""
        job.is_done = True
        self._by_trigger.pop(job.trigger.trigger_id, None)
        self._waiting.pop(job.number, None)
        while self._by_deadline and self._by_deadline[0][2].is_done:
            heapq.heappop(self._by_deadline)

    def next_give_by_ns(self) -> int | None:
        """When the next fail-safe verdict would be due."""
        return self._by_deadline[0][0] if self._by_deadline else None

    def overdue(self, now_ns: int) -> list[Job]:
        """Those that must be answered now."""
        due = []
        while self._by_deadline and self._by_deadline[0][0] <= now_ns:
            job = heapq.heappop(self._by_deadline)[2]
            if not job.is_done:
                due.append(job)
        return due
