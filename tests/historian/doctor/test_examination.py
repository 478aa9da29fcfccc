from __future__ import annotations

import datetime as dt
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from factory_assets.foundation.lake import Lake
from factory_assets.foundation.settings import Settings, Site, load_site
from factory_assets.historian.doctor import examination
from factory_assets.historian.doctor import tally as doctor_tally
from factory_assets.historian.doctor.examination import Diagnosis, examine
from factory_assets.historian.doctor.findings import Finding
from tests.plants import CHANNELS, START, day_of_readings, drop, make_site, plant_dict

NOW = dt.datetime(2026, 9, 4, tzinfo=dt.UTC)
HEADER = "machine,tag,timestamp,value,quality"


def lines_of_a_good_plant() -> list[str]:
    lines = []
    for offset in range(3):
        for unit in ("north-1", "north-2", "south-1"):
            state = 2 if (offset, unit) == (1, "north-1") else 1
            lines += day_of_readings(unit, START + dt.timedelta(days=offset), state=state)
    return lines + day_of_readings("south-1", START, state=2)


def source(**changes: object) -> dict[str, object]:
    return {**plant_dict()["source"], "timezone": "UTC", **changes}  # type: ignore[dict-item]


def good_site(tmp_path: Path, **changes: object) -> Site:
    return make_site(tmp_path, **{"sample_period": "PT1H", "source": source(), **changes})


def diagnosed(
    site: Site, *, lines: list[str] | None = None, everything: bool = False, header: str = HEADER
) -> Diagnosis:
    drop(site, "a.csv", lines_of_a_good_plant() if lines is None else lines, header)
    return examine(site, now=NOW, everything=everything)


def finding(diagnosis: Diagnosis, text: str) -> Finding:
    found = [each for each in diagnosis.findings if text in each.message]
    assert found, [(each.level, each.message) for each in diagnosis.findings]
    return found[0]


def channels(**changes: object) -> dict[str, object]:
    """The plant's machine class with the first channel changed."""
    return {"press": {"channels": [{**CHANNELS[0], **changes}, *CHANNELS[1:]]}}


def test_a_plant_file_that_fits_its_source_is_well(tmp_path: Path) -> None:
    diagnosis = diagnosed(good_site(tmp_path))
    assert [(each.level, each.message) for each in diagnosis.findings if each.level != "ok"] == []
    assert diagnosis.is_whole
    assert "1 of 1 file(s)" in diagnosis.looked_at


def test_a_folder_that_is_missing_or_empty_is_a_problem(tmp_path: Path) -> None:
    site = good_site(tmp_path)
    missing = finding(examine(site, now=NOW), "is not there")
    assert missing.level == "problem"
    assert "create it, or correct source.folder" in missing.mend
    site.folder(site.plant.source.folder).mkdir(parents=True)
    assert finding(examine(site, now=NOW), "is empty").mend == "put the exports there"


def test_a_pattern_that_matches_nothing_names_what_is_there(tmp_path: Path) -> None:
    found = finding(diagnosed(good_site(tmp_path, source=source(pattern="*.txt"))), "no file in")
    assert found.level == "problem"
    assert "it holds 1 .csv" in found.message
    assert "correct source.pattern" in found.mend


def test_a_data_folder_that_nobody_named_is_a_problem(tmp_path: Path) -> None:
    made = good_site(tmp_path, source=source(folder="{data}/x"))
    site = load_site(Settings(plant=made.plant_file, home=tmp_path / "home"))
    assert "--data" in finding(examine(site, now=NOW), "reads from {data}/x").message


def test_another_separator_is_named(tmp_path: Path) -> None:
    lines = [line.replace(",", ";") for line in lines_of_a_good_plant()]
    diagnosis = diagnosed(good_site(tmp_path), lines=lines, header=HEADER.replace(",", ";"))
    assert finding(diagnosis, "looks separated by ';'").mend == "set source.separator: ';'"
    assert diagnosis.has_problem


def test_decimal_commas_are_named(tmp_path: Path) -> None:
    lines = [line.replace(",", ";").replace(".", ",") for line in lines_of_a_good_plant()]
    site = good_site(tmp_path, source=source(separator=";"))
    diagnosis = diagnosed(site, lines=lines, header=HEADER.replace(",", ";"))
    assert finding(diagnosis, "writes decimal commas").mend == "set source.decimal_comma: true"


def test_lines_above_the_header_are_counted(tmp_path: Path) -> None:
    found = finding(diagnosed(good_site(tmp_path), header=f"report\n\n{HEADER}"), "stands in line 3")
    assert found.mend == "set source.skip_lines: 2"


def test_a_missing_column_is_named_with_the_one_that_looks_like_it(tmp_path: Path) -> None:
    found = finding(
        diagnosed(good_site(tmp_path), header=HEADER.replace("machine", "asset")), "has no column 'machine'"
    )
    assert found.level == "problem"
    assert "'asset' looks like it" in found.mend


def test_times_without_an_offset_need_a_zone(tmp_path: Path) -> None:
    lines = [line.replace("Z,", ",") for line in lines_of_a_good_plant()]
    assert finding(diagnosed(good_site(tmp_path), lines=lines), "name no offset").level == "warning"
    (tmp_path / "berlin").mkdir()
    berlin = good_site(tmp_path / "berlin", source=source(timezone="Europe/Berlin"), start="2026-08-31")
    assert finding(diagnosed(berlin, lines=lines), "read as Europe/Berlin").level == "ok"


def test_an_unknown_tag_is_named_with_the_channel_it_may_be(tmp_path: Path) -> None:
    lines = [*lines_of_a_good_plant(), "north-1,OIL_TEMP_2,2026-09-01T00:30:00Z,104,192"]
    found = finding(diagnosed(good_site(tmp_path), lines=lines), "tag 'OIL_TEMP_2' of fleet north")
    assert "1 readings would be set aside" in found.message
    assert "add 'OIL_TEMP_2' to its aliases" in found.mend
    assert found.line is not None


def test_an_alias_is_a_known_tag(tmp_path: Path) -> None:
    lines = [*lines_of_a_good_plant(), "north-1,OIL_TEMP_2,2026-09-01T00:30:00Z,104,192"]
    site = good_site(tmp_path, machine_classes=channels(aliases=["OIL_TEMP_2"]))
    assert not [each for each in diagnosed(site, lines=lines).findings if "OIL_TEMP_2" in each.message]


def test_a_channel_that_never_appears_is_named(tmp_path: Path) -> None:
    site = good_site(tmp_path, machine_classes=channels(tag="OIL"))
    found = finding(diagnosed(site), "oil_temp_degc of fleet north never appears")
    assert "is 'OIL' its tag?" in found.mend


def test_units_and_fleets_that_do_not_meet_are_named(tmp_path: Path) -> None:
    lines = [line for line in lines_of_a_good_plant() if not line.startswith("south")] + day_of_readings(
        "west-1", START
    )
    diagnosis = diagnosed(good_site(tmp_path), lines=lines)
    assert "west-1 (96 rows)" in finding(diagnosis, "no fleet takes").message
    assert finding(diagnosis, "fleet south has no unit").level == "problem"


def test_patterns_that_overlap_are_named(tmp_path: Path) -> None:
    fleets = plant_dict()["fleets"]
    fleets[1]["units"] = ["south-*", "north-2"]  # type: ignore[index]
    assert "also match the patterns of south" in finding(diagnosed(good_site(tmp_path, fleets=fleets)), "also").message


def test_readings_in_another_unit_are_told_with_that_unit(tmp_path: Path) -> None:
    lines = [line.replace(",104", ",205") for line in lines_of_a_good_plant()]
    site = good_site(tmp_path, machine_classes=channels(source_unit=""))
    found = finding(diagnosed(site, lines=lines), "of OIL_TEMP of fleet north lie outside -10..150 degC")
    assert found.level == "problem"
    assert found.mend == "read as degF they would fit: set source_unit: degF"


def test_a_few_readings_outside_are_a_warning(tmp_path: Path) -> None:
    lines = lines_of_a_good_plant()
    lines[1] = lines[1].replace(",210,", ",-9999,")
    lines[5] = lines[5].replace(",210,", ",-9999,")
    found = finding(diagnosed(good_site(tmp_path), lines=lines), "of PRESSURE of fleet north lie outside 0..400 bar")
    assert found.level == "warning"
    assert "99 % lie within" in found.mend


def test_units_that_do_not_convert_are_found_without_data(tmp_path: Path) -> None:
    found = finding(
        examine(good_site(tmp_path, machine_classes=channels(source_unit="bar")), now=NOW), "cannot convert"
    )
    assert found.level == "problem"
    assert found.field == ("machine_classes", "press", "channels", 0, "source_unit")


def test_quality_codes_that_are_not_good_are_counted(tmp_path: Path) -> None:
    lines = [line.replace(",192", ",1") for line in lines_of_a_good_plant()]
    found = finding(diagnosed(good_site(tmp_path), lines=lines), "codes 1 (100 %)")
    assert found.level == "problem"
    assert "add it to source.good_quality" in found.mend


def test_words_among_numbers_are_counted(tmp_path: Path) -> None:
    lines = [line.replace(",210,", ",No Data,") for line in lines_of_a_good_plant()]
    found = finding(diagnosed(good_site(tmp_path), lines=lines), "'PRESSURE' would be set aside as not_a_number")
    assert found.level == "problem"
    assert "'No Data'" in found.message


@pytest.mark.parametrize(
    ("changes", "text", "mend"),
    [
        ({"sample_period": "PT20M"}, "sample_period is 20 minutes", "set sample_period: PT3600S"),
        ({"sample_period": None}, "no sample_period is given", "set sample_period: PT3600S"),
        ({"cycle_length": "PT10M"}, "cycle_length 10 minutes is shorter", "make it longer"),
        ({"start": "2026-09-02"}, "start is 2026-09-02, the data begins 2026-09-01", "set start: 2026-09-01"),
        ({"start": "2026-01-01"}, "243 days are empty", "set start: 2026-09-01"),
        ({"running": False}, "the data reaches 2026-09-03", "set running: true"),
    ],
)
def test_times_that_do_not_fit_are_told(tmp_path: Path, changes: dict[str, object], text: str, mend: str) -> None:
    assert mend in finding(diagnosed(good_site(tmp_path, **changes)), text).mend


def test_a_running_plant_whose_data_ended_is_told(tmp_path: Path) -> None:
    site = good_site(tmp_path)
    drop(site, "a.csv", lines_of_a_good_plant())
    diagnosis = examine(site, now=NOW + dt.timedelta(days=20))
    assert "set running: false" in finding(diagnosis, "its data ends 2026-09-03").mend


def test_states_that_never_come_are_told(tmp_path: Path) -> None:
    fleets = plant_dict()["fleets"]
    fleets[0]["life"] = {"state_channel": "machine_state", "running_value": 7}  # type: ignore[index]
    fleets[1]["life"] = {"state_channel": "machine_state", "failed_value": 9}  # type: ignore[index]
    diagnosis = diagnosed(good_site(tmp_path, fleets=fleets))
    assert "without it no unit ever runs" in finding(diagnosis, "fleet north: machine_state shows").mend
    south = finding(diagnosis, "fleet south: machine_state shows")
    assert (south.level, "set rul: null" in south.mend) == ("warning", True)


def test_histories_shorter_than_the_window_are_told(tmp_path: Path) -> None:
    fleets = plant_dict()["fleets"]
    fleets[1]["rul"] = {"window_cycles": 200}  # type: ignore[index]
    found = finding(diagnosed(good_site(tmp_path, fleets=fleets)), "record shorter than window_cycles (200)")
    assert "south-1" in found.message


def test_a_pattern_of_failures_that_takes_no_unit_is_told(tmp_path: Path) -> None:
    fleets = plant_dict()["fleets"]
    fleets[0]["life"] = {"run_to_failure_units": "old-*"}  # type: ignore[index]
    found = finding(diagnosed(good_site(tmp_path, fleets=fleets)), "no unit matches 'old-*'")
    assert "set rul: null" in found.mend


def archive(folder: Path, failed: object, *, lengths: tuple[int, ...] = (30, 40, 50), **rul: object) -> Diagnosis:
    """What the doctor says of an archive of units a-1, a-2, ... that lived so long, in cycles."""
    columns = {"unit_id": "machine", "cycle": "cycle"}
    fleet = {"name": "a", "machine_class": "press", "units": ["a-*"], "life": {"run_to_failure_units": failed}}
    told = {"kind": "export", "folder": "{home}/historian", "layout": "wide", "columns": columns}
    settings = {"window_cycles": 10, "cap_cycles": 20, **rul}
    site = make_site(folder, running=False, start=None, fleets=[{**fleet, "rul": settings}], source=told)
    units = [(f"a-{number}", length) for number, length in enumerate(lengths, start=1)]
    lines = [f"{unit},{cycle},{100 + cycle}" for unit, length in units for cycle in range(1, length + 1)]
    drop(site, "a.csv", lines, "machine,cycle,PRESSURE")
    return examine(site, now=NOW)


@pytest.mark.parametrize(
    ("failed", "settings", "level", "mend"),
    [
        (["a-1", "a-2"], {}, "problem", "or set rul.test_fraction: 0"),
        (["a-1"], {"test_fraction": 0}, "problem", "2 are needed"),
        (["a-1", "a-2"], {"test_fraction": 0}, "warning", "fewer than 19 units"),
        ("a-*", {}, "warning", "fewer than 19 units"),
    ],
)
def test_too_few_failures_are_told_before_anything_is_trained(
    tmp_path: Path, failed: object, settings: dict[str, Any], level: str, mend: str
) -> None:
    found = finding(archive(tmp_path, failed, **settings), "unit(s) with failures to learn from")
    assert (found.level, mend in found.mend) == (level, True)


def test_enough_failures_are_well(tmp_path: Path) -> None:
    diagnosis = archive(tmp_path, "a-*", lengths=(30,) * 24)
    assert not [each for each in diagnosis.findings if "to learn from" in each.message]


def test_a_window_that_no_record_fills_is_a_problem_and_a_smaller_one_is_named(tmp_path: Path) -> None:
    found = finding(archive(tmp_path, "a-*", window_cycles=51), "longer than every record")
    assert (found.level, "set rul.window_cycles: 12" in found.mend) == ("problem", True)


def test_a_cap_that_no_life_reaches_is_told(tmp_path: Path) -> None:
    found = finding(archive(tmp_path, "a-*", cap_cycles=51), "cap_cycles (51) is above the longest record, 50 cycles")
    assert found.level == "warning"


def test_an_unknown_unit_among_those_that_failed_is_told(tmp_path: Path) -> None:
    found = finding(archive(tmp_path, ["a-1", "a-2", "a-3", "a-9"]), "no unit matches 'a-9'")
    assert (found.level, "units are a-1, a-2, a-3" in found.mend) == ("warning", True)


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    found = finding(diagnosed(good_site(tmp_path)), "0.0 GiB free")
    assert (found.level, "--home" in found.mend) == ("problem", True)


def test_another_plant_on_the_same_home_is_a_problem(tmp_path: Path) -> None:
    site = good_site(tmp_path)
    other = pl.DataFrame({"fleet": ["saws", "saws"], "tag": ["BLADE_RPM", "FEED"]})
    Lake(site.home.lake).write("channel_catalogue", other)
    found = finding(diagnosed(site), "holds tables of other channels under the name small")
    assert "another name, or another home" in found.mend


def test_a_file_that_cannot_be_read_is_told_with_its_mend(tmp_path: Path) -> None:
    site = good_site(tmp_path, source=source(pattern="*"))
    drop(site, "b.parquet", ["half written"], "PAR1")
    diagnosis = diagnosed(site)
    assert any(each.level == "problem" and "b.parquet" in each.message for each in diagnosis.findings)


def test_a_sample_is_bounded_and_all_is_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "MANY_FILES", 10)
    site = good_site(tmp_path)
    for number in range(20):
        drop(site, f"{number:02d}.csv", day_of_readings("north-1", START))
    drop(site, "11.csv", [*day_of_readings("north-1", START), "west-1,LOAD,2026-09-01T00:00:00Z,1,192"])
    sample = examine(site, now=NOW)
    assert "of 8 of 20 file(s)" in sample.looked_at
    assert not sample.is_whole
    assert finding(sample, "fleet south has no unit in the sample").level == "warning"
    whole = examine(site, now=NOW, everything=True)
    assert "of 20 of 20 file(s)" in whole.looked_at
    assert finding(whole, "no fleet takes the unit(s) west-1")
    assert finding(whole, "fleet south has no unit in the data").level == "problem"


def test_the_line_of_the_plant_file_is_given(tmp_path: Path) -> None:
    site = good_site(tmp_path, start="2026-09-02")
    found = finding(diagnosed(site), "start is 2026-09-02")
    lines = site.plant_file.read_text().splitlines()
    assert found.line is not None
    assert lines[found.line - 1].startswith("start:")


def test_the_doctor_changes_nothing(tmp_path: Path) -> None:
    site = good_site(tmp_path)
    drop(site, "a.csv", lines_of_a_good_plant())
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    examine(site, now=NOW, everything=True)
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


def test_figures_do_not_depend_on_how_often_they_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = good_site(tmp_path)
    lines = [
        *lines_of_a_good_plant(),
        "west-9,LOAD,2026-09-01T00:00:00Z,1,192",
        "north-1,LOAD,2026-09-01T01:00:00Z,x,7",
    ]
    for number in range(12):
        drop(site, f"{number:02d}.csv", lines)
    once = examine(site, now=NOW, everything=True)
    monkeypatch.setattr(doctor_tally, "COMPACT_AT", 3)
    assert examine(site, now=NOW, everything=True) == once
    assert "west-9 (12 rows)" in finding(once, "no fleet takes").message
