"""A problem survives its document whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.planning.problem_json import ProblemDocumentError, from_json, to_json
from tests.planning.random_shops import random_problem
from tests.planning.shop_made import shop


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_what_is_written_is_read_back(seed: int) -> None:
    problem = random_problem(seed)
    assert from_json(to_json(problem)) == problem


def test_a_made_shop_is_read_back() -> None:
    assert from_json(to_json(shop())) == shop()
    assert to_json(shop()) == to_json(shop())


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version":2,"problem":{}}', '{"version":1,"problem":{"a":1}}'])
def test_another_document_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(ProblemDocumentError, match="materialise order_book anew"):
        from_json(text)
