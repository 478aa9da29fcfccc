"""The `cpu` target of bundles that compare golden images: no graph, OpenCV alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.engine.inputs import checked_inputs, example_inputs
from edge_runtime.engine.warming import run_for_warmth
from edge_runtime.errors import BundleError
from edge_runtime.files import sha256_bytes
from edge_runtime.inspection.golden_image import Comparison, GoldenComparer

REFERENCES_KEPT = 8


class GoldenImageEngine:
    """Compares each image with its golden image.

    What is computed of a golden image alone is kept for the last few of them: at a line they are always the same.
    """

    target = "cpu"
    precision = "fp32"
    label = "opencv fp32"

    def __init__(self, manifest: Manifest) -> None:
        """Take the settings of the bundle.

        Raises:
            BundleError: The bundle does not compare golden images.
        """
        if manifest.inspection is None or manifest.inspection.golden_image is None:
            raise BundleError(f"bundle {manifest.bundle} compares no golden images", "make the bundle again")
        self._manifest = manifest
        self._settings = manifest.inspection.golden_image
        self._comparers: dict[str, GoldenComparer] = {}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compare images with golden images, one by one.

        Args:
            inputs: `image` and `reference`, uint8 (batch, height, width, channels).

        Returns:
            `score` float32 (batch, 1) and `heat_map` float32 (batch, height, width, 1), both 0 to 1.

        Raises:
            ValueError: An input is missing, unknown, not uint8 or has another shape than the manifest says.
        """
        found = self.compare(inputs)
        return {
            "score": np.array([[comparison.score] for comparison in found], np.float32),
            "heat_map": np.stack([comparison.heat_map[..., None] for comparison in found]),
        }

    def compare(self, inputs: Mapping[str, np.ndarray]) -> list[Comparison]:
        """As `run`, with all that is known of each comparison: its blobs, and why one failed."""
        feeds = checked_inputs(self._manifest, inputs)
        if len(feeds["image"]) != len(feeds["reference"]):
            msg = f"{len(feeds['image'])} images come with {len(feeds['reference'])} golden images: give one for each"
            raise ValueError(msg)
        pairs = zip(feeds["image"], feeds["reference"], strict=True)
        return [self._comparer(reference).compare(image) for image, reference in pairs]

    def warm_up(self, calls: int | None = None) -> int:
        """Compare a picture that means nothing with itself, so often or until that is steady; says how often."""
        sample = example_inputs(self._manifest)
        return run_for_warmth(lambda: self.compare(sample), calls)

    def close(self) -> None:
        """Forget the golden images; a second call does nothing."""
        self._comparers.clear()

    def _comparer(self, reference: np.ndarray) -> GoldenComparer:
        key = sha256_bytes(reference.tobytes())
        if key not in self._comparers:
            if len(self._comparers) >= REFERENCES_KEPT:
                self._comparers.pop(next(iter(self._comparers)))
            self._comparers[key] = GoldenComparer(reference, self._settings)
        return self._comparers[key]
