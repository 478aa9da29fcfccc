"""The workers: one release judges, a newer one is tried beside it and takes over between two parts.

A trial has three stages: the candidate starts (its golden samples are run), it judges a few recent frames in the shadow
of the other, and then it judges parts while the other stands by. Whatever fails ends the trial: the other takes over at
once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from edge_runtime.station.clock import NS_PER_MS, NS_PER_S
from edge_runtime.station.jobs import Job
from edge_runtime.station.posts import Came, Judged, Left, Post

if TYPE_CHECKING:
    from edge_runtime.camera.ring import FrameRef
    from edge_runtime.station.judging import Answer, Ready

SHADOW_FRAMES = 5
# Where no parts come, recent frames are few.
SHADOW_S = 2.0
STARTS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Shadow:
    """A frame that the candidate judges and nobody waits for."""

    sent_ns: int


Work = Job | Shadow


class JobListener(Protocol):
    """Who is told what becomes of jobs."""

    def judged(self, job: Job, answer: Answer, ready: Ready) -> None:
        """A worker answered."""

    def lost(self, job: Job, reason: str) -> None:
        """A worker left before it answered, and no other can take its place in time."""


class ReleaseListener(Protocol):
    """Who is told what becomes of workers and trials."""

    def worker_left(self, release: int, reason: str) -> None:
        """A worker died, hung or could not start."""

    def worker_came(self, ready: Ready) -> None:
        """A worker is ready."""

    def took_over(self, release: int) -> None:
        """A newer release judges now, on trial."""

    def settled(self, release: int) -> None:
        """It has proven itself."""

    def rolled_back(self, release: int, reason: str) -> None:
        """The trial failed."""


class Crew:
    """See the module.

    Args:
        new_post: Makes the post of a release.
        jobs: Is told of answers.
        releases: Is told of workers and trials.
        deadline_ms: Of a verdict.
        trial_parts: So many parts are judged before the other release is let go.
    """

    def __init__(
        self,
        new_post: Callable[[int], Post[Work]],
        jobs: JobListener,
        releases: ReleaseListener,
        *,
        deadline_ms: float,
        trial_parts: int,
    ) -> None:
        self.judging: Post[Work] | None = None
        self.other: Post[Work] | None = None
        self.stage: Literal["none", "starting", "shadow", "parts"] = "none"
        self.restarted = 0
        self._new_post, self._jobs, self._releases = new_post, jobs, releases
        self._deadline_ns, self._trial_parts = int(deadline_ms * NS_PER_MS), trial_parts
        self._recent: deque[FrameRef] = deque(maxlen=SHADOW_FRAMES)
        self._queue: deque[Job] = deque()
        self._left = 0
        self._starts = 0
        self._shadow_until_ns = 0

    def posts(self) -> Iterator[Post[Work]]:
        """All that there are."""
        yield from (post for post in (self.judging, self.other) if post is not None)

    @property
    def fault(self) -> str | None:
        """Why nothing can be judged; None if it can."""
        if self.judging is None:
            return "no release is active on this machine"
        return None if self.judging.ready is not None else self.judging.fault

    def begin(self, release: int) -> None:
        """Judge with a release, without a trial: nothing else is there."""
        self.judging = self._new_post(release)

    def try_out(self, release: int, now_ns: int) -> None:
        """Put a newer release on trial."""
        if self.stage == "parts":
            self._settle(now_ns)
        self._drop_other("a newer release is here", now_ns)
        self.other, self.stage, self._starts = self._new_post(release), "starting", 0

    def give(self, job: Job, now_ns: int, *, wants_map: bool = False) -> None:
        """Let a job's frame be judged, as soon as the worker is free."""
        post = self.judging
        if post is not None and post.is_free and not self._queue and job.frame is not None:
            job.sent_ns = now_ns
            if post.give(job, job.frame, now_ns, wants_map=wants_map):
                return
        self._queue.append(job)

    def receive(self, post: Post[Work], now_ns: int) -> None:
        """Read a message of a worker."""
        found = post.receive(now_ns)
        if isinstance(found, Judged):
            self._judged(post, found.work, found.answer, now_ns)
        elif isinstance(found, Came):
            self._releases.worker_came(found.ready)
            self._pass_on(now_ns)
        elif isinstance(found, Left):
            self._worker_left(post, found, now_ns)

    def tend(self, now_ns: int) -> None:
        """Start, warm or kill workers, and go on with a trial."""
        for post in list(self.posts()):
            left = post.tend(now_ns)
            if left is not None:
                self._worker_left(post, left, now_ns)
        if self.other is not None and self.stage in ("starting", "shadow"):
            self._try_in_shadow(self.other, now_ns)

    def missed(self, job: Job, now_ns: int) -> None:
        """A job's time is over; on trial that ends it."""
        if job in self._queue:
            self._queue.remove(job)
        elif self.judging is not None and self.judging.holds(job) and self.stage == "parts":
            self._fail("a verdict did not come in time", now_ns)

    def close(self) -> None:
        """End all workers."""
        for post in self.posts():
            post.close()

    def _judged(self, post: Post[Work], work: Work, answer: Answer, now_ns: int) -> None:
        if isinstance(work, Shadow):
            self._shadow_judged(work, answer, now_ns)
            return
        ready = post.ready
        if self.stage == "parts" and post is self.judging and answer.failure == "engine":
            # The part is judged again by the other, if there is time.
            if not work.is_done:
                self._queue.appendleft(work)
            self._fail(f"engine failure: {answer.detail}", now_ns)
            return
        self._pass_on(now_ns)
        if ready is not None:
            self._jobs.judged(work, answer, ready)
        if answer.failure is None and work.frame is not None:
            self._recent.append(work.frame)
            if self.stage == "parts" and post is self.judging:
                self._count_part(now_ns)

    def _can_still(self, job: Job, now_ns: int) -> bool:
        return self.judging is not None and self.judging.ready is not None and now_ns < job.give_by_ns

    def _pass_on(self, now_ns: int) -> None:
        """Give the next job to the worker that is free now."""
        post = self.judging
        while self._queue and post is not None and post.is_free:
            job = self._queue.popleft()
            if not job.is_done and job.frame is not None:
                job.sent_ns = now_ns
                if not post.give(job, job.frame, now_ns):
                    self._queue.appendleft(job)
                    return

    def _worker_left(self, post: Post[Work], left: Left, now_ns: int) -> None:
        self.restarted += 1
        self._releases.worker_left(post.release, left.reason)
        jobs = [work for work in left.lost if isinstance(work, Job) and not work.is_done]
        if post is self.judging and self.stage == "parts":
            self._fail(left.reason, now_ns)
        elif post is self.other and self.stage in ("starting", "shadow"):
            self._starts += 1
            if left.is_refused or self._starts >= STARTS:
                self._fail(left.reason, now_ns)
        self._hand_over(jobs, left.reason, now_ns)

    def _hand_over(self, jobs: list[Job], reason: str, now_ns: int) -> None:
        """Jobs of a worker that is gone: another takes them in time, or they are lost."""
        if self.fault is not None:
            jobs += self._queue
            self._queue.clear()
        for job in reversed(jobs):
            if job.is_done:
                continue
            if self._can_still(job, now_ns):
                self._queue.appendleft(job)
            else:
                self._jobs.lost(job, reason)
        self._pass_on(now_ns)

    def _try_in_shadow(self, candidate: Post[Work], now_ns: int) -> None:
        if candidate.ready is None:
            return
        if self.stage == "starting":
            self.stage, self._left = "shadow", SHADOW_FRAMES
            self._shadow_until_ns = now_ns + int(SHADOW_S * NS_PER_S)
        if not candidate.is_free:
            return
        if self._left <= 0 or now_ns > self._shadow_until_ns or (self.fault is not None and not self._recent):
            self._take_over(now_ns)
        elif self._recent:
            candidate.give(Shadow(now_ns), self._recent.pop(), now_ns)

    def _shadow_judged(self, shadow: Shadow, answer: Answer, now_ns: int) -> None:
        if answer.failure == "camera":
            return
        if answer.failure == "engine":
            self._fail(f"engine failure: {answer.detail}", now_ns)
        elif now_ns - shadow.sent_ns > self._deadline_ns:
            self._fail(f"a recent frame took {(now_ns - shadow.sent_ns) / NS_PER_MS:.0f} ms", now_ns)
        else:
            self._left -= 1

    def _take_over(self, now_ns: int) -> None:
        if self.other is None:
            return
        self.judging, self.other = self.other, self.judging
        self.stage, self._left = "parts", self._trial_parts
        self._releases.took_over(self.judging.release)
        if self.other is None:
            self._settle(now_ns)
        self._pass_on(now_ns)

    def _count_part(self, now_ns: int) -> None:
        self._left -= 1
        if self._left <= 0:
            self._settle(now_ns)

    def _settle(self, now_ns: int) -> None:
        self.stage = "none"
        self._drop_other("a newer release took over", now_ns)
        if self.judging is not None:
            self._releases.settled(self.judging.release)

    def _fail(self, reason: str, now_ns: int) -> None:
        """End the trial; the other release judges."""
        if self.stage == "parts":
            self.judging, self.other = self.other, self.judging
        failed = self.other
        self.stage = "none"
        if failed is None:
            return
        self._drop_other(reason, now_ns)
        self._releases.rolled_back(failed.release, reason)

    def _drop_other(self, reason: str, now_ns: int) -> None:
        """Let a worker go; what it still holds is given to the one that judges."""
        if self.other is None:
            return
        held = self.other.close()
        self.other = None
        self._hand_over([work for work in held if isinstance(work, Job)], reason, now_ns)
