"""Machines that stand, and material that should be there, as the ERP tells of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from factory_assets.foundation.erp_tables import INCOMING
from factory_assets.planning.erp import errors
from factory_assets.planning.erp.database import open_erp
from factory_assets.planning.erp.reading import ErpReading, read_problem
from factory_assets.planning.problem import Supply
from factory_assets.planning.rescheduling import Breakdown
from tests.planning.erp.erp_made import DAYS, MORNING, add, change, made

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def erp(tmp_path: Path) -> Path:
    return made(tmp_path)


def read(path: Path) -> ErpReading:
    return read_problem(open_erp(str(path)), MORNING, DAYS)


@pytest.mark.parametrize(
    ("began", "expected", "ended", "stands"),
    [
        (-20, 40, None, (0, 40)),
        (-20, -5, None, (0, 30)),  # it should work again, and does not
        (-20, None, None, (0, 240)),
        (30, 90, None, (30, 90)),
        (-20, 40, -1, None),
        (-20, 40, 15, (0, 15)),
    ],
)
def test_a_stop_lasts_as_long_as_is_known(
    erp: Path, began: int, expected: int | None, ended: int | None, stands: tuple[int, int] | None
) -> None:
    times = {
        name: None if minute is None else MORNING + minute * MINUTE
        for name, minute in (("began_utc", began), ("expected_end_utc", expected), ("ended_utc", ended))
    }
    add(erp, "machine_stop", {"machine_id": "press-2", "reason": "jam", **times})
    assert read(erp).stops == (() if stands is None else (Breakdown("press-2", *stands),))


def test_an_erp_need_not_know_of_stops(erp: Path) -> None:
    assert read(erp).stops == ()
    INCOMING.tables["machine_stop"].drop(create_engine(f"sqlite:///{erp}"))
    assert read(erp).stops == ()


@pytest.mark.parametrize(
    ("row", "kind", "words"),
    [
        ({"machine_id": "press-9"}, errors.UnknownMachineError, "machine_stop press-9 of 2026-10-05 04:00 UTC"),
        ({"ended_utc": MORNING - MINUTE}, errors.NegativeTimeError, "before it begins"),
    ],
)
def test_stops_that_cannot_be_are_named(
    erp: Path, row: dict[str, object], kind: type[errors.ErpError], words: str
) -> None:
    add(erp, "machine_stop", {"machine_id": "press-1", "began_utc": MORNING, **row})
    with pytest.raises(kind, match=words):
        read(erp)


def test_what_should_have_come_since_the_export_counts_as_there(erp: Path) -> None:
    change(erp, "export_log", {"ended_utc": MORNING - 60 * MINUTE})
    change(erp, "purchase_delivery", {"due_utc": MORNING - 30 * MINUTE}, delivery_id="D1")
    reading = read(erp)
    assert reading.problem.supplies == (Supply("steel", 0, 100.0), Supply("steel", 0, 50.0))
    assert reading.overdue_deliveries == ("D0",)


def test_what_has_begun_has_had_its_material(erp: Path) -> None:
    report = {"order_id": "A", "routing_id": "R", "operation_no": 10, "machine_id": "press-2", "operator_id": "ann"}
    add(erp, "operation_report", {**report, "began_utc": MORNING - 5 * MINUTE})
    operations = read(erp).problem.operations
    assert operations["A/10"].materials == {}
    assert operations["B/10"].materials == {"steel": 42.0}
