"""The reference plant from its historian to the edge, by the commands of the README."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sqlite3
from pathlib import Path

import polars as pl

from factory_assets.foundation.lake import Lake, Partition
from tests.integration.commands import EDGE, factory
from tests.integration.conftest import DAYS, SmallPlant

PARTS = 8
ROOMS = ("reference_plant", "historian", "telemetry", "warehouse", "rul", "inspection", "engines", "planning")


def test_every_room_was_run_and_shown(small_plant: SmallPlant) -> None:
    for room in ROOMS:
        assert f"\n  {room} " in f"\n{small_plant.output}", room
    assert f"historian_extract ({2 * DAYS} partitions)" in small_plant.output
    assert "Release 1, signed" in small_plant.output


def test_what_the_historian_got_wrong_is_found_again(small_plant: SmallPlant) -> None:
    """Quarantine and duplicates against the simulator's truth, which the platform never reads."""
    written = [path.name for path in (small_plant.home / "plant" / "historian").iterdir()]
    truth = pl.read_parquet(small_plant.home / "truth" / "faults.parquet").filter(pl.col("file").is_in(written))
    told = dict(truth["kind"].value_counts().iter_rows())
    lake = Lake(small_plant.home / "lake")
    quarantined = pl.concat([lake.read_fleet("quarantined_reading", fleet) for fleet in ("press", "spindle")])
    reasons = dict(quarantined["reason"].value_counts().iter_rows())
    ledger = pl.concat([lake.read_fleet("cleaning_ledger", fleet) for fleet in ("press", "spindle")])
    assert reasons["bad_quality"] == told["bad_quality"]
    assert reasons["out_of_range"] >= told["impossible_value"]
    assert reasons["stuck"] >= 0.9 * told["stuck"]
    repeated = told["duplicate"] + told["restart"]
    assert 0.95 * repeated <= ledger["duplicates"].sum() <= repeated


def test_lives_are_those_of_the_truth(small_plant: SmallPlant) -> None:
    truth = pl.read_parquet(small_plant.home / "truth" / "lives.parquet")
    now = dt.datetime.combine(dt.datetime.now(dt.UTC).date(), dt.time(), dt.UTC)
    lake = Lake(small_plant.home / "lake")
    for fleet in ("press", "spindle"):
        known = truth.filter(pl.col("fleet") == fleet, pl.col("end_ts") < now - dt.timedelta(hours=2))
        found = lake.read("unit_life", Partition(fleet))
        for ending in ("failure", "overhaul"):
            assert (found["ended_by"] == ending).sum() == (known["ended_by"] == ending).sum()


def test_the_schedule_is_in_force_and_can_be_asked_about(small_plant: SmallPlant) -> None:
    lake = Lake(small_plant.home / "lake")
    (day,) = lake.days("daily_schedule")
    schedule = lake.read("daily_schedule", Partition(day=day))
    assert set(schedule["kind"]) == {"operation", "maintenance"}
    with sqlite3.connect(small_plant.home / "plant" / "erp.db") as erp:
        assert erp.execute("select schedule_id from schedule_in_force").fetchall() == [(schedule["schedule_id"][0],)]
    where = ("--plant", small_plant.file, "--home", small_plant.folder)
    shown = factory("schedule", "show", *where, cwd=small_plant.folder)
    assert f"Schedule of {day}" in shown.stdout, shown.stderr
    machine = schedule.filter(kind="maintenance").sort("start_utc")["machine_id"][-1]
    changed = factory("schedule", "what-if", *where, "--no-maintenance", machine, cwd=small_plant.folder)
    assert "Nothing was changed" in changed.stdout, changed.stderr


def test_a_second_run_does_nothing(small_plant: SmallPlant) -> None:
    assert "nothing was run" in small_plant.materialize()


def test_todays_file_does_only_its_part(small_plant: SmallPlant, tmp_path: Path) -> None:
    shutil.copytree(small_plant.folder, tmp_path, dirs_exist_ok=True)
    copy = SmallPlant(small_plant.file, tmp_path, "")
    today = dt.datetime.now(dt.UTC).date()
    rows = [
        f"press-01,{tag},{today}T00:00:00Z,{value},192"
        for tag, value in (("PRESS.OIL_TEMP", 118), ("PRESS.MOTOR_CURR", 70), ("PRESS.STATE", 1))
    ]
    file = copy.home / "plant" / "historian" / "todays_readings.csv"
    file.write_text("\n".join(["machine,tag,timestamp,value,quality", *rows]) + "\n")
    output = copy.materialize("--room", "historian", "--room", "telemetry")
    assert f"historian_extract ({today}|press)" in output
    assert "spindle)" not in output.replace("spindle │", "")
    accepted = Lake(copy.home / "lake").read("clean_reading", Partition("press", today.isoformat()))
    assert accepted["channel"].to_list() == ["machine_state", "motor_current_a", "oil_temp_degc"]


def test_the_demonstration_ends_at_the_edge(small_plant: SmallPlant, tmp_path: Path) -> None:
    """`factory demo` is tied to the plant file of the project; its edge half is run on the small plant here."""
    code = (
        "from pathlib import Path; from factory_assets import demonstration; "
        "from factory_assets.foundation.settings import Settings, load_site; "
        f"site = load_site(Settings(plant=Path({str(small_plant.file)!r}), home=Path({str(small_plant.folder)!r}))); "
        f"demonstration.go_to_the_edge(site, Path({str(EDGE)!r})); "
        f"demonstration.inspect_at_the_line(site, Path({str(EDGE)!r}), parts={PARTS})"
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Predicted at the edge with release 1" in done.stdout
    units = json.loads((small_plant.home / "edge" / "press.json").read_text())["units"]
    assert units
    assert all(0 <= unit["rul_cycles"] <= 125 for unit in units)
    assert "Inspected at the edge" in done.stdout
    parts = json.loads((small_plant.home / "edge" / "casting.json").read_text())["parts"]
    assert {part["verdict"] for part in parts} <= {"ok", "nok"}
    assert all(part["failure"] is None for part in parts)
    assert "Inspected by the service at machining-casting" in done.stdout
    verdicts = pl.read_parquet(small_plant.home / "lake" / "inspection_verdict" / "casting" / "*.parquet")
    assert verdicts["sequence"].sort().to_list() == list(range(1, PARTS + 1))
    yields = Lake(small_plant.home / "lake").read("inspection_yield_day")
    assert yields["n_parts"].sum() == PARTS


def test_a_missing_plant_file_is_told_in_plain_words(tmp_path: Path) -> None:
    done = factory("materialize", "--plant", tmp_path / "none.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("factory: plant file")


def test_an_archive_without_a_data_folder_asks_for_one(tmp_path: Path) -> None:
    from tests.integration.test_turbofan import PLANT

    done = factory("materialize", "--plant", PLANT, "--home", tmp_path, cwd=tmp_path)
    assert done.returncode == 1
    assert "FACTORY_DATA" in done.stderr
