from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from factory_assets.foundation import automation
from factory_assets.foundation import partitions as parts
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Site
from factory_assets.foundation.staleness import observe
from factory_assets.historian import assets, segments, sensors
from factory_assets.telemetry import assets as telemetry
from tests.plants import START, day_of_readings, drop, make_site, plant_dict
from tests.ticking import Ticking

ONE_DAY = dt.timedelta(days=1)


class Bench(Ticking):
    """A sensor with an instance and a cursor of its own."""

    def __init__(self, site: Site) -> None:
        job = automation.READINGS_JOB
        self.site = site
        self.instance = dg.DagsterInstance.ephemeral()
        (self.sensor,) = sensors.sensors(site, job=job)
        self.defs = dg.Definitions(
            [*assets.assets(site), *telemetry.assets(site)],
            jobs=[job],
            sensors=[self.sensor],
            resources={"lake": LakeResource(root=str(site.home.lake))},
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(make_site(tmp_path))


def asked(requests: list[dg.RunRequest]) -> list[tuple[str, str]]:
    return [(r.tags[parts.RANGE_START_TAG], r.tags[parts.RANGE_END_TAG]) for r in requests]


def test_an_empty_folder_asks_for_nothing(bench: Bench) -> None:
    assert bench.tick() == []


def test_a_new_file_asks_for_its_day_and_the_next(bench: Bench) -> None:
    drop(bench.site, "a.csv", day_of_readings("south-1", START))
    assert asked(bench.tick()) == [("2026-09-01|south", "2026-09-02|south")]
    assert bench.tick() == []


def test_a_file_of_today_asks_for_today_alone(bench: Bench) -> None:
    today = dt.datetime.now(dt.UTC).date()
    drop(bench.site, "a.csv", day_of_readings("north-1", today, hours=range(1)))
    key = f"{today.isoformat()}|north"
    assert asked(bench.tick()) == [(key, key)]


def test_a_late_file_opens_exactly_its_days(bench: Bench) -> None:
    for n in range(5):
        drop(bench.site, f"{n}.csv", day_of_readings("north-1", START + n * ONE_DAY))
    bench.tick()
    drop(bench.site, "late.csv", day_of_readings("north-2", START + ONE_DAY))
    assert asked(bench.tick()) == [("2026-09-02|north", "2026-09-03|north")]


def days_of(bench: Bench, unit: str, *numbers: int) -> list[str]:
    return [line for n in numbers for line in day_of_readings(unit, START + n * ONE_DAY)]


def test_files_that_arrive_out_of_order_open_exactly_their_days(bench: Bench) -> None:
    for number in (4, 0, 2):
        drop(bench.site, f"{number}.csv", days_of(bench, "north-1", number))
        first, last = (START + (number + more) * ONE_DAY for more in (0, 1))
        assert asked(bench.tick()) == [(f"{first}|north", f"{last}|north")]
    assert bench.tick() == []


def test_a_late_file_of_scattered_days_opens_these_and_the_days_after_them(bench: Bench) -> None:
    drop(bench.site, "all.csv", days_of(bench, "north-1", *range(12)))
    bench.tick()
    drop(bench.site, "late.csv", days_of(bench, "north-2", 1, 2, 6))
    opened = [("2026-09-02|north", "2026-09-04|north"), ("2026-09-07|north", "2026-09-08|north")]
    assert asked(bench.tick()) == opened


def test_a_file_that_arrives_twice_opens_nothing(bench: Bench) -> None:
    path = drop(bench.site, "a.csv", days_of(bench, "north-1", 0))
    bench.tick()
    path.touch()
    assert bench.tick() == []
    path.unlink()
    assert bench.tick() == []
    drop(bench.site, "a.csv", days_of(bench, "north-1", 0))
    assert bench.tick() == []


def test_a_corrected_file_opens_the_days_that_it_tells(bench: Bench) -> None:
    lines = days_of(bench, "north-1", 0, 1)
    drop(bench.site, "a.csv", lines)
    bench.tick()
    drop(bench.site, "a.csv", [line.replace(",210,", ",211,") for line in lines[96:]])
    assert asked(bench.tick()) == [("2026-09-02|north", "2026-09-03|north")]


def test_a_refused_file_is_told_once_and_stays_in_the_reason(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(bench.site, "a.csv", ["x"], header="nonsense")
    told: list[str] = []
    reasons = []
    for _ in range(3):
        context = dg.build_sensor_context(instance=bench.instance, repository_def=bench.defs.get_repository_def())
        monkeypatch.setattr(context.log, "error", lambda text, *values: told.append(text % values))
        reasons.append(bench.sensor.evaluate_tick(context).skip_message or "")
    assert len(told) == 1
    assert told[0].startswith("a.csv was refused: a.csv has no column machine")
    assert all("a.csv" in reason for reason in reasons)


def test_run_keys_name_the_segments_so_that_a_repeated_tick_starts_nothing(bench: Bench) -> None:
    drop(bench.site, "a.csv", day_of_readings("north-1", START))
    first = bench.tick()
    again = Bench(bench.site)
    assert [r.run_key for r in again.tick()] == [r.run_key for r in first]


def test_requests_are_bounded_and_the_rest_comes_next(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors, "REQUESTS_A_TICK", 3)
    for n in range(0, 20, 4):
        drop(bench.site, f"{n:02d}.csv", day_of_readings("north-1", START + n * ONE_DAY))
    ticks = [len(bench.tick()) for _ in range(3)]
    assert ticks == [3, 2, 0]


def test_what_was_already_observed_is_not_asked_for_again(bench: Bench) -> None:
    drop(bench.site, "a.csv", day_of_readings("north-1", START))
    segments.collect(bench.site, now=dt.datetime.now(dt.UTC))
    contents = segments.contents(bench.site.home.segments)
    versions = {parts.to_key(p): segments.source_version(m) for p, m in contents.items()}
    assert len(observe(bench.instance, sensors.SOURCE, versions)) == 1
    assert observe(bench.instance, sensors.SOURCE, versions) == []
    assert bench.tick() == []


def test_a_segment_that_another_process_finished_late_is_not_missed(bench: Bench) -> None:
    drop(bench.site, "a.csv", day_of_readings("north-1", START))
    bench.tick()
    drop(bench.site, "b.csv", day_of_readings("north-2", START))
    segments.collect(bench.site, now=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
    assert len(bench.tick()) == 1


def test_an_unreadable_file_does_not_stop_the_others(bench: Bench) -> None:
    drop(bench.site, "a.csv", ["x"], header="nonsense")
    drop(bench.site, "b.csv", day_of_readings("north-1", START))
    assert len(bench.tick()) == 1


def test_an_archive_has_no_sensor(tmp_path: Path) -> None:
    life = {"run_to_failure_units": "north-*"}
    fleet = {"name": "north", "machine_class": "press", "units": ["north-*"], "life": life}
    archive = make_site(tmp_path, **plant_dict(running=False, start=None, fleets=[fleet]))
    assert sensors.sensors(archive, job=automation.READINGS_JOB) == []


def test_the_cursor_stays_small(bench: Bench) -> None:
    for n in range(3):
        drop(bench.site, f"{n}.csv", day_of_readings("north-1", START + n * ONE_DAY))
        now = dt.datetime(2026, 9, 10, tzinfo=dt.UTC) + 3 * n * ONE_DAY
        segments.collect(bench.site, now=now)
        bench.tick()
    assert len(sensors.Cursor.read(bench.cursor).seen) == 1
