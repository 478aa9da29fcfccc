"""Every image of a folder gets a verdict: what cannot be read is rejected, with the reason."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import InputError
from edge_runtime.inspection.folder import inspect_folder
from edge_runtime.inspection.inspector import BATCH_IMAGES, Inspector
from tests.edge_runtime.inspection.inspecting import CLASSIFYING, BrightnessEngine, graph_manifest
from tests.image_files import encoded, pattern, says_size


@pytest.fixture
def inspector(tmp_path: Path) -> Inspector:
    manifest = graph_manifest(tmp_path / "bundle", CLASSIFYING)
    return Inspector(tmp_path / "bundle", manifest, BrightnessEngine(CLASSIFYING.labels))


def test_all_images_in_the_order_of_their_names(inspector: Inspector, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    (folder / "later").mkdir(parents=True)
    for number in range(BATCH_IMAGES + 2):
        image = np.full((20, 20), 20 * number, np.uint8)
        (folder / f"{number:02}.png").write_bytes(encoded(image))
    (folder / "later" / "Z.JPG").write_bytes(encoded(pattern(), ".jpg"))
    (folder / "notes.txt").write_text("no image")
    (folder / "not_a_file.png").mkdir()
    parts = inspect_folder(inspector, folder)
    assert [part["image"] for part in parts] == [f"{n:02}.png" for n in range(BATCH_IMAGES + 2)] + ["later/Z.JPG"]
    assert [round(part["score"] * 255) for part in parts[:-1]] == [20 * n for n in range(BATCH_IMAGES + 2)]
    assert parts[0]["verdict"] == "ok"
    assert parts[-2]["verdict"] == "nok"
    assert set(parts[0]["probabilities"]) == set(CLASSIFYING.labels)
    assert all(part["failure"] is None and part["blobs"] == [] for part in parts)


def test_what_cannot_be_read_is_rejected_with_the_reason(inspector: Inspector, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    whole = encoded(pattern(), ".jpg")
    (folder / "1.jpg").write_bytes(whole)
    (folder / "2.jpg").write_bytes(whole[:300])
    (folder / "3.jpg").write_bytes(b"")
    (folder / "4.png").write_bytes(says_size("png", 12_500, 8_000))
    (folder / "5.tif").write_bytes(encoded(pattern().astype(np.float32), ".tif"))
    (folder / "6.jpg").write_bytes(whole)
    parts = inspect_folder(inspector, folder)
    assert [part["failure"] for part in parts] == [
        None,
        "the file ends before its image does",
        "the file is empty",
        "12500 x 8000 pixels, 50 megapixels are let in",
        "pixels are float32",
        None,
    ]
    assert all(part["verdict"] == "nok" and part["score"] == 1 for part in parts[1:5])
    assert parts[0]["score"] == parts[5]["score"] < 1


def test_names_that_are_no_utf8_can_be_written_down(inspector: Inspector, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")).write_bytes(encoded(pattern()))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (part,) = inspect_folder(inspector, folder)
    assert part["image"] == "caf\\xe9.png"
    assert json.dumps(part).encode("utf-8")


@pytest.mark.parametrize("make", [True, False], ids=["empty", "not there"])
def test_no_image_is_an_error(inspector: Inspector, tmp_path: Path, make: bool) -> None:
    if make:
        (tmp_path / "parts").mkdir()
    with pytest.raises(InputError, match=r"holds no image / give a folder with files that end in \.bmp"):
        inspect_folder(inspector, tmp_path / "parts")
