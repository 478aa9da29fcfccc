"""Small lakes with known content, and the marts that dbt has built over them."""

from __future__ import annotations

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
    """Two presses over two days; the second day of north-1 is quarantined whole; fleet south is silent."""
    home = Home(tmp_path_factory.mktemp("running"))
    north, south = FleetFiles(Lake(home.lake), "north"), FleetFiles(Lake(home.lake), "south")
    north.catalogue(
        [
            ("temp_degc", "TEMP", "degC", "sensor", -10.0, 150.0),
            ("flow_lpm", "FLOW", "l/min", "sensor", 0.0, None),
            ("machine_state", "STATE", "", "state", 0.0, 3.0),
        ]
    )
    accepted = [("north-1", "temp_degc", at(1, hour), None, 10.0, hour == 5) for hour in (0, 5)]
    accepted += [("north-2", "temp_degc", at(1, hour), None, 20.0, False) for hour in (0, 1)]
    states = enumerate((1.0, 1.0, 2.0, 1.0))
    accepted += [("north-2", "machine_state", at(1, hour), None, state, False) for hour, state in states]
    north.readings("2026-09-01", accepted, [("north-2", "TEMP", at(1, 2), None, "out_of_range")])
    north.readings(
        "2026-09-02",
        [],
        [
            ("north-1", "TEMP", at(2, 0), None, "bad_quality"),
            ("north-1", "NOISE", at(2, 0), None, "unknown_channel"),
        ],
    )
    north.lives(
        [
            ("north-1", 1, 0, 10, 8, "failure"),
            ("north-1", 2, 12, 16, 4, "overhaul"),
            ("north-1", 3, 18, 30, 6, "failure"),
            ("north-2", 1, 0, 20, 10, "open"),
        ],
        timed=True,
    )
    south.readings("2026-09-01", [], [])
    south.lives([])
    return build(home, FLEET_DAYS)


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
