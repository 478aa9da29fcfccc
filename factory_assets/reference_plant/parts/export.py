"""Writes rendered parts as a plant would: image files and a manifest. The truth is kept apart.

In the product's folder: `manifest.csv` (image, label, mask, boxes, reference, group), `images/`, `masks/`, `golden/`
and `boxes/` (lines `x1 y1 x2 y2 kind`). In the truth's folder: `parts/<product>.parquet`, one row an image.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from factory_assets.foundation.lake import combined_digest, replacing, sha256_file
from factory_assets.foundation.plant import RenderedParts
from factory_assets.reference_plant.parts import mess
from factory_assets.reference_plant.parts.drawing import boxes_of
from factory_assets.reference_plant.parts.mess import Row, encoded
from factory_assets.reference_plant.parts.rendering import (
    OK,
    Photograph,
    as_parameters,
    golden_images,
    render_parts,
    scene_of,
)

MANIFEST = "manifest.csv"
MANIFEST_COLUMNS = ("image", "label", "mask", "boxes", "reference", "group")
TRUTH_SCHEMA: dict[str, pl.DataType] = {
    "product": pl.String(),
    "image": pl.String(),
    "part": pl.String(),
    "material": pl.String(),
    "kind": pl.String(),
    "defects": pl.Int32(),
    "defect_area_px": pl.Int32(),
    "golden": pl.String(),
    "parameters": pl.String(),
    "mess": pl.String(),
    "expected_reason": pl.String(),
}
SHOWN_A_LABEL, TILE_PX = 6, 80


@dataclass(frozen=True)
class Exported:
    """What was written of one product.

    Attributes:
        folder: Where.
        truth: As TRUTH_SCHEMA.
        photographs: Those that are as they should be.
        sha256: Over all files that the manifest names, and itself.
    """

    folder: Path
    truth: pl.DataFrame
    photographs: tuple[Photograph, ...]
    sha256: str

    def counts(self) -> pl.DataFrame:
        """Images by label and by what was done to them."""
        return self.truth.group_by("kind", "mess").len("images").sort("kind", "mess", nulls_last=False)


def write_parts(product: str, folder: Path, truth_folder: Path, settings: RenderedParts, seed: int) -> Exported:
    """Render a product's parts and write them; files that are there already, byte for byte, are left alone.

    Args:
        product: A name from `rendering.SCENES`.
        folder: The product's images.
        truth_folder: Where the truth is kept.
        settings: How many parts, and how often they are defective.
        seed: The plant's.

    Raises:
        RenderingError: The simulator knows no such product or kind.
    """

    def rendered(first: int, count: int) -> Iterator[Photograph]:
        return render_parts(product, count, seed, defect_share=settings.defect_share, kinds=settings.kinds, first=first)

    photographs = tuple(rendered(1, settings.count))
    spare = [next(rendered(settings.count + 1 + place, 1)) for place in range(len(mess.MESS))]
    files: dict[str, bytes] = {f"golden/{name}.png": encoded(image) for name, image in golden_images(product).items()}
    rows = [(photograph, _row(photograph)) for photograph in photographs]
    for photograph, make in zip(spare, mess.MESS, strict=True):
        row = _row(photograph)
        if make is mess.copied:
            rows.append((photograph, row))
        rows.append((photograph, make(row, photograph.pixels)))
    for _, row in rows:
        files |= _files(row)
    manifest = pl.DataFrame([{name: getattr(row, name) for name in MANIFEST_COLUMNS} for _, row in rows])
    files[MANIFEST] = _csv(manifest)
    for name, data in files.items():
        _put(folder / name, data)
    truth = pl.DataFrame([_truth(product, photograph, row) for photograph, row in rows], schema=TRUTH_SCHEMA)
    buffer = io.BytesIO()
    truth.write_parquet(buffer, compression="zstd")
    _put(truth_folder / "parts" / f"{product}.parquet", buffer.getvalue())
    digest = combined_digest(sha256_file(folder / name) for name in sorted(files))
    return Exported(folder, truth, photographs, digest)


def contact_sheet(exported: Exported) -> bytes:
    """Some photographs of every label, one label a line, what the defect changed outlined: PNG, uint8 grey."""
    by_label: dict[str, list[Photograph]] = {}
    for photograph in exported.photographs:
        by_label.setdefault(photograph.label, []).append(photograph)
    lines = []
    for label in sorted(by_label, key=lambda name: (name != OK, name)):
        chosen = _one_a_part(by_label[label])[:SHOWN_A_LABEL]
        tiles = [_tile(photograph) for photograph in chosen]
        tiles += [np.zeros_like(tiles[0])] * (SHOWN_A_LABEL - len(tiles))
        lines.append(np.hstack(tiles))
    return encoded(np.vstack(lines))


def _one_a_part(photographs: list[Photograph]) -> list[Photograph]:
    return list({photograph.part: photograph for photograph in reversed(photographs)}.values())[::-1]


def _tile(photograph: Photograph) -> np.ndarray:
    """A small picture with corner marks around the defect, uint8 (height, width)."""
    import cv2

    scale = TILE_PX / max(photograph.pixels.shape)
    size = tuple(round(length * scale) for length in photograph.pixels.shape[::-1])
    tile: np.ndarray = cv2.resize(photograph.pixels, size, interpolation=cv2.INTER_AREA)
    for x1, y1, x2, y2 in boxes_of(photograph.mask):
        first = (round(x1 * scale) - 3, round(y1 * scale) - 3)
        cv2.rectangle(tile, first, (round(x2 * scale) + 2, round(y2 * scale) + 2), 255, 1)
    return tile


def _row(photograph: Photograph) -> Row:
    is_defect = photograph.label != OK
    has_golden = photograph.golden is not None
    boxes = [" ".join(map(str, (*box, photograph.label))) for box in boxes_of(photograph.mask)]
    return Row(
        image=f"images/{photograph.name}.png",
        label=photograph.label,
        mask=f"masks/{photograph.name}.png" if is_defect else "",
        boxes=f"boxes/{photograph.name}.txt" if is_defect and has_golden else "",
        reference=f"golden/{photograph.golden}.png" if has_golden else "",
        group=photograph.part,
        data=encoded(photograph.pixels),
        mask_data=encoded(photograph.mask * 255) if is_defect else None,
        boxes_data="\n".join(boxes) + "\n" if is_defect and has_golden else None,
    )


def _files(row: Row) -> Iterator[tuple[str, bytes]]:
    if row.data is not None:
        yield row.image, row.data
    if row.mask_data is not None:
        yield row.mask, row.mask_data
    if row.boxes_data is not None:
        yield row.boxes, row.boxes_data.encode()


def _csv(manifest: pl.DataFrame) -> bytes:
    """Columns that no row fills are left out."""
    filled = [name for name in manifest.columns if (manifest[name] != "").any()]
    return manifest.select(filled).write_csv().encode()


def _truth(product: str, photograph: Photograph, row: Row) -> dict[str, object]:
    return {
        "product": product,
        "image": row.image,
        "part": photograph.part,
        "material": scene_of(product).material,
        "kind": photograph.label,
        "defects": len(photograph.defects),
        "defect_area_px": int(photograph.mask.sum()),
        "golden": photograph.golden,
        "parameters": json.dumps(as_parameters(photograph), sort_keys=True),
        "mess": row.mess,
        "expected_reason": row.expected_reason,
    }


def _put(path: Path, data: bytes) -> None:
    if path.is_file() and path.read_bytes() == data:
        return
    with replacing(path) as temporary:
        temporary.write_bytes(data)
