"""One late file in a lake of a thousand partitions: which steps are run again, and which files of the lake change."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from factory_assets import operations, summary
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.foundation.settings import Settings, Site, load_site

NAME = "one_changed_partition"
FLEETS = ("north", "south")
ROOMS = ("historian", "telemetry")
PARTITIONS = 1_000
QUICK_PARTITIONS = 8
HOURS = (0, 8, 16)
HEADER = "machine,tag,timestamp,value,quality"
TABLES_OF_CLEANING = ("clean_reading", "quarantined_reading", "cleaning_ledger")
CHANNELS = (
    {"name": "oil_temp_degc", "tag": "OIL_TEMP", "unit": "degC", "low": -10, "high": 150},
    {"name": "pressure_bar", "tag": "PRESSURE", "unit": "bar", "low": 0, "high": 400},
    {"name": "machine_state", "tag": "STATE", "role": "state", "low": 0, "high": 3, "aggregate": "max"},
)


@dataclass(frozen=True)
class Work:
    """What a refresh did: runs and partitions by step, wall seconds, and the files of the lake that it wrote."""

    runs: Mapping[str, int]
    partitions: Mapping[str, int]
    seconds: float
    written: frozenset[str]


def run(options: Options) -> Report:
    """Bring a plant up to date, let a file come late for one day of one fleet, and count what is done for it."""
    days = max(3, options.size("partitions", full=PARTITIONS, quick=QUICK_PARTITIONS) // len(FLEETS))
    first = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days)
    site = make_plant(options.folder, first, days)
    whole = refresh(site)
    late = first + dt.timedelta(days=days // 2)
    drop(site, "late.csv", [f"{FLEETS[0]}-1,PRESSURE,{late}T20:00:00Z,212,192"])
    changed = refresh(site)
    idle = refresh(site)
    return report(whole, changed, idle, expected_files(late), partitions=days * len(FLEETS))


def report(whole: Work, changed: Work, idle: Work, expected: Mapping[str, Sequence[str]], *, partitions: int) -> Report:
    """Compare what was done with what the one file asks for."""
    needed = {name: len(files) for name, files in expected.items()}
    of_cleaning = len(TABLES_OF_CLEANING) - 1
    wanted = frozenset(file for files in expected.values() for file in files)
    done = sum(changed.partitions.values())
    asked = sum(needed.values()) - of_cleaning * len(expected[TABLES_OF_CLEANING[0]])
    assets = len(needed) - of_cleaning
    truth = "the day of the file, the next day (cleaning reads the day before), and what is made of them"
    exactly = "counted in the graph by hand"
    names = sorted({*whole.partitions, *changed.partitions})
    rows = [
        [name, *(f"{counts.get(name, 0):,}" for counts in (whole.partitions, changed.partitions, idle.partitions))]
        for name in names
    ]
    return Report(
        name=NAME,
        title=f"One late file in a lake of {partitions:,} partitions of readings: what is done again.",
        figures=[
            Figure("steps run for the file", sum(changed.runs.values()), assets, None, _exactly(assets), exactly),
            Figure("partitions worked on for the file", done, asked, None, _exactly(asked), truth),
            Figure("files written beside them", len(changed.written - wanted), 0, None, _exactly(0), truth),
            Figure("files that should be new and are not", len(wanted - changed.written), 0, None, _exactly(0), truth),
            Figure("steps of a run after that", sum(idle.runs.values()), 0, None, _exactly(0), "nothing has changed"),
            Figure("seconds for the file, finding out included", changed.seconds, whole.seconds,
                   whole.seconds / changed.seconds, None, "the same plant; the baseline is its first materialisation"),
            Figure("seconds to find that nothing is new", idle.seconds, None, None, None, "the same plant"),
        ],
        details=[Details("Partitions worked on", ["asset", "first time", "one late file", "nothing new"], rows)],
    )  # fmt: skip


def make_plant(folder: Path, first: dt.date, days: int) -> Site:
    """A running plant of two fleets with one file a day, up to yesterday."""
    life = {"state_channel": "machine_state"}
    value = {
        "plant": "benchmark",
        "running": True,
        "start": first.isoformat(),
        "sample_period": "PT8H",
        "cycle_length": "PT8H",
        "machine_classes": {"press": {"channels": [dict(channel) for channel in CHANNELS]}},
        "fleets": [{"name": f, "machine_class": "press", "units": [f"{f}-*"], "life": life} for f in FLEETS],
        "source": {
            "kind": "export", "folder": "{home}/historian", "layout": "tall",
            "columns": dict(zip(("unit_id", "channel", "ts_utc", "value", "quality"), HEADER.split(","), strict=True)),
        },
    }  # fmt: skip
    file = folder / "plant.yaml"
    file.write_text(yaml.safe_dump(value), encoding="utf-8")
    site = load_site(Settings(plant=file, home=folder / "home", data=None))
    for number in range(days):
        day = first + dt.timedelta(days=number)
        drop(site, f"{day}.csv", _readings(day))
    return site


def drop(site: Site, name: str, lines: Sequence[str]) -> None:
    """Let a file appear in the plant's historian."""
    folder = site.folder(site.plant.source.folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")


def _readings(day: dt.date) -> list[str]:
    return [
        f"{fleet}-1,{tag},{day}T{hour:02d}:00:00Z,{value + day.toordinal() % 7},192"
        for fleet in FLEETS
        for hour in HOURS
        for tag, value in (("OIL_TEMP", 40 + hour / 10), ("PRESSURE", 200 + hour))
    ] + [f"{fleet}-1,STATE,{day}T{hour:02d}:00:00Z,1,192" for fleet in FLEETS for hour in HOURS]


def refresh(site: Site) -> Work:
    """Bring the plant up to date by the way that `factory materialize` goes, and see which files it wrote."""
    before = _files(site)
    began = time.perf_counter()
    with summary.progress_lines(site.home.log):
        done = operations.bring_up_to_date(site, rooms=ROOMS)
    seconds = time.perf_counter() - began
    after = _files(site)
    runs: Counter[str] = Counter()
    partitions: Counter[str] = Counter()
    for progress in done.executed:
        name = _name(progress)
        runs[name] += 1
        partitions[name] += progress.partitions
    return Work(
        runs=runs,
        partitions=partitions,
        seconds=seconds,
        written=frozenset(path for path, facts in after.items() if before.get(path) != facts),
    )


def _name(progress: Any) -> str:
    """The step's name: its asset, or what makes several at once."""
    return "cleaning" if set(progress.assets) == set(TABLES_OF_CLEANING) else ", ".join(progress.assets)


def _files(site: Site) -> dict[str, tuple[int, int]]:
    """Every file of the lake, with what changes when it is written again (its inode and time)."""
    return {
        path.relative_to(site.home.lake).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in site.home.lake.rglob("*.parquet")
    }


def expected_files(late: dt.date) -> dict[str, list[str]]:
    """The files of the lake that a late file for one day of the first fleet asks for, by table."""
    fleet, after = FLEETS[0], late + dt.timedelta(days=1)
    two_days = [f"{fleet}/{day}.parquet" for day in (late, after)]
    of_table: dict[str, list[str]] = {"historian_extract": two_days[:1], "unit_life": [f"{fleet}/all.parquet"]}
    of_table |= dict.fromkeys((*TABLES_OF_CLEANING, "sensor_table"), two_days)
    return {table: [f"{table}/{file}" for file in files] for table, files in of_table.items()}


def _exactly(count: int) -> Goal:
    return Goal(least=count, most=count)
