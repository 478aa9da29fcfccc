"""Contracts of the historian room: the tall extract, the channel catalogue, and a segment's manifest."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import pandera.polars as pa

UTC_TIME = pl.Datetime("us", "UTC")
GOOD_QUALITY = 192  # OPC classic: good, non-specific

EXTRACT: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "fleet": pl.String(),
    "unit_id": pl.String(),
    "channel": pl.String(),
    "ts_utc": UTC_TIME,
    "cycle": pl.Int64(),
    "value": pl.Float64(),
    "quality": pl.Int32(),
    "segment_id": pl.String(),
    "row": pl.Int64(),
}

CHANNEL_CATALOGUE: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "fleet": pl.String(),
    "channel": pl.String(),
    "tag": pl.String(),
    "unit": pl.String(),
    "role": pl.String(),
    "low": pl.Float64(),
    "high": pl.Float64(),
}

EXTRACT_COLUMNS = {
    "unit_id": "unit, unique in the plant",
    "channel": "the historian's own name (tag)",
    "ts_utc": "when it was measured; null in archives",
    "cycle": "operating cycle; null where the historian has only time",
    "value": "as the historian wrote it, in its own unit",
    "quality": "OPC quality code, 192 is good",
    "segment_id": "the file that it came in by",
    "row": "its place in that file, from 1: the order in which it was told",
}


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Slice(_Record):
    """The part of a segment that belongs to one fleet, on one day (archives: at all)."""

    fleet: str
    day: str | None
    rows: int


class SegmentManifest(_Record):
    """What came in by one file: when, from where, and where each of its rows went."""

    segment_id: str
    source: str
    sha256: str
    received_ts_utc: dt.datetime
    rows_read: int
    rows_quarantined: dict[str, int]
    slices: tuple[Slice, ...]


def extract_contract() -> pa.DataFrameSchema:
    """Raw extracts: keys are there, a reading has a time or a cycle."""
    import pandera.polars as pa

    return pa.DataFrameSchema(
        {
            **{name: pa.Column(dtype, nullable=True) for name, dtype in EXTRACT.items()},
            "unit_id": pa.Column(pl.String, nullable=False),
            "channel": pa.Column(pl.String, nullable=False),
            "segment_id": pa.Column(pl.String, nullable=False),
            "row": pa.Column(pl.Int64, nullable=False),
        },
        strict=True,
        ordered=True,
    )
