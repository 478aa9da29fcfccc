"""Lines of a segment become rows; what is no verdict is set aside with its reason, as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge_runtime.spool.segments import encode_record, encode_segment, segment_name
from factory_assets.inspection.results.reading import REASONS, Reading, read
from factory_assets.inspection.schema import INSPECTION_VERDICT, QUARANTINED_VERDICT
from tests.inspection.results.exchange import START, a_verdict


def of_lines(*lines: bytes) -> Reading:
    data = encode_segment("line-1", 1, lines)
    name = segment_name(1, len(lines))
    return read(data, name=name, station="line-1", plant="small", products=("casting", "panel"))


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(encode_record(a_verdict(1))), **changes}).encode()


def test_a_verdict_becomes_a_row() -> None:
    blob = {"x_px": 1.0, "y_px": 2.0, "width_px": 3.0, "height_px": 4.0, "area_px": 5.0}
    record = a_verdict(
        1, verdict="nok", score=0.75, label="crack", blobs=(blob,), image="00000000/1-nok.png", release=3
    )
    found = of_lines(encode_record(record))
    assert dict(found.accepted.schema) == INSPECTION_VERDICT
    (row,) = found.accepted.to_dicts()
    assert row["blobs"] == [blob]
    assert row["image"] == "results/line-1/images/00000000/1-nok.png"
    assert (row["concluded_ts_utc"] - START).seconds == 1
    assert (row["plant"], row["part_id"], row["score"], row["total_ms"]) == ("small", "p1", 0.75, 2.5)
    assert found.slices() == [{"product": "casting", "day": "2026-09-01", "rows": 1}]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not_a_verdict"),
        (b"\xff\xfe", "not_a_verdict"),
        (changed(verdict="fine"), "not_a_verdict"),
        (changed(score="0.5"), "not_a_verdict"),
        (changed(sequence=2), "wrong_number"),
        (changed(station="line-2"), "wrong_number"),
        (changed(concluded_utc="yesterday"), "impossible_time"),
        (changed(concluded_utc="2026-09-01T08:00:00"), "impossible_time"),
        (changed(product="flange"), "unknown_product"),
    ],
)
def test_what_is_no_verdict_is_set_aside_as_it_came(line: bytes, reason: str) -> None:
    found = of_lines(line, encode_record(a_verdict(2)))
    assert found.accepted["sequence"].to_list() == [2]
    assert dict(found.quarantined.schema) == QUARANTINED_VERDICT
    (row,) = found.quarantined.to_dicts()
    assert (row["sequence"], row["reason"], row["line"]) == (1, reason, line.decode("utf-8", "replace"))
    assert row["detail"]
    assert reason in REASONS


def test_what_a_newer_station_tells_beside_it_is_no_fault() -> None:
    assert of_lines(changed(temperature_degc=21.5)).quarantined.is_empty()
