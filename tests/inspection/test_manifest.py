"""Manifests in the forms that people write them in; what cannot be meant is a named error, and no row is lost."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from factory_assets.foundation.products import ImageColumns, ImageSource
from factory_assets.inspection.image_store import ImageSourceError, open_store
from factory_assets.inspection.manifest import COLUMNS, read_boxes, read_manifest
from tests.inspection.sources import written

FILES = {"a/1.png": b"1", "a/2.png": b"2"}


def read(
    folder: Path, text: str | bytes | None = None, *, ok_label: str | None = "ok", **source: object
) -> pl.DataFrame:
    files = dict(FILES)
    if text is not None:
        files["manifest.csv"] = text.encode() if isinstance(text, str) else text
    written(folder, files)
    with open_store(folder) as store:
        return read_manifest(store, ImageSource(folder=str(folder), **source), ok_label=ok_label)  # type: ignore[arg-type]


TABLE = "image,label,mask,group,split\na/1.png,ok,,g1,train\na/2.png,dent,a/2_mask.png,g2,test\n"


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        TABLE.encode("utf-8-sig"),
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace("\n", "\r\n"),
        TABLE.replace(",", " , "),
        TABLE.replace("image", "Image").replace("label", "LABEL"),
        TABLE.replace("a/", "a\\"),
        TABLE.replace("\n", "\n\n"),
        TABLE.replace("train", "Training").replace("test", "TEST"),
    ],
    ids=["plain", "BOM", "semicolons", "tabs", "CRLF", "spaces", "case", "backslashes", "blank lines", "split names"],
)
def test_one_table_in_many_forms(tmp_path: Path, text: str | bytes) -> None:
    frame = read(tmp_path, text)
    assert tuple(frame.columns) == COLUMNS
    assert frame.to_dicts() == [
        {**dict.fromkeys(COLUMNS), "image": "a/1.png", "label": "ok", "group": "g1", "split": "train"},
        {
            **dict.fromkeys(COLUMNS),
            "image": "a/2.png",
            "label": "dent",
            "mask": "a/2_mask.png",
            "group": "g2",
            "split": "test",
        },
    ]


def test_every_row_stays_also_what_names_nothing(tmp_path: Path) -> None:
    frame = read(tmp_path, "image,label\na/1.png,ok\na/1.png,ok\n,dent\n../x.png,\nmissing.png,Ok\n")
    assert frame["image"].to_list() == ["a/1.png", "a/1.png", None, "../x.png", "missing.png"]
    assert frame["label"].to_list() == ["ok", "ok", "dent", None, "Ok"]


def test_columns_by_their_usual_names_and_by_given_ones(tmp_path: Path) -> None:
    text = "test_image,template,boxes,class,set\na/1.png,a/2.png,a/1.txt,short,trainval\n"
    row = read(tmp_path, text).row(0, named=True)
    assert (row["image"], row["reference"], row["boxes"], row["label"], row["split"]) == (
        "a/1.png",
        "a/2.png",
        "a/1.txt",
        "short",
        "train",
    )
    given = read(tmp_path, "bild,class,urteil\na/1.png,x,gut\n", columns=ImageColumns(image="bild", label="urteil"))
    assert given["label"].to_list() == ["gut"]


def test_a_column_that_says_0_or_1_gives_labels(tmp_path: Path) -> None:
    text = "image,Defect\na/1.png,0\na/1.png,1\na/1.png,True\na/1.png,no\na/1.png,\na/1.png,maybe\n"
    assert read(tmp_path, text)["label"].to_list() == ["ok", "defect", "defect", "ok", None, None]
    assert read(tmp_path, text, ok_label="free")["label"].to_list()[:2] == ["free", "defect"]
    assert read(tmp_path, text, ok_label=None)["label"].to_list()[:2] == ["ok", "defect"]


def test_a_named_label_is_worth_more_than_0_or_1(tmp_path: Path) -> None:
    assert read(tmp_path, "image,class,defect\na/1.png,crack,0\n")["label"].to_list() == ["crack"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "manifest.csv is not a CSV file: empty CSV"),
        ("image,label\n", "manifest.csv has no row: give a manifest.csv with one row an image"),
        ("a/1.png,ok\na/2.png,dent\n", "has columns a/1.png, ok: its first line must name the columns"),
        ("label,split\nok,train\n", "one must be image, or columns.image say which it is"),
        ("image,label\na/1.png,ok,extra\n", "is not a CSV file: found more fields than defined"),
        ('image,label\na/1.png,"ok\n', "is not a CSV file"),
        ("image,label\na/1.png,caf\u00e9\n".encode("latin-1"), "is not UTF-8 (byte 23): save it as CSV UTF-8"),
        ("image,split\na/1.png,train\na/2.png,tset\n", "manifest.csv, row 2: split 'tset' is none of test,"),
        ("image\nb/1.png\n/abs.png\n", "none of the 2 images that manifest.csv names is in"),
        ("image,label\n,ok\n", "the first is (no name)"),
        ("image, image\na/1.png,a/2.png\n", "is not a CSV file: column 'image' is duplicate"),
    ],
)
def test_what_cannot_be_a_manifest_is_a_named_error(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(ImageSourceError) as caught:
        read(tmp_path, text)
    assert says in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_manifest_or_a_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ImageSourceError, match=r"has no manifest labels\.csv: mend images\.manifest"):
        read(tmp_path, manifest="labels.csv")
    with pytest.raises(ImageSourceError, match=r"has no manifest \.\./secret\.csv"):
        read(tmp_path, manifest="../secret.csv")
    with pytest.raises(ImageSourceError, match=r"has no column 'part' \(columns\.group\); it has image"):
        read(tmp_path, "image\na/1.png\n", columns=ImageColumns(group="part"))


def test_folders_named_after_labels(tmp_path: Path) -> None:
    names = ["train/ok/1.png", "Test/dent/2.JPG", "crack/3.tif", "train/4.bmp", "5.png", "ok/notes.txt", "ok/.1.png"]
    written(tmp_path, dict.fromkeys(names, b"1"))
    with open_store(tmp_path) as store:
        frame = read_manifest(store, ImageSource(folder=str(tmp_path)))
    assert tuple(frame.columns) == COLUMNS
    assert frame.select("image", "label", "split").rows() == [
        ("5.png", None, None),
        ("Test/dent/2.JPG", "dent", "test"),
        ("crack/3.tif", "crack", None),
        ("train/4.bmp", None, "train"),
        ("train/ok/1.png", "ok", "train"),
    ]


def test_a_folder_without_images(tmp_path: Path) -> None:
    written(tmp_path, {"notes.txt": b"none"})
    with open_store(tmp_path) as store, pytest.raises(ImageSourceError, match="names no image: give a manifest"):
        read_manifest(store, ImageSource(folder=str(tmp_path)))


VOC = """<annotation><object><name>crack</name>
<bndbox><xmin>1</xmin><ymin>2.0</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object>
<object><name>no box</name></object></annotation>"""


@pytest.mark.parametrize(
    ("name", "text", "boxes"),
    [
        ("1.txt", "1 2 3 4 1\n\n5,6,7,8,two words\n", [(1, 2, 3, 4, "1"), (5, 6, 7, 8, "two words")]),
        ("1.txt", "\ufeff1.0 2 3 4\r\n", [(1, 2, 3, 4, "")]),
        ("1.txt", "", []),
        ("1.xml", VOC, [(1, 2, 30, 40, "crack")]),
        ("1.xml", "<annotation/>", []),
    ],
    ids=["lines", "BOM and CRLF", "none", "VOC", "VOC without boxes"],
)
def test_boxes(tmp_path: Path, name: str, text: str, boxes: list[tuple[object, ...]]) -> None:
    written(tmp_path, {"x/1.png": b"1", name: text})
    with open_store(tmp_path) as store:
        assert read_boxes(store, name) == boxes


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("1.txt", b"1 2 3", "line 1 has 3 values"),
        ("1.txt", b"a b c d", "cannot be read: could not convert"),
        ("1.txt", b"1 2 inf 4", "cannot be read"),
        ("1.txt", b"5 5 5 9", r"\(5, 5, 5, 9\) has no extent"),
        ("1.txt", b"\xff\xfe1 2", "cannot be read"),
        ("1.xml", b"<annotation>", "cannot be read"),
        ("1.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "defines no entities"),
        ("1.xml", VOC.replace("30", "").encode(), "cannot be read"),
        ("none.txt", None, r"boxes none\.txt are not in"),
    ],
)
def test_boxes_that_cannot_be_read(tmp_path: Path, name: str, text: bytes | None, says: str) -> None:
    written(tmp_path, {"x/1.png": b"1"} | ({} if text is None else {name: text}))
    with open_store(tmp_path) as store, pytest.raises(ImageSourceError, match=says):
        read_boxes(store, name)
