"""A folder of images, one a part: every one of them gets a verdict."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.errors import EdgeError, InputError
from edge_runtime.inspection.decoding import decode
from edge_runtime.inspection.inspector import BATCH_IMAGES, Inspector, Verdict, not_inspected

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")


def inspect_folder(inspector: Inspector, folder: Path) -> list[dict[str, Any]]:
    """Inspect all images below a folder, in the order of their names.

    Returns:
        One entry a part: image, verdict, score, label, probabilities, blobs (where golden images are compared),
        failure. An image that cannot be read is rejected (`nok`) with the reason: no part passes unseen.

    Raises:
        InputError: The folder is not there or holds no image.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise InputError(f"{folder} holds no image", f"give a folder with files that end in {', '.join(SUFFIXES)}")
    parts: list[dict[str, Any]] = []
    for start in range(0, len(files), BATCH_IMAGES):
        batch = files[start : start + BATCH_IMAGES]
        verdicts = _inspected(inspector, batch)
        parts += [_entry(_name(path, folder), verdict) for path, verdict in zip(batch, verdicts, strict=True)]
    return parts


def _name(path: Path, folder: Path) -> str:
    r"""The file's name as text; bytes that are no UTF-8 are shown as such (`\\xe9`)."""
    return os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")


def _inspected(inspector: Inspector, files: list[Path]) -> list[Verdict]:
    read = [_read(path) for path in files]
    seen: Iterator[Verdict] = iter(inspector.inspect_all([frame for frame in read if isinstance(frame, np.ndarray)]))
    return [next(seen) if isinstance(frame, np.ndarray) else not_inspected(frame) for frame in read]


def _read(path: Path) -> np.ndarray | str:
    """The frame, or why there is none."""
    try:
        return decode(path.read_bytes())
    except EdgeError as error:
        return error.what
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _entry(name: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "image": name,
        "verdict": verdict.verdict,
        "score": verdict.score,
        "label": verdict.label,
        "probabilities": verdict.probabilities,
        "blobs": [asdict(blob) for blob in verdict.blobs],
        "failure": verdict.failure,
    }
