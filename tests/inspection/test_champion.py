"""Which model of a product is released, and how a challenger takes its place, whole."""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from pathlib import Path

import pytest

from factory_assets.inspection import champion, saving
from factory_assets.inspection.champion import Rivals
from factory_assets.inspection.promotion import Decision
from factory_assets.inspection.schema import CARD_FILE, RUN_FILE
from factory_assets.inspection.training import TrainedInspection
from tests.inspection import models

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@cache
def model(threshold: float) -> TrainedInspection:
    return models.trained("golden_image", threshold=threshold)


def saved(folder: Path, threshold: float = 0.3, *, run_id: str | None = "run-1", ok_label: str = "ok") -> Path:
    plate = models.plate("golden_image", ok_label=ok_label)
    saving.save_model(
        folder, plate, model(threshold), models.images(40), models.images(seed=1), data_sha256="1", code_version="1"
    )
    if run_id is not None:
        (folder / RUN_FILE).write_text(run_id)
    return folder


@pytest.fixture
def rivals(tmp_path: Path) -> Rivals:
    return Rivals(saved(tmp_path / "models" / "plate"), tmp_path / "champions" / "plate")


def decide(rivals: Rivals) -> Decision:
    return champion.decide(rivals, models.images(60, seed=3), models.plate("golden_image"), now=NOW)


def test_the_first_model_is_crowned(rivals: Rivals) -> None:
    decision = decide(rivals)
    assert decision.promote
    assert decision.decided_by
    assert decision.decided_utc == NOW
    assert champion.crown(rivals) == "run-1"
    assert saving.digest(rivals.champion) == saving.digest(rivals.challenger)
    assert sorted(p.name for p in rivals.champion.parent.iterdir()) == ["plate"]
    assert not decide(rivals).promote


def test_a_better_challenger_takes_its_place_and_a_worse_one_does_not(rivals: Rivals) -> None:
    champion.crown(rivals)
    saved(rivals.challenger, 1.5, run_id="run-2")
    worse = decide(rivals)
    assert not worse.promote
    assert worse.reason.startswith("the challenger is worse")
    champion.crown(rivals)
    saved(rivals.challenger, 0.3, run_id="run-3")
    assert decide(rivals).promote
    assert champion.crown(rivals) == "run-3"
    assert saving.load_card(rivals.champion).threshold == 0.3


def test_a_model_that_was_not_recorded_is_not_crowned(rivals: Rivals) -> None:
    champion.crown(rivals)
    saved(rivals.challenger, 0.4, run_id="run-2")
    (rivals.challenger / RUN_FILE).unlink()
    with pytest.raises(FileNotFoundError):
        champion.crown(rivals)
    assert saving.load_card(rivals.champion).threshold == 0.3


@pytest.mark.parametrize("change", ["other OK label", "other version", "no card"])
def test_a_champion_that_cannot_judge_these_images_any_more_loses(rivals: Rivals, change: str) -> None:
    champion.crown(rivals)
    card = rivals.champion / CARD_FILE
    if change == "other OK label":
        saved(rivals.champion, ok_label="good")
    elif change == "other version":
        card.write_text(card.read_text().replace('"threshold"', '"bound"'))
    else:
        card.unlink()
    decision = decide(rivals)
    assert decision.promote
    assert decision.reason == "there is no champion yet"


def test_decisions_are_kept_line_by_line(rivals: Rivals, tmp_path: Path) -> None:
    decision = decide(rivals)
    record = tmp_path / "decisions" / "plate.jsonl"
    champion.record(record, decision)
    champion.record(record, decision)
    assert [json.loads(line) for line in record.read_text().splitlines()] == [decision.as_json()] * 2
