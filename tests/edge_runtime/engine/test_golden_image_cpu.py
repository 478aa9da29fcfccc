"""The engine that compares golden images: batches, what it keeps, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge_runtime.bundle.inspection_spec import GoldenImageSettings, InspectionSpec
from edge_runtime.bundle.manifest import InputSpec, Manifest
from edge_runtime.engine import golden_image_cpu
from edge_runtime.engine.golden_image_cpu import GoldenImageEngine
from edge_runtime.errors import BundleError
from edge_runtime.inspection.golden_image import compare
from tests.simulated_boards import board

SIDE_PX = 160
SETTINGS = GoldenImageSettings(edge_tolerance_px=1, contrast=0.2)


@pytest.fixture
def engine() -> GoldenImageEngine:
    shape = ("batch", SIDE_PX, SIDE_PX, 1)
    manifest = Manifest.model_construct(
        bundle="inspection-board",
        inputs=tuple(InputSpec(name=name, dtype="uint8", shape=shape) for name in ("image", "reference")),
        inspection=InspectionSpec(method="golden_image", ok_label="ok", threshold=0.5, golden_image=SETTINGS),
    )
    return GoldenImageEngine(manifest)


def pairs(*seeds: int) -> dict[str, np.ndarray]:
    boards = [board(seed, side_px=SIDE_PX) for seed in seeds]
    return {
        "image": np.stack([part.defective[..., None] for part in boards]),
        "reference": np.stack([part.golden[..., None] for part in boards]),
    }


def test_outputs_are_those_of_single_comparisons(engine: GoldenImageEngine) -> None:
    inputs = pairs(1, 2, 3)
    outputs = engine.run(inputs)
    assert {name: (array.dtype, array.shape) for name, array in outputs.items()} == {
        "score": (np.dtype(np.float32), (3, 1)),
        "heat_map": (np.dtype(np.float32), (3, SIDE_PX, SIDE_PX, 1)),
    }
    for place in range(3):
        alone = compare(inputs["image"][place], inputs["reference"][place], SETTINGS)
        assert outputs["score"][place, 0] == np.float32(alone.score) > 0.5
        np.testing.assert_array_equal(outputs["heat_map"][place, ..., 0], alone.heat_map)


def test_comparisons_tell_blobs_and_failures(engine: GoldenImageEngine) -> None:
    inputs = pairs(1, 2)
    inputs["image"][1] = 80
    first, second = engine.compare(inputs)
    assert first.blobs
    assert first.failure is None
    assert (second.score, second.failure) == (1, "the image is blank")
    assert engine.run(inputs)["score"][1, 0] == 1


def test_golden_images_are_looked_at_once(engine: GoldenImageEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    real = golden_image_cpu.GoldenComparer

    def counted(reference: np.ndarray, settings: GoldenImageSettings) -> object:
        made.append(1)
        return real(reference, settings)

    monkeypatch.setattr(golden_image_cpu, "GoldenComparer", counted)
    for _ in range(3):
        engine.run(pairs(1, 1, 2))
    assert len(made) == 2


def test_many_golden_images_do_not_fill_the_memory(engine: GoldenImageEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden_image_cpu, "REFERENCES_KEPT", 2)
    scores = [engine.run(pairs(seed))["score"] for seed in (1, 2, 3, 4, 1)]
    assert len(engine._comparers) == 2
    np.testing.assert_array_equal(scores[0], scores[-1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda inputs: inputs.pop("reference"), "inputs are"),
        (lambda inputs: inputs.update(image=inputs["image"].astype(np.float32)), "raw uint8 pixels"),
        (lambda inputs: inputs.update(image=inputs["image"][:, :100]), "has shape"),
        (lambda inputs: inputs.update(reference=inputs["reference"][:1]), "2 images come with 1 golden images"),
    ],
)
def test_wrong_inputs_are_refused(
    engine: GoldenImageEngine, change: Callable[[dict[str, np.ndarray]], object], message: str
) -> None:
    inputs = pairs(1, 2)
    change(inputs)
    with pytest.raises(ValueError, match=message):
        engine.run(inputs)


def test_a_bundle_without_settings_is_refused() -> None:
    with pytest.raises(BundleError, match="compares no golden images"):
        GoldenImageEngine(Manifest.model_construct(bundle="other", inspection=None))
