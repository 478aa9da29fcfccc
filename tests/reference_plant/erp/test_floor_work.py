"""What the floor reports: it follows its list, as far as it can, and nothing gets lost on the way."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from factory_assets.planning.checking.checker import violations
from factory_assets.planning.problem import Problem
from factory_assets.reference_plant.erp.database import write_erp_file
from factory_assets.reference_plant.erp.floor import CREWS, TOOLS
from factory_assets.reference_plant.erp.steps import STEPS
from tests.reference_plant.erp.floor_days import (
    HORIZON,
    HOUR,
    MINUTE,
    MONDAY,
    ask_for_maintenance,
    at,
    planned,
    read,
    rows,
)

TUESDAY = MONDAY + dt.timedelta(days=1)


@pytest.fixture(scope="module")
def monday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ERP on Monday, with a schedule from 6 o'clock on."""
    path = tmp_path_factory.mktemp("floor") / "erp.db"
    write_erp_file(path, MONDAY)
    planned(path, at(MONDAY, 6))
    return path


@pytest.fixture
def erp(monday: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(monday, tmp_path / "erp.db"))


def open_material(problem: Problem) -> dict[str, float]:
    """What the open orders need; of routings to choose from the dearest, which is as dear as the others."""
    need: dict[str, float] = defaultdict(float)
    for order in problem.orders:
        of = {operation.name: operation for operation in order.operations}
        for name in order.routings[0] if order.routings else of:
            for material, quantity in of[name].materials.items():
                need[material] += quantity
    return need


@pytest.mark.parametrize("seed", [0, 3])
def test_ten_days_of_planning_and_working(tmp_path: Path, seed: int) -> None:
    path, done = tmp_path / "erp.db", set()
    for number in range(10):
        day = MONDAY + dt.timedelta(days=number)
        write_erp_file(path, day, seed=seed)
        start = at(day, 6)
        reading = read(path, start)
        assert reading.overdue_deliveries == ()
        assert len(reading.problem.orders) < 80
        there: dict[str, float] = defaultdict(float)
        for supply in reading.problem.supplies:
            there[supply.material] += supply.quantity
        need = open_material(reading.problem)
        assert there == pytest.approx({**dict.fromkeys(there, 0.0), **need}, abs=0.01)
        problem, schedule = planned(path, start)
        assert violations(problem, schedule) == []
        assert schedule.makespan_min < HORIZON - 3 * 1440
        done |= {row["order_id"] for row in rows(path)["production_order"] if row["state"] == "done"}
    assert len(done) > 6 * 12


def test_reports_keep_to_routings_machines_people_and_tools(erp: Path) -> None:
    write_erp_file(erp, TUESDAY)
    found = rows(erp, "floor_job")["floor_job"]
    ended = {(row["order_id"], row["routing_id"], row["operation_no"]): row for row in found}
    on_machine, staffed, tooled = defaultdict(set), defaultdict(set), defaultdict(set)
    for (order, routing, number), row in ended.items():
        step = STEPS[routing][number]
        assert row["machine_id"] in step.machines
        assert all(ended[order, routing, before]["ends_utc"] <= row["setup_began_utc"] for before in step.after)
        stay = (row["setup_began_utc"], row["begins_utc"], row["ends_utc"], row["machine_id"])
        on_machine[row["machine_id"]].add(stay)
        if step.skill is not None:
            assert step.skill in CREWS[row["operator_id"]][2]
            staffed[row["operator_id"]].add(stay)
        if step.tool is not None:
            tooled[step.tool].add(stay)
    for stays in on_machine.values():
        assert all(before[2] <= after[0] for before, after in pairwise(sorted(stays)))
    for counts, uses in (({name: crew[1] for name, crew in CREWS.items()}, staffed), (TOOLS, tooled)):
        for name, of_name in uses.items():
            for _, begin, _, _ in of_name:
                assert sum(other[1] <= begin < other[2] for other in of_name) <= counts[name]


def test_the_floor_follows_its_list_with_small_deviations(erp: Path) -> None:
    listed = {row["task_id"].replace("/", " "): row for row in rows(erp, "dispatch_list")["dispatch_list"]}
    write_erp_file(erp, at(MONDAY, 22))
    late, on_listed_machine, begun = [], 0, 0
    for row in rows(erp, "floor_job")["floor_job"]:
        names = (
            f"{row['order_id']} {row['operation_no']}",
            f"{row['order_id']} {row['routing_id']} {row['operation_no']}",
        )
        line = next((listed[name] for name in names if name in listed), None)
        if line is None or row["setup_began_utc"] < at(MONDAY, 4, 1):
            continue
        begun += 1
        on_listed_machine += row["machine_id"] == line["machine_id"]
        late.append((row["begins_utc"] - line["start_utc"]) / MINUTE)
    assert begun > 25
    assert on_listed_machine == begun
    assert min(late) < 30 < max(late)
    assert sum(abs(minutes) <= 30 for minutes in late) > begun / 2


def test_a_later_moment_of_the_day_shows_progress(erp: Path) -> None:
    open_before = len(read(erp, at(MONDAY, 6)).problem.operations)
    write_erp_file(erp, at(MONDAY, 11))
    reading = read(erp, at(MONDAY, 11))
    assert len(reading.problem.operations) < open_before
    assert len(reading.problem.pinned) > 5
    for task in reading.problem.pinned:
        assert task.start_min <= 0 < task.end_min
        assert reading.problem.operations[task.name].materials == {}
    problem, schedule = planned(erp, at(MONDAY, 11))
    assert violations(problem, schedule) == []


def test_looking_in_between_changes_nothing(erp: Path, tmp_path: Path) -> None:
    other = Path(shutil.copy(erp, tmp_path / "other.db"))
    for minutes in (1, 7, 61, 299, 540, 731, 1000):
        write_erp_file(other, at(MONDAY, 4, 1) + minutes * MINUTE)
    write_erp_file(erp, TUESDAY)
    write_erp_file(other, TUESDAY)
    assert rows(other) == rows(erp)


def test_maintenance_that_is_due_is_begun_and_done(erp: Path) -> None:
    begin, end = at(MONDAY, 22, 30), at(TUESDAY, 2, 30)
    ask_for_maintenance(erp, "overhaul", "press-01", begin, end)
    ask_for_maintenance(erp, "later", "press-02", begin + 48 * HOUR, end + 48 * HOUR)
    write_erp_file(erp, at(TUESDAY, 0, 30))
    orders = {row["work_order_id"]: row for row in rows(erp, "maintenance_work_order")["maintenance_work_order"]}
    assert orders["overhaul"]["state"] == "begun"
    assert begin <= orders["overhaul"]["start_utc"] <= begin + 10 * MINUTE
    assert orders["later"] == {**orders["later"], "state": "planned", "start_utc": begin + 48 * HOUR}
    write_erp_file(erp, at(TUESDAY, 6))
    orders = {row["work_order_id"]: row for row in rows(erp, "maintenance_work_order")["maintenance_work_order"]}
    assert orders["overhaul"]["state"] == "done"
    assert orders["overhaul"]["end_utc"] != end


def test_a_stop_is_told_while_it_goes_on_and_after(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    write_erp_file(path, MONDAY)
    last = MONDAY + dt.timedelta(days=8)
    shutil.copy(path, tmp_path / "to the end.db")
    write_erp_file(tmp_path / "to the end.db", last)
    stop = rows(tmp_path / "to the end.db")["machine_stop"][-1]
    during = stop["began_utc"] + 10 * MINUTE
    write_erp_file(path, during)
    told = next(row for row in rows(path)["machine_stop"] if row["machine_id"] == stop["machine_id"])
    assert told["ended_utc"] is None
    assert told["expected_end_utc"] > during
    stood = {one.machine: one for one in read(path, during).stops}
    assert stood[stop["machine_id"]].begin_min == 0
    assert stood[stop["machine_id"]].end_min == (told["expected_end_utc"] - during) / MINUTE


def test_a_floor_without_a_new_list_helps_itself(tmp_path: Path) -> None:
    path = tmp_path / "erp.db"
    write_erp_file(path, MONDAY)
    planned(path, at(MONDAY, 6))
    later = MONDAY + dt.timedelta(days=14)
    write_erp_file(path, later)
    assert len(read(path, at(later, 6)).problem.orders) < 80
