"""Rows become pixels of one size, with masks and golden images that lie as their images do."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from factory_assets.foundation.products import ImageInput
from factory_assets.inspection import loading
from factory_assets.inspection.labelled import LabelledImages
from tests.image_files import encoded, pattern, rotated_by_exif
from tests.inspection.sources import csv, opened, pictures, product, written

SPLITS = ("train", "validation", "test")


def loaded(folder: Path, method: str = "segmentation", split: str = "train", **given: object) -> LabelledImages:
    plate = product(folder, method, **given)
    with opened(plate) as (store, frame):
        accepted, _ = loading.grouped(store, frame.filter(pl.col("status") == "accepted"))
        return loading.load(store, accepted.with_columns(pl.col("split").fill_null("train")), plate, split=split)


def test_images_labels_and_masks(tmp_path: Path) -> None:
    marks = np.zeros((48, 64), np.uint8)
    marks[10:12, 40:42] = 255
    rows = [
        ("1.png", "ok", "", "a", "train"),
        ("2.png", "dent", "m.png", "b", "train"),
        ("3.png", "ok", "", "c", "test"),
    ]
    rows += [("4.png", "dent", "m.png", "d", "validation")]
    files = pictures([row[0] for row in rows]) | {"m.png": marks}
    written(tmp_path, files | {"manifest.csv": csv(("image", "label", "mask", "group", "split"), *rows)})
    images = loaded(tmp_path)
    assert images.image_ids == ("1.png", "2.png")
    assert images.pixels.shape == (2, 24, 32, 1)
    assert images.pixels.dtype == np.uint8
    assert images.labels == ("ok", "dent")
    assert images.classes == ("dent", "ok")
    assert images.targets.tolist() == [1, 0]
    assert images.is_defect.tolist() == [False, True]
    assert images.groups == ("a", "b")
    assert images.masks is not None
    assert images.masks.shape == (2, 24, 32)
    assert not images.masks[0].any()
    assert np.argwhere(images.masks[1]).tolist() == [[5, 20]]
    assert images.references is None
    assert len(loaded(tmp_path, split="test")) == 1
    other = images.take(np.array([False, True]))
    assert (other.image_ids, other.labels, other.groups) == (("2.png",), ("dent",), ("b",))
    np.testing.assert_array_equal(other.pixels, images.pixels[1:])
    assert images.take(np.array([1, 0])).image_ids == ("2.png", "1.png")


def test_a_split_without_images_is_empty(tmp_path: Path) -> None:
    written(tmp_path, pictures(["train/ok/1.png", "train/ok/2.png"]))
    images = loaded(tmp_path, "classification", split="test")
    assert len(images) == 0
    assert images.pixels.shape == (0, 24, 32, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_mask_of_a_turned_image_lies_on_its_defect(tmp_path: Path, orientation: int) -> None:
    stored = np.full((48, 64), 60, np.uint8)
    stored[8:16, 40:56] = 250
    data = rotated_by_exif(stored, orientation)
    seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    mask = np.where(seen > 150, 255, 0).astype(np.uint8)
    rows = [("1.jpg", "dent", "m.png"), ("2.jpg", "dent", "m.png")]
    files = {"1.jpg": data, "2.jpg": rotated_by_exif(np.roll(stored, 1, axis=1), orientation), "m.png": encoded(mask)}
    written(tmp_path, files | {"manifest.csv": csv(("image", "label", "mask"), *rows)})
    images = loaded(tmp_path, input=ImageInput(width_px=seen.shape[1], height_px=seen.shape[0]))
    assert images.masks is not None
    assert images.pixels[0][images.masks[0] == 1].min() > 140
    assert images.pixels[0][images.masks[0] == 0].max() < 160


def test_letterboxed_images_and_masks_lie_alike(tmp_path: Path) -> None:
    stored = np.random.default_rng(0).integers(0, 40, (20, 200), dtype=np.uint8)
    mask = np.zeros((20, 200), np.uint8)
    mask[6:16, 150:170] = 1
    rows = [("1.png", "dent", "m.png"), ("2.png", "dent", "m.png")]
    files = {"1.png": np.where(mask, 255, stored), "2.png": np.where(mask, 250, stored), "m.png": mask}
    written(tmp_path, files | {"manifest.csv": csv(("image", "label", "mask"), *rows)})
    images = loaded(tmp_path, input=ImageInput(width_px=100, height_px=100, fit="letterbox", channels=3))
    assert images.pixels.shape == (2, 100, 100, 3)
    assert images.masks is not None
    bright = images.pixels[0, ..., 0] > 200
    np.testing.assert_array_equal(bright, images.masks[0] == 1)


def test_golden_images_come_with_their_images(tmp_path: Path) -> None:
    golden = {"a.png": pattern(seed=50), "b.png": pattern(seed=51)}
    rows = [("1.png", "ok", "a.png"), ("2.png", "ok", "b.png"), ("3.png", "ok", "a.png")]
    files = pictures(["1.png", "2.png", "3.png"]) | golden
    written(tmp_path, files | {"manifest.csv": csv(("image", "label", "reference"), *rows)})
    images = loaded(tmp_path, "golden_image", input=ImageInput(width_px=64, height_px=48))
    assert images.references is not None
    np.testing.assert_array_equal(images.references[..., 0], [golden["a.png"], golden["b.png"], golden["a.png"]])
    assert len(set(images.groups)) == 3


def test_boxes_come_in_the_order_of_the_images(tmp_path: Path) -> None:
    rows = [
        ("1.png", "1.txt", "g.png", "train"),
        ("2.png", "2.txt", "g.png", "test"),
        ("3.png", "3.txt", "g.png", "train"),
    ]
    files = pictures(["1.png", "2.png", "3.png"]) | {
        "g.png": pattern(seed=9),
        "1.txt": "1 2 3 4 x\n5 6 7 8 y",
        "2.txt": "",
    }
    files |= {"3.txt": "9 9 12 12", "manifest.csv": csv(("image", "boxes", "reference", "split"), *rows)}
    with opened(product(written(tmp_path, files), "golden_image")) as (_, frame):
        assert loading.boxes_of(frame, "train") == [[(1, 2, 3, 4), (5, 6, 7, 8)], [(9, 9, 12, 12)]]
        assert loading.boxes_of(frame, "test") == [[]]


def test_more_than_fits_into_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LARGEST_BYTES", 3_000)
    written(tmp_path, pictures(["train/ok/1.png", "train/ok/2.png"]))
    with pytest.raises(
        loading.TooManyImagesError, match=r"2 images of product plate at 32 x 24 need .* make input smaller"
    ):
        loaded(tmp_path, "classification")


def test_each_image_is_decoded_once_for_groups_and_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"ok/{n:02}.png" for n in range(12)]
    plate = product(written(tmp_path, pictures(names)))
    with opened(plate) as (store, frame):
        count = []
        real = loading.decode
        monkeypatch.setattr(loading, "decode", lambda data: count.append(1) or real(data))
        accepted, thumbnails = loading.grouped(store, frame)
        loading.guard(accepted.with_columns(split=pl.lit("train")), thumbnails, plate)
    assert len(count) == len(names) == len(thumbnails)
    assert accepted["group"].to_list() == [f"like {name}" for name in names]


def test_near_copies_share_a_group_where_none_is_named(tmp_path: Path) -> None:
    files = {"ok/1.png": pattern(), "ok/2.png": np.clip(pattern().astype(int) + 4, 0, 255).astype(np.uint8)}
    with opened(product(written(tmp_path, files | {"ok/3.png": pattern(seed=3)}))) as (store, frame):
        accepted, _ = loading.grouped(store, frame)
    assert accepted["group"].to_list() == ["like ok/1.png", "like ok/1.png", "like ok/3.png"]


def test_no_images_make_no_groups(tmp_path: Path) -> None:
    with opened(product(written(tmp_path, pictures(["ok/1.png", "ok/2.png"])))) as (store, frame):
        accepted, thumbnails = loading.grouped(store, frame.clear())
    assert accepted.is_empty()
    assert thumbnails == {}


def test_the_guard_leaves_golden_images_in_peace(tmp_path: Path) -> None:
    board = pattern()
    files = {f"{n}.png": np.clip(board.astype(int) + n, 0, 255).astype(np.uint8) for n in range(1, 13)}
    rows = [(name, "ok", "g.png") for name in files]
    written(tmp_path, files | {"g.png": board, "manifest.csv": csv(("image", "label", "reference"), *rows)})
    plate = product(tmp_path, "golden_image")
    with opened(plate) as (store, frame):
        accepted, thumbnails = loading.grouped(store, frame)
    split = accepted.with_columns(split=pl.Series([SPLITS[n % 3] for n in range(accepted.height)]))
    assert {name: report.share for name, report in loading.guard(split, thumbnails, plate).items()} == {
        "validation": 0,
        "test": 0,
    }
    other = plate.model_copy(update={"method": "anomaly"})
    assert loading.guard(split, thumbnails, other)["test"].share == 1
