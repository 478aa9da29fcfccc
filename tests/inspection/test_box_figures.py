"""Found boxes against true ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory_assets.inspection.box_figures import Box, iou, score_boxes, touches


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x, y, width, height = (draw(st.integers(0, 100)) for _ in "xywh")
    return x, y, x + width + 1, y + height + 1


@given(boxes(), boxes())
def test_iou_is_symmetric_and_a_share(one: Box, other: Box) -> None:
    assert iou(one, other) == iou(other, one)
    assert 0 <= iou(one, other) <= 1
    assert (iou(one, other) == 1) == (one == other)


@given(boxes(), boxes(), st.integers(-50, 50), st.integers(-50, 50))
def test_iou_does_not_depend_on_the_place(one: Box, other: Box, x: int, y: int) -> None:
    moved = [(a + x, b + y, c + x, d + y) for a, b, c, d in (one, other)]
    assert iou(*moved) == iou(one, other)


@given(boxes(), boxes())
def test_touching_is_mutual(one: Box, other: Box) -> None:
    assert touches(one, other) == touches(other, one)


def test_iou_of_known_boxes() -> None:
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0
    assert iou((0, 0, 10, 10), (2, 2, 7, 7)) == pytest.approx(0.25)


def test_counts_of_known_images() -> None:
    truth = [[(0, 0, 10, 10), (50, 50, 60, 60)], [], [(20, 20, 30, 30)]]
    found = [[(1, 1, 11, 11), (200, 200, 210, 210)], [(5, 5, 9, 9)], [(10, 10, 100, 100)]]
    figures = score_boxes(found, truth)
    assert (figures.images, figures.boxes) == (3, 3)
    assert figures.recall is not None
    assert figures.recall_at_iou is not None
    assert figures.recall.value == pytest.approx(2 / 3)
    assert figures.recall_at_iou.value == pytest.approx(1 / 3)
    assert figures.recall.low < figures.recall.value < figures.recall.high
    assert figures.false_blobs_per_image == pytest.approx(2 / 3)


def test_nothing_true_and_nothing_at_all() -> None:
    figures = score_boxes([[(0, 0, 5, 5)]], [[]])
    assert (figures.recall, figures.recall_at_iou, figures.false_blobs_per_image) == (None, None, 1)
    assert score_boxes([], []).false_blobs_per_image == 0


def test_images_and_truth_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="zip"):
        score_boxes([[]], [])
