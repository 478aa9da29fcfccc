"""One interface to all ways of inspecting: a frame in, a verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from edge_runtime.bundle.inspection_spec import InspectionSpec
from edge_runtime.bundle.manifest import Manifest
from edge_runtime.engine.base import Engine
from edge_runtime.errors import BundleError, InputError
from edge_runtime.inspection.decoding import decode
from edge_runtime.inspection.fitting import fitted

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
        heat_map: float32 (h, w), 0 to 1, coarser than the frame or like it; None where there is none.
        failure: Why the part was rejected unseen; None if it was looked at.
    """

    verdict: Literal["ok", "nok", "classified"]
    score: float
    label: str | None = None
    probabilities: Mapping[str, float] | None = None
    heat_map: np.ndarray | None = None
    failure: str | None = None


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
        self._references = {
            entry.name: self.fit(decode((folder / entry.path).read_bytes())) for entry in manifest.references
        }

    def fit(self, frame: np.ndarray) -> np.ndarray:
        """A frame as the engine takes it: uint8 (height, width, channels)."""
        return fitted(
            frame, height_px=self._height, width_px=self._width, channels=self._channels, fit=self.spec.fit
        )

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
        """Judge frames, a few at a time; see `inspect`."""
        golden = references or [None] * len(frames)
        found: list[Verdict] = []
        for start in range(0, len(frames), BATCH_IMAGES):
            batch = slice(start, start + BATCH_IMAGES)
            inputs = {IMAGE: np.stack([self.fit(frame) for frame in frames[batch]])}
            if self.spec.golden_image is not None:
                inputs[REFERENCE] = np.stack([self._golden(reference) for reference in golden[batch]])
            found += self._verdicts(self._engine.run(inputs))
        return found

    def _golden(self, reference: np.ndarray | str | None) -> np.ndarray:
        if isinstance(reference, np.ndarray):
            return self.fit(reference)
        if reference is None and len(self._references) == 1:
            return next(iter(self._references.values()))
        if reference not in self._references:
            known = ", ".join(sorted(self._references)) or "none"
            raise InputError(
                f"golden image {reference!r} is not in bundle {self.manifest.bundle}, which has: {known}",
                "name one of them, or give the image itself",
            )
        return self._references[reference]

    def _verdicts(self, outputs: Mapping[str, np.ndarray]) -> list[Verdict]:
        heat_maps, probabilities = outputs.get(HEAT_MAP), outputs.get(PROBABILITIES)
        return [
            self._verdict(
                float(score),
                None if probabilities is None else probabilities[number],
                None if heat_maps is None else heat_maps[number, ..., 0],
            )
            for number, score in enumerate(outputs[SCORE][:, 0])
        ]

    def _verdict(self, score: float, probabilities: np.ndarray | None, heat_map: np.ndarray | None) -> Verdict:
        if not np.isfinite(score):
            return not_inspected(f"the engine gave the score {score}")
        by_label = None
        if probabilities is not None:
            by_label = {name: float(value) for name, value in zip(self.spec.labels, probabilities, strict=True)}
        return Verdict(
            verdict=self._judged(score),
            score=score,
            label=None if by_label is None else max(by_label, key=lambda name: by_label[name]),
            probabilities=by_label,
            heat_map=heat_map,
        )

    def _judged(self, score: float) -> Literal["ok", "nok", "classified"]:
        if self.spec.threshold is None:
            return "classified"
        return "nok" if score >= self.spec.threshold else "ok"
