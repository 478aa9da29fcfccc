"""What many tests use: a small plant of one's own, and the real data where it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def data_folder() -> Path | None:
    """FACTORY_DATA, or the data folder beside a development checkout."""
    for place in (os.environ.get("FACTORY_DATA"), ROOT.parent / "shared" / "data"):
        if place and Path(place).is_dir():
            return Path(place)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side, a file's tests share a process, and so do all that look at the small plant.

    Making that plant lasts longest, so its tests begin first. The hook runs before that of pytest-xdist, which reads
    the marks.
    """
    for item in items:
        uses_plant = "small_plant" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("small plant" if uses_plant else str(item.path)))
    items.sort(key=lambda item: "small_plant" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def cmapss_data() -> Path:
    """The folder that holds `cmapss/`; tests that need it are skipped where it is not."""
    data = data_folder()
    if data is None or not (data / "cmapss").is_dir():
        pytest.skip("NASA C-MAPSS is not here: set FACTORY_DATA to the folder that holds cmapss/")
    return data
