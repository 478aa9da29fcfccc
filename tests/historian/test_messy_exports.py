"""Exports as they come from plants: joined, cut, in other encodings, with commas for points."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory_assets.foundation.settings import Site
from factory_assets.historian.export import ExportFolder
from factory_assets.historian.reading import Parsed, SegmentRefusedError
from factory_assets.historian.segments import source_of
from tests.plants import drop, make_site, plant_dict

HEADER = "machine,tag,timestamp,value,quality"
GOOD = "north-1,OIL_TEMP,2026-09-01T00:00:00Z,104,192"
WIDE = {"layout": "wide", "columns": {"unit_id": "machine", "ts_utc": "timestamp"}}


def changed(folder: Path, **source: object) -> Site:
    folder.mkdir(exist_ok=True)
    return make_site(folder, source={**plant_dict()["source"], **source})  # type: ignore[dict-item]


def write(site: Site, content: str | bytes, name: str = "a.csv") -> Path:
    folder = site.folder(site.plant.source.folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def parse(site: Site, batch_bytes: int = 8 << 20) -> Parsed:
    source = source_of(site)
    assert isinstance(source, ExportFolder)
    small = ExportFolder(source.folder, source.source, source.plant, batch_bytes)
    return small.read(small.candidates()[0])


def refusal(site: Site) -> str:
    with pytest.raises(SegmentRefusedError) as caught:
        parse(site)
    return str(caught.value)


def aside(parsed: Parsed) -> list[tuple[int, str]]:
    assert parsed.rows_read == parsed.rows.height + parsed.quarantined.height
    return parsed.quarantined.select("row", "reason").rows()


def test_a_header_row_in_the_middle_is_set_aside(tmp_path: Path) -> None:
    site = changed(tmp_path)
    write(site, "\n".join([HEADER, GOOD, "\ufeff" + HEADER, GOOD]) + "\n")
    parsed = parse(site)
    assert aside(parsed) == [(2, "repeated_header")]
    assert parsed.rows["row"].to_list() == [1, 3]
    wide = changed(tmp_path / "wide", **WIDE)
    write(wide, "machine,timestamp,LOAD\n" + "north-1,2026-09-01T00:00:00Z,1\nmachine,timestamp,LOAD\n" * 2)
    assert aside(parse(wide)) == [(2, "repeated_header"), (4, "repeated_header")]


def test_lines_with_other_cells_than_the_header_are_set_aside_as_they_stand(tmp_path: Path) -> None:
    site = changed(tmp_path)
    write(site, "\n".join([HEADER, GOOD, "north-1,OIL_TEMP,2026-09-01T00:20:00Z", GOOD, "", GOOD + ",7", GOOD]) + "\n")
    parsed = parse(site)
    assert aside(parsed) == [(2, "ragged_line"), (4, "ragged_line")]
    assert parsed.quarantined["line"].to_list() == ["north-1,OIL_TEMP,2026-09-01T00:20:00Z", GOOD + ",7"]
    assert parsed.rows["row"].to_list() == [1, 3, 5]


def test_a_file_of_which_most_lines_do_not_fit_is_refused(tmp_path: Path) -> None:
    site = changed(tmp_path)
    write(site, "\n".join([HEADER, GOOD.replace("104", "104,5"), GOOD.replace("104", "103,5"), GOOD]))
    message = refusal(site)
    assert "2 of 3 lines have more or fewer cells than the header" in message
    assert "data line 1: north-1,OIL_TEMP,2026-09-01T00:00:00Z,104,5,192" in message


def test_an_open_quotation_mark_is_named(tmp_path: Path) -> None:
    site = changed(tmp_path)
    write(site, "\n".join([HEADER, GOOD, 'north-1,"OIL_TEMP,2026-09-01T00:20:00Z,1,192', GOOD, GOOD]))
    assert "data line 2, opens a quotation mark" in refusal(site)


def test_decimal_commas(tmp_path: Path) -> None:
    content = "machine;tag;timestamp;value;quality\n" + "".join(
        f"north-1;OIL_TEMP;2026-09-01T0{hour}:00:00Z;{value};192\n"
        for hour, value in enumerate(["104,5", "-0,25", "1,5E2", "7", "1.234,5"])
    )
    told = changed(tmp_path, separator=";", decimal_comma=True)
    write(told, content)
    parsed = parse(told)
    assert parsed.rows["value"].to_list() == [104.5, -0.25, 150.0, 7.0]
    assert aside(parsed) == [(5, "not_a_number")]
    untold = changed(tmp_path / "untold", separator=";")
    write(untold, content)
    message = refusal(untold)
    assert "3 of 5 values are written with decimal commas, for instance 104,5 (data line 1)" in message
    assert "source.decimal_comma: true" in message
    write(untold, content.replace("104,5", "104.5").replace("1,5E2", "150"))
    assert aside(parse(untold)) == [(2, "not_a_number"), (5, "not_a_number")]


def test_decimal_points_where_commas_were_announced(tmp_path: Path) -> None:
    site = changed(tmp_path, separator=";", decimal_comma=True)
    write(site, "machine;tag;timestamp;value;quality\nnorth-1;OIL_TEMP;2026-09-01T00:00:00Z;104.5;192\n")
    assert "Leave source.decimal_comma out of the plant file" in refusal(site)


def test_the_order_of_columns_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    site = changed(tmp_path)
    write(site, f"{HEADER}\n{GOOD}\n")
    plain = parse(site).rows
    write(site, "\ufeffquality, value ,timestamp,more,tag,machine\n192,104,2026-09-01T00:00:00Z,x,OIL_TEMP,north-1\n")
    assert parse(site).rows.equals(plain)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    content = f"machine,tag,timestamp,value,quality\n{GOOD.replace('OIL_TEMP', 'Öltemp °C')}\n".encode(encoding)
    site = changed(tmp_path, encoding=encoding)
    write(site, content)
    assert parse(site).rows["channel"].to_list() == ["Öltemp °C"]
    wrong = changed(tmp_path / "wrong")
    write(wrong, content)
    assert "source.encoding" in refusal(wrong)


def test_lines_above_the_table_are_left_out(tmp_path: Path) -> None:
    site = changed(tmp_path, skip_lines=2)
    write(site, f"Plant report;north\n\n\n{HEADER}\n{GOOD}\n{GOOD},8\n{GOOD}\n")
    parsed = parse(site)
    assert aside(parsed) == [(2, "ragged_line")]
    assert parsed.rows["row"].to_list() == [1, 3]


@pytest.mark.parametrize(
    ("template", "unit"), [("north-9", "north-9"), ("{parent}", "north-7"), ("north-{stem}", "north-a")]
)
def test_the_unit_of_a_file_without_a_unit_column(tmp_path: Path, template: str, unit: str) -> None:
    columns = {"channel": "tag", "ts_utc": "timestamp", "value": "value"}
    site = changed(tmp_path, columns=columns, unit_id=template)
    folder = site.folder(site.plant.source.folder) / "north-7"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("tag,timestamp,value\nLOAD,2026-09-01T00:00:00Z,1\n")
    assert parse(site).rows["unit_id"].to_list() == [unit]


def test_a_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    site = changed(tmp_path, pattern="**/*")
    path = write(site, b"", "old.zip")
    frame = pl.DataFrame({"machine": ["north-1"], "tag": ["LOAD"], "timestamp": ["2026-09-01T00:00:00Z"]})
    frame.with_columns(value=1.5, quality=192).write_parquet(tmp_path / "b.parquet")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/a.csv", f"{HEADER}\n{GOOD}\n")
        archive.write(tmp_path / "b.parquet", "b.parquet")
    source = source_of(site)
    values = {c.name: source.read(c).rows["value"].to_list() for c in source.candidates()}
    assert values == {"old.zip/a/a.csv": [104.0], "old.zip/b.parquet": [1.5]}


def test_a_column_that_stands_twice_is_named(tmp_path: Path) -> None:
    site = changed(tmp_path)
    write(site, "machine,tag,timestamp,value,quality,value\n")
    assert "more than one column value" in refusal(site)
    write(site, "machine,tag,timestamp,value,quality,x,x,\nnorth-1,LOAD,2026-09-01T00:00:00Z,1,192,,,\n")
    assert parse(site).rows.height == 1


def test_an_empty_file_is_refused_and_one_with_a_header_alone_is_empty(tmp_path: Path) -> None:
    site = changed(tmp_path)
    write(site, "")
    assert "a.csv is empty: it has no header line" in refusal(site)
    write(site, HEADER + "\n")
    assert parse(site).rows_read == 0
    write(site, HEADER)
    assert parse(site).rows_read == 0


def test_a_separator_that_is_another_is_hinted_at(tmp_path: Path) -> None:
    site = changed(tmp_path)
    write(site, (HEADER + "\n" + GOOD).replace(",", ";"))
    assert "source.separator" in refusal(site)


def test_times_of_which_none_can_be_read_are_refused(tmp_path: Path) -> None:
    site = changed(tmp_path)
    write(site, HEADER + "\n" + "north-1,LOAD,01.09.2026 00:00,1,192\n" * 30)
    assert "not one of 30 times could be read" in refusal(site)
    assert "source.time_format" in refusal(site)


def test_parquet_with_types_of_its_own(tmp_path: Path) -> None:
    site = changed(tmp_path, pattern="*.parquet", timezone="Europe/Berlin", **WIDE)
    write(site, b"", "a.parquet").unlink()
    noon = pl.Series(["2026-09-01 12:00:00"] * 2).str.to_datetime()
    frame = pl.DataFrame(
        {"machine": ["north-1", "west-1"], "LOAD": [0.1, None], "STATE": [1, 2], "timestamp": noon},
        schema_overrides={"machine": pl.Categorical},
    )
    frame.write_parquet(site.folder(site.plant.source.folder) / "a.parquet")
    parsed = parse(site)
    assert parsed.rows.select("channel", "value", "row").rows() == [("LOAD", 0.1, 1), ("STATE", 1.0, 1)]
    assert parsed.rows["ts_utc"].to_list() == [dt.datetime(2026, 9, 1, 10, tzinfo=dt.UTC)] * 2
    assert aside(parsed) == [(2, "unknown_unit")]


def test_parquet_that_is_cut_short_is_named(tmp_path: Path) -> None:
    site = changed(tmp_path, pattern="*.parquet")
    path = write(site, b"", "a.parquet")
    pl.DataFrame({"machine": ["north-1"] * 1000}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    assert "a.parquet is no whole Parquet file" in refusal(site)


def test_a_night_when_the_clock_goes_back(tmp_path: Path) -> None:
    site = changed(tmp_path, timezone="Europe/Berlin")
    clock = ["01:40", "02:00", "02:20", "02:40", "02:00", "02:20", "02:40", "03:00"]
    lines = [f"north-1,{tag},2026-10-25 {at}:00,1,192" for at in clock for tag in ("LOAD", "PRESSURE")]
    drop(site, "a.csv", [*lines, "north-2,LOAD,2026-10-25 02:20:00,1,192", "north-2,LOAD,2026-03-29 02:20:00,1,192"])
    parsed = parse(site, batch_bytes=200)
    expected = [dt.datetime(2026, 10, 24, 23, 40, tzinfo=dt.UTC) + n * dt.timedelta(minutes=20) for n in range(8)]
    for tag in ("LOAD", "PRESSURE"):
        assert sorted(parsed.rows.filter(pl.col("channel") == tag)["ts_utc"]) == expected
    assert sorted(aside(parsed)) == [(17, "ambiguous_time"), (18, "impossible_time")]


def test_a_channel_may_have_any_name(tmp_path: Path) -> None:
    names = ["ts_utc", "local", "fleet", "row", "value", "reason", "number", "code", "channel", "cycle", "quality"]
    site = changed(tmp_path, **WIDE)
    cells = ",".join(str(number) for number in range(len(names)))
    write(site, f"machine,timestamp,{','.join(names)}\nnorth-1,2026-09-01T00:00:00Z,{cells}\n")
    assert parse(site).rows.select("channel", "value").rows() == [(name, float(n)) for n, name in enumerate(names)]


CELLS = st.sampled_from(
    ["north-1", "west-1", "LOAD", "2026-09-01T00:00:00Z", "2026-10-25 02:30:00", "2026-10-25 02:10:00", "1.5", "1,5",
     "", "No Data", "NaN", "192", "machine", '"a,b"', " 7 "]
)  # fmt: skip
MESS = st.lists(st.lists(CELLS, min_size=1, max_size=6).map(",".join) | st.just(GOOD) | st.just(HEADER), max_size=25)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(mess=MESS, batch_bytes=st.integers(120, 400), is_wide=st.booleans())
def test_whatever_a_file_holds_no_line_is_lost_and_batches_do_not_matter(
    tmp_path: Path, mess: list[str], batch_bytes: int, *, is_wide: bool
) -> None:
    site = changed(tmp_path, timezone="Europe/Berlin", **(WIDE if is_wide else {}))
    # Good lines first, so that the file is not refused for being hardly anything but a mess.
    write(site, "\n".join([HEADER, *[GOOD] * (len(mess) + 1), *mess]) + "\n")
    at_once = parse(site)
    in_batches = parse(site, batch_bytes=batch_bytes)
    assert at_once.rows_read == at_once.rows.height + at_once.quarantined.height == in_batches.rows_read
    order = ["row", "channel", "value"]
    assert in_batches.rows.equals(at_once.rows)
    assert in_batches.quarantined.sort(order).equals(at_once.quarantined.sort(order))
    told = {*at_once.rows["row"], *at_once.quarantined["row"]}
    if not is_wide:
        assert told == set(range(1, at_once.rows_read + 1))
