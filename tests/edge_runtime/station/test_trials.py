from __future__ import annotations

from dataclasses import dataclass, field
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.bundle.state import ROLLED_BACK, ActiveRecord, activate
from edge_runtime.station.release_updates import Report
from edge_runtime.station.states import EventLog
from edge_runtime.station.trials import Trials


class FakeUpdates:
    """Notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.report: Report | None = None
        self.connection, _ = Pipe()

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.asked.append((name, *arguments))

    def receive(self) -> Report:
        assert self.report is not None
        return self.report


@dataclass
class FakePost:
    release: int
    restarted: int = 0
    ready: Any = None

    def restart_now(self) -> None:
        self.restarted += 1


@dataclass
class FakeCrew:
    judging: FakePost | None = None
    tried: list[int] = field(default_factory=list)

    def begin(self, release: int) -> None:
        self.judging = FakePost(release)

    def try_out(self, release: int, now_ns: int) -> None:
        self.tried.append(release)


def activate_release(state: Path, number: int) -> None:
    state.mkdir(exist_ok=True)
    activate(state, ActiveRecord(release=number, target="cpu", root_sha256="0" * 64, files=()))


@dataclass
class Scene:
    trials: Trials
    updates: FakeUpdates
    crew: FakeCrew

    def reports(self, kind: Any, release: int | None = None, **values: Any) -> None:
        self.updates.report = Report(kind, release, **values)
        self.trials.receive(0)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    updates, crew = FakeUpdates(), FakeCrew()
    trials = Trials(tmp_path, updates, EventLog())  # type: ignore[arg-type]
    trials.crew = crew  # type: ignore[assignment]
    return Scene(trials, updates, crew)


def test_nothing_judges_until_the_first_release_is_there(scene: Scene) -> None:
    scene.trials.start(0)
    assert scene.crew.judging is None
    scene.reports("pull", 1, is_new=True)
    assert scene.crew.judging == FakePost(1)
    assert scene.crew.tried == []
    assert scene.trials.update == "active"


def test_a_release_that_has_proven_itself_judges(scene: Scene, tmp_path: Path) -> None:
    activate_release(tmp_path, 1)
    scene.trials.start(0)
    assert (scene.crew.judging, scene.crew.tried) == (FakePost(1), [])
    assert scene.trials.update == "none"


def test_one_that_has_not_goes_on_trial_beside_its_fallback(scene: Scene, tmp_path: Path) -> None:
    for number in (1, 2):
        activate_release(tmp_path, number)
    scene.trials.start(0)
    assert (scene.crew.judging, scene.crew.tried) == (FakePost(1), [2])
    assert scene.trials.update == "staging"
    assert ("pause",) in scene.updates.asked


def test_a_rollback_that_was_cut_short_is_ended(scene: Scene, tmp_path: Path) -> None:
    for number in (1, 2):
        activate_release(tmp_path, number)
    (tmp_path / ROLLED_BACK).write_text('{"release": 2, "reason": "hangs", "at_utc": ""}')
    scene.trials.start(0)
    assert (scene.crew.judging, scene.crew.tried) == (FakePost(1), [])
    assert ("roll_back", "hangs") in scene.updates.asked
    assert scene.trials.update == "rolled back: release 2: hangs"


def test_a_damaged_record_judges_nothing_and_is_told(scene: Scene, tmp_path: Path) -> None:
    activate_release(tmp_path, 1)
    (tmp_path / "active.json").write_text("{}")
    scene.trials.start(0)
    assert scene.crew.judging is None
    assert "damaged" in str(scene.trials.fault)
    assert scene.updates.asked == [("start",)]


def test_a_pull_puts_a_newer_release_on_trial_once(scene: Scene, tmp_path: Path) -> None:
    activate_release(tmp_path, 1)
    scene.trials.start(0)
    scene.reports("pull", 1)
    scene.reports("pull", 2, is_new=True)
    scene.reports("pull", 2)
    assert scene.crew.tried == [2]
    scene.trials.took_over(2)
    assert scene.trials.update == "active"
    scene.trials.settled(2)
    assert scene.updates.asked[-1] == ("settle",)
    scene.reports("settle")
    assert scene.updates.asked[-1] == ("look_again",)


def test_a_failed_trial_is_rolled_back_on_disk(scene: Scene, tmp_path: Path) -> None:
    activate_release(tmp_path, 1)
    scene.trials.start(0)
    scene.reports("pull", 2, is_new=True)
    scene.trials.rolled_back(2, "hangs")
    assert scene.updates.asked[-1] == ("roll_back", "hangs")
    assert scene.trials.update == "rolled back: release 2: hangs"
    scene.reports("roll_back", 1)
    # What was rolled back stays to be seen, whatever later pulls say of it.
    scene.reports("pull", fault="release 2 was rolled back on this machine: hangs")
    assert scene.trials.update == "rolled back: release 2: hangs"
    scene.reports("pull", 3, is_new=True)
    assert scene.crew.tried == [2, 3]


def test_a_refused_update_is_shown_until_one_is_taken(scene: Scene, tmp_path: Path) -> None:
    activate_release(tmp_path, 1)
    scene.trials.start(0)
    scene.reports("pull", fault="timestamp.json is expired")
    assert scene.trials.update == "refused: timestamp.json is expired"
    assert scene.crew.judging == FakePost(1)
    scene.reports("pull", 1)
    assert (scene.trials.update, scene.trials.fault) == ("none", None)


def test_a_release_that_cannot_be_compiled_here_is_rolled_back(scene: Scene, tmp_path: Path) -> None:
    activate_release(tmp_path, 1)
    scene.trials.start(0)
    scene.reports("pull", 2, is_new=True, is_uncompiled=True, fault="TensorRT refuses the graph")
    assert scene.crew.tried == []
    assert scene.updates.asked[-1] == ("roll_back", "TensorRT refuses the graph")


def test_a_worker_that_cannot_start_has_the_release_pulled_again(scene: Scene, tmp_path: Path) -> None:
    activate_release(tmp_path, 1)
    scene.trials.start(0)
    scene.trials.worker_left(1, "model.onnx was changed")
    assert scene.updates.asked[-1] == ("pull",)
    scene.reports("pull", 1, is_new=True)
    assert scene.crew.judging == FakePost(1, restarted=1)
