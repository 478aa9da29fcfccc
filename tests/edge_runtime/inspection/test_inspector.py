"""A frame in, a verdict out, whatever the method; what cannot be judged is rejected with the reason."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_runtime.bundle import Manifest
from edge_runtime.bundle.inspection_spec import InspectionSpec
from edge_runtime.engine import open_engine
from edge_runtime.errors import BundleError, InputError
from edge_runtime.inspection.inspector import BATCH_IMAGES, Inspector, bundle_for, not_inspected
from tests.edge_runtime.inspection.inspecting import (
    CLASSIFYING,
    COMPARING,
    HEIGHT,
    KINDS_ONLY,
    SEGMENTING,
    WIDTH,
    BrightnessEngine,
    golden_bundle,
    graph_manifest,
)
from tests.image_files import encoded
from tests.tiny_bundle import make_bundle


def plain(value: int, height: int = 50, width: int = 70) -> np.ndarray:
    return np.full((height, width), value, np.uint8)


def inspector(tmp_path, spec: InspectionSpec, engine: object, **given) -> Inspector:
    return Inspector(tmp_path / "bundle", graph_manifest(tmp_path / "bundle", spec, **given), engine)


def test_a_classifier_tells_labels_and_verdicts(tmp_path) -> None:
    found = inspector(tmp_path, CLASSIFYING, BrightnessEngine(CLASSIFYING.labels)).inspect_all(
        [plain(0), plain(127), plain(128), plain(255)]
    )
    assert [verdict.verdict for verdict in found] == ["ok", "ok", "nok", "nok"]
    assert found[3].label == "dent"
    assert found[3].probabilities == pytest.approx({"dent": 1.0, "ok": 0.0, "scratch": 0.0})
    assert found[0].score == 0
    assert all(verdict.failure is None and verdict.blobs == () for verdict in found)


def test_where_only_kinds_are_asked_for_nothing_is_rejected(tmp_path) -> None:
    verdict = inspector(tmp_path, KINDS_ONLY, BrightnessEngine(KINDS_ONLY.labels)).inspect(plain(255))
    assert verdict.verdict == "classified"
    assert verdict.label == "dent"


def test_heat_maps_come_without_their_channel(tmp_path) -> None:
    verdict = inspector(tmp_path, SEGMENTING, BrightnessEngine(has_heat_map=True)).inspect(plain(255))
    assert verdict.label is None
    assert verdict.heat_map is not None
    assert verdict.heat_map.shape == (4, 1)


def test_a_threshold_rejects_what_reaches_it(tmp_path) -> None:
    spec = SEGMENTING.model_copy(update={"threshold": float(np.float32(128) / 255)})
    assert inspector(tmp_path, spec, BrightnessEngine()).inspect(plain(128)).verdict == "nok"


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_rejected(tmp_path, score: float) -> None:
    class Broken(BrightnessEngine):
        def run(self, inputs):
            return {"score": np.full((len(inputs["image"]), 1), score, np.float32)}

    verdict = inspector(tmp_path, SEGMENTING, Broken()).inspect(plain(1))
    assert (verdict.verdict, verdict.score) == ("nok", 1.0)
    assert verdict == not_inspected(f"the engine gave the score {score}")


def test_frames_of_any_size_and_depth_come_fitted_a_few_at_a_time(tmp_path) -> None:
    engine = BrightnessEngine()
    looking = inspector(tmp_path, SEGMENTING, engine, channels=3)
    frames = [np.full((20 + n, 30, 3) if n % 2 else (20 + n, 30), 10 * n, np.uint8) for n in range(BATCH_IMAGES + 3)]
    scores = [round(verdict.score * 255) for verdict in looking.inspect_all(frames)]
    assert scores == [10 * n for n in range(BATCH_IMAGES + 3)]
    assert [batch.shape for batch in engine.batches] == [(BATCH_IMAGES, HEIGHT, WIDTH, 3), (3, HEIGHT, WIDTH, 3)]
    assert looking.inspect_all([]) == []


def test_a_bundle_of_another_task_does_not_inspect(tmp_path) -> None:
    with pytest.raises(BundleError, match="does not inspect"):
        Inspector(tmp_path, make_bundle(tmp_path / "rul"), BrightnessEngine())


BOARD = cv2.rectangle(np.full((HEIGHT, WIDTH), 40, np.uint8), (8, 8), (30, 22), 200, -1)


def spoilt(board: np.ndarray = BOARD) -> np.ndarray:
    return cv2.rectangle(board.copy(), (33, 25), (36, 28), 250, -1)


def comparing(tmp_path, references: dict[str, np.ndarray | bytes], spec: InspectionSpec = COMPARING) -> Inspector:
    manifest: Manifest = golden_bundle(tmp_path / "golden", references, spec)
    return Inspector(tmp_path / "golden", manifest, open_engine(tmp_path / "golden", manifest, "cpu"))


def test_blobs_lie_where_the_part_differs(tmp_path) -> None:
    sound, bad = comparing(tmp_path, {"board": BOARD}).inspect_all([BOARD, spoilt()])
    assert (sound.verdict, sound.blobs) == ("ok", ())
    assert bad.verdict == "nok"
    (blob,) = bad.blobs
    assert abs(blob.x_px - 33) <= 1
    assert abs(blob.y_px - 25) <= 1
    assert bad.heat_map is not None
    assert bad.heat_map[26, 34] == 1


def test_blobs_are_told_in_pixels_of_the_frame(tmp_path) -> None:
    large = cv2.resize(spoilt(), (3 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_NEAREST)
    (blob,) = comparing(tmp_path, {"board": BOARD}).inspect(large).blobs
    assert abs(blob.x_px - 99) <= 3
    assert abs(blob.y_px - 50) <= 2
    assert abs(blob.width_px - 12) <= 6
    assert 48 <= blob.area_px <= 160


def test_blobs_are_told_in_pixels_of_a_letterboxed_frame(tmp_path) -> None:
    spec = COMPARING.model_copy(update={"fit": "letterbox"})
    narrow = np.full((HEIGHT, 20), 40, np.uint8)
    narrow[10:20, 5:15] = 200
    bad = narrow.copy()
    bad[25:29, 12:17] = 250
    verdict = comparing(tmp_path, {"board": narrow}, spec).inspect(bad)
    (blob,) = verdict.blobs
    assert abs(blob.x_px - 12) <= 1
    assert abs(blob.x_px + blob.width_px - 17) <= 1
    assert blob.area_px <= 30


def test_a_part_that_cannot_be_compared_is_rejected_whatever_the_threshold(tmp_path) -> None:
    spec = COMPARING.model_copy(update={"threshold": 1.5})
    verdict = comparing(tmp_path, {"board": BOARD}, spec).inspect(plain(90))
    assert verdict.verdict == "nok"
    assert verdict.failure is not None
    assert "blank" in verdict.failure


def test_golden_images_by_name_or_given(tmp_path) -> None:
    other = BOARD.T[:HEIGHT].copy()
    other = cv2.resize(other, (WIDTH, HEIGHT))
    looking = comparing(tmp_path, {"a": BOARD, "b": other})
    assert looking.inspect(BOARD, "a").verdict == "ok"
    assert looking.inspect(BOARD, "b").verdict == "nok"
    assert looking.inspect(other, other).verdict == "ok"
    with pytest.raises(InputError, match=r"golden image \(not named\) is not in bundle inspection-plate.*a, b"):
        looking.inspect(BOARD)
    with pytest.raises(InputError, match="golden image c is not in"):
        looking.inspect(BOARD, "c")
    with pytest.raises(InputError, match="2 frames come with 1 golden images"):
        looking.inspect_all([BOARD, other], ["a"])


def test_a_golden_image_that_cannot_be_read_is_a_bundle_error(tmp_path) -> None:
    with pytest.raises(BundleError, match=r"golden image board\.png cannot be read: the file ends"):
        comparing(tmp_path, {"board": encoded(BOARD)[:60]})


class Held:
    def __init__(self, tmp_path, manifest: Manifest) -> None:
        self.folder, self.manifest = tmp_path, manifest


def test_the_bundle_for_a_product(tmp_path) -> None:
    inspecting = Held(tmp_path, graph_manifest(tmp_path / "plate", SEGMENTING))
    bundles = {"rul": Held(tmp_path, make_bundle(tmp_path / "rul")), "plate": inspecting}
    assert bundle_for(bundles, None) is inspecting
    assert bundle_for(bundles, "plate") is inspecting
    with pytest.raises(InputError, match="the active release inspects: plate / choose one with --product"):
        bundle_for(bundles, "bolt")
    with pytest.raises(InputError, match="inspects: none"):
        bundle_for({}, None)


def test_a_part_that_cannot_be_compared_spoils_none_after_it(tmp_path) -> None:
    looking = comparing(tmp_path, {"board": BOARD})
    other = np.random.default_rng(0).integers(0, 255, BOARD.shape, dtype=np.uint8)
    found = looking.inspect_all([BOARD, other, BOARD, spoilt(), other, BOARD])
    assert [verdict.verdict for verdict in found] == ["ok", "nok", "ok", "nok", "nok", "ok"]
    assert [verdict.failure is not None for verdict in found] == [False, True, False, False, True, False]
