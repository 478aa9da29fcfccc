"""Settling how golden images are compared: on simulated boards, and on real pairs where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from factory_assets.foundation.products import Costs, ImageInput, ImageSource, Product
from factory_assets.inspection import drafting, image_store, loading, manifest, quality, splits, training
from factory_assets.inspection.box_figures import Box
from factory_assets.inspection.golden_tuning import (
    AREAS_PX,
    GREY_CONTRASTS,
    TOLERANCES_PX,
    NoGoldenImageError,
    _chosen,
    _grid,
    _usual,
    _worth,
    box_figures,
    compare_all,
    tune,
)
from factory_assets.inspection.labelled import LabelledImages
from tests.conftest import data_folder
from tests.simulated_boards import board, placed, seen

SIDE_PX = 192


def boards(first: int, count: int, *, is_binary: bool = False) -> tuple[LabelledImages, list[list[Box]]]:
    """Boards of their own, each once sound and once defective, as a camera sees them."""
    pixels, references, boxes, bad = [], [], [], []
    for seed in range(first, first + count):
        part = board(seed, side_px=SIDE_PX)
        for is_defect, image in enumerate((part.golden, part.defective)):
            shift = np.random.default_rng(seed).uniform(-3, 3, 2)
            if is_binary:
                taken, golden = (((picture > 127) * 255).astype(np.uint8) for picture in (image, part.golden))
            else:
                taken = seen(placed(image, shift=(float(shift[0]), float(shift[1]))), seed, exposure=0.9, noise=5)
                golden = part.golden
            pixels.append(taken[..., None])
            references.append(golden[..., None])
            boxes.append(part.boxes if is_defect else [])
            bad.append(bool(is_defect))
    labels = tuple("defect" if is_bad else "ok" for is_bad in bad)
    images = LabelledImages(
        image_ids=tuple(f"board-{number}" for number in range(len(bad))),
        pixels=np.stack(pixels),
        labels=labels,
        classes=("defect", "ok"),
        is_defect=np.array(bad),
        groups=tuple(f"group-{number // 2}" for number in range(len(bad))),
        references=np.stack(references),
    )
    return images, boxes


@pytest.mark.parametrize("knows", ["boxes and labels", "labels", "sound parts only"])
def test_settings_carry_over_to_other_boards(knows: str) -> None:
    images, boxes = boards(0, 6)
    if knows == "sound parts only":
        images = images.take(~images.is_defect)
    settings = tune(images, boxes if knows == "boxes and labels" else None)
    others, truth = boards(100, 6)
    figures = box_figures(others, truth, settings)
    assert figures.recall is not None
    assert figures.recall.value > 0.9
    assert figures.false_blobs_per_image < 0.5
    scores = [comparison.score for comparison in compare_all(others.take(~others.is_defect), settings)]
    assert np.mean(np.array(scores) == 0) > 0.8


def test_margins_follow_how_people_draw_boxes() -> None:
    images, boxes = boards(0, 8, is_binary=True)
    for by in (0, 6):
        wider = [[(x1 - by, y1 - by, x2 + by, y2 + by) for x1, y1, x2, y2 in of_image] for of_image in boxes]
        assert tune(images, wider).margin_px == pytest.approx(by, abs=2)


def test_two_valued_images_need_neither_smoothing_nor_light() -> None:
    images, boxes = boards(0, 3, is_binary=True)
    settings = tune(images, boxes)
    assert (settings.smoothing_px, settings.lighting_px, settings.contrast) == (0, 0, 0.4)


def test_defective_parts_without_boxes_say_nothing() -> None:
    images, _ = boards(0, 3)
    alone = images.take(images.is_defect)
    assert alone.references is not None
    assert tune(alone) == tune(alone, [[] for _ in range(len(alone))]) == _usual(alone.references)[0]


def test_tuning_repeats_itself_and_looks_at_some_of_many() -> None:
    images, boxes = boards(0, 3, is_binary=True)
    many, of_many = images.take(np.tile(np.arange(len(images)), 10)), boxes * 10
    assert tune(many, of_many) == tune(many, of_many)


def test_without_golden_images_nothing_can_be_tuned() -> None:
    images, _ = boards(0, 1)
    with pytest.raises(NoGoldenImageError, match="add a column reference"):
        tune(images.take(np.zeros(len(images), bool)))
    none = LabelledImages(
        images.image_ids, images.pixels, images.labels, images.classes, images.is_defect, images.groups
    )
    with pytest.raises(NoGoldenImageError, match="add a column reference"):
        compare_all(none, _usual(images.pixels)[0])


def test_of_settings_worth_the_same_the_most_sensitive_is_taken() -> None:
    grid = _grid(_usual(np.full((1, 64, 64, 1), 128, np.uint8))[0], GREY_CONTRASTS)
    all_alike = _chosen(grid, dict.fromkeys(grid, 0.9))
    assert (all_alike.edge_tolerance_px, all_alike.contrast, all_alike.least_area_px) == (
        TOLERANCES_PX[0], GREY_CONTRASTS[0], AREAS_PX[0],
    )  # fmt: skip


def test_settings_at_the_brink_are_worth_less_than_those_amid_a_plateau() -> None:
    grid = _grid(_usual(np.full((1, 64, 64, 1), 128, np.uint8))[0], GREY_CONTRASTS)
    plateau = {(i, j, k): 1.0 if 2 <= i <= 4 and 3 <= j <= 5 and 1 <= k <= 3 else 0.0 for i, j, k in grid}
    worth = _worth(plateau)
    assert max(worth, key=lambda place: worth[place]) == (3, 4, 2)
    assert worth[3, 4, 2] == 1
    chosen = _chosen(grid, worth)
    assert (chosen.edge_tolerance_px, chosen.contrast, chosen.least_area_px) == (
        TOLERANCES_PX[3], GREY_CONTRASTS[4], AREAS_PX[2],
    )  # fmt: skip


def product() -> Product:
    return Product(
        name="board",
        images=ImageSource(folder="-"),
        method="golden_image",
        input=ImageInput(width_px=SIDE_PX, height_px=SIDE_PX),
        costs=Costs(),
    )


def test_training_settles_the_comparison_and_a_threshold() -> None:
    images, boxes = boards(0, 5)
    validation, _ = boards(50, 4)
    trained = training.train(product(), images, validation, boxes=boxes)
    assert trained.network is None
    assert trained.golden_image is not None
    assert trained.threshold is not None
    assert 0 < trained.threshold < 1
    assert trained.figures.auroc is not None
    assert trained.figures.auroc.value > 0.9
    assert trained.outputs["heat_map"].shape == (len(validation), SIDE_PX, SIDE_PX, 1)


def test_without_a_sound_validation_image_any_blob_rejects() -> None:
    images, boxes = boards(0, 5)
    validation = images.take(images.is_defect)
    trained = training.train(product(), images, validation, boxes=boxes)
    assert trained.threshold == 0.5
    assert "no validation image shows a sound part" in trained.operating_point["settled_by"]
    assert trained.operating_point["false_reject_rate"] is trained.operating_point["cost_per_part"] is None


@pytest.fixture(scope="module")
def pairs() -> Path:
    data = data_folder()
    if data is None or not (data / "deeppcb_pairs").is_dir():
        pytest.skip("deeppcb_pairs is not here: set FACTORY_DATA to the folder that holds deeppcb_pairs/")
    return data / "deeppcb_pairs"


def test_a_drafted_product_of_real_boards_is_trained(pairs: Path) -> None:
    drafted = drafting.draft_product(pairs)
    assert (drafted.method, drafted.input.width_px, drafted.input.height_px) == ("golden_image", 640, 640)
    with image_store.open_store(pairs) as store:
        judged = quality.judge(store, manifest.read_manifest(store, drafted.images), drafted)
        grouped, _ = loading.grouped(store, judged.filter(judged["status"] == "accepted"))
        frame = splits.assign(grouped, drafted)
        learnt, validation = (loading.load(store, frame, drafted, split=name) for name in ("train", "validation"))
    assert frame.height == 48
    trained = training.train(drafted, learnt, validation, boxes=loading.boxes_of(frame, "train", drafted))
    assert trained.threshold == 0.5
    assert trained.figures.escape_rate is not None
    assert trained.figures.escape_rate.value == 0


@pytest.mark.parametrize("tuned_on", ["group77000", "group92000"])
def test_real_boards_that_were_not_tuned_on(pairs: Path, tuned_on: str) -> None:
    """One board settles the comparison, the other one judges it."""
    drafted = drafting.draft_product(pairs)
    with image_store.open_store(pairs) as store:
        judged = quality.judge(store, manifest.read_manifest(store, drafted.images), drafted)
        is_tuned_on = pl.col("group") == tuned_on
        frame = judged.with_columns(split=pl.when(is_tuned_on).then(pl.lit("train")).otherwise(pl.lit("validation")))
        learnt, others = (loading.load(store, frame, drafted, split=name) for name in ("train", "validation"))
    assert min(len(learnt), len(others)) > 20
    settings = tune(learnt, loading.boxes_of(frame, "train", drafted))
    figures = box_figures(others, loading.boxes_of(frame, "validation", drafted), settings)
    assert figures.recall is not None
    assert figures.recall_at_iou is not None
    assert figures.recall.value >= 0.97
    assert figures.recall_at_iou.value >= 0.97
    assert figures.false_blobs_per_image <= 0.5
