"""Small sets of drawn images in the layout of the real ones, for benchmarks that read real images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

PX = 64


def textured(rng: np.random.Generator, size: int = PX) -> np.ndarray:
    """A grey surface with grain, which no other one resembles."""
    grain = rng.normal(size=(size, size)).astype(np.float32)
    smooth = cv2.GaussianBlur(grain, (0, 0), 3)
    return np.clip(140 + 8 * grain + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def steel(folder: Path, each: int = 12, seed: int = 1) -> None:
    """Two kinds of defects, dark squares and bright bars; a third of each for the test."""
    rng = np.random.default_rng(seed)
    rows = []
    for label in ("square", "bar"):
        for number in range(each):
            image = textured(rng)
            y, x = rng.integers(8, PX - 24, 2)
            if label == "square":
                image[y : y + 16, x : x + 16] = 30
            else:
                image[y : y + 4, :] = 240
            split = "test" if number % 3 == 0 else "train"
            rows.append((f"{label}-{number}.png", label, split, f"{label}-{number}"))
            _write(folder / rows[-1][0], image)
    _manifest(folder, ("image", "class", "split", "group"), rows)


def tiles(folder: Path, parts: int = 40, seed: int = 2) -> None:
    """Parts that were photographed twice; every second one has a dark blot, with its mask."""
    rng = np.random.default_rng(seed)
    rows = []
    for part in range(parts):
        image, mask = textured(rng), np.zeros((PX, PX), np.uint8)
        label = "blot" if part % 2 else "free"
        if part % 2:
            cv2.circle(mask, tuple(int(v) for v in rng.integers(16, PX - 16, 2)), 8, 255, -1)
            image = np.where(mask > 0, 40, image).astype(np.uint8)
        split = "test" if part % 4 < 2 else "train"
        for exposure in (0, 1):
            name = f"exp{exposure}_num_{part}"
            brighter = np.clip(image.astype(np.int16) + 10 * exposure + rng.integers(-2, 3, image.shape), 0, 255)
            _write(folder / f"{name}.png", brighter.astype(np.uint8))
            _write(folder / f"{name}-mask.png", mask)
            rows.append((f"{name}.png", f"{name}-mask.png", label, split, f"part {part}"))
    _manifest(folder, ("image", "mask", "class", "split", "group"), rows)


def boards(folder: Path, each: int = 3, seed: int = 3) -> None:
    """Two boards with lines; every tested image has a hole in a line and a box around it."""
    rng = np.random.default_rng(seed)
    rows = []
    for board in ("one", "other"):
        for number in range(each):
            golden = np.zeros((160, 160), np.uint8)
            for place in range(10, 150, 20 if board == "one" else 28):
                golden[place : place + 8, 10:150] = 255
            golden[:, 5 + 7 * number : 9 + 7 * number] = 255
            tested = golden.copy()
            x = int(rng.integers(60, 120))
            tested[10:18, x : x + 8] = 0
            name = f"{board}-{number}"
            _write(folder / f"{name}-golden.png", golden)
            _write(folder / f"{name}.png", tested)
            (folder / f"{name}.txt").write_text(f"{x} 10 {x + 8} 18 1\n")
            rows.append((f"{name}.png", f"{name}-golden.png", f"{name}.txt", board))
    _manifest(folder, ("test_image", "template", "boxes", "group"), rows)


def _write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def _manifest(folder: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [",".join(row) for row in (columns, *rows)]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
