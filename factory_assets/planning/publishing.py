"""A plan as the floor gets it: in the ERP's tables, as B2MML, as CSV, and as a page to look at."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from factory_assets.foundation.lake import replacing
from factory_assets.planning.erp.b2mml_schedule import work_schedule
from factory_assets.planning.erp.database import ErpDatabase
from factory_assets.planning.erp.dispatch import Dispatch, dispatch_csv
from factory_assets.planning.erp.writing import Written, write_dispatch


@dataclass(frozen=True)
class Published:
    """Where a plan went.

    Attributes:
        written: What changed in the ERP.
        files: B2MML and CSV.
    """

    written: Written
    files: tuple[Path, ...]


def publish(database: ErpDatabase, dispatch: Dispatch, folder: Path, now_utc: dt.datetime) -> Published:
    """Hand a plan over: files first, then the ERP in one transaction. The same plan again changes nothing.

    Raises:
        ErpDownError: The database does not answer; the schedule that was in force stays whole.
    """
    files = (
        _write(folder / "dispatch.csv", dispatch_csv(dispatch).encode()),
        _write(folder / "schedule.b2mml.xml", work_schedule(dispatch)),
    )
    return Published(write_dispatch(database, dispatch, now_utc), files)


def write_page(path: Path, page: str) -> Path:
    """Write an HTML page whole."""
    return _write(path, page.encode())


def _write(path: Path, content: bytes) -> Path:
    if not path.is_file() or path.read_bytes() != content:
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    return path
