"""A small exchange, written by the edge's own code, and a plant that looks at two products."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edge_runtime.spool.segments import encode_record, encode_segment, segment_name
from edge_runtime.station.records import Trigger, VerdictRecord
from factory_assets.foundation.settings import Site
from tests.plants import make_site

START = dt.datetime(2026, 9, 1, 8, tzinfo=dt.UTC)
PRODUCTS = [
    {"name": name, "images": {"folder": f"{{home}}/images/{name}"}, "method": "classification"}
    for name in ("casting", "panel")
]


def a_site(folder: Path, **changes: Any) -> Site:
    folder.mkdir(exist_ok=True)
    return make_site(folder, **{"products": PRODUCTS, **changes})


def at(number: int, *, hours: float = 0) -> str:
    return (START + dt.timedelta(seconds=number, hours=hours)).isoformat(timespec="microseconds")


def a_verdict(number: int, station: str = "line-1", **changes: Any) -> VerdictRecord:
    hours = changes.pop("hours", 0)
    trigger = Trigger(f"{station} t{number}", changes.pop("part_id", f"p{number}"), "software", at(number, hours=hours))
    facts: dict[str, Any] = {
        "product": "casting", "verdict": "ok", "score": 0.1, "threshold": 0.5, "stages_ms": {"total": 2.5}, **changes,
    }  # fmt: skip
    return VerdictRecord(station, number, trigger, concluded_utc=at(number, hours=hours), **facts)


def put(results: Path, records: Iterable[VerdictRecord | bytes], *, first: int = 1, station: str = "line-1") -> Path:
    """Write a segment as a station would; lines given as bytes go in as they are."""
    lines = [line if isinstance(line, bytes) else encode_record(line) for line in records]
    path = results / station / segment_name(first, first + len(lines) - 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_segment(station, first, lines))
    return path
