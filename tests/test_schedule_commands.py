"""`factory schedule`: show, what-if, explain, as a planner at a terminal uses them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from factory_assets.cli import app
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.settings import Site
from factory_assets.planning import intake
from factory_assets.planning.day_tables import write_intake
from factory_assets.planning.schema import MAINTENANCE_WINDOW, OPERATION_REPORT
from tests.planning.erp import erp_made
from tests.planning.planned_plant import erp_file, planned_site
from tests.planning.shop_made import shop
from tests.planning.what_if.bases import DAY, in_lake, morning
from tests.plants import make_site

PLANNING = {
    "timezone": "Europe/Berlin", "seconds": 0.5, "reschedule_seconds": 0.3, "workers": 1, "frozen": "PT0S",
    "move_cost_per_h": 6, "currency": "CHF",
}  # fmt: skip
AT = ("--at", "2026-10-05T06:00")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A plant whose lake holds a schedule of the small shop."""
    found = make_site(tmp_path, planning=PLANNING)
    monkeypatch.setenv("FACTORY_PLANT", str(found.plant_file))
    monkeypatch.setenv("FACTORY_HOME", str(found.home.root.parent))
    in_lake(Lake(found.home.lake), morning())
    return found


def factory(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["schedule", *arguments], env={"COLUMNS": "250"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def held(folder: Path) -> dict[str, str]:
    """All files below a folder, with their digests."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_the_schedule_in_force_is_shown(site: Site, tmp_path: Path) -> None:
    page, file = tmp_path / "gantt.html", tmp_path / "schedule.json"
    shown = factory("show", "--page", str(page), "--json", str(file))
    for text in ("Schedule of 2026-10-05", "Europe/Berlin", "Cost (CHF)", "proven", "press", "M1", "for the morning"):
        assert text in shown
    assert "<html" in page.read_text()
    document = json.loads(file.read_text())
    summary = Lake(site.home.lake).read("schedule_summary", Partition(day=DAY)).row(0, named=True)
    assert document["cost"]["total"] == pytest.approx(summary["cost"])
    assert document["begins"] == "2026-10-05T06:00:00+02:00"
    assert {one["machine"] for one in document["machines"]} == {"press", "mill", "oven"}


def test_a_bound_that_nobody_proved_is_not_claimed(site: Site) -> None:
    made = morning()
    in_lake(Lake(site.home.lake), replace(made, schedule=replace(made.schedule, lower_bound=None)))
    assert factory("show").count("nothing proven") == 2


@pytest.mark.usefixtures("site")
def test_a_what_if_shows_the_difference(tmp_path: Path) -> None:
    page, file = tmp_path / "gantt.html", tmp_path / "what-if.json"
    shown = factory(
        "what-if", "--breakdown", "mill@2026-10-05T08:00/PT2H", "--due", "A@2026-10-05T20:00", *AT, "--page", str(page),
        "--json", str(file),
    )  # fmt: skip
    assert "mill does not work from Mon 5 Oct 08:00 to Mon 5 Oct 10:00" in shown
    assert "order A is due Mon 5 Oct 20:00" in shown
    assert "times in Europe/Berlin" in shown
    assert "Cost (CHF)" in shown
    assert "CHF more" in shown
    document = json.loads(file.read_text())
    assert document["feasible"]
    assert document["difference"]["cost"]["total"] == pytest.approx(
        document["after"]["cost"]["total"] - document["before"]["cost"]["total"]
    )
    assert "what if" in page.read_text()


@pytest.mark.parametrize(
    "options", [("--no-maintenance", "press"), ("--rush-order", "A:90@2026-10-05T20:00"), ("--anew",)]
)
def test_a_what_if_changes_nothing(site: Site, options: tuple[str, ...]) -> None:
    before = held(site.home.root)
    factory("what-if", *options, *AT, code="--rush-order" in options)
    assert held(site.home.root) == before


@pytest.mark.usefixtures("site")
def test_what_cannot_be_ends_with_1_and_says_why(tmp_path: Path) -> None:
    file = tmp_path / "what-if.json"
    shown = factory("what-if", "--rush-order", "A:90@2026-10-05T20:00", *AT, "--json", str(file), code=1)
    assert "It cannot be" in shown
    assert "steel" in shown
    assert json.loads(file.read_text())["feasible"] is False


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "--day", "2026-10-04"), "no schedule of 2026-10-04; the newest are of: 2026-10-05"),
        (("what-if", "--breakdown", "pres@2026-10-05T08:00/PT2H", *AT), "did you mean press"),
        (("what-if", "--breakdown", "press@8:00/PT2H", *AT), "the form is --breakdown MACHINE@FROM/TO"),
        (("what-if", "--anew", "--at", "2026-10-05T05:00"), "lasts from Mon 5 Oct 06:00"),
        (("what-if", "--anew", "--at", "2026-10-25T02:30"), "comes twice"),
        (("what-if", "--anew", "--at", "2026-11-05T05:00"), "ask of a time within it"),
        (("what-if", "--breakdown", "press@2026-10-04T08:00/PT2H", *AT), "is over"),
        (("explain",), "the ERP was not read for any day yet"),
    ],
)
@pytest.mark.usefixtures("site")
def test_what_cannot_be_asked_is_said(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(FactoryError, match=told):
        factory(*arguments)


@pytest.mark.usefixtures("site")
def test_a_what_if_without_a_change_is_refused() -> None:
    assert "say what changes" in factory("what-if", code=2)


def test_without_a_schedule_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = make_site(tmp_path, planning=PLANNING)
    monkeypatch.setenv("FACTORY_PLANT", str(found.plant_file))
    monkeypatch.setenv("FACTORY_HOME", str(found.home.root.parent))
    for command in (("show",), ("what-if", "--anew")):
        with pytest.raises(FactoryError, match="no schedule yet: materialise daily_schedule"):
            factory(*command)


def test_nothing_is_made_like_an_order_of_which_the_floor_reports_a_part_as_done(site: Site) -> None:
    row = {
        "plant": "small", "day": DAY, "order_id": "A", "operation_no": 5, "ended_utc": erp_made.MORNING,
    }  # fmt: skip
    Lake(site.home.lake).write("operation_report", pl.DataFrame([row], schema=OPERATION_REPORT), Partition(day=DAY))
    with pytest.raises(FactoryError, match=r"a part of order A is done.*such as B"):
        factory("what-if", "--rush-order", "A:1@2026-10-05T20:00", *AT)


def test_a_day_that_cannot_be_planned_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = planned_site(tmp_path)
    monkeypatch.setenv("FACTORY_PLANT", str(found.plant_file))
    monkeypatch.setenv("FACTORY_HOME", str(found.home.root.parent))
    lake, part = Lake(found.home.lake), Partition(day=DAY)
    lake.write("maintenance_window", pl.DataFrame(schema=MAINTENANCE_WINDOW), part)

    def read_erp() -> None:
        write_intake(lake, "small", DAY, intake.read(found, dt.date.fromisoformat(DAY), erp_made.MORNING))

    read_erp()
    assert "2026-10-05 can be planned" in factory("explain")
    erp_made.remove(erp_file(found), "purchase_delivery")
    erp_made.change(erp_file(found), "material_stock", {"quantity": 50.0})
    read_erp()
    told = factory("explain", "--day", DAY, code=1)
    assert "2026-10-05 cannot be planned" in told
    assert "steel" in told


def test_a_schedule_that_is_being_written_is_not_read(site: Site) -> None:
    lake, part = Lake(site.home.lake), Partition(day=DAY)
    rows = lake.read("daily_schedule", part)
    in_lake(lake, morning(orders=shop().orders[:1]))
    lake.write("daily_schedule", rows, part)
    with pytest.raises(FactoryError, match="is being written"):
        factory("show")


def test_a_plant_without_a_schedule_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = make_site(tmp_path)
    monkeypatch.setenv("FACTORY_PLANT", str(found.plant_file))
    with pytest.raises(FactoryError, match="no section `planning`"):
        factory("show")
