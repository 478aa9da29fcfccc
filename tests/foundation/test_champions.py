"""Three folders of a model change places as a whole, and the record of decisions outlives a power cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory_assets.foundation import champions
from factory_assets.foundation.champions import RUN_FILE, NoPreviousChampionError, Rivals


@pytest.fixture
def rivals(tmp_path: Path) -> Rivals:
    return Rivals(tmp_path / "models" / "plate", tmp_path / "champions" / "plate")


def train(rivals: Rivals, run_id: str) -> None:
    rivals.challenger.mkdir(parents=True, exist_ok=True)
    (rivals.challenger / "weights").write_text(f"weights of {run_id}")
    (rivals.challenger / RUN_FILE).write_text(run_id)


def places(rivals: Rivals) -> list[str | None]:
    found = champions.run_ids(rivals)
    return [found["champion"], found["previous"], found["challenger"]]


def leftovers(rivals: Rivals) -> list[str]:
    return [path.name for path in rivals.champion.parent.iterdir() if path.name != "plate"]


def test_a_crowned_challenger_is_champion_and_the_one_before_is_kept(rivals: Rivals) -> None:
    for number in (1, 2, 3):
        train(rivals, f"run-{number}")
        assert champions.crown(rivals) == f"run-{number}"
    assert places(rivals) == ["run-3", "run-2", "run-3"]
    assert (rivals.previous / "weights").read_text() == "weights of run-2"
    assert not leftovers(rivals)


def test_what_is_not_recorded_or_not_accepted_is_not_crowned(rivals: Rivals) -> None:
    train(rivals, "run-1")
    champions.crown(rivals)
    train(rivals, "run-2")

    def refuse(copy: Path) -> None:
        assert (copy / "weights").read_text() == "weights of run-2"
        raise ValueError(copy)

    with pytest.raises(ValueError, match="new"):
        champions.crown(rivals, refuse)
    (rivals.challenger / RUN_FILE).unlink()
    with pytest.raises(FileNotFoundError):
        champions.crown(rivals)
    assert places(rivals) == ["run-1", None, None]
    assert not leftovers(rivals)


def test_swapping_back_twice_changes_nothing(rivals: Rivals) -> None:
    for run_id in ("run-1", "run-2"):
        train(rivals, run_id)
        champions.crown(rivals)
    champions.swap_back(rivals)
    assert places(rivals) == ["run-1", "run-2", "run-2"]
    champions.swap_back(rivals)
    assert places(rivals) == ["run-2", "run-1", "run-2"]
    assert not leftovers(rivals)


def test_a_champion_that_is_gone_comes_back_from_the_previous_one(rivals: Rivals) -> None:
    train(rivals, "run-1")
    champions.crown(rivals)
    with pytest.raises(NoPreviousChampionError, match="plate has no previous champion"):
        champions.swap_back(rivals)
    rivals.champion.rename(rivals.previous)
    champions.swap_back(rivals)
    assert places(rivals) == ["run-1", None, "run-1"]


def test_decisions_are_kept_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "decisions" / "plate.jsonl"
    assert champions.decisions(path) == []
    champions.record(path, {"outcome": "kept"})
    with path.open("a") as file:
        file.write('{"outcome": "prom')
    champions.record(path, {"outcome": "promoted"})
    assert champions.decisions(path) == [{"outcome": "kept"}, {"outcome": "promoted"}]
    assert len(path.read_text().splitlines()) == 3


def test_who_runs_it_has_a_name_in_a_container_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(champions.pwd, "getpwuid", nobody)
    assert champions.user_name().startswith("uid ")
