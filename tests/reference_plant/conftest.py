"""One simulation for all tests of the room: it takes about a second."""

import datetime as dt

import pytest

from factory_assets.reference_plant.simulator import Simulation, simulate

START = dt.date(2026, 9, 1)


@pytest.fixture(scope="session")
def eighty_days() -> Simulation:
    return simulate(START, START + dt.timedelta(days=80), 0)
