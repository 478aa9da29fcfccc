"""One segment of a station: its bytes become rows, and what cannot be one is set aside with a reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl
from pydantic import TypeAdapter, ValidationError

from edge_runtime.spool.segments import IMAGES, Header, read_segment
from edge_runtime.station.records import STAGES, VerdictRecord
from factory_assets.inspection.schema import BLOB_FIELDS, INSPECTION_VERDICT, QUARANTINED_VERDICT

RESULTS = "results"
REASONS = ("not_a_verdict", "wrong_number", "impossible_time", "unknown_product")
LONGEST_DETAIL = 300


@dataclass(frozen=True)
class Reading:
    """What a segment held.

    Attributes:
        header: Its first line.
        accepted: Rows as INSPECTION_VERDICT, in the order of their numbers.
        quarantined: Rows as QUARANTINED_VERDICT.
    """

    header: Header
    accepted: pl.DataFrame
    quarantined: pl.DataFrame

    def slices(self) -> list[dict[str, Any]]:
        """Rows by product and day."""
        day = pl.col("concluded_ts_utc").dt.date().cast(pl.String).alias("day")
        return self.accepted.group_by("product", day).len("rows").sort("product", "day").to_dicts()


def read(data: bytes, *, name: str, station: str, plant: str, products: Collection[str]) -> Reading:
    """Read a segment.

    Args:
        data: The file's bytes.
        name: The file's name.
        station: The folder that it lies in.
        plant: Name of the plant.
        products: Names of its products.

    Raises:
        InputError: As a whole it cannot be trusted: cut off, changed, or in the wrong place.
    """
    header, lines = read_segment(data, name=name, station=station)
    accepted: list[dict[str, Any]] = []
    quarantined: list[dict[str, Any]] = []
    for sequence, line in enumerate(lines, start=header.first):
        row, reason, detail = _row(line, sequence, station, products)
        if row is not None:
            accepted.append({"plant": plant, "segment": name, **row})
        else:
            told = {"reason": reason, "detail": detail[:LONGEST_DETAIL], "line": line.decode("utf-8", "replace")}
            quarantined.append({"plant": plant, "station": station, "segment": name, "sequence": sequence, **told})
    return Reading(
        header,
        pl.DataFrame(accepted, schema=INSPECTION_VERDICT),
        pl.DataFrame(quarantined, schema=QUARANTINED_VERDICT),
    )


@cache
def _adapter() -> TypeAdapter[VerdictRecord]:
    return TypeAdapter(VerdictRecord)


def _row(line: bytes, sequence: int, station: str, products: Collection[str]) -> tuple[dict[str, Any] | None, str, str]:
    """The row of a line, or None with a reason and its words."""
    try:
        record = _adapter().validate_json(line, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        return None, "not_a_verdict", f"{'.'.join(map(str, first['loc'])) or 'line'}: {first['msg']}"
    if (record.station, record.sequence) != (station, sequence):
        return None, "wrong_number", f"it says number {record.sequence} of {record.station}"
    triggered, concluded = _time(record.trigger.at_utc), _time(record.concluded_utc)
    if triggered is None or concluded is None:
        return None, "impossible_time", f"{record.trigger.at_utc} or {record.concluded_utc} is no time in UTC"
    if record.product not in products:
        return None, "unknown_product", f"the plant file has no product {record.product}"
    return _flat(record, triggered, concluded), "", ""


def _time(text: str) -> dt.datetime | None:
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.utcoffset() == dt.timedelta(0) else None


def _flat(record: VerdictRecord, triggered: dt.datetime, concluded: dt.datetime) -> dict[str, Any]:
    return {
        "product": record.product,
        "station": record.station,
        "sequence": record.sequence,
        "part_id": record.trigger.part_id,
        "trigger_id": record.trigger.trigger_id,
        "trigger_source": record.trigger.source,
        "triggered_ts_utc": triggered,
        "concluded_ts_utc": concluded,
        "verdict": record.verdict,
        "failure": record.failure,
        "detail": record.detail,
        "score": record.score,
        "threshold": record.threshold,
        "label": record.label,
        "blobs": [{name: blob.get(name) for name in BLOB_FIELDS} for blob in record.blobs],
        "release": record.release,
        "bundle_version": record.bundle_version,
        "engine": record.engine,
        **{f"{stage}_ms": record.stages_ms.get(stage) for stage in STAGES},
        "image": record.image and f"{RESULTS}/{record.station}/{IMAGES}/{record.image}",
    }
