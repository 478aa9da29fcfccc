from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from factory_assets.historian import slices
from factory_assets.historian.reading import ROWS
from factory_assets.historian.schema import EXTRACT
from factory_assets.historian.slices import SliceWriter

CONSTANTS = {"plant": "small", "segment_id": "a-1"}


def rows_of(count: int) -> pl.DataFrame:
    start = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
    index = pl.int_range(count, eager=True)
    return pl.DataFrame({"row": index + 1}).select(
        unit_id=pl.lit("north-") + (pl.col("row") % 3).cast(pl.String),
        channel=pl.lit("LOAD"),
        ts_utc=pl.lit(start) + pl.duration(minutes=7) * ((pl.col("row") * 37) % count),
        cycle=pl.lit(None, pl.Int64),
        value=pl.col("row") / 7,
        quality=pl.lit(192, pl.Int32),
        fleet=pl.when(pl.col("row") % 2 == 0).then(pl.lit("north")).otherwise(pl.lit("south")),
        row="row",
    ).cast(ROWS)  # fmt: skip


def written(folder: Path, rows: pl.DataFrame, *, batch: int, spill: int, has_days: bool = True) -> dict[str, bytes]:
    folder.mkdir()
    writer = SliceWriter(folder, has_days=has_days, constants=CONSTANTS, spill_rows=spill)
    for part in rows.iter_slices(batch):
        writer.add(part)
    found = writer.finish()
    assert sum(piece.rows for piece in found) == rows.height
    assert [(piece.fleet, piece.day) for piece in found] == sorted((piece.fleet, piece.day) for piece in found)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("has_days", [True, False])
def test_the_files_do_not_depend_on_batches_or_spills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_days: bool
) -> None:
    monkeypatch.setattr(slices, "ROW_GROUP", 100)
    rows = rows_of(1500)
    at_once = written(tmp_path / "a", rows, batch=1500, spill=10_000, has_days=has_days)
    for number, (batch, spill) in enumerate([(1, 7), (64, 100), (333, 400), (1500, 1)]):
        assert written(tmp_path / str(number), rows, batch=batch, spill=spill, has_days=has_days) == at_once
    assert len(at_once) == (16 if has_days else 2)


def test_a_slice_is_an_extract(tmp_path: Path) -> None:
    rows = rows_of(50)
    written(tmp_path / "a", rows, batch=10, spill=20, has_days=False)
    north = pl.read_parquet(tmp_path / "a" / "north" / "all.parquet")
    assert dict(north.schema) == EXTRACT
    assert north["row"].to_list() == list(range(2, 51, 2))
    assert north["segment_id"].unique().to_list() == ["a-1"]


def test_no_rows_make_no_slices(tmp_path: Path) -> None:
    assert SliceWriter(tmp_path, has_days=True, constants=CONSTANTS).finish() == []
    assert list(tmp_path.iterdir()) == []
