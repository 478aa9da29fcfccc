"""A folder of images, one a part: every one of them gets a verdict."""

from __future__ import annotations

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
        One entry a part: image, verdict, score, label, probabilities, failure. An image that cannot be read is rejected
        (`nok`) with the reason: no part passes unseen.

    Raises:
        InputError: The folder is not there or holds no image.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(f"{folder} holds no image", f"give a folder with files that end in {', '.join(SUFFIXES)}")
    parts: list[dict[str, Any]] = []
    for start in range(0, len(files), BATCH_IMAGES):
        batch = files[start : start + BATCH_IMAGES]
        verdicts = _inspected(inspector, batch)
        names = [path.relative_to(folder).as_posix() for path in batch]
        parts += [_entry(name, verdict) for name, verdict in zip(names, verdicts, strict=True)]
    return parts


def _inspected(inspector: Inspector, files: list[Path]) -> list[Verdict]:
    read = [_read(path) for path in files]
    seen = iter(inspector.inspect_all([frame for frame in read if isinstance(frame, np.ndarray)]))
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
        "failure": verdict.failure,
    }
