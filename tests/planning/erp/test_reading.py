"""An ERP's rows as a problem, and a named error for everything that cannot be planned."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from factory_assets.foundation.erp_tables import INCOMING
from factory_assets.planning.erp import errors
from factory_assets.planning.erp.database import open_erp
from factory_assets.planning.erp.reading import ErpReading, read_problem
from factory_assets.planning.problem import Mode, Operator, Supply, Task
from tests.planning.erp.erp_made import DAYS, MORNING, add, change, made, remove


@pytest.fixture
def erp(tmp_path: Path) -> Path:
    return made(tmp_path)


def read(path: Path, *, is_faulty_left_out: bool = False) -> ErpReading:
    return read_problem(open_erp(str(path)), MORNING, DAYS, is_faulty_left_out=is_faulty_left_out)


def test_everything_comes_over(erp: Path) -> None:
    reading = read(erp)
    problem = reading.problem
    first, second = problem.orders
    assert (first.name, first.release_min, first.due_min, first.late_cost_per_min) == ("A", 0, 1440, 0.5)
    assert second.release_min == 120
    ten, twenty = first.operations
    assert ten.modes == (Mode("press-1", 25, "pressing", "die"), Mode("press-2", 25, "pressing", "die"))
    assert second.operations[0].modes[0].duration_min == 42  # 10 + 21 * 1.5 = 41.5
    assert (ten.name, ten.family, ten.materials, ten.after) == ("A/10", "panel", {"steel": 20.0}, ())
    assert twenty.after == ("A/10",)
    press = problem.machine["press-1"]
    assert press.shifts == ((0, 480), (1440, 1920), (2880, 3360))
    assert (press.setup_min, press.first_family, press.cost_per_min) == ({("casting", "panel"): 30}, "casting", 1.0)
    assert press.may_pause
    assert problem.operators == (Operator("ann", frozenset({"pressing"}), press.shifts, 2),)
    assert problem.tools == {"die": 1}
    assert problem.supplies == (Supply("steel", 0, 100.0), Supply("steel", 480, 50.0))
    assert reading.overdue_deliveries == ("D0",)
    assert reading.maintained_machines == ("press-1",)
    assert (reading.left_out, problem.horizon_min, problem.start_utc) == ((), DAYS, MORNING)


def test_alternative_routings_are_groups_of_operations(erp: Path) -> None:
    add(erp, "routing", {"routing_id": "S", "product_id": "panel"})
    add(erp, "routing_operation", {"routing_id": "S", "operation_no": 10, "family": None, "is_batched": False})
    way = {"fixed_min": 60.0, "min_per_piece": 0.0, "skill": None, "tool_id": None}
    add(erp, "routing_mode", {"routing_id": "S", "operation_no": 10, "machine_id": "press-2", **way})
    change(erp, "export_log", {"routing_operation_rows": 3})
    order = read(erp).problem.orders[0]
    assert order.routings == (("A/R/10", "A/R/20"), ("A/S/10",))
    assert [operation.name for operation in order.operations] == ["A/R/10", "A/R/20", "A/S/10"]


def test_precedence_that_is_given_stands_instead_of_the_order_of_numbers(erp: Path) -> None:
    add(erp, "routing_precedence", {"routing_id": "R", "operation_no": 10, "after_no": 20})
    ten, twenty = read(erp).problem.orders[0].operations
    assert (ten.after, twenty.after) == (("A/20",), ())


def test_orders_of_a_batch_share_batched_operations(erp: Path) -> None:
    change(erp, "routing_operation", {"is_batched": True}, operation_no=20)
    change(erp, "production_order", {"batch_id": "heat 7"})
    first, second = read(erp).problem.orders
    assert [operation.batch for operation in (*first.operations, *second.operations)] == [None, "heat 7/20"] * 2


def test_what_the_floor_has_begun_is_pinned_and_what_it_has_done_is_gone(erp: Path) -> None:
    report = {"routing_id": "R", "machine_id": "press-2", "operator_id": "ann", "expected_end_utc": None}
    began, ended = MORNING - dt.timedelta(minutes=40), MORNING - dt.timedelta(minutes=15)
    done = {"order_id": "A", "operation_no": 10, "began_utc": began, "ended_utc": ended}
    going = {"order_id": "A", "operation_no": 20, "began_utc": ended, "ended_utc": None}
    add(erp, "operation_report", {**report, **done}, {**report, **going})
    problem = read(erp).problem
    assert [operation.name for operation in problem.orders[0].operations] == ["A/20"]
    assert problem.orders[0].operations[0].after == ()
    assert problem.pinned == (Task("A/20", "press-2", -15, -15, 10, "ann"),)


def test_closed_orders_are_not_planned(erp: Path) -> None:
    change(erp, "production_order", {"state": "done"}, order_id="A")
    assert [order.name for order in read(erp).problem.orders] == ["B"]


Spoil = Callable[[Path], None]
BAD: dict[str, tuple[Spoil, type[errors.ErpError], str]] = {
    "an order without routing": (
        lambda erp: change(erp, "production_order", {"product_id": "gear"}, order_id="A"),
        errors.OrderWithoutRoutingError,
        "order A: product gear has no routing",
    ),
    "a routing without operations": (
        lambda erp: add(erp, "routing", {"routing_id": "E", "product_id": "gear"}),
        errors.OrderWithoutRoutingError,
        "routing E: it has no operation",
    ),
    "an operation without machines": (
        lambda erp: remove(erp, "routing_mode", operation_no=20),
        errors.OrderWithoutRoutingError,
        "routing R operation 20: it names no machine",
    ),
    "a circle": (
        lambda erp: add(
            erp,
            "routing_precedence",
            {"routing_id": "R", "operation_no": 10, "after_no": 20},
            {"routing_id": "R", "operation_no": 20, "after_no": 10},
        ),
        errors.PrecedenceCycleError,
        "operations 10 -> 20 -> 10 wait for each other",
    ),
    "an unknown machine": (
        lambda erp: change(erp, "routing_mode", {"machine_id": "press-9"}, operation_no=20),
        errors.UnknownMachineError,
        "routing R operation 20: machine press-9 is not in the machine table",
    ),
    "a set-up of an unknown machine": (
        lambda erp: change(erp, "setup_time", {"machine_id": "press-9"}),
        errors.UnknownMachineError,
        "setup_time press-9",
    ),
    "a negative time": (
        lambda erp: change(erp, "routing_mode", {"min_per_piece": -1.0}, operation_no=20),
        errors.NegativeTimeError,
        "routing R operation 20: its time on press-2 is negative",
    ),
    "a negative set-up": (
        lambda erp: change(erp, "setup_time", {"setup_min": -1}),
        errors.NegativeTimeError,
        "setup_time press-1 from casting to panel: -1 min",
    ),
    "an order of nothing": (
        lambda erp: change(erp, "production_order", {"pieces": 0}, order_id="B"),
        errors.NegativeTimeError,
        "order B: it is for 0 pieces",
    ),
    "negative stock": (
        lambda erp: change(erp, "material_stock", {"quantity": -3.0}),
        errors.NegativeTimeError,
        "material_stock steel: the stock is -3",
    ),
    "due before release": (
        lambda erp: change(erp, "production_order", {"due_utc": MORNING}, order_id="B"),
        errors.DueBeforeReleaseError,
        "order B: it is due at 2026-10-05 04:00 UTC, before its release at 2026-10-05 06:00 UTC",
    ),
    "a machine without a shift": (
        lambda erp: remove(erp, "calendar_shift"),
        errors.MachineWithoutShiftError,
        "machine press-1: its calendar early has no shift",
    ),
    "an unknown calendar": (
        lambda erp: change(erp, "machine", {"calendar_id": "nights"}, machine_id="press-1"),
        errors.CalendarError,
        "machine press-1: calendar nights is not in the calendar table",
    ),
    "an unknown time zone": (
        lambda erp: change(erp, "calendar", {"time_zone": "Berlin"}),
        errors.CalendarError,
        "'Berlin' is no time zone",
    ),
    "a ninth weekday": (
        lambda erp: change(erp, "calendar_shift", {"weekday": 9}, weekday=5),
        errors.CalendarError,
        "a shift on weekday 9",
    ),
    "an unknown tool": (
        lambda erp: remove(erp, "tool"),
        errors.UnknownNameError,
        "tool die is not in the tool table",
    ),
    "an unknown operation": (
        lambda erp: add(erp, "routing_precedence", {"routing_id": "R", "operation_no": 20, "after_no": 15}),
        errors.UnknownNameError,
        "routing_precedence names operation 15",
    ),
    "an unknown operator": (
        lambda erp: change(erp, "operator_skill", {"operator_id": "bob"}),
        errors.UnknownNameError,
        "operator bob is not in the operator table",
    ),
    "an export that goes on": (
        lambda erp: change(erp, "export_log", {"ended_utc": None}),
        errors.ErpHalfWrittenError,
        "export 1 .* has not ended",
    ),
    "an export that lacks rows": (
        lambda erp: remove(erp, "production_order", order_id="B"),
        errors.ErpHalfWrittenError,
        "says 2 rows of production_order, but there are 1",
    ),
    "no export": (lambda erp: remove(erp, "export_log"), errors.ErpHalfWrittenError, "export_log is empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_planned_is_a_named_error(erp: Path, name: str) -> None:
    spoil, kind, words = BAD[name]
    spoil(erp)
    with pytest.raises(kind, match=words):
        read(erp)


def test_missing_tables_are_named(erp: Path) -> None:
    INCOMING.tables["tool"].drop(create_engine(f"sqlite:///{erp}"))
    with pytest.raises(errors.ErpHalfWrittenError, match="lacks tool"):
        read(erp)


def test_all_faults_are_said_at_once(erp: Path) -> None:
    change(erp, "production_order", {"pieces": -1, "late_cost_per_h": -1.0})
    with pytest.raises(errors.NegativeTimeError, match=r"4 row\(s\)") as caught:
        read(erp)
    assert str(caught.value).count("\n") == 4


def test_a_shop_can_be_planned_without_what_is_wrong(erp: Path) -> None:
    change(erp, "production_order", {"product_id": "gear"}, order_id="A")
    change(erp, "machine", {"calendar_id": "nights"}, machine_id="press-1")
    reading = read(erp, is_faulty_left_out=True)
    assert [order.name for order in reading.problem.orders] == ["B"]
    assert [mode.machine for mode in reading.problem.operations["B/10"].modes] == ["press-2"]
    assert [fault.row for fault in reading.left_out] == ["machine press-1", "order A"]
    assert "calendar nights" in str(reading.left_out[0])


def test_a_routing_whose_machines_all_stand_still_takes_its_orders_out(erp: Path) -> None:
    change(erp, "machine", {"calendar_id": "nights"}, machine_id="press-2")
    reading = read(erp, is_faulty_left_out=True)
    assert reading.problem.orders == ()
    assert any("none of its machines works" in fault.words for fault in reading.left_out)


def test_a_database_that_is_not_there_is_said_to_be_down_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(errors.ErpDownError, match=r"gone\.db is not there"):
        open_erp(str(tmp_path / "gone.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_said_not_to_answer(tmp_path: Path) -> None:
    (tmp_path / "erp.db").write_bytes(b"no database at all, but a text of some length" * 40)
    with pytest.raises(errors.ErpDownError, match="does not do what is asked"):
        read(tmp_path / "erp.db")


def test_addresses_that_cannot_be_used_are_refused_without_their_password() -> None:
    with pytest.raises(errors.ErpError, match="neither SQLite nor PostgreSQL") as caught:
        open_erp("mysql://planner:secret@host/erp")
    assert "secret" not in str(caught.value)
    with pytest.raises(errors.ErpError, match="not understood"):
        open_erp("://")
