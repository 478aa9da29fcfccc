"""A publisher with a station, for all tests of the station."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from factory_assets.engines.keys import create_keys
from tests.edge_runtime.station.line import Line
from tests.edge_runtime.station.station_site import StationSite
from tests.tiny_bundle import Site


def make_site(root: Path) -> StationSite:
    return StationSite(Site(root=root, keys=create_keys(root / "keys")))


@pytest.fixture
def station_site(tmp_path: Path) -> StationSite:
    return make_site(tmp_path)


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """Lines that are closed at the end."""
    opened: list[Line] = []
    yield opened
    for line in opened:
        line.station.close()
