"""Images scored with a released bundle: all of them, of every split, and labels as the bundle spells them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from edge_runtime.errors import BundleError, InputError
from factory_assets.inspection import bundle_scoring
from factory_assets.inspection.evaluation import evaluate
from factory_assets.inspection.quality import ONLY_FOR_TRAINING
from tests.edge_runtime.inspection.inspecting import (
    CLASSIFYING,
    HEIGHT,
    KINDS_ONLY,
    WIDTH,
    BrightnessEngine,
    golden_bundle,
    graph_manifest,
)
from tests.image_files import pattern
from tests.inspection.sources import csv, opened, product, written

BOARD = (0.7 * pattern(HEIGHT, WIDTH)).astype(np.uint8)


def spoilt(*corners: tuple[int, int], board: np.ndarray = BOARD) -> np.ndarray:
    image = board.copy()
    for left, top in corners:
        mark = image[top : top + 5, left : left + 5].astype(int)
        image[top : top + 5, left : left + 5] = np.where(mark > 90, mark - 85, mark + 85)
    return image


def scored(bundle: Path, folder: Path, method: str = "golden_image", **given: object):
    """What `factory evaluate inspection` scores: all but what is unreadable or means nothing."""
    with opened(product(folder, method, **given)) as (store, judged):
        kept = judged["reason"].is_null() | judged["reason"].cast(pl.String).is_in(ONLY_FOR_TRAINING)
        return bundle_scoring.score(bundle, store, judged.filter(kept))


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    golden_bundle(tmp_path / "bundle", {"board": BOARD})
    return tmp_path / "bundle"


def test_every_split_and_duplicates_count_and_images_are_their_own_groups(golden: Path, tmp_path: Path) -> None:
    rows = [("1.png", "ok", "test"), ("2.png", "OK", "train"), ("3.png", "dent", ""), ("1.png", "ok", "")]
    files = {"1.png": BOARD, "2.png": BOARD + 1, "3.png": spoilt((20, 20))}
    written(tmp_path / "data", files | {"manifest.csv": csv(("image", "label", "split"), *rows)})
    images, more = scored(golden, tmp_path / "data")
    assert images.image_ids == images.groups == ("1.png", "2.png", "3.png", "1.png")
    assert images.labels == ("ok", "ok", "dent", "ok")
    assert images.is_rejected.tolist() == [False, False, True, False]
    assert images.is_right.all()
    assert images.threshold == 0.5
    assert more == {}
    assert evaluate(images, product(tmp_path).costs).auroc is not None


def box(left: int, top: int, scale: int) -> str:
    return " ".join(str(scale * edge) for edge in (left, top, left + 5, top + 5)) + " kind\n"


def boards(folder: Path, scale: int = 1) -> Path:
    """One board with two defects of which both are marked, one with one of two marked, one sound."""
    files = {
        "1.png": spoilt((5, 5), (25, 20)),
        "2.png": spoilt((10, 10), (30, 5)),
        "3.png": BOARD,
        "golden.png": BOARD,
        "1.txt": box(5, 5, scale) + box(25, 20, scale),
        "2.txt": box(10, 10, scale),
        "3.txt": "",
    }
    for name in ("1.png", "2.png", "3.png", "golden.png"):
        files[name] = np.kron(files[name], np.ones((scale, scale), np.uint8))
    rows = [(f"{n}.png", f"{n}.txt", "golden.png") for n in (1, 2, 3)]
    return written(folder, files | {"manifest.csv": csv(("image", "boxes", "reference"), *rows)})


@pytest.mark.parametrize("scale", [1, 3])
def test_boxes_are_scored_where_golden_images_are_compared(golden: Path, tmp_path: Path, scale: int) -> None:
    images, more = scored(golden, boards(tmp_path / "data", scale))
    assert images.is_rejected.tolist() == [True, True, False]
    assert images.is_right.all()
    assert more["recall"] == more["recall_at_iou"] == 1
    assert more["recall_interval"][0] < 1 == more["recall_interval"][1]
    assert more["false_blobs_per_image"] == pytest.approx(1 / 3)
    assert (more["boxes"], more["images_with_known_boxes"]) == (3, 3)


def test_parts_that_cannot_be_compared_are_told(golden: Path, tmp_path: Path) -> None:
    rows = [("1.png", "ok"), ("2.png", "ok"), ("3.png", "ok")]
    files = {"1.png": BOARD, "2.png": 178 - BOARD, "3.png": BOARD + 1}
    written(tmp_path / "data", files | {"manifest.csv": csv(("image", "label"), *rows)})
    images, more = scored(golden, tmp_path / "data")
    assert images.is_rejected.tolist() == [False, True, False]
    assert list(more["not_compared"]) == ["2.png"]


def test_a_golden_image_must_be_known(tmp_path: Path) -> None:
    golden_bundle(tmp_path / "bundle", {"a": BOARD, "b": spoilt((2, 2))})
    written(tmp_path / "data", {"ok/1.png": BOARD, "ok/2.png": BOARD + 1})
    with pytest.raises(InputError, match=r"golden image \(not named\) is not in bundle"):
        scored(tmp_path / "bundle", tmp_path / "data")


def test_a_bundle_that_was_changed_is_refused(golden: Path, tmp_path: Path) -> None:
    (golden / "board.png").write_bytes(b"other")
    with pytest.raises(BundleError):
        scored(golden, boards(tmp_path / "data"))


@pytest.fixture
def classifying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Bright images are dents."""
    graph_manifest(tmp_path / "bundle", CLASSIFYING)
    monkeypatch.setattr(bundle_scoring, "open_engine", lambda *_: BrightnessEngine(CLASSIFYING.labels))
    return tmp_path / "bundle"


def test_labels_that_a_classifier_does_not_know_are_wrong_and_told(classifying: Path, tmp_path: Path) -> None:
    bright, dark = pattern(seed=1) // 4 + 190, pattern(seed=2) // 4
    files = {
        "DENT/1.png": bright,
        "DENT/2.png": bright - 1,
        "rust/1.png": bright - 2,
        "rust/2.png": dark,
        "ok/1.png": dark + 1,
    }
    images, more = scored(classifying, written(tmp_path / "data", files), "classification")
    assert images.labels == ("dent", "dent", "ok", "rust", "rust")
    assert images.predicted == ("dent", "dent", "ok", "dent", "ok")
    assert images.is_right.tolist() == [True, True, True, False, False]
    assert images.probabilities is not None
    assert images.probabilities.shape == (5, 3)
    assert more == {"labels_not_known": {"rust": 2}}
    assert evaluate(images, product(tmp_path).costs).per_class["rust"]["recall"] == 0


def test_a_classifier_of_kinds_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph_manifest(tmp_path / "bundle", KINDS_ONLY)
    monkeypatch.setattr(bundle_scoring, "open_engine", lambda *_: BrightnessEngine(KINDS_ONLY.labels))
    files = {"dent/1.png": pattern() // 4 + 190, "scratch/1.png": pattern() // 4}
    images, more = scored(tmp_path / "bundle", written(tmp_path / "data", files), "classification", ok_label=None)
    assert images.threshold is None
    assert images.is_right.all()
    assert more == {}
