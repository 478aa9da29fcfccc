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


@pytest.fixture(scope="session")
def cmapss_data() -> Path:
    """The folder that holds `cmapss/`; tests that need it are skipped where it is not."""
    data = data_folder()
    if data is None or not (data / "cmapss").is_dir():
        pytest.skip("NASA C-MAPSS is not here: set FACTORY_DATA to the folder that holds cmapss/")
    return data
