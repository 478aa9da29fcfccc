from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from factory_assets.foundation.lake import Lake, Partition, PartitionMissingError, combined_digest, replacing

FRAME = pl.DataFrame({"a": [1, 2, 3]})
DAY = Partition("north", "2026-09-01")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    written = lake.write("t", FRAME, DAY)
    assert written.path == tmp_path / "t" / "north" / "2026-09-01.parquet"
    assert written.rows == 3
    assert lake.read("t", DAY).equals(FRAME)


def test_the_same_frame_gives_the_same_bytes(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert lake.write("t", FRAME, DAY).sha256 == lake.write("t", FRAME, DAY).sha256


def test_a_missing_partition_is_named(tmp_path: Path) -> None:
    with pytest.raises(PartitionMissingError, match="t has no partition north/2026-09-01"):
        Lake(tmp_path).read("t", DAY)
    with pytest.raises(PartitionMissingError, match="nothing of fleet north"):
        Lake(tmp_path).read_fleet("t", "north")


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_fleet_is_read_in_order_of_day(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for day, value in (("2026-09-02", 2), ("2026-09-01", 1)):
        lake.write("t", pl.DataFrame({"a": [value]}), Partition("north", day))
    assert lake.read_fleet("t", "north")["a"].to_list() == [1, 2]


def test_the_days_of_a_table_of_the_whole_plant_are_found_in_order(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert lake.newest_day("schedule", "2026-09-03") is None
    for day in ("2026-09-03", "2026-09-01"):
        lake.write("schedule", pl.DataFrame({"day": [day]}), Partition(day=day))
    assert lake.days("schedule") == ["2026-09-01", "2026-09-03"]
    assert lake.newest_day("schedule", "2026-09-02") == "2026-09-01"
    assert lake.newest_day("schedule", "2026-09-03") == "2026-09-03"


def test_the_order_of_digests_counts() -> None:
    assert combined_digest(["a", "b"]) != combined_digest(["b", "a"])
