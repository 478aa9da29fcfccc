"""Comparison with a golden image: what is found, what is not, and that a part which cannot be compared never passes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.bundle.inspection_spec import LEAST_BLOB_SCORE, GoldenImageSettings
from edge_runtime.inspection.golden_image import Blob, Comparison, GoldenComparer, compare, judged
from tests.simulated_boards import COPPER, LAMINATE, Box, board, placed, seen

BINARY = GoldenImageSettings()
GREY = GoldenImageSettings(edge_tolerance_px=1, contrast=0.2, smoothing_px=1, lighting_px=80)


def found(comparison: Comparison, boxes: list[Box]) -> int:
    return sum(any(holds(blob, box) for blob in comparison.blobs) for box in boxes)


def holds(blob: Blob, box: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return blob.x_px <= x <= blob.x_px + blob.width_px and blob.y_px <= y <= blob.y_px + blob.height_px


@pytest.mark.parametrize("seed", range(6))
def test_every_defect_is_found_and_nothing_else(seed: int) -> None:
    part = board(seed)
    comparison = compare(part.defective, part.golden, GREY)
    assert comparison.failure is None
    assert found(comparison, part.boxes) == len(part.boxes) == len(comparison.blobs) == 4
    assert LEAST_BLOB_SCORE < comparison.score < 1


@pytest.mark.parametrize(
    ("shift", "turn_deg", "scale"),
    [((0, 0), 0, 1), ((0.5, -0.3), 0, 1), ((12.4, -9.7), 0, 1), ((3, 4), 1.5, 1), ((-6, 2), -1, 1.01)],
)
@pytest.mark.parametrize("seed", [11, 12])
def test_noise_light_and_place_change_no_verdict(
    seed: int, shift: tuple[float, float], turn_deg: float, scale: float
) -> None:
    part = board(seed)
    comparer = GoldenComparer(part.golden, GREY)
    taken = [
        seen(placed(image, shift=shift, turn_deg=turn_deg, scale=scale), seed, exposure=0.85, gradient=0.12)
        for image in (part.golden, part.defective)
    ]
    sound, defective = (comparer.compare(image) for image in taken)
    assert sound.failure is defective.failure is None
    assert (sound.score, sound.blobs) == (0, ())
    assert found(defective, part.boxes) == 4
    assert sound.registration is not None
    assert sound.registration.shift_px == pytest.approx(shift, abs=0.4)
    assert sound.registration.turn_deg == pytest.approx(-turn_deg, abs=0.1)
    assert sound.registration.scale == pytest.approx(scale, abs=0.003)


def test_edges_may_move_by_the_tolerance() -> None:
    part = board(3)
    wider = np.max([np.roll(part.golden, by, axis=1) for by in (-2, 0, 2)], axis=0)
    assert compare(wider, part.golden, BINARY.model_copy(update={"edge_tolerance_px": 3})).blobs == ()
    assert compare(wider, part.golden, BINARY.model_copy(update={"edge_tolerance_px": 1})).blobs != ()


@pytest.mark.parametrize("is_broken", [True, False])
def test_a_broken_thin_line_and_a_closed_thin_gap_are_seen(is_broken: bool) -> None:
    """Lines and gaps of 4 px, under a tolerance of 3 px either side."""
    part = board(5)
    golden, image = part.golden.copy(), part.golden.copy()
    around, inside = (LAMINATE, COPPER) if is_broken else (COPPER, LAMINATE)
    for picture in (golden, image):
        picture[100:160, 60:260] = around
        picture[128:132, 60:260] = inside
    image[128:132, 140:164] = around
    comparison = compare(image, golden, BINARY)
    assert found(comparison, [(140, 128, 164, 132)]) == len(comparison.blobs) == 1


def test_a_tolerance_between_two_whole_ones_is_between_them() -> None:
    part = board(2)
    moved = seen(placed(part.defective, shift=(0.2, 0.1)), 1, noise=2)
    areas = []
    for tolerance in (0.0, 0.5, 1.0, 1.5, 2.0):
        tried = GoldenImageSettings(edge_tolerance_px=tolerance, contrast=0.1, least_area_px=1)
        areas.append(sum(blob.area_px for blob in compare(moved, part.golden, tried).blobs))
    assert areas == sorted(areas, reverse=True)


def test_nothing_is_said_of_what_lies_out_of_the_frame() -> None:
    part = board(8)
    comparison = compare(placed(part.golden, shift=(25, -18)), part.golden, BINARY)
    assert (comparison.failure, comparison.blobs) == (None, ())


class TestFailsSafe:
    def fails(self, image: np.ndarray, golden: np.ndarray, why: str, tried: GoldenImageSettings = GREY) -> None:
        comparison = compare(image, golden, tried)
        assert comparison.failure is not None
        assert why in comparison.failure
        assert (comparison.score, comparison.blobs) == (1, ())
        assert (comparison.heat_map == 1).all()

    def test_blank(self) -> None:
        golden = board(0).golden
        self.fails(np.full_like(golden, 90), golden, "the image is blank")
        self.fails(golden, np.full_like(golden, 90), "the golden image is blank")

    def test_other_size(self) -> None:
        golden = board(0).golden
        self.fails(golden[:, :300], golden, "the image is 300 x 320 px, its golden image 320 x 320 px")

    @pytest.mark.parametrize("shift", [(45, 5), (5, -60), (-70, 40)])
    def test_too_far_shifted(self, shift: tuple[int, int]) -> None:
        golden = board(0).golden
        self.fails(
            placed(golden, shift=shift), golden, "shifted by", GREY.model_copy(update={"least_correlation": 0.8})
        )

    @pytest.mark.parametrize("turn_deg", [-5, 5])
    def test_turned(self, turn_deg: float) -> None:
        golden = board(0).golden
        self.fails(placed(golden, turn_deg=turn_deg), golden, "turned by")

    def test_too_large(self) -> None:
        golden = board(0).golden
        self.fails(placed(golden, scale=1.05), golden, "times as large")

    def test_noise_is_no_part(self) -> None:
        golden = board(0).golden
        noise = np.random.default_rng(0).integers(0, 256, golden.shape, dtype=np.uint8)
        self.fails(noise, golden, "unlike its golden image")

    @pytest.mark.parametrize("other", [1, 2, 3])
    def test_another_board_never_passes(self, other: int) -> None:
        comparison = compare(board(other).golden, board(0).golden, GREY)
        assert comparison.score > 0.9

    @pytest.mark.parametrize("turn_deg", [15, 90, 180])
    def test_a_part_that_lies_all_wrong_never_passes(self, turn_deg: float) -> None:
        golden = board(0).golden
        assert compare(placed(golden, turn_deg=turn_deg), golden, GREY).score > 0.9

    def test_dark_image(self) -> None:
        golden = board(0).golden
        assert compare((golden // 8).astype(np.uint8), golden, BINARY).score > 0.9


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 5), (33, 32), (97, 250), (161, 640)])
def test_images_of_any_size(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    comparison = compare(image, image, BINARY)
    assert comparison.heat_map.shape == shape
    assert comparison.failure is not None or comparison.score == 0
    assert np.isfinite(comparison.score)


def test_colour_and_a_third_axis_are_taken() -> None:
    part = board(4)
    grey = compare(part.defective, part.golden, GREY)
    assert compare(part.defective[..., None], part.golden[..., None], GREY).blobs == grey.blobs
    colour = [np.repeat(image[..., None], 3, axis=2) for image in (part.defective, part.golden)]
    assert compare(colour[0], colour[1], GREY).blobs == grey.blobs


def test_comparing_changes_nothing_and_repeats_itself() -> None:
    part = board(6)
    image, golden = part.defective.copy(), part.golden.copy()
    comparer = GoldenComparer(golden, GREY)
    first, second = comparer.compare(image), comparer.compare(image)
    assert (first.score, first.blobs) == (second.score, second.blobs)
    np.testing.assert_array_equal(first.heat_map, second.heat_map)
    np.testing.assert_array_equal(image, part.defective)
    np.testing.assert_array_equal(golden, part.golden)


def test_other_tolerances_compare_as_a_new_comparer_would() -> None:
    part = board(7)
    image, other = seen(part.defective, 7), GREY.model_copy(update={"edge_tolerance_px": 2, "least_area_px": 20})
    comparer = GoldenComparer(part.golden, GREY)
    again = comparer.with_tolerances(other).difference(comparer.align(image))
    assert again.blobs == GoldenComparer(part.golden, other).compare(image).blobs
    assert comparer.compare(image).blobs == compare(image, part.golden, GREY).blobs


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), tolerance=st.sampled_from([0, 0.5, 1, 3]), joining=st.integers(0, 4))
def test_a_board_is_like_itself(seed: int, tolerance: float, joining: int) -> None:
    golden = seen(board(seed % 50, side_px=160).golden, seed)
    tried = GoldenImageSettings(edge_tolerance_px=tolerance, joining_px=joining, contrast=0.1)
    comparison = compare(golden, golden, tried)
    assert (comparison.score, comparison.blobs, comparison.failure) == (0, (), None)
    assert not comparison.heat_map.any()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 50), x=st.floats(-20, 20), y=st.floats(-20, 20))
def test_a_shift_changes_no_verdict(seed: int, x: float, y: float) -> None:
    part = board(seed, side_px=256)
    comparer = GoldenComparer(part.golden, GREY)
    for image, is_bad in ((part.golden, False), (part.defective, True)):
        comparison = comparer.compare(placed(image, shift=(x, y)))
        assert comparison.failure is None
        assert (comparison.score >= LEAST_BLOB_SCORE) is is_bad


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), contrast=st.floats(0.02, 0.9), area=st.integers(1, 60), joining=st.integers(0, 5))
def test_scores_and_blobs_agree_whatever_is_compared(seed: int, contrast: float, area: int, joining: int) -> None:
    rng = np.random.default_rng(seed)
    golden, image = (rng.integers(0, 256, (48, 64), dtype=np.uint8) for _ in "12")
    tried = GoldenImageSettings(
        contrast=contrast, least_area_px=area, joining_px=joining, edge_tolerance_px=1, least_correlation=-1
    )
    comparison = compare(image, golden, tried)
    assert np.isfinite(comparison.heat_map).all()
    assert 0 <= comparison.heat_map.min() <= comparison.heat_map.max() <= 1
    assert (np.float32(comparison.score) >= LEAST_BLOB_SCORE) == (
        bool(comparison.blobs) or comparison.failure is not None
    )
    for blob in comparison.blobs:
        assert blob.area_px >= area
        assert contrast < blob.contrast <= 1
        assert 0 <= blob.x_px < blob.x_px + blob.width_px <= 64
        assert 0 <= blob.y_px < blob.y_px + blob.height_px <= 48
        assert blob.area_px <= blob.width_px * blob.height_px


def test_the_worst_blob_comes_first_and_small_ones_do_not_count() -> None:
    small, faint, bad = (Blob(0, 0, 5, 5, *values) for values in ((9, 1.0), (30, 0.5), (25, 0.9)))
    score, blobs = judged([small, faint, bad], BINARY.model_copy(update={"least_area_px": 10, "contrast": 0.4}))
    assert blobs == (bad, faint)
    assert score == pytest.approx(22.5 / 26.5)
    assert judged([], BINARY) == (0, ())
