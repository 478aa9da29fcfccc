"""The sensor asks for a schedule when there is none, and for a new one when the floor has changed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from factory_assets.foundation import automation
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Site
from factory_assets.planning import assets as planning
from factory_assets.planning import day_tables, sensors
from factory_assets.planning.planner import plan
from tests.planning.erp import erp_made
from tests.planning.planned_plant import erp_file, materialise, planned_site, today
from tests.plants import make_site
from tests.ticking import Ticking


@dataclass
class Floor(Ticking):
    """The sensor of a plant."""

    site: Site
    instance: dg.DagsterInstance

    def __post_init__(self) -> None:
        self.sensor = sensors.floor_sensor(self.site, job=automation.PLANNING_JOB)
        made = [one for one in planning.assets(self.site) if isinstance(one, dg.AssetsDefinition)]
        self.defs = dg.Definitions(
            assets=made,
            jobs=[automation.PLANNING_JOB],
            sensors=[self.sensor],
            resources={"lake": LakeResource(root=str(self.site.home.lake))},
        )


@pytest.fixture(autouse=True)
def _plans_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a process of its own, which `test_apart` looks at."""
    monkeypatch.setattr(day_tables, "plan_apart", plan)


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    return Floor(planned_site(tmp_path), dg.DagsterInstance.ephemeral())


def test_a_plant_without_planning_has_no_such_sensor(tmp_path: Path) -> None:
    assert sensors.sensors(make_site(tmp_path), job=automation.PLANNING_JOB) == []


def test_a_missed_morning_is_asked_for_once(floor: Floor) -> None:
    (asked,) = floor.tick()
    assert asked.partition_key == today(floor.site)
    assert floor.tick() == []


def test_a_schedule_that_failed_is_asked_for_again_when_the_erp_was_mended(floor: Floor) -> None:
    erp_made.remove(erp_file(floor.site), "operator_skill", operator_id="ann")
    assert len(floor.tick()) == 1
    assert not materialise(floor.site, floor.instance).success
    assert floor.tick() == []
    erp_made.add(erp_file(floor.site), "operator_skill", {"operator_id": "ann", "skill": "pressing"})
    assert len(floor.tick()) == 1


def test_nothing_is_asked_for_while_the_floor_is_as_it_was(floor: Floor) -> None:
    materialise(floor.site, floor.instance)
    assert floor.tick() == []


def test_once_tomorrow_is_planned_changes_are_looked_for_in_its_schedule(floor: Floor) -> None:
    tomorrow = (dt.date.fromisoformat(today(floor.site)) + dt.timedelta(days=1)).isoformat()
    materialise(floor.site, floor.instance)
    materialise(floor.site, floor.instance, day=tomorrow)
    assert floor.tick() == []
    sooner = {"due_utc": erp_made.MORNING + dt.timedelta(hours=9)}
    erp_made.change(erp_file(floor.site), "production_order", sooner, order_id="B")
    (asked,) = floor.tick()
    assert asked.partition_key == tomorrow


def test_a_rush_order_is_asked_for_once_and_then_planned(floor: Floor) -> None:
    materialise(floor.site, floor.instance)
    rush = {**erp_made.ROWS["production_order"][0], "order_id": "C", "due_utc": dt.datetime.now(dt.UTC)}
    erp_made.add(erp_file(floor.site), "production_order", rush)
    erp_made.change(erp_file(floor.site), "export_log", {"order_rows": 3}, export_id=1)
    (asked,) = floor.tick()
    assert asked.tags["factory/planned_because"] == "order C is new"
    assert floor.tick() == []
    assert materialise(floor.site, floor.instance).success
    assert floor.tick() == []


def test_an_order_that_is_due_sooner_is_asked_for(floor: Floor) -> None:
    materialise(floor.site, floor.instance)
    sooner = erp_made.MORNING + dt.timedelta(hours=9)
    erp_made.change(erp_file(floor.site), "production_order", {"due_utc": sooner}, order_id="A")
    (asked,) = floor.tick()
    assert asked.tags["factory/planned_because"] == "order A is due at another time"


def test_an_erp_that_is_down_is_told_and_asked_again_later(floor: Floor) -> None:
    erp_file(floor.site).unlink()
    context = dg.build_sensor_context(instance=floor.instance, repository_def=floor.defs.get_repository_def())
    skipped = floor.sensor.evaluate_tick(context)
    assert "is not there" in str(skipped.skip_message)
    assert floor.tick() == []
