"""Every row of a manifest is accepted or set aside with a reason: nothing is lost, and nothing is believed blindly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory_assets.inspection import image_store, quality
from tests.image_files import by_pillow, encoded, pattern, progressive, rotated_by_exif, says_size
from tests.inspection.sources import csv, judged, pictures, product, written, zipped

JPEG = encoded(pattern(100, 120), ".jpg")
OPAQUE = np.dstack([pattern(seed=n) for n in range(3)] + [np.full((48, 64), 255, np.uint8)])
HIDDEN = np.dstack([OPAQUE[..., :3], pattern(seed=9)])
BAD_FILES: dict[str, tuple[bytes, str | None]] = {
    "truncated.jpg": (JPEG[: len(JPEG) // 2], "truncated"),
    "ended.jpg": (JPEG[: len(JPEG) // 2] + b"\xff\xd9", "truncated"),
    "truncated.png": (encoded(pattern(seed=4))[:500], "truncated"),
    "truncated.bmp": (encoded(pattern(seed=5), ".bmp")[:900], "truncated"),
    "truncated.tif": (encoded(pattern(seed=6), ".tif")[:900], "truncated"),
    "empty.png": (b"", "unreadable"),
    "text.png": (b"no image", "unreadable"),
    "float.tif": (encoded(pattern().astype(np.float32), ".tif"), "unreadable"),
    "hidden.png": (encoded(HIDDEN), "unreadable"),
    "huge.png": (says_size("png", 12_500, 8_000), "too_large"),
    "huge.tif": (says_size("tiff", 12_500, 8_000), "too_large"),
    "huge.jpg": (says_size("progressive jpeg", 12_500, 8_000), "too_large"),
    "blank.png": (encoded(np.full((48, 64), 130, np.uint8)), "blank"),
    "blue.png": (encoded(np.full((48, 64, 3), (255, 0, 0), np.uint8)), "blank"),
    "small.png": (encoded(pattern(3, 3)), "wrong_size"),
    "16_bits.png": (encoded(pattern(seed=7).astype(np.uint16) * 256), None),
    "opaque.png": (encoded(OPAQUE), None),
    "turned.jpg": (rotated_by_exif(pattern(seed=8), 6), None),
    "progressive.jpg": (progressive(pattern(seed=10)), None),
    "cmyk.tif": (by_pillow(pattern(seed=11), "TIFF", compression="tiff_lzw"), None),
}


def reasons(frame: pl.DataFrame) -> dict[str, str | None]:
    return dict(frame.select("image", pl.col("reason").cast(pl.String)).iter_rows())


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_hostile_files_are_set_aside_with_their_reason(tmp_path: Path, kind: str) -> None:
    rows = [(name, "ok") for name in BAD_FILES]
    more = [("../secret.png", "ok"), ("/etc/hostname", "ok"), ("none.png", "ok"), ("", "ok")]
    files = {name: data for name, (data, _) in BAD_FILES.items()} | {
        "manifest.csv": csv(("image", "label"), *rows, *more)
    }
    written(tmp_path, {"secret.png": pattern()})
    source = zipped(tmp_path / "data.zip", files) if kind == "zip" else written(tmp_path / "data", files)
    frame = judged(product(source))
    expected = {name: reason for name, (_, reason) in BAD_FILES.items()}
    assert reasons(frame) == expected | dict.fromkeys(["../secret.png", "/etc/hostname", "none.png", None], "missing")
    assert frame.filter(pl.col("status") == "quarantined")["detail"].is_not_null().all()
    told = dict(frame.select("image", "detail").iter_rows())
    assert told["../secret.png"] == "../secret.png leads out of the source of images"
    assert told[None] == "the manifest names no file"
    assert frame.filter(image="turned.jpg").select("width_px", "height_px").row(0) == (48, 64)
    assert frame.schema == pl.Schema(quality.SCHEMA)


def test_files_with_too_many_bytes_or_damaged_in_the_zip_are_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_store, "LARGEST_FILE_BYTES", 100_000)
    path = zipped(
        tmp_path / "data.zip", {"ok/1.png": pattern(), "ok/2.png": pattern(seed=1), "ok/bomb.png": bytes(200_000)}
    )
    whole = encoded(pattern(seed=1))
    path.write_bytes(path.read_bytes().replace(whole[100:200], bytes(100)))
    frame = judged(product(path))
    assert reasons(frame) == {"ok/1.png": "label_too_rare", "ok/2.png": "unreadable", "ok/bomb.png": "too_large"}


NAMES = ["1.png", "2.png", "3.png", "cut.jpg", "empty.png", "none.png", "../up.png", ""]
CELLS = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(["", "ok", "OK", "dent", "Dent", "rare"]),
    st.sampled_from(["", "marks.png", "nothing.png", "other_size.png", "none.png"]),
    st.sampled_from(["", "g1", "g2"]),
    st.sampled_from(["", "train", "test"]),
    st.sampled_from(["", "boxes.txt", "broken.txt", "no_boxes.txt"]),
    st.sampled_from(["", "1.png", "none.png"]),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    marks = np.zeros((48, 64), np.uint8)
    marks[3, 3] = 255
    return written(
        tmp_path_factory.mktemp("mixed"),
        pictures(["1.png", "2.png", "3.png"])
        | {"cut.jpg": JPEG[:300], "empty.png": b"", "marks.png": marks, "nothing.png": marks * 0}
        | {"other_size.png": marks[:9], "boxes.txt": "1 1 9 9 1", "broken.txt": "1 1", "no_boxes.txt": ""},
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(CELLS, min_size=1, max_size=12),
    method=st.sampled_from(["classification", "segmentation", "golden_image"]),
)
def test_nothing_is_lost(folder: Path, rows: list[tuple[str, ...]], method: str) -> None:
    head = ("image", "label", "mask", "group", "split", "boxes", "reference")
    rows = [("1.png", "ok", "", "", "", "", ""), *rows]
    (folder / "manifest.csv").write_text(csv(head, *rows))
    frame = judged(product(folder, method))
    # A row in which every cell is empty is a blank line.
    assert frame["image"].to_list() == [row[0] or None for row in rows if any(row)]
    assert (frame["status"].cast(pl.String) == "accepted").equals(frame["reason"].is_null())
    assert frame["status"].is_not_null().all()
    assert frame.filter(pl.col("reason").is_not_null())["detail"].is_not_null().all()
    accepted = frame.filter(pl.col("status") == "accepted")
    assert accepted["sha256"].is_unique().all()
    assert accepted.select("label", "is_defect", "sha256", "width_px").null_count().sum_horizontal().item() == 0
    assert accepted["is_defect"].equals(accepted["label"] != "ok")
    assert quality.summary(frame)["images"].sum() == frame.height


def test_labels_in_different_cases_are_one_label(tmp_path: Path) -> None:
    names = [f"{n}.png" for n in range(6)]
    labels = ["OK", "ok", "Dent", "dent", "dent", "Ok"]
    written(tmp_path, pictures(names) | {"manifest.csv": csv(("image", "label"), *zip(names, labels, strict=True))})
    frame = judged(product(tmp_path))
    assert frame["label"].to_list() == ["ok", "ok", "dent", "dent", "dent", "ok"]
    assert frame["is_defect"].to_list() == [False, False, True, True, True, False]
    assert frame["status"].unique().to_list() == ["accepted"]
    assert frame["detail"].to_list() == [
        "the manifest spells the label 'OK'",
        None,
        "the manifest spells the label 'Dent'",
        None,
        None,
        "the manifest spells the label 'Ok'",
    ]


def test_without_an_ok_label_all_are_defective(tmp_path: Path) -> None:
    written(tmp_path, pictures(["crack/1.png", "crack/2.png", "dent/1.png", "dent/2.png", "5.png"]))
    frame = judged(product(tmp_path, ok_label=None))
    assert dict(frame.select("image", "is_defect").iter_rows())["crack/1.png"] is True
    assert reasons(frame)["5.png"] == "unlabelled"
    assert frame.filter(image="5.png")["is_defect"].to_list() == [None]


def test_a_label_with_one_image_cannot_be_learnt(tmp_path: Path) -> None:
    written(tmp_path, pictures(["ok/1.png", "ok/2.png", "fray/1.png"]))
    frame = judged(product(tmp_path))
    assert reasons(frame) == {"fray/1.png": "label_too_rare", "ok/1.png": None, "ok/2.png": None}
    assert frame["detail"][0] == "the only image of fray: it cannot be learnt from and judged as well"


def test_duplicates(tmp_path: Path) -> None:
    same, other = pattern(seed=1), pattern(seed=2)
    files = {"ok/1.png": same, "ok/2.bmp": same, "ok/3.png": pattern(), "dent/1.png": other, "ok/4.tif": other}
    written(tmp_path, files | {"dent/2.png": pattern(seed=3), "dent/3.png": pattern(seed=4)})
    frame = judged(product(tmp_path))
    found = {name: reason for name, reason in reasons(frame).items() if reason}
    assert found == {
        "ok/2.bmp": "duplicate",
        "dent/1.png": "contradicting_duplicate",
        "ok/4.tif": "contradicting_duplicate",
    }
    told = dict(frame.select("image", "detail").iter_rows())
    assert told["ok/2.bmp"] == "same pixels as ok/1.png"
    assert told["ok/4.tif"] == "other label than ok, same pixels: dent/1.png (dent)"


def test_a_row_that_is_there_twice_is_a_duplicate(tmp_path: Path) -> None:
    rows = [("1.png", "ok"), ("2.png", "ok"), ("1.png", "ok")]
    written(tmp_path, pictures(["1.png", "2.png"]) | {"manifest.csv": csv(("image", "label"), *rows)})
    assert judged(product(tmp_path))["reason"].to_list() == [None, None, "duplicate"]


def test_near_duplicates_of_other_parts_are_told(tmp_path: Path) -> None:
    image = pattern(seed=1)
    again = np.clip(image.astype(int) + 3, 0, 255).astype(np.uint8)
    brighter = np.clip(image.astype(int) + 6, 0, 255).astype(np.uint8)
    rows = [("1.png", "ok", "a"), ("2.png", "ok", "a"), ("3.png", "ok", "b"), ("4.png", "ok", "c")]
    files = {"1.png": image, "2.png": again, "3.png": brighter, "4.png": pattern(seed=2)}
    written(tmp_path, files | {"manifest.csv": csv(("image", "label", "group"), *rows)})
    frame = judged(product(tmp_path))
    assert frame["status"].unique().to_list() == ["accepted"]
    assert frame["near_duplicate_of"].to_list() == [None, None, "1.png", None]


def test_golden_images_are_alike_by_design(tmp_path: Path) -> None:
    board = pattern(seed=1)
    files = {"golden.png": board} | {
        f"{n}.png": np.clip(board.astype(int) + n, 0, 255).astype(np.uint8) for n in (1, 2)
    }
    rows = [(f"{n}.png", "ok", "golden.png") for n in (1, 2)]
    written(tmp_path, files | {"manifest.csv": csv(("image", "label", "reference"), *rows)})
    assert judged(product(tmp_path, "golden_image"))["near_duplicate_of"].to_list() == [None, None]


def test_masks_must_fit_and_agree_with_the_label(tmp_path: Path) -> None:
    marks = np.zeros((48, 64), np.uint8)
    marks[10:20, 30:40] = 255
    files: dict[str, np.ndarray | bytes | str] = {"marks.png": marks, "nothing.png": marks * 0, "half.png": marks[:24]}
    files |= {"cut.png": encoded(marks)[:60]}
    cases = [
        ("dent", "marks.png", None),
        ("dent", "nothing.png", "mask_contradicts_label"),
        ("ok", "nothing.png", None),
        ("ok", "marks.png", "mask_contradicts_label"),
        ("ok", "", None),
        ("dent", "", "mask_missing"),
        ("dent", "half.png", "mask_wrong_size"),
        ("dent", "cut.png", "mask_missing"),
        ("dent", "none.png", "mask_missing"),
        ("dent", "../marks.png", "mask_missing"),
        ("dent", "marks.png", None),
    ]
    rows = [(f"{n}.png", label, mask) for n, (label, mask, _) in enumerate(cases)]
    files |= pictures([row[0] for row in rows]) | {"manifest.csv": csv(("image", "label", "mask"), *rows)}
    written(tmp_path, files)
    frame = judged(product(tmp_path, "segmentation"))
    assert frame["reason"].to_list() == [reason for _, _, reason in cases]
    assert frame["detail"][1] == "the label is dent, and mask nothing.png marks nothing"
    assert frame["detail"][6] == "mask is 64 x 24, the image 64 x 48"
    # Other methods do without a mask, and still believe no contradiction.
    without = judged(product(tmp_path, "classification"))
    assert without["reason"].to_list()[1:6] == ["mask_contradicts_label", None, "mask_contradicts_label", None, None]


def test_the_mask_of_a_turned_image_lies_as_people_see_it(tmp_path: Path) -> None:
    marks = np.zeros((48, 64), np.uint8)
    marks[0:10, 0:10] = 255
    files = {f"{n}.jpg": rotated_by_exif(pattern(seed=n), 6) for n in range(2)}
    files |= {"turned.png": encoded(np.rot90(marks, -1)), "as_stored.png": encoded(marks)}
    rows = [("0.jpg", "dent", "turned.png"), ("1.jpg", "dent", "as_stored.png")]
    written(tmp_path, files | {"manifest.csv": csv(("image", "label", "mask"), *rows)})
    frame = judged(product(tmp_path, "segmentation"))
    assert frame["reason"].to_list() == ["label_too_rare", "mask_wrong_size"]
    assert frame["detail"][1].endswith("(the image is turned by its EXIF value, and the mask is not)")


def test_golden_images_must_be_there_and_as_large(tmp_path: Path) -> None:
    cases = [
        ("golden.png", None),
        ("golden.png", None),
        ("small.png", "wrong_size"),
        ("none.png", "missing"),
        ("", "no_reference"),
    ]
    rows = [(f"{n}.png", "ok", reference) for n, (reference, _) in enumerate(cases)]
    files = pictures([row[0] for row in rows]) | {"golden.png": pattern(seed=99), "small.png": pattern(40, 40)}
    written(tmp_path, files | {"manifest.csv": csv(("image", "label", "reference"), *rows)})
    assert judged(product(tmp_path, "golden_image"))["reason"].to_list() == [reason for _, reason in cases]


def test_boxes_say_what_is_defective_where_no_label_does(tmp_path: Path) -> None:
    texts = ["1 1 9 9 2\n", "", "1 1 9 9 3", "", "70 1 90 9 1", "1 1 9"]
    rows = [(f"{n}.png", f"{n}.txt", "golden.png") for n in range(len(texts))]
    files = pictures([row[0] for row in rows]) | {f"{n}.txt": text for n, text in enumerate(texts)}
    files |= {"golden.png": pattern(seed=99), "manifest.csv": csv(("image", "boxes", "reference"), *rows)}
    frame = judged(product(written(tmp_path, files), "golden_image"))
    assert frame["label"].to_list()[:4] == ["defect", "ok", "defect", "ok"]
    assert frame["is_defect"].to_list()[:4] == [True, False, True, False]
    assert frame["reason"].to_list() == [None] * 4 + ["boxes_unreadable"] * 2
    assert frame["boxes"][0].to_list() == [{"x1_px": 1, "y1_px": 1, "x2_px": 9, "y2_px": 9, "kind": "2"}]
    assert frame["boxes"][1].to_list() == []


def test_an_odd_size_among_images_of_one_size_is_wrong(tmp_path: Path) -> None:
    files = {f"ok/{n:02}.png": pattern(seed=n) for n in range(25)}
    frame = judged(product(written(tmp_path, files | {"ok/odd.png": pattern(64, 48, seed=99)})))
    assert frame.filter(pl.col("reason").is_not_null()).select("image", "reason", "detail").rows() == [
        ("ok/odd.png", "wrong_size", "48 x 64 pixels, 25 of 26 images have 64 x 48")
    ]


def test_images_of_many_sizes_are_all_right(tmp_path: Path) -> None:
    files = {f"ok/{n:02}.png": pattern(40 + n % 3, 50, seed=n) for n in range(25)}
    assert judged(product(written(tmp_path, files)))["reason"].is_null().all()


def test_reasons_that_only_spoil_training_are_reasons() -> None:
    assert set(quality.ONLY_FOR_TRAINING) < set(quality.REASONS)
