"""What many tests use: a small plant of one's own, and the real data where it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Loaded after TensorFlow it crashes the process (OR-Tools issue 3230); tests of both share processes.
import ortools.sat.python.cp_model  # noqa: F401
import pytest

ROOT = Path(__file__).resolve().parents[1]


def data_folder() -> Path | None:
    """FACTORY_DATA, or the data folder beside a development checkout."""
    for place in (os.environ.get("FACTORY_DATA"), ROOT.parent / "shared" / "data"):
        if place and Path(place).is_dir():
            return Path(place)
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Making the small plant lasts longest, so its tests begin first."""
    items.sort(key=lambda item: "small_plant" not in getattr(item, "fixturenames", ()))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where tests run side by side, a file's tests share a process, and so do all files that look at the small plant.

    pytest-xdist 3.8 would group by marks (`--dist loadgroup`), but not with pytest 9.2: it renames tests by an
    attribute that is no longer there.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.split("::", maxsplit=1)[0]
            return "small plant" if "small_plant" in (ROOT / path).read_text(encoding="utf-8") else path

    # In the order of collection, not the largest files first.
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture(scope="session")
def cmapss_data() -> Path:
    """The folder that holds `cmapss/`; tests that need it are skipped where it is not."""
    data = data_folder()
    if data is None or not (data / "cmapss").is_dir():
        pytest.skip("NASA C-MAPSS is not here: set FACTORY_DATA to the folder that holds cmapss/")
    return data
