"""Manifests of labelled images: a CSV with one row an image, or folders named after labels."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from pathlib import PurePosixPath

import polars as pl

from factory_assets.foundation.products import ImageColumns, ImageSource
from factory_assets.inspection.image_store import MANIFEST, ImageSourceError, ImageStore

USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "image": ("image", "test_image", "file", "filename", "path"),
    "label": ("label", "class", "defect_type"),
    "mask": ("mask", "mask_path"),
    "boxes": ("boxes", "box_file", "annotation"),
    "reference": ("reference", "template", "golden"),
    "group": ("group", "part_id", "part", "board"),
    "split": ("split", "set", "subset"),
}
DEFECT_NAMES = ("defect", "is_defect")
SPLIT_NAMES = {"train": "train", "training": "train", "trainval": "train", "val": "validation", "valid": "validation"}
SPLIT_NAMES |= {"validation": "validation", "test": "test", "testing": "test"}
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
COLUMNS = tuple(USUAL_NAMES)
OK, DEFECT = "ok", "defect"


def read_manifest(store: ImageStore, source: ImageSource) -> pl.DataFrame:
    """All images that a source names, whether or not their files are there.

    Args:
        store: The files.
        source: Which manifest, and which of its columns hold what.

    Returns:
        Columns image, label, mask, boxes, reference, group, split (train, validation or test), all text, null where
        unknown.

    Raises:
        ImageSourceError: There is no such manifest, it is no CSV, a column that was named is missing, a split has a name
            that says nothing, or nothing in it can be found.
    """
    name = source.manifest or (MANIFEST if store.has(MANIFEST) else None)
    frame = _from_folders(store) if name is None else _from_csv(store, name, source.columns)
    if frame.is_empty():
        msg = f"{store.where} names no image: give a {MANIFEST}, or one folder a label with images in it"
        raise ImageSourceError(msg)
    if not any(store.has(image) for image in frame["image"].drop_nulls()):
        first = frame["image"].drop_nulls().head(1).to_list()
        msg = f"none of the {frame.height} images that {name or 'the folders'} name is in {store.where}, not even {first}"
        raise ImageSourceError(msg)
    return frame


def _from_csv(store: ImageStore, name: str, columns: ImageColumns) -> pl.DataFrame:
    try:
        raw = pl.read_csv(io.BytesIO(store.read(name)), infer_schema=False)
    except FileNotFoundError as error:
        msg = f"{store.where} has no manifest {name}: mend images.manifest"
        raise ImageSourceError(msg) from error
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        msg = f"{store.where}/{name} is not a CSV file: {str(error).splitlines()[0]}"
        raise ImageSourceError(msg) from error
    raw = raw.rename({column: column.strip() for column in raw.columns})
    found = {role: _column(role, getattr(columns, role), raw.columns, f"{store.where}/{name}") for role in COLUMNS}
    if found["image"] is None:
        msg = f"{store.where}/{name} has columns {', '.join(raw.columns)}: one must be named image, or columns.image say it"
        raise ImageSourceError(msg)
    picked = [
        (pl.lit(None, pl.String) if column is None else pl.col(column).str.strip_chars()).alias(role)
        for role, column in found.items()
    ]
    frame = raw.select(picked).with_columns(pl.all().replace("", None))
    return _with_splits(_with_labels(frame, raw), f"{store.where}/{name}")


def _column(role: str, given: str | None, there: list[str], where: str) -> str | None:
    if given is not None and given not in there:
        msg = f"{where} has no column {given!r} (columns.{role}); it has {', '.join(there)}"
        raise ImageSourceError(msg)
    return given or next((name for name in USUAL_NAMES[role] if name in there), None)


def _with_labels(frame: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
    """Where no column names the label, one that says 0 or 1 may."""
    flag = next((name for name in DEFECT_NAMES if name in raw.columns), None)
    if flag is None or not frame["label"].is_null().all():
        return frame
    is_defect = raw[flag].str.strip_chars().str.to_lowercase().is_in(["1", "true", "yes"])
    return frame.with_columns(label=pl.when(is_defect).then(pl.lit(DEFECT)).otherwise(pl.lit(OK)))


def _with_splits(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    lower = frame["split"].str.to_lowercase()
    unknown = frame.with_row_index("line", offset=2).filter(lower.is_not_null() & ~lower.is_in(list(SPLIT_NAMES)))
    if unknown.height:
        line, split = unknown.row(0, named=True)["line"], unknown["split"][0]
        msg = f"{where}, line {line}: split {split!r} is none of {', '.join(sorted(SPLIT_NAMES))}"
        raise ImageSourceError(msg)
    return frame.with_columns(split=lower.replace(SPLIT_NAMES))


def _from_folders(store: ImageStore) -> pl.DataFrame:
    """One folder a label; a folder above it may name the split (`train/scratch/1.png`)."""
    rows = []
    for name in store.names():
        path = PurePosixPath(name)
        if path.suffix.lower() not in IMAGE_SUFFIXES or len(path.parts) < 2:
            continue
        above = path.parts[-3].lower() if len(path.parts) > 2 else ""
        rows.append({"image": name, "label": path.parts[-2], "split": SPLIT_NAMES.get(above)})
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(COLUMNS, pl.String)).select(
        pl.col(role) if role in ("image", "label", "split") else pl.lit(None, pl.String).alias(role) for role in COLUMNS
    ) if rows else pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))


def read_boxes(store: ImageStore, name: str) -> list[tuple[int, int, int, int, str]]:
    """Boxes of an image: Pascal VOC XML, or lines `x1 y1 x2 y2 kind`.

    Returns:
        (x1, y1, x2, y2, kind), in pixels.

    Raises:
        ImageSourceError: The file is not there or is neither.
    """
    try:
        text = store.read(name).decode("utf-8-sig")
        if name.lower().endswith(".xml"):
            return _voc_boxes(text)
        lines = (line.replace(",", " ").split() for line in text.splitlines() if line.strip())
        return [(int(a), int(b), int(c), int(d), str(*kind)) for a, b, c, d, *kind in lines]
    except (FileNotFoundError, UnicodeDecodeError, ValueError, TypeError, ElementTree.ParseError) as error:
        msg = f"boxes {name} in {store.where} cannot be read: {error}"
        raise ImageSourceError(msg) from error


def _voc_boxes(text: str) -> list[tuple[int, int, int, int, str]]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        msg = "a Pascal VOC file defines no entities"
        raise ValueError(msg)
    boxes = []
    for thing in ElementTree.fromstring(text).iter("object"):  # noqa: S314 (entities were refused above)
        box = thing.find("bndbox")
        if box is not None:
            x1, y1, x2, y2 = (int(float(box.findtext(key) or "")) for key in ("xmin", "ymin", "xmax", "ymax"))
            boxes.append((x1, y1, x2, y2, thing.findtext("name") or ""))
    return boxes
