"""The frames that are shown to a station: the golden samples' images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.bundle.golden import read_golden
from edge_runtime.bundle.manifest import Manifest
from edge_runtime.errors import BundleError
from edge_runtime.inspection.inspector import IMAGE, SCORE
from edge_runtime.station.config import StationConfig, UsbCamera


@dataclass(frozen=True)
class Frames:
    """Golden samples as frames.

    Attributes:
        shown: uint8 (height, width) or (height, width, 3).
        inputs: The same samples as the engine takes them: inputs by name, a batch of one each.
        samples: How many golden samples the bundle has.
        are_sound: Only those of sound parts are shown.
    """

    shown: list[np.ndarray]
    inputs: list[dict[str, np.ndarray]]
    samples: int
    are_sound: bool


def golden_frames(folder: Path, manifest: Manifest, size_px: tuple[int, int] | None) -> Frames:
    """Make frames of golden samples.

    Those of sound parts alone, if there are any: of rejected parts, of which a line has few, every image is stored.

    Args:
        folder: The bundle's folder.
        manifest: Its manifest.
        size_px: Width and height of the camera's frames; None leaves them as large as the network's input.

    Raises:
        BundleError: The samples cannot be read, or hold no images.
    """
    inputs, expected = read_golden(folder / manifest.golden.path)
    images = inputs.get(IMAGE)
    if images is None or images.dtype != np.uint8 or images.ndim != 4:
        raise BundleError(f"bundle {manifest.bundle}: its golden samples hold no images", "make the bundle again")
    threshold = manifest.inspection.threshold if manifest.inspection is not None else None
    chosen = list(range(len(images)))
    if threshold is not None and SCORE in expected:
        chosen = [number for number in chosen if expected[SCORE][number, 0] < threshold]
    are_sound = bool(chosen) and threshold is not None
    chosen = chosen or list(range(len(images)))
    return Frames(
        shown=[_frame(images[number], size_px) for number in chosen],
        inputs=[{name: array[number : number + 1] for name, array in inputs.items()} for number in chosen],
        samples=len(images),
        are_sound=are_sound,
    )


def frame_size_px(config: StationConfig) -> tuple[int, int] | None:
    """Width and height of what the station looks at, where its settings say it."""
    if config.region is not None:
        return config.region.width_px, config.region.height_px
    camera = config.camera
    if isinstance(camera, UsbCamera) and camera.width_px and camera.height_px:
        return camera.width_px, camera.height_px
    return None


def _frame(image: np.ndarray, size_px: tuple[int, int] | None) -> np.ndarray:
    frame = image[..., 0] if image.shape[2] == 1 else image
    if size_px is not None and size_px != (frame.shape[1], frame.shape[0]):
        import cv2

        frame = cv2.resize(frame, size_px, interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(frame)
