"""One interface to all ways of inspecting: a frame in, a verdict out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np

from edge_runtime.bundle.inspection_spec import InspectionSpec
from edge_runtime.bundle.manifest import Manifest
from edge_runtime.engine.base import Engine
from edge_runtime.errors import BundleError, InputError
from edge_runtime.inspection.decoding import ImageError, decode
from edge_runtime.inspection.fitting import fitted, placement

if TYPE_CHECKING:
    from edge_runtime.inspection.golden_image import Blob, Comparison

IMAGE, REFERENCE = "image", "reference"
SCORE, PROBABILITIES, HEAT_MAP = "score", "probabilities", "heat_map"
BATCH_IMAGES = 8


@dataclass(frozen=True)
class Verdict:
    """What is said of one part.

    Attributes:
        verdict: `ok` or `nok`; `classified` where a product has no OK label and only the kind of defect is asked for.
        score: Larger is worse.
        label: The most probable label, where there are probabilities.
        probabilities: By label; empty where there are none.
        heat_map: float32 (h, w), 0 to 1, over the fitted frame, as fine or coarser; None where there is none.
        blobs: What differs from the golden image, the worst first, in pixels of the frame; empty for other methods.
        failure: Why the part was rejected without being judged; None if it was.
    """

    verdict: Literal["ok", "nok", "classified"]
    score: float
    label: str | None = None
    probabilities: Mapping[str, float] | None = None
    heat_map: np.ndarray | None = None
    blobs: tuple[Blob, ...] = ()
    failure: str | None = None


@runtime_checkable
class Comparing(Protocol):
    """An engine that tells more of a comparison than its outputs hold."""

    def compare(self, inputs: Mapping[str, np.ndarray]) -> list[Comparison]:
        """Comparisons for inputs by name, one an image."""


class _Bundle(Protocol):
    @property
    def folder(self) -> Path: ...

    @property
    def manifest(self) -> Manifest: ...


def bundle_for(bundles: Mapping[str, _Bundle], product: str | None) -> _Bundle:
    """The inspection bundle for a product; without a name, the only one.

    Raises:
        InputError: There is none, or several and no name was given.
    """
    inspecting = {b.manifest.product: b for b in bundles.values() if b.manifest.inspection is not None}
    known = ", ".join(sorted(str(name) for name in inspecting)) or "none"
    if product is None and len(inspecting) == 1:
        return next(iter(inspecting.values()))
    if product not in inspecting:
        raise InputError(f"the active release inspects: {known}", "choose one with --product")
    return inspecting[product]


def not_inspected(failure: str) -> Verdict:
    """The fail-safe verdict: a part that could not be looked at is rejected, with the reason."""
    return Verdict(verdict="nok", score=1.0, failure=failure)


class Inspector:
    """Judges frames with a bundle's engine.

    Args:
        folder: The bundle's folder.
        manifest: Its manifest.
        engine: What runs its graph, or compares its golden images.

    Raises:
        BundleError: The bundle does not inspect, or a golden image cannot be read.
    """

    def __init__(self, folder: Path, manifest: Manifest, engine: Engine) -> None:
        if manifest.inspection is None:
            raise BundleError(f"bundle {manifest.bundle} does not inspect", "give a bundle of a product")
        self.manifest = manifest
        self.spec: InspectionSpec = manifest.inspection
        self._engine = engine
        self._height, self._width, self._channels = (int(size) for size in manifest.input(IMAGE).shape[1:])
        self._references = {entry.name: self._read(folder / entry.path) for entry in manifest.references}

    def fit(self, frame: np.ndarray) -> np.ndarray:
        """A frame as the engine takes it: uint8 (height, width, channels)."""
        return fitted(frame, height_px=self._height, width_px=self._width, channels=self._channels, fit=self.spec.fit)

    def inspect(self, frame: np.ndarray, reference: np.ndarray | str | None = None) -> Verdict:
        """Judge one frame.

        Args:
            frame: uint8, (height, width) or (height, width, 3), of any size.
            reference: The golden image, or the name of one of the bundle's; needed where there are several.

        Raises:
            InputError: The golden image is not known.
        """
        return self.inspect_all([frame], [reference])[0]

    def inspect_all(
        self, frames: Sequence[np.ndarray], references: Sequence[np.ndarray | str | None] | None = None
    ) -> list[Verdict]:
        """Judge frames, a few at a time; see `inspect`.

        Raises:
            InputError: A golden image is not known, or there are more or fewer of them than frames.
        """
        golden = [None] * len(frames) if references is None else references
        if len(golden) != len(frames):
            raise InputError(f"{len(frames)} frames come with {len(golden)} golden images", "give one for each frame")
        found: list[Verdict] = []
        for start in range(0, len(frames), BATCH_IMAGES):
            batch = slice(start, start + BATCH_IMAGES)
            inputs = {IMAGE: np.stack([self.fit(frame) for frame in frames[batch]])}
            if self.spec.golden_image is None:
                found += self._verdicts(self._engine.run(inputs))
                continue
            inputs[REFERENCE] = np.stack([self._golden(reference) for reference in golden[batch]])
            found += self._compared([frame.shape for frame in frames[batch]], inputs)
        return found

    def inspect_fitted(
        self, image: np.ndarray, frame_shape: tuple[int, ...], reference: np.ndarray | str | None = None
    ) -> Verdict:
        """Judge one frame that `fit` made fit, without copying it.

        Args:
            image: What `fit` gave.
            frame_shape: Shape of the frame itself.
            reference: See `inspect`.

        Raises:
            InputError: The golden image is not known.
        """
        inputs = {IMAGE: image[None]}
        if self.spec.golden_image is None:
            return self._verdicts(self._engine.run(inputs))[0]
        inputs[REFERENCE] = self._golden(reference)[None]
        return self._compared([frame_shape], inputs)[0]

    def _read(self, path: Path) -> np.ndarray:
        try:
            return self.fit(decode(path.read_bytes()))
        except (ImageError, OSError) as error:
            raise BundleError(
                f"bundle {self.manifest.bundle}: golden image {path.name} cannot be read: {error}", "pull it again"
            ) from error

    def _golden(self, reference: np.ndarray | str | None) -> np.ndarray:
        if isinstance(reference, np.ndarray):
            return self.fit(reference)
        if reference is None and len(self._references) == 1:
            return next(iter(self._references.values()))
        if reference not in self._references:
            wanted, known = reference or "(not named)", ", ".join(sorted(self._references)) or "none"
            raise InputError(
                f"golden image {wanted} is not in bundle {self.manifest.bundle}, which has: {known}",
                "name one of them, or give the image itself",
            )
        return self._references[reference]

    def _compared(self, shapes: Sequence[tuple[int, ...]], inputs: Mapping[str, np.ndarray]) -> list[Verdict]:
        if not isinstance(self._engine, Comparing):
            return self._verdicts(self._engine.run(inputs))
        comparisons = self._engine.compare(inputs)
        return [self._of(comparison, shape) for comparison, shape in zip(comparisons, shapes, strict=True)]

    def _of(self, comparison: Comparison, shape: tuple[int, ...]) -> Verdict:
        # The engine gives float32, and thresholds are settled on that.
        verdict = self._verdict(float(np.float32(comparison.score)), None, comparison.heat_map)
        if comparison.failure is not None:
            return replace(verdict, verdict="nok", failure=comparison.failure)
        return replace(verdict, blobs=tuple(self._in_frame(blob, shape) for blob in comparison.blobs))

    def _in_frame(self, blob: Blob, shape: tuple[int, ...]) -> Blob:
        """A blob of the fitted frame in pixels of the frame itself."""
        place = placement(shape, height_px=self._height, width_px=self._width, fit=self.spec.fit)
        across, down = shape[1] / place.width_px, shape[0] / place.height_px
        left, right = ((x - place.left_px) * across for x in (blob.x_px, blob.x_px + blob.width_px))
        top, bottom = ((y - place.top_px) * down for y in (blob.y_px, blob.y_px + blob.height_px))
        left, right = (round(min(max(x, 0), shape[1])) for x in (left, right))
        top, bottom = (round(min(max(y, 0), shape[0])) for y in (top, bottom))
        area_px = max(1, round(blob.area_px * across * down))
        return replace(blob, x_px=left, y_px=top, width_px=right - left, height_px=bottom - top, area_px=area_px)

    def _verdicts(self, outputs: Mapping[str, np.ndarray]) -> list[Verdict]:
        heat_maps, probabilities = outputs.get(HEAT_MAP), outputs.get(PROBABILITIES)
        return [
            self._verdict(
                score,
                None if probabilities is None else probabilities[number],
                None if heat_maps is None else heat_maps[number, ..., 0],
            )
            for number, score in enumerate(outputs[SCORE][:, 0].tolist())
        ]

    def _verdict(self, score: float, probabilities: np.ndarray | None, heat_map: np.ndarray | None) -> Verdict:
        if not math.isfinite(score):
            return not_inspected(f"the engine gave the score {score}")
        by_label = None
        if probabilities is not None:
            by_label = dict(zip(self.spec.labels, probabilities.tolist(), strict=True))
        return Verdict(
            verdict=self._judged(score),
            score=score,
            label=None if by_label is None else max(by_label, key=by_label.__getitem__),
            probabilities=by_label,
            heat_map=heat_map,
        )

    def _judged(self, score: float) -> Literal["ok", "nok", "classified"]:
        if self.spec.threshold is None:
            return "classified"
        return "nok" if score >= self.spec.threshold else "ok"
