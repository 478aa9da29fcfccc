from __future__ import annotations

from typing import Any

import pytest

from edge_runtime.camera.ring import FrameRef
from edge_runtime.station.crew import SHADOW_FRAMES, SHADOW_S, Crew, Shadow
from edge_runtime.station.jobs import Job, Jobs
from edge_runtime.station.judging import Answer, Ready, failed
from edge_runtime.station.posts import Came, Judged, Left
from tests.edge_runtime.station.station_site import trigger

GOOD = Answer("ok", 0.2, 0.5, None, (), None, None)
FRAME = FrameRef(0, 2, (4, 4), None, 0)
DEADLINE_MS, TRIAL_PARTS = 100.0, 3
MS = 1_000_000


class FakePost:
    """A worker that answers when the test says so."""

    def __init__(self, release: int) -> None:
        self.release = release
        self.ready: Ready | None = None
        self.fault = "starting"
        self.given: list[Any] = []
        self.next: Any = None
        self.left: Left | None = None
        self.is_closed = False

    @property
    def is_free(self) -> bool:
        return self.ready is not None and not self.given

    def give(self, work: Any, frame: FrameRef, now_ns: int, *, wants_map: bool = False) -> bool:
        assert self.is_free
        self.given.append(work)
        return True

    def holds(self, work: Any) -> bool:
        return work in self.given

    def receive(self, now_ns: int) -> Any:
        return self.next

    def tend(self, now_ns: int) -> Left | None:
        left, self.left = self.left, None
        return left

    def close(self) -> list[Any]:
        self.is_closed = True
        held, self.given, self.ready = self.given, [], None
        return held


class Scene:
    """A crew of such workers, and what it told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.posts: dict[int, FakePost] = {}
        self.jobs = Jobs(DEADLINE_MS)
        self.now_ns = 0
        self.crew = Crew(self.new_post, self, self, deadline_ms=DEADLINE_MS, trial_parts=TRIAL_PARTS)  # type: ignore[arg-type]

    def new_post(self, release: int) -> FakePost:
        self.posts[release] = FakePost(release)
        return self.posts[release]

    def judged(self, job: Job, answer: Answer, ready: Ready) -> None:
        self.told.append(("judged", job.trigger.part_id, answer.failure, ready.release))
        job.is_done = True

    def lost(self, job: Job, reason: str) -> None:
        self.told.append(("lost", job.trigger.part_id, reason))
        job.is_done = True

    def worker_left(self, release: int, reason: str) -> None:
        self.told.append(("left", release, reason))

    def worker_came(self, ready: Ready) -> None:
        self.told.append(("came", ready.release))

    def took_over(self, release: int) -> None:
        self.told.append(("took over", release))

    def settled(self, release: int) -> None:
        self.told.append(("settled", release))

    def rolled_back(self, release: int, reason: str) -> None:
        self.told.append(("rolled back", release, reason))

    def comes(self, release: int) -> None:
        post = self.posts[release]
        post.ready, post.fault = Ready(release, "plate", "0" * 16, "plate", "openvino fp32", 0.5), ""
        self.says(release, Came(post.ready))

    def says(self, release: int, message: Any) -> None:
        self.posts[release].next = message
        self.crew.receive(self.posts[release], self.now_ns)  # type: ignore[arg-type]

    def leaves(self, release: int, reason: str = "dead", *, is_refused: bool = False) -> None:
        post = self.posts[release]
        lost, post.given, post.ready, post.fault = post.given, [], None, reason
        self.says(release, Left(reason, lost, is_refused))

    def answers(self, release: int, answer: Answer = GOOD) -> None:
        self.says(release, Judged(self.posts[release].given.pop(0), answer))

    def part(self, name: str) -> Job:
        job = self.jobs.new(trigger(name), None, self.now_ns)
        job.frame = FRAME
        self.crew.give(job, self.now_ns)
        return job

    def inspects(self, release: int, *names: str) -> None:
        for name in names:
            self.part(name)
            self.answers(release)

    def goes_on_trial(self) -> None:
        """Release 2 is beside release 1 and has taken over."""
        self.crew.try_out(2, self.now_ns)
        self.comes(2)
        for _ in range(SHADOW_FRAMES):
            self.inspects(1, "recent")
            self.crew.tend(self.now_ns)
            self.answers(2)
        self.crew.tend(self.now_ns)
        self.told.clear()


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.crew.begin(1)
    scene.comes(1)
    scene.told.clear()
    return scene


def test_jobs_wait_for_the_worker_and_are_judged_in_their_order(scene: Scene) -> None:
    for name in "abc":
        scene.part(name)
    assert len(scene.posts[1].given) == 1
    for _ in range(3):
        scene.answers(1)
    assert scene.told == [("judged", name, None, 1) for name in "abc"]


def test_a_worker_that_leaves_loses_what_it_had_and_what_waited(scene: Scene) -> None:
    for name in "abc":
        scene.part(name)
    scene.leaves(1)
    assert scene.told == [("left", 1, "dead"), *(("lost", name, "dead") for name in "cba")]
    assert scene.crew.fault == "dead"
    scene.comes(1)
    scene.inspects(1, "d")
    assert scene.told[-1] == ("judged", "d", None, 1)


def test_a_newer_release_judges_recent_frames_first_then_takes_over_and_settles(scene: Scene) -> None:
    scene.inspects(1, "a")
    scene.crew.try_out(2, 0)
    scene.comes(2)
    scene.crew.tend(0)
    assert isinstance(scene.posts[2].given[0], Shadow)
    scene.part("b")
    assert isinstance(scene.posts[1].given[0], Job)
    scene.answers(1)
    scene.answers(2)
    for _ in range(SHADOW_FRAMES - 1):
        scene.crew.tend(0)
        scene.answers(2)
        scene.inspects(1, "c")
    scene.crew.tend(0)
    assert ("took over", 2) in scene.told
    scene.told.clear()
    scene.inspects(2, "d", "e")
    assert not scene.posts[1].is_closed
    scene.inspects(2, "f")
    assert scene.posts[1].is_closed
    assert scene.told[-1] == ("settled", 2)
    assert scene.crew.stage == "none"


def test_it_takes_over_after_a_while_where_no_parts_come(scene: Scene) -> None:
    scene.crew.try_out(2, 0)
    scene.comes(2)
    scene.crew.tend(0)
    assert scene.told == [("came", 2)]
    scene.crew.tend(int((SHADOW_S + 1) * 1e9))
    assert scene.told[-1] == ("took over", 2)


def test_it_takes_over_at_once_where_nothing_can_judge(scene: Scene) -> None:
    scene.crew.try_out(2, 0)
    scene.leaves(1)
    scene.comes(2)
    scene.crew.tend(0)
    assert scene.told[-1] == ("took over", 2)
    scene.inspects(2, "a")
    assert scene.told[-1] == ("judged", "a", None, 2)


@pytest.mark.parametrize("answer", [failed("engine", "nan"), None])
def test_a_recent_frame_that_fails_or_takes_too_long_ends_the_trial(scene: Scene, answer: Answer | None) -> None:
    scene.inspects(1, "a")
    scene.crew.try_out(2, 0)
    scene.comes(2)
    scene.crew.tend(0)
    scene.now_ns = int((DEADLINE_MS + 1) * MS) if answer is None else 0
    scene.answers(2, answer or GOOD)
    assert scene.told[-1][:2] == ("rolled back", 2)
    assert scene.posts[2].is_closed
    scene.inspects(1, "b")
    assert scene.told[-1] == ("judged", "b", None, 1)


def test_a_recent_frame_that_was_written_over_says_nothing(scene: Scene) -> None:
    scene.inspects(1, "a")
    scene.crew.try_out(2, 0)
    scene.comes(2)
    scene.crew.tend(0)
    scene.answers(2, failed("camera", "written over"))
    assert scene.crew.stage == "shadow"


def test_a_refused_release_never_starts_again_and_one_that_dies_once_more(scene: Scene) -> None:
    scene.crew.try_out(2, 0)
    scene.leaves(2)
    assert scene.crew.stage == "starting"
    scene.leaves(2)
    assert scene.told[-1] == ("rolled back", 2, "dead")
    scene.crew.try_out(3, 0)
    scene.leaves(3, "golden samples differ", is_refused=True)
    assert scene.told[-1] == ("rolled back", 3, "golden samples differ")


def test_an_engine_failure_on_trial_gives_the_part_to_the_release_before(scene: Scene) -> None:
    scene.goes_on_trial()
    scene.part("a")
    scene.part("b")
    scene.answers(2, failed("engine", "nan"))
    assert scene.told == [("rolled back", 2, "engine failure: nan")]
    scene.answers(1)
    scene.answers(1)
    assert scene.told[1:] == [("judged", "a", None, 1), ("judged", "b", None, 1)]


def test_a_death_on_trial_does_so_too_if_there_is_time(scene: Scene) -> None:
    scene.goes_on_trial()
    scene.part("a")
    scene.leaves(2)
    assert scene.told == [("left", 2, "dead"), ("rolled back", 2, "dead")]
    scene.answers(1)
    assert scene.told[-1] == ("judged", "a", None, 1)


def test_or_rejects_it_if_there_is_none(scene: Scene) -> None:
    scene.goes_on_trial()
    job = scene.part("a")
    scene.now_ns = job.give_by_ns + 1
    scene.leaves(2)
    assert scene.told[-1] == ("lost", "a", "dead")
    scene.inspects(1, "b")
    assert scene.told[-1] == ("judged", "b", None, 1)


def test_a_missed_deadline_on_trial_ends_it(scene: Scene) -> None:
    scene.goes_on_trial()
    job = scene.part("a")
    waiting = scene.part("b")
    job.is_done = True
    scene.crew.missed(job, 0)
    assert scene.told[0][:2] == ("rolled back", 2)
    assert scene.posts[1].given == [waiting]
    assert scene.posts[2].is_closed


def test_a_missed_deadline_at_other_times_ends_nothing(scene: Scene) -> None:
    job = scene.part("a")
    waiting = scene.part("b")
    for missed in (waiting, job):
        missed.is_done = True
        scene.crew.missed(missed, 0)
    scene.answers(1)
    assert scene.told == [("judged", "a", None, 1)]
    assert scene.crew.judging is scene.posts[1]  # type: ignore[comparison-overlap]


def test_what_the_release_before_still_holds_is_told_after_the_change(scene: Scene) -> None:
    scene.goes_on_trial()
    scene.crew.judging, scene.crew.other = scene.crew.other, scene.crew.judging
    scene.part("old")
    scene.crew.judging, scene.crew.other = scene.crew.other, scene.crew.judging
    scene.inspects(2, "new")
    scene.answers(1)
    assert scene.told == [("judged", "new", None, 2), ("judged", "old", None, 1)]
