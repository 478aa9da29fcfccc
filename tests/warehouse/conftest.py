"""Small lakes with known content, and the marts that dbt has built over them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory_assets.foundation.lake import Lake
from factory_assets.foundation.settings import Home
from factory_assets.warehouse import project
from tests.warehouse.lakes import FLEET_DAYS, FLEETS, Built, FleetFiles, at, build


@pytest.fixture(scope="session")
def manifest() -> Path:
    """The manifest of the project as it is now, where the code location looks for it."""
    return project.ensure_manifest()


@pytest.fixture(scope="session")
def running(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Three presses over two days; the second day of north-1 is quarantined whole; fleet south is silent.

    North-3 runs (4) until hour 10 and fails (2), runs from 12 to 16 and is overhauled (3), runs from 18 to 30
    and fails; its logger is silent from hour 4 to 6.
    """
    home = Home(tmp_path_factory.mktemp("running"))
    north, south = FleetFiles(Lake(home.lake), "north"), FleetFiles(Lake(home.lake), "south")
    north.catalogue(
        [
            ("temp_degc", "TEMP", "degC", "sensor", -10.0, 150.0),
            ("flow_lpm", "FLOW", "l/min", "sensor", 0.0, None),
            ("pump_bar", "PUMP", "bar", "sensor", 0.0, None),
            ("machine_state", "STATE", "", "state", 0.0, 4.0),
        ],
        aliases={"PUMP_OLD": "pump_bar"},
        state_channel="machine_state",
        sample_period_s=3600.0,
    )
    accepted = [("north-1", "temp_degc", at(1, hour), None, 10.0, hour == 5) for hour in (0, 5)]
    accepted += [("north-2", "temp_degc", at(1, hour), None, 20.0, False) for hour in (0, 1)]
    states = enumerate((4.0, 4.0, 2.0, 4.0))
    accepted += [("north-2", "machine_state", at(1, hour), None, state, False) for hour, state in states]
    quarantined = [
        ("north-2", "TEMP", at(1, 2), None, "out_of_range"),
        ("north-3", "PUMP_OLD", at(1, 3), None, "stuck"),
    ]
    of_north_3 = list(_life_of_north_3())
    today = [reading for reading in of_north_3 if reading[2] < at(2, 0)]
    north.readings("2026-09-01", accepted + today, quarantined)
    bad = [("north-1", "TEMP", at(2, 0), None, "bad_quality"), ("north-1", "NOISE", at(2, 0), None, "unknown_channel")]
    north.readings("2026-09-02", [reading for reading in of_north_3 if reading not in today], bad)
    north.lives(
        [
            ("north-3", 1, 0, 10, 8, "failure"),
            ("north-3", 2, 12, 16, 4, "overhaul"),
            ("north-3", 3, 18, 30, 6, "failure"),
            ("north-2", 1, 0, 20, 10, "open"),
        ],
        timed=True,
    )
    south.readings("2026-09-01", [], [])
    south.lives([])
    return build(home, FLEET_DAYS)


def _life_of_north_3() -> Iterator[tuple[str, str, dt.datetime, None, float, bool]]:
    other = {11: 2.0, 17: 3.0, 31: 2.0, 32: 0.0}
    for hour in [*range(4), *range(7, 33)]:
        when = at(1, 0) + dt.timedelta(hours=hour)
        yield "north-3", "machine_state", when, None, other.get(hour, 4.0), hour == 7
        if hour not in other and hour != 3:
            yield "north-3", "pump_bar", when, None, 200.0, hour == 7


@pytest.fixture(scope="session")
def archive(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Two units that have cycles and no times: one ran to failure, one was cut off."""
    home = Home(tmp_path_factory.mktemp("archive"))
    engines = FleetFiles(Lake(home.lake), "FD001")
    engines.catalogue([("t24_degr", "t24_degr", "degR", "sensor", 300.0, 900.0)])
    accepted = [("a", "t24_degr", None, cycle, 600.0 + cycle, False) for cycle in (1, 2, 3)]
    accepted += [("b", "t24_degr", None, cycle, 602.0, False) for cycle in (1, 2)]
    engines.readings(None, accepted, [("b", "t24_degr", None, 3, "not_finite")])
    engines.lives([("a", 1, 1, 3, 3, "failure"), ("b", 1, 1, 2, 2, "cut")])
    return build(home, FLEETS)


@pytest.fixture(scope="session")
def silent(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A plant whose historian has delivered nothing yet."""
    home = Home(tmp_path_factory.mktemp("silent"))
    north = FleetFiles(Lake(home.lake), "north")
    north.catalogue([("temp_degc", "TEMP", "degC", "sensor", None, None)])
    north.readings("2026-09-01", [], [])
    north.lives([])
    return build(home, FLEET_DAYS)
