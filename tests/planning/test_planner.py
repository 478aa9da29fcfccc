"""The plan of a day, and what is said when there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factory_assets.foundation.planning_settings import PlanningSettings
from factory_assets.planning.checking.checker import violations
from factory_assets.planning.planner import CannotBePlannedError, plan
from factory_assets.planning.rescheduling import Breakdown
from tests.planning.shop_made import shop

SETTINGS = PlanningSettings(seconds=1, reschedule_seconds=1, workers=1, frozen="PT0S", move_cost_per_h=0.1)


def test_the_morning_has_nothing_to_stay_close_to() -> None:
    made = plan(shop(), (), (), SETTINGS, kind="morning")
    assert made.moved == ()
    assert violations(made.problem, made.schedule) == []


def test_a_stop_moves_what_it_hits_and_little_else() -> None:
    before = plan(shop(), (), (), SETTINGS, kind="morning")
    hit = before.schedule.task["A20"]
    stop = Breakdown("mill", hit.start_min + 1, hit.start_min + 60)
    made = plan(shop(), before.schedule.tasks, [stop], SETTINGS, kind="change")
    assert violations(made.problem, made.schedule) == []
    assert len(made.moved) <= 3
    assert "A10" not in made.moved


def test_a_clash_is_told_in_words_and_that_the_last_schedule_stays() -> None:
    problem = replace(shop(), supplies=())
    with pytest.raises(CannotBePlannedError, match="stays in force") as told:
        plan(problem, (), (), SETTINGS, kind="morning")
    assert "steel" in str(told.value)


def test_a_contradiction_in_the_input_is_told_as_it_is() -> None:
    problem = replace(shop(), orders=(replace(shop().orders[0], release_min=-5), *shop().orders[1:]), horizon_min=10)
    with pytest.raises(CannotBePlannedError):
        plan(problem, (), (), SETTINGS, kind="morning")
