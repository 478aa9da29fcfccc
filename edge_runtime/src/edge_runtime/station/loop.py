"""The station's loop: one thread that takes triggers, has frames judged, and gives every verdict before its deadline.

Whatever is slow (the engine, the camera, pulling, pages, images for the spool) is done by other processes and threads.
Here nothing is awaited but the next message, the next deadline and the next look at how all of them are.
"""

from __future__ import annotations

import gc
import multiprocessing
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any

from edge_runtime.camera.ring import FrameGone
from edge_runtime.station.attention import Attention
from edge_runtime.station.clock import NS_PER_MS, NS_PER_S, utc_now
from edge_runtime.station.crew import Crew
from edge_runtime.station.jobs import Job, Jobs, Reply
from edge_runtime.station.parts import Parts
from edge_runtime.station.records import Failure, LivePicture, Trigger, VerdictRecord
from edge_runtime.station.states import State
from edge_runtime.station.status import ClockWatch, status_of
from edge_runtime.station.triggers.free_run import FrameTriggers
from edge_runtime.station.waiting import Waiter

if TYPE_CHECKING:
    import numpy as np

    from edge_runtime.camera.process import CameraEvent
    from edge_runtime.camera.ring import FrameRef
    from edge_runtime.station.judging import Answer, Ready

TICK_NS = 100 * NS_PER_MS
SECOND_NS = NS_PER_S
PICTURE_NS = STATUS_NS = 250 * NS_PER_MS
LARGEST_PICTURE_PX = 640
# The kernel counts milliseconds, and rounds up.
WAKE_EARLY_S = 0.001


class Station:
    """A station at work. One thread calls `start`, then `run_once` again and again, then `close`.

    Args:
        parts: What it is made of; see `make_parts`.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.config = parts.config
        self.accounts, self.states, self.log = parts.accounts, parts.states, parts.log
        self.jobs = Jobs(self.config.deadline_ms)
        self.trials = parts.trials
        self.crew = self.trials.crew = Crew(
            parts.new_post,
            self,
            self.trials,
            deadline_ms=self.config.deadline_ms,
            trial_parts=self.config.release.trial_parts,
        )
        self.clock = ClockWatch()
        self.image_fault: str | None = None
        self.started_utc = utc_now()
        self._is_free_run = self.config.trigger.kind == "free_run"
        # A folder offers again what nobody could look at yet; a video would have passed by.
        self._has_begun = False
        self._camera_waits = self._is_free_run and self.config.camera.kind == "video"
        self._frame_triggers = FrameTriggers(self.config.station)
        self.ticked_ns = self._next_tick_ns = self._next_second_ns = 0
        self._next_picture_ns = self._next_status_ns = 0
        self._waiter = Waiter()
        self._attention = Attention()
        self.accounts.pixels = self._pixels

    def start(self) -> None:
        """Answer what the last run left open, then start all processes."""
        self.accounts.conclude_interrupted()
        self.parts.spool.start()
        self.trials.start(monotonic_ns())
        self._tick(monotonic_ns())

    def run_once(self, timeout_s: float) -> None:
        """Wait for something to happen, for so long at most, and do what is due."""
        self._rehearse()
        now_ns = monotonic_ns()
        remaining_s = min(timeout_s, (self._next_tick_ns - now_ns) / NS_PER_S)
        give_by_ns = self.jobs.next_give_by_ns()
        if give_by_ns is not None:
            remaining_s = min(remaining_s, (give_by_ns - now_ns) / NS_PER_S - WAKE_EARLY_S)
        ready = self._waiter.wait(
            self._awaited(), max(0.0, remaining_s), awake_until_ns=self._attention.awake_until_ns()
        )
        if ready:
            self._receive(ready)
        now_ns = monotonic_ns()
        for job in self.jobs.overdue(now_ns):
            self._overdue(job, now_ns)
        if now_ns >= self._next_tick_ns:
            self._tick(now_ns)
        self.states.go_to(self._due_state())

    def submit(self, trigger: Trigger, reply: Reply | None = None, frame: FrameRef | None = None) -> None:
        """Take a trigger; with a frame that shows the part, or with the next one that the camera takes.

        A trigger that was answered before gets the same answer, one that is outstanding waits for it.
        """
        outstanding = self.jobs.of_trigger(trigger.trigger_id)
        if outstanding is not None:
            if reply is not None:
                outstanding.replies.append(reply)
            return
        now_ns = monotonic_ns()
        job = self.jobs.new(trigger, reply, frame.captured_ns if frame else now_ns)
        obstacle = self._obstacle(has_frame=frame is not None)
        if frame is not None:
            job.frame = frame
            if obstacle is None:
                # The engine works while the spool writes. A kill between the two loses nothing that was promised.
                self._give(job, now_ns)
        known = self.accounts.accept(job)
        if known is not None:
            self.jobs.done(job)
            self.accounts.repeat(job, known)
            self._let_go(job)
        elif not job.sequence:
            self._reject(job, "spool", "")
        elif obstacle is not None:
            self._reject(job, *obstacle)
        elif frame is not None:
            self._look_at(job)
        else:
            self._find_frame(job)

    def judged(self, job: Job, answer: Answer, ready: Ready) -> None:
        """A worker answered (called by the crew)."""
        if job.is_done:
            self.accounts.late_answers += 1
            return
        self._attention.answered(job, answer, ready, monotonic_ns())
        self._concluded(job, self.accounts.judged(job, answer, ready), answer)

    def lost(self, job: Job, reason: str) -> None:
        """No worker is left that could judge it (called by the crew)."""
        if not job.is_done:
            self._reject(job, "engine", reason)

    def close(self) -> None:
        """Reject what is outstanding, end all processes, keep everything."""
        for job in self.jobs:
            self._reject(job, "interrupted", "the service was told to stop")
        self.states.go_to("Halted")
        self.crew.close()
        self.trials.close()
        self.parts.close()
        self._waiter.close()

    def _awaited(self) -> list[Any]:
        """Everything that may say something."""
        parts = self.parts
        mine = (parts.camera and parts.camera.connection, parts.page and parts.page.connection, self.trials.connection)
        awaited: list[Any] = [post.connection for post in self.crew.posts()]
        awaited += mine
        return [connection for connection in awaited if connection is not None] + parts.triggers.connections()

    def _receive(self, ready: list[Any]) -> None:
        """Answers first, then frames, then triggers."""
        now_ns = monotonic_ns()
        for post in list(self.crew.posts()):
            if post.connection is not None and post.connection in ready:
                self.crew.receive(post, now_ns)
        camera, page = self.parts.camera, self.parts.page
        if camera is not None and camera.connection is not None and camera.connection in ready:
            self._camera_says(now_ns)
        if page is not None and page.connection is not None and page.connection in ready:
            self._page_says(now_ns)
        if self.trials.connection in ready:
            self.trials.receive(now_ns)
        for request in self.parts.triggers.take():
            self.submit(request.trigger, request.reply)

    def _camera_says(self, now_ns: int) -> None:
        camera = self.parts.camera
        if camera is None:
            return
        before = camera.fault
        message = camera.receive(now_ns)
        if camera.fault != before and camera.fault is not None:
            self._camera_lost(camera.fault)
        if message is None:
            return
        if hasattr(message, "captured_ns"):
            self._frame_came(message, now_ns)
        elif message.kind == "unreadable":
            self._unreadable(message, now_ns)

    def _unreadable(self, event: CameraEvent, now_ns: int) -> None:
        """A part came whose frame cannot be used: whoever waits for it is told."""
        camera = self.parts.camera
        if self._is_free_run and self._has_begun:
            job = self.jobs.new(self._frame_triggers.trigger(event.part_id, event.trigger_id), None, now_ns)
            if self.accounts.accept(job) is None:
                self._reject(job, "image" if job.sequence else "spool", event.text)
            else:
                self.jobs.done(job)
        else:
            for job in self.jobs.of_part(event.part_id):
                self._reject(job, "image", event.text)
        if camera is not None and (self._has_begun or not self._is_free_run):
            camera.done(event.part_id)
        elif camera is not None:
            camera.dropped(event.part_id, again=True)

    def _frame_came(self, frame: FrameRef, now_ns: int) -> None:
        if self._is_free_run:
            # Continuous execution begins once somebody can judge; from then on every frame is a part.
            if self._has_begun:
                self.submit(self._frame_triggers.trigger(frame.part_id, frame.trigger_id), None, frame)
            elif self.parts.camera is not None:
                self.parts.camera.dropped(frame.part_id, again=True)
            return
        found = self.jobs.for_frame(frame)
        for job in found:
            self._begin(job, frame, now_ns)
        camera = self.config.camera
        if not found and camera.kind == "folder" and camera.when_done == "keep" and self.parts.camera is not None:
            # Files that nobody asks for must not keep others waiting.
            self.parts.camera.dropped(frame.part_id, again=False)

    def _find_frame(self, job: Job) -> None:
        """The frame of its part, if that came before the trigger; else it is still to come."""
        early = self.jobs.early_frame(job.trigger.part_id)
        if early is None:
            self.jobs.wait_for_frame(job)
        else:
            self._begin(job, early, monotonic_ns())

    def _begin(self, job: Job, frame: FrameRef, now_ns: int) -> None:
        job.frame = frame
        self._give(job, now_ns)
        self._look_at(job)

    def _camera_lost(self, text: str) -> None:
        self.log.fault("camera", text)
        for job in self.jobs:
            if job.frame is None:
                self._reject(job, "camera", text)

    def _page_says(self, now_ns: int) -> None:
        said = self.parts.page.receive(now_ns) if self.parts.page else None
        if said is not None and said[0] == "failed":
            self.log.fault("page", said[1])
        elif said is not None:
            self.log.add("PageServed", url=said[1])

    def _obstacle(self, *, has_frame: bool) -> tuple[Failure, str] | None:
        """Why it is known already that nothing can be judged."""
        if self.crew.fault is not None:
            return "no_release" if self.crew.judging is None else "engine", self.crew.fault
        camera = self.parts.camera
        if not has_frame and camera is not None and camera.fault is not None:
            return "camera", camera.fault
        return None

    def _give(self, job: Job, now_ns: int) -> None:
        wants_map = self.parts.page is not None and now_ns >= self._next_picture_ns
        self.crew.give(job, now_ns, wants_map=wants_map)
        if job.sent_ns:
            self._attention.given(job)

    def _rehearse(self) -> None:
        """Do what the answer will need done, while the engine works."""
        job = self._attention.to_rehearse(monotonic_ns())
        if job is not None and self._attention.last is not None:
            self.accounts.rehearse(job, *self._attention.last)

    def _look_at(self, job: Job) -> None:
        """See whether the frame can be trusted, while the engine looks at it too."""
        judge, frame = self.parts.image_judge, job.frame
        if judge is None or frame is None or job.is_done:
            return
        try:
            age_s = (monotonic_ns() - frame.captured_ns) / NS_PER_S
            fault = judge.judge(self.parts.ring.read(frame), age_s)
            self.parts.ring.check(frame)
        except FrameGone as error:
            self._reject(job, "camera", error.what)
            return
        self.image_fault = fault
        if fault is not None:
            self._reject(job, "image", fault)

    def _overdue(self, job: Job, now_ns: int) -> None:
        waited_ms = (now_ns - job.start_ns) / NS_PER_MS
        if job.frame is None:
            self._reject(job, "camera", f"no frame of the part came within {waited_ms:.0f} ms")
            return
        self._reject(job, "deadline", f"the engine did not answer within {waited_ms:.0f} ms")
        self.crew.missed(job, now_ns)

    def _reject(self, job: Job, failure: Failure, detail: str) -> None:
        self._concluded(job, self.accounts.reject(job, failure, detail), None)

    def _concluded(self, job: Job, record: VerdictRecord, answer: Answer | None) -> None:
        """What is done once the verdict was given, when nobody waits any longer."""
        self.jobs.done(job)
        if job.frame is not None:
            self.log.add("AcquisitionDone", sequence=record.sequence, part_id=record.trigger.part_id)
        self.log.add("ResultReady", sequence=record.sequence, part_id=record.trigger.part_id, verdict=record.verdict)
        if record.failure != "spool":
            self._let_go(job)
        if self.parts.page is not None and job.frame is not None:
            now_ns = monotonic_ns()
            if now_ns >= self._next_picture_ns:
                self._show(job, record, answer, now_ns)

    def _let_go(self, job: Job) -> None:
        if self.parts.camera is not None and job.frame is not None:
            self.parts.camera.done(job.frame.part_id)

    def _show(self, job: Job, record: VerdictRecord, answer: Answer | None, now_ns: int) -> None:
        pixels = self._pixels(job, largest_px=LARGEST_PICTURE_PX)
        if pixels is None or job.frame is None or self.parts.page is None:
            return
        heat_map = None
        if answer is not None and answer.heat_map is not None:
            heat_map = answer.heat_map.astype("float32") / 255
        height, width = job.frame.shape[:2]
        self.parts.page.show(LivePicture(pixels, heat_map, (width, height), record), now_ns)
        self._next_picture_ns = now_ns + PICTURE_NS

    def _pixels(self, job: Job, largest_px: int | None = None) -> np.ndarray | None:
        """A copy of a job's frame, thinned out if need be; None if it was written over."""
        if job.frame is None:
            return None
        step = max(1, -(-job.frame.shape[1] // largest_px)) if largest_px else 1
        try:
            copied = self.parts.ring.read(job.frame)[::step, ::step].copy()
            self.parts.ring.check(job.frame)
        except FrameGone:
            return None
        return copied

    def _tick(self, now_ns: int) -> None:
        """What is looked at now and then, between parts."""
        self.ticked_ns, self._next_tick_ns = now_ns, now_ns + TICK_NS
        self.crew.tend(now_ns)
        self._attention.see_cores(None if self.crew.judging is None else self.crew.judging.pid)
        self._has_begun = self._has_begun or self.crew.fault is None
        camera, page = self.parts.camera, self.parts.page
        if camera is not None and (self._has_begun or not self._camera_waits):
            reason = camera.tend(now_ns)
            if reason is not None:
                self._camera_lost(reason)
        if page is not None:
            reason = page.tend(now_ns)
            if reason is not None:
                self.log.fault("page", reason)
        gc.collect(0 if self.jobs else 1)
        if now_ns >= self._next_second_ns:
            self._next_second_ns = now_ns + SECOND_NS
            self.accounts.recover()
            for text in self.parts.triggers.take_events():
                self.log.fault("triggers", text)
            self.clock.look(time_ns(), now_ns)
            # Takes away what is left of processes that were killed.
            multiprocessing.active_children()
        # Between parts if it can be; but a busy station must not look like one that hangs.
        since_due_ns = now_ns - self._next_status_ns
        if page is not None and since_due_ns >= (SECOND_NS if self.jobs else 0):
            self._next_status_ns = now_ns + STATUS_NS
            page.show(status_of(self), now_ns)

    def _due_state(self) -> State:
        camera = self.parts.camera
        if self.accounts.fault is not None:
            return "Error"
        if camera is not None and camera.fault is not None and camera.was_open:
            return "Error"
        if self._obstacle(has_frame=False) is not None:
            return "Initialized"
        if self._is_free_run:
            return "ContinuousExecution"
        return "SingleExecution" if self.jobs else "Ready"
