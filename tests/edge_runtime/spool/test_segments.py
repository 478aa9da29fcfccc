"""The bytes of verdicts and segments: one form each, and no damage goes unnoticed."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.errors import InputError
from edge_runtime.files import canonical_json
from edge_runtime.spool.segments import (
    decode_record,
    encode_record,
    encode_segment,
    last_handed_on,
    numbers_of,
    read_segment,
    segment_name,
)
from tests.edge_runtime.spool.spools import STATION, a_trigger, a_verdict

finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(names, st.one_of(st.none(), finite), st.dictionaries(st.sampled_from(["frame", "engine"]), finite))
def test_a_verdict_has_the_canonical_form_and_comes_back(
    part_id: str, score: float | None, stages_ms: dict[Any, float]
) -> None:
    record = a_verdict(7, a_trigger("t", part_id or "-"), score=score, stages_ms=stages_ms, blobs=({"x_px": 1.0},))
    assert encode_record(record) == canonical_json(record.as_json())
    assert decode_record(encode_record(record)) == record


@pytest.mark.parametrize("figure", [math.nan, math.inf, np.float32("nan")])
def test_a_figure_that_is_no_number_costs_no_verdict(figure: float) -> None:
    record = a_verdict(1, a_trigger("t"), score=figure, blobs=({"x_px": figure, "y_px": np.int64(3)},))
    back = decode_record(encode_record(record))
    assert back.score is None
    assert back.blobs == ({"y_px": 3.0},)


def a_segment(first: int = 6, count: int = 3) -> bytes:
    lines = [encode_record(a_verdict(first + place, a_trigger(f"t{place}"))) for place in range(count)]
    return encode_segment(STATION, first, lines)


def test_a_segment_comes_back_whole() -> None:
    header, lines = read_segment(a_segment(), name=segment_name(6, 8), station=STATION)
    assert (header.first, header.last, header.count) == (6, 8, 3)
    assert [json.loads(line)["sequence"] for line in lines] == [6, 7, 8]


@given(st.data())
def test_no_damage_goes_unnoticed(data: st.DataObject) -> None:
    whole = a_segment()
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    damaged = whole[:place] + bytes([other]) + whole[place + 1 :]
    with pytest.raises(InputError):
        read_segment(damaged, name=segment_name(6, 8), station=STATION)


@given(st.integers(0, len(a_segment()) - 1))
def test_a_segment_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(InputError):
        read_segment(a_segment()[:length], name=segment_name(6, 8), station=STATION)


@pytest.mark.parametrize(("name", "station"), [(segment_name(6, 9), STATION), (segment_name(6, 8), "line-2")])
def test_a_segment_in_the_wrong_place_is_refused(name: str, station: str) -> None:
    with pytest.raises(InputError):
        read_segment(a_segment(), name=name, station=station)


def test_names_tell_numbers() -> None:
    assert numbers_of(segment_name(1, 500)) == (1, 500)
    assert numbers_of(".000000000001-000000000500.jsonl.ab12") is None
    assert last_handed_on([segment_name(1, 500), segment_name(501, 750), "images"]) == 750
