"""The count of what one late file costs, on a small lake, and on work that is not what it should be."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from factory_assets.benchmarks import one_changed_partition as bench
from factory_assets.benchmarks.report import Options

DAY = dt.date(2026, 5, 3)
EXPECTED = bench.expected_files(DAY)
WANTED = frozenset(file for files in EXPECTED.values() for file in files)
RUNS = {"historian_extract": 1, "cleaning": 1, "sensor_table": 1, "unit_life": 1}
PARTITIONS = {"historian_extract": 1, "cleaning": 2, "sensor_table": 2, "unit_life": 1}
WHOLE = bench.Work({}, {}, 60.0, frozenset())
IDLE = bench.Work({}, {}, 1.0, frozenset())


def missed(changed: bench.Work, idle: bench.Work = IDLE) -> list[str]:
    report = bench.report(WHOLE, changed, idle, EXPECTED, partitions=1000)
    return [figure.name for figure in report.missed]


def test_one_late_file_is_one_day_the_next_and_what_is_made_of_them(tmp_path: Path) -> None:
    report = bench.run(Options(tmp_path, is_quick=True))
    assert report.missed == []
    assert [figure.ours for figure in report.figures[:5]] == [4, 6, 0, 0, 0]
    counted = {row[0]: row[1:] for row in report.details[0].rows}
    assert counted["cleaning"] == ["8", "2", "0"]
    assert counted["historian_extract"] == ["8", "1", "0"]


def test_the_day_and_the_next_are_expected_of_one_fleet_only() -> None:
    assert EXPECTED["historian_extract"] == ["historian_extract/north/2026-05-03.parquet"]
    assert EXPECTED["clean_reading"] == [f"clean_reading/north/2026-05-0{day}.parquet" for day in (3, 4)]
    assert EXPECTED["unit_life"] == ["unit_life/north/all.parquet"]
    assert not any("south" in file for file in WANTED)


def test_exactly_that_work_is_the_goal() -> None:
    assert missed(bench.Work(RUNS, PARTITIONS, 5.0, WANTED)) == []


def test_too_much_work_is_a_missed_goal() -> None:
    more = PARTITIONS | {"cleaning": 3}
    assert missed(bench.Work(RUNS | {"cleaning": 2}, more, 5.0, WANTED)) == [
        "steps run for the file",
        "partitions worked on for the file",
    ]
    other = WANTED | {"clean_reading/south/2026-05-03.parquet"}
    assert missed(bench.Work(RUNS, PARTITIONS, 5.0, other)) == ["files written beside them"]


def test_too_little_work_is_one_too() -> None:
    fewer = WANTED - {"sensor_table/north/2026-05-04.parquet"}
    assert missed(bench.Work(RUNS, PARTITIONS, 5.0, fewer)) == ["files that should be new and are not"]


def test_a_run_that_never_ends_is_one_as_well() -> None:
    again = bench.Work({"unit_life": 1}, {"unit_life": 1}, 1.0, frozenset())
    assert missed(bench.Work(RUNS, PARTITIONS, 5.0, WANTED), again) == ["steps of a run after that"]
