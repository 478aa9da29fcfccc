"""Folders and zip files of labelled images for tests, and products that look at them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from factory_assets.foundation.products import ImageInput, ImageSource, Product
from factory_assets.inspection.image_store import ImageStore, open_store
from factory_assets.inspection.manifest import read_manifest
from factory_assets.inspection.quality import judge
from tests.image_files import encoded, pattern

Files = Mapping[str, bytes | np.ndarray | str]


def written(folder: Path, files: Files) -> Path:
    """Files in a folder: pictures as their suffix says."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(name, content))
    return folder


def zipped(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, as_bytes(name, content))
    return path


def as_bytes(name: str, content: bytes | np.ndarray | str) -> bytes:
    if isinstance(content, str):
        return content.encode()
    return encoded(content, Path(name).suffix) if isinstance(content, np.ndarray) else content


def csv(*rows: tuple[str, ...]) -> str:
    return "\n".join(",".join(row) for row in rows) + "\n"


def product(folder: Path, method: str = "classification", **given: Any) -> Product:
    manifest = given.pop("manifest", None)
    columns = given.pop("columns", {})
    values = {"ok_label": "ok", "input": ImageInput(width_px=32, height_px=24)} | given
    source = ImageSource(folder=str(folder), manifest=manifest, columns=columns)
    return Product(name="plate", images=source, method=method, **values)


@contextmanager
def opened(product_: Product) -> Iterator[tuple[ImageStore, pl.DataFrame]]:
    """A product's store and its judged images."""
    with open_store(Path(product_.images.folder)) as store:
        named = read_manifest(store, product_.images, ok_label=product_.ok_label)
        yield store, judge(store, named, product_)


def judged(product_: Product) -> pl.DataFrame:
    with opened(product_) as (_, frame):
        return frame


def pictures(names: list[str], *, seed: int = 0) -> dict[str, np.ndarray]:
    """A picture of its own for each name."""
    return {name: pattern(seed=seed + number) for number, name in enumerate(names)}
