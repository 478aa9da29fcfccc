from __future__ import annotations

import datetime as dt

import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from factory_assets.historian.drafting.text import scalar


@given(st.text(alphabet=st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])))
def test_any_text_comes_back_from_yaml(text: str) -> None:
    assert yaml.safe_load(f"{{a: {scalar(text)}, b: [{scalar(text)}]}}") == {"a": text, "b": [text]}


@given(st.one_of(st.booleans(), st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.6g}"))))
def test_numbers_and_flags_come_back_from_yaml(value: float) -> None:
    back = yaml.safe_load(f"{{a: {scalar(value)}}}")["a"]
    assert float(back) == float(value)


def test_lengths_of_time_are_iso_8601() -> None:
    length = dt.timedelta(hours=6, minutes=40)
    assert scalar(length) == "PT6H40M"
    assert TypeAdapter(dt.timedelta).validate_python(scalar(length)) == length
