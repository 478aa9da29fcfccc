"""Free-run: nothing comes from elsewhere, and no two parts have one name."""

from __future__ import annotations

from pathlib import Path

from edge_runtime.station.config import FreeRun
from edge_runtime.station.triggers import open_triggers
from edge_runtime.station.triggers.free_run import FrameTriggers


def test_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    triggers = open_triggers(FreeRun(kind="free_run"), tmp_path)
    assert (triggers.connections(), triggers.take(), triggers.take_events()) == ([], [], [])
    assert triggers.health().state == "ok"
    triggers.close()


def test_names_are_unique_over_restarts() -> None:
    made = [FrameTriggers("press-3").trigger(None, None) for _ in range(3)]
    again = FrameTriggers("press-3")
    made += [again.trigger(None, None) for _ in range(3)]
    assert len({trigger.part_id for trigger in made}) == len({trigger.trigger_id for trigger in made}) == 6
    assert all(trigger.part_id.startswith("press-3-") for trigger in made)


def test_what_the_source_names_keeps_its_name() -> None:
    trigger = FrameTriggers("press-3").trigger("A17", "A17.png@1.2")
    assert (trigger.part_id, trigger.trigger_id, trigger.source) == ("A17", "A17.png@1.2", "free_run")
