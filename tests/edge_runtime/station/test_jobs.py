from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.camera.ring import FrameRef
from edge_runtime.station.jobs import EARLY_FRAMES, Jobs
from tests.edge_runtime.station.station_site import trigger

MS = 1_000_000


def frame(part_id: str | None, captured_ns: int) -> FrameRef:
    return FrameRef(0, 2, (4, 4), part_id, captured_ns)


@pytest.mark.parametrize(("deadline_ms", "margin_ms"), [(5, 1), (50, 10), (100, 20), (60_000, 20)])
def test_the_fail_safe_verdict_is_given_a_margin_before_the_deadline(deadline_ms: float, margin_ms: float) -> None:
    job = Jobs(deadline_ms).new(trigger("a"), None, 7 * MS)
    assert job.give_by_ns == (7 + deadline_ms - margin_ms) * MS


def test_a_frame_goes_to_the_triggers_before_it() -> None:
    jobs = Jobs(100)
    early, late = (jobs.new(trigger(name), None, start) for name, start in (("a", 10), ("b", 30)))
    for job in (early, late):
        jobs.wait_for_frame(job)
    assert jobs.for_frame(frame(None, 9)) == []
    assert jobs.for_frame(frame(None, 20)) == [early]
    assert jobs.for_frame(frame(None, 30)) == [late]
    assert jobs.for_frame(frame(None, 40)) == []


def test_one_frame_of_a_running_camera_shows_all_that_was_triggered() -> None:
    jobs = Jobs(100)
    both = [jobs.new(trigger(name), None, 10) for name in "ab"]
    for job in both:
        jobs.wait_for_frame(job)
    assert jobs.for_frame(frame(None, 11)) == both


def test_a_frame_of_a_part_goes_to_that_part_alone() -> None:
    jobs = Jobs(100)
    first, second = (jobs.new(trigger(name), None, 10) for name in "ab")
    for job in (first, second):
        jobs.wait_for_frame(job)
    assert jobs.for_frame(frame("b", 5)) == [second]
    assert jobs.for_frame(frame("another", 11)) == []
    assert jobs.for_frame(frame("a", 11)) == [first]


def test_a_frame_of_a_part_may_come_before_its_trigger() -> None:
    jobs = Jobs(100)
    frames = [frame(str(number), number) for number in range(EARLY_FRAMES + 1)]
    for early in frames:
        assert jobs.for_frame(early) == []
    assert jobs.early_frame("0") is None
    assert jobs.early_frame("1") == frames[1]
    assert jobs.early_frame("1") is None


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), max_size=30), st.integers(0, 1200))
def test_overdue_are_all_that_are_late_and_have_no_verdict(entries: list[tuple[int, bool]], now_ms: int) -> None:
    jobs = Jobs(100)
    made = [
        (jobs.new(trigger(str(number)), None, start * MS), is_done) for number, (start, is_done) in enumerate(entries)
    ]
    for job, is_done in made:
        if is_done:
            jobs.done(job)
    open_jobs = [job for job, is_done in made if not is_done]
    assert len(jobs) == len(open_jobs)
    assert jobs.next_give_by_ns() == min((job.give_by_ns for job in open_jobs), default=None) or not open_jobs
    overdue = jobs.overdue(now_ms * MS)
    assert set(map(id, overdue)) == {id(job) for job in open_jobs if job.give_by_ns <= now_ms * MS}
