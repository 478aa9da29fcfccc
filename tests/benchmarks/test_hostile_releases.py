"""The hostile releases themselves: fewer of them than `make bench` tries, and proof that each one is hostile."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.bundle.pull import pull
from edge_runtime.errors import TrustError
from factory_assets.benchmarks import hostile_releases, mutations
from factory_assets.benchmarks.hostile_stage import OFFERED_RELEASE, Mutation, Outcome, Stage
from factory_assets.benchmarks.report import Options
from factory_assets.benchmarks.tiny_release import contents

KINDS = {
    "bit flipped", "downgrade", "expired", "fast-forward", "files swapped", "foreign root", "foreign signature",
    "freeze",
    "golden samples wrong", "index lies", "manifest lies", "metadata edited", "missing", "mix and match",
    "one stolen key", "oversized", "path traversal", "root with too few signatures", "truncated", "wrong root",
}  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


def test_hostile_releases_are_refused_and_the_last_good_one_keeps_running(tmp_path: Path) -> None:
    report = hostile_releases.run(Options(tmp_path, sizes={"releases": 120}))
    assert [figure.ours for figure in report.figures] == [120, 120, 120, 2], list(report.notes)
    assert report.missed == []
    assert {row[0] for row in report.details[0].rows} == KINDS


def test_there_are_three_hundred_and_none_is_told_twice(stage: Stage) -> None:
    chosen = hostile_releases.chosen(stage, 300)
    assert len(chosen) == 300
    assert len({(mutation.kind, mutation.what) for mutation in chosen}) == 300
    assert {mutation.kind for mutation in chosen} == KINDS


def test_every_kind_is_there_however_few_are_asked_for(stage: Stage) -> None:
    assert {mutation.kind for mutation in hostile_releases.chosen(stage, 30)} == KINDS


def test_each_one_differs_from_the_good_release_and_from_what_is_active(stage: Stage) -> None:
    stage.show(stage.release(OFFERED_RELEASE))
    good = contents(stage.releases)
    for mutation in hostile_releases.chosen(stage, 300):
        stage.show(stage.release(OFFERED_RELEASE))
        mutation.spoil(stage)
        assert contents(stage.releases) != good or mutation.days_later, mutation


def test_the_same_bits_are_flipped_every_time(stage: Stage) -> None:
    files = mutations.names(stage)
    spoilt = []
    for _ in range(2):
        stage.show(stage.release(OFFERED_RELEASE))
        next(mutations.bit_flips(files)).spoil(stage)
        spoilt.append(contents(stage.releases))
    assert spoilt[0] == spoilt[1]


def test_a_release_that_is_taken_and_an_edge_that_crashes_are_counted_as_such(stage: Stage) -> None:
    taken = stage.attempt(Mutation("control", "nothing is done", lambda _: None))
    assert (taken.is_refused, taken.is_unchanged, taken.still_predicts) == (False, False, False)

    def hide_metadata(at: Stage) -> None:
        (at.releases / "metadata" / "timestamp.json").unlink()
        (at.releases / "metadata" / "timestamp.json").mkdir()

    outcome = stage.attempt(Mutation("control", "a folder in place of a file", hide_metadata))
    assert (outcome.error, outcome.is_unchanged, outcome.still_predicts) == ("TrustError", True, True)
    tried = [(Mutation("control", "a", lambda _: None), taken), (Mutation("control", "b", lambda _: None), outcome)]
    report = hostile_releases.report(tried, good_ones_taken=1)
    assert [figure.ours for figure in report.figures] == [1, 1, 1, 1]
    assert len(report.missed) == 4
    assert report.notes == ["control: a: was taken"]


def test_a_crash_is_no_refusal(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("factory_assets.benchmarks.hostile_stage.pull", crash)
    outcome: Outcome = stage.attempt(Mutation("control", "c", lambda _: None))
    assert not outcome.is_refused
    assert "ZeroDivisionError" in outcome.message


def test_the_clock_stands_still_outside_an_attempt(stage: Stage) -> None:
    frozen = next(mutations.frozen())
    assert stage.attempt(frozen).error == "TrustError"
    stage.show(stage.release(OFFERED_RELEASE))
    frozen.spoil(stage)
    assert not pull(stage.releases, stage.state).is_new
    with pytest.raises(TrustError):
        pull(stage.foreign_releases, stage.state)
