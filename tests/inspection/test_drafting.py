"""A product drafted from its images, and the version of what a folder holds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from factory_assets.inspection.drafting import draft_product
from factory_assets.inspection.image_store import ImageSourceError
from factory_assets.inspection.source import source_version
from tests.image_files import encoded, pattern
from tests.inspection.sources import csv, pictures, written, zipped

MASK = np.ones((48, 64), np.uint8)


def drafted(folder: Path, head: tuple[str, ...], *rows: tuple[str, ...]):
    files = pictures([row[0] for row in rows]) | {"m.png": MASK, "golden.png": pattern(seed=77)}
    return draft_product(written(folder, files | {"manifest.csv": csv(head, *rows)}))


def test_kinds_of_defects_ask_for_classification(tmp_path: Path) -> None:
    plate = draft_product(written(tmp_path / "7 plates.old", pictures(["crack/1.png", "dent/1.png"])))
    assert (plate.name, plate.method, plate.ok_label) == ("plates", "classification", None)
    assert (plate.input.width_px, plate.input.height_px, plate.input.fit) == (128, 128, "stretch")


def test_sound_parts_are_found_however_they_are_spelled(tmp_path: Path) -> None:
    rows = [("1.png", "Good", ""), ("2.png", "good", ""), ("3.png", "Good", ""), ("4.png", "dent", "")]
    plate = drafted(tmp_path, ("image", "label", "mask"), *rows)
    assert (plate.method, plate.ok_label) == ("classification", "Good")


def test_masks_ask_for_segmentation(tmp_path: Path) -> None:
    plate = drafted(tmp_path, ("image", "label", "mask"), ("1.png", "free", ""), ("2.png", "dent", "m.png"))
    assert (plate.method, plate.ok_label, plate.input.width_px) == ("segmentation", "free", 64)


@pytest.mark.parametrize("split", ["train", ""])
def test_sound_parts_alone_ask_for_anomaly_detection(tmp_path: Path, split: str) -> None:
    rows = [("1.png", "ok", split), ("2.png", "OK", split)] + ([("3.png", "dent", "test")] if split else [])
    assert drafted(tmp_path, ("image", "label", "split"), *rows).method == "anomaly"


def test_golden_images_are_compared_at_their_own_size(tmp_path: Path) -> None:
    plate = drafted(tmp_path, ("image", "reference"), ("1.png", "golden.png"), ("2.png", "golden.png"))
    assert (plate.method, plate.ok_label) == ("golden_image", "ok")
    assert (plate.input.width_px, plate.input.height_px) == (64, 48)


def test_images_of_several_shapes_keep_theirs(tmp_path: Path) -> None:
    files = {"ok/1.tif": pattern(40, 90), "dent/1.png": pattern(40, 40), "dent/none.png": b"", "dent/text.png": b"text"}
    assert draft_product(written(tmp_path, files)).input.fit == "letterbox"


def test_a_zip_file_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    zipped(tmp_path / "set" / "set.zip", pictures(["set/a/1.png", "set/b/1.png"]))
    assert draft_product(tmp_path / "set").name == "set"
    assert draft_product(tmp_path / "set" / "set.zip").name == "set"


def test_no_images_no_product(tmp_path: Path) -> None:
    with pytest.raises(ImageSourceError, match="names no image"):
        draft_product(tmp_path)
    with pytest.raises(ImageSourceError, match="neither a folder nor a zip file"):
        draft_product(tmp_path / "none")


def test_the_version_of_a_source_follows_its_files(tmp_path: Path) -> None:
    folder = written(tmp_path / "data", {"ok/1.png": b"1", "ok/2.png": b"2"})
    seen = [source_version(folder)]
    assert source_version(folder) == seen[0]
    (folder / "ok" / "3.png").write_bytes(b"3")
    seen.append(source_version(folder))
    os.utime(folder / "ok" / "3.png", ns=(1, 1))
    seen.append(source_version(folder))
    (folder / "ok" / "3.png").rename(folder / "ok" / "4.png")
    seen.append(source_version(folder))
    assert len(set(seen)) == 4
    assert source_version(tmp_path / "none") is None


def test_the_version_of_a_zip_file_and_of_odd_names(tmp_path: Path) -> None:
    path = zipped(tmp_path / "data.zip", {"ok/1.png": encoded(pattern())})
    assert source_version(path) is not None
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).write_bytes(b"1")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert source_version(tmp_path) is not None
