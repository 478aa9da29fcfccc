"""Manifests of labelled images: a CSV with one row an image, or folders named after labels."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from xml.etree import ElementTree

import polars as pl

from factory_assets.foundation.products import ImageColumns, ImageSource
from factory_assets.inspection.image_store import IMAGE_SUFFIXES, MANIFEST, ImageSourceError, ImageStore

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
DEFECT_FLAGS, OK_FLAGS = ("1", "true", "yes", "defect", "nok"), ("0", "false", "no", "ok")
SPLIT_NAMES = {"train": "train", "training": "train", "trainval": "train", "val": "validation", "valid": "validation"}
SPLIT_NAMES |= {"validation": "validation", "test": "test", "testing": "test"}
COLUMNS = tuple(USUAL_NAMES)
FILE_COLUMNS = ("image", "mask", "boxes", "reference")
SEPARATORS = (",", ";", "\t")
OK, DEFECT = "ok", "defect"


def read_manifest(store: ImageStore, source: ImageSource, *, ok_label: str | None = OK) -> pl.DataFrame:
    """All images that a source names, whether or not their files are there.

    Args:
        store: The files.
        source: Which manifest, and which of its columns hold what.
        ok_label: What sound parts are called where a manifest only says which parts are defective.

    Returns:
        Columns image, label, mask, boxes, reference, group, split (train, validation or test), all text, null where
        unknown.

    Raises:
        ImageSourceError: There is no such manifest, it is no CSV, a column that was named is missing, a split has a
            name that says nothing, or nothing in it can be found.
    """
    name = source.manifest or (MANIFEST if store.has(MANIFEST) else None)
    frame = _from_folders(store) if name is None else _from_csv(store, name, source.columns, ok_label or OK)
    if frame.is_empty():
        what = f"{store.where} names no image" if name is None else f"{store.where}/{name} has no row"
        msg = f"{what}: give a {MANIFEST} with one row an image, or one folder a label with images in it"
        raise ImageSourceError(msg)
    if not any(store.has(image) for image in frame["image"].drop_nulls()):
        first = next(iter(frame["image"].drop_nulls()), "(no name)")
        msg = (
            f"none of the {frame.height} images that {name or 'the folders'} names is in {store.where}; the first is "
            f"{first}: names count from that folder, with `/`"
        )
        raise ImageSourceError(msg)
    return frame


def _from_csv(store: ImageStore, name: str, columns: ImageColumns, ok_label: str) -> pl.DataFrame:
    where = f"{store.where}/{name}"
    raw = _read_csv(store, name, where)
    found = {role: _column(role, getattr(columns, role), raw.columns, where) for role in COLUMNS}
    if found["image"] is None:
        msg = (
            f"{where} has columns {', '.join(raw.columns)}: its first line must name the columns, and one must be "
            "image, or columns.image say which it is"
        )
        raise ImageSourceError(msg)
    picked = [
        (pl.lit(None, pl.String) if column is None else pl.col(column).str.strip_chars()).alias(role)
        for role, column in found.items()
    ]
    # Manifests that were written under Windows name files with backslashes.
    frame = raw.select(picked).with_columns(pl.col(FILE_COLUMNS).str.replace_all("\\", "/", literal=True))
    frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
    return _with_splits(_with_labels(frame, raw, ok_label), where)


def _read_csv(store: ImageStore, name: str, where: str) -> pl.DataFrame:
    """The table as text, comma, semicolon or tab between its columns."""
    try:
        text = store.read(name).decode("utf-8-sig")
    except FileNotFoundError as error:
        msg = f"{store.where} has no manifest {name}: mend images.manifest"
        raise ImageSourceError(msg) from error
    except OSError as error:
        raise ImageSourceError(str(error)) from error
    except UnicodeDecodeError as error:
        msg = f"{where} is not UTF-8 (byte {error.start}): save it as CSV UTF-8"
        raise ImageSourceError(msg) from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    try:
        raw = pl.read_csv(io.BytesIO(text.encode()), infer_schema=False, separator=separator)
        names = [column.strip() for column in raw.columns]
        # Blank lines are no rows.
        return raw.rename(dict(zip(raw.columns, names, strict=True))).filter(~pl.all_horizontal(pl.all().is_null()))
    except pl.exceptions.PolarsError as error:
        msg = f"{where} is not a CSV file: {str(error).splitlines()[0]}"
        raise ImageSourceError(msg) from error


def _column(role: str, given: str | None, there: list[str], where: str) -> str | None:
    if given is not None and given not in there:
        msg = f"{where} has no column {given!r} (columns.{role}); it has {', '.join(there)}"
        raise ImageSourceError(msg)
    return given or _usual(USUAL_NAMES[role], there)


def _usual(usual: tuple[str, ...], there: list[str]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(there)}
    return next((by_lower[name] for name in usual if name in by_lower), None)


def _with_labels(frame: pl.DataFrame, raw: pl.DataFrame, ok_label: str) -> pl.DataFrame:
    """Where no column names the label, one that says 0 or 1 may; what else it says is no label."""
    flag = _usual(DEFECT_NAMES, raw.columns)
    if flag is None or not frame["label"].is_null().all():
        return frame
    said = raw[flag].str.strip_chars().str.to_lowercase()
    label = pl.when(said.is_in(DEFECT_FLAGS)).then(pl.lit(DEFECT)).when(said.is_in(OK_FLAGS)).then(pl.lit(ok_label))
    return frame.with_columns(label=label)


def _with_splits(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    lower = frame["split"].str.to_lowercase()
    unknown = frame.with_row_index("row", offset=1).filter(lower.is_not_null() & ~lower.is_in(list(SPLIT_NAMES)))
    if unknown.height:
        row = unknown.row(0, named=True)
        msg = f"{where}, row {row['row']}: split {row['split']!r} is none of {', '.join(sorted(SPLIT_NAMES))}"
        raise ImageSourceError(msg)
    return frame.with_columns(split=lower.replace(SPLIT_NAMES))


def _from_folders(store: ImageStore) -> pl.DataFrame:
    """One folder a label; a folder above it may name the split (`train/scratch/1.png`)."""
    rows = []
    for name in store.names():
        path = PurePosixPath(name)
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        above = path.parts[:-1]
        split = next((SPLIT_NAMES[part.lower()] for part in above[-2:] if part.lower() in SPLIT_NAMES), None)
        label = above[-1].strip() if above and above[-1].lower() not in SPLIT_NAMES else None
        rows.append({**dict.fromkeys(COLUMNS), "image": name, "label": label, "split": split})
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String))


def read_boxes(store: ImageStore, name: str) -> list[tuple[int, int, int, int, str]]:
    """Boxes of an image: Pascal VOC XML, or lines `x1 y1 x2 y2 kind`.

    Returns:
        (x1, y1, x2, y2, kind), in pixels.

    Raises:
        ImageSourceError: The file is not there, is neither, or a box has no extent.
    """
    try:
        text = store.read(name).decode("utf-8-sig")
        boxes = _voc_boxes(text) if name.lower().endswith(".xml") else _lines_boxes(text)
    except FileNotFoundError as error:
        msg = f"boxes {name} are not in {store.where}"
        raise ImageSourceError(msg) from error
    except (OSError, UnicodeDecodeError, ValueError, OverflowError, ElementTree.ParseError) as error:
        msg = f"boxes {name} in {store.where} cannot be read: {error}"
        raise ImageSourceError(msg) from error
    for box in boxes:
        if not (box[0] < box[2] and box[1] < box[3]):
            msg = f"boxes {name} in {store.where}: {box[:4]} has no extent; it must be x1 y1 x2 y2"
            raise ImageSourceError(msg)
    return boxes


def _lines_boxes(text: str) -> list[tuple[int, int, int, int, str]]:
    boxes = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.replace(",", " ").split()
        if not parts:
            continue
        if len(parts) < 4:
            msg = f"line {number} has {len(parts)} values, x1 y1 x2 y2 are needed"
            raise ValueError(msg)
        x1, y1, x2, y2 = (int(float(value)) for value in parts[:4])
        boxes.append((x1, y1, x2, y2, " ".join(parts[4:])))
    return boxes


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
