"""Engines: the cpu target computes the known truth, and what does not fit is refused with its name."""

from __future__ import annotations

import numpy as np
import pytest

from edge_runtime.bundle import BundleError
from edge_runtime.engine import GoldenMismatch, TargetUnavailable, golden_check, open_engine


class FakeEngine:
    """Answers with what it was given."""

    target = "cpu"
    precision = "fp32"

    def __init__(self, answer):
        self.answer = answer

    def run(self, inputs):
        return {"rul_cycles": self.answer(inputs)}


def test_cpu_engine_computes_the_truth(tmp_path, bundle_maker, truth):
    engine = open_engine(tmp_path, bundle_maker(tmp_path), "cpu")
    rng = np.random.default_rng(3)
    window = rng.normal(0, 30, (9, 4, 3)).astype(np.float32)
    window[rng.random(window.shape) < 0.3] = np.nan
    age = rng.integers(1, 300, (9, 1)).astype(np.float32)
    found = engine.run({"window": window, "age_cycles": age})["rul_cycles"]
    np.testing.assert_allclose(found, truth(window, age), rtol=1e-5, atol=1e-4)
    assert (engine.target, engine.precision) == ("cpu", "fp32")


def test_inputs_are_held_to_the_manifest(tmp_path, bundle_maker):
    engine = open_engine(tmp_path, bundle_maker(tmp_path), "cpu")
    window, age = np.zeros((2, 4, 3), np.float32), np.zeros((2, 1), np.float32)
    with pytest.raises(ValueError, match="age_cycles"):
        engine.run({"window": window})
    with pytest.raises(ValueError, match="shape"):
        engine.run({"window": window[:, :3], "age_cycles": age})


@pytest.mark.parametrize("target", ["tensorrt-rtx", "tensorrt", "abacus"])
def test_other_targets_say_how_to_mend_it(tmp_path, bundle_maker, target):
    with pytest.raises(TargetUnavailable, match="cpu"):
        open_engine(tmp_path, bundle_maker(tmp_path), target)


def test_graph_that_differs_from_the_manifest_is_refused(tmp_path, bundle_maker):
    manifest = bundle_maker(tmp_path / "a")
    bundle_maker(tmp_path / "b", channels=("one", "two"))
    with pytest.raises(BundleError, match="window has shape"):
        open_engine(tmp_path / "b", manifest, "cpu")


def test_what_is_no_graph_is_refused(tmp_path, bundle_maker):
    manifest = bundle_maker(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(BundleError, match=r"model\.onnx"):
        open_engine(tmp_path, manifest, "cpu")


def test_golden_check_measures_the_difference(tmp_path, bundle_maker, truth):
    manifest = bundle_maker(tmp_path)
    assert golden_check(open_engine(tmp_path, manifest, "cpu"), tmp_path, manifest)["rul_cycles"] < 1e-4
    off = FakeEngine(lambda inputs: truth(inputs["window"], inputs["age_cycles"]) + np.float32(0.005))
    assert golden_check(off, tmp_path, manifest)["rul_cycles"] == pytest.approx(0.005, abs=1e-4)


@pytest.mark.parametrize("wrong", [0.05, float("nan"), float("inf")])
def test_golden_mismatch_names_bundle_output_and_tolerance(tmp_path, bundle_maker, truth, wrong):
    manifest = bundle_maker(tmp_path)

    def answer(inputs):
        found = truth(inputs["window"], inputs["age_cycles"])
        found[2] += np.float32(wrong)
        return found

    with pytest.raises(GoldenMismatch, match=r"rul-F1.*rul_cycles.*0\.01"):
        golden_check(FakeEngine(answer), tmp_path, manifest)


def test_golden_mismatch_in_shape(tmp_path, bundle_maker):
    manifest = bundle_maker(tmp_path)
    with pytest.raises(GoldenMismatch, match="shape"):
        golden_check(FakeEngine(lambda inputs: np.zeros((5, 2), np.float32)), tmp_path, manifest)


def test_unknown_precision_has_no_tolerance(tmp_path, bundle_maker):
    manifest = bundle_maker(tmp_path)
    engine = FakeEngine(lambda inputs: np.zeros((5, 1), np.float32))
    engine.precision = "int8"
    with pytest.raises(BundleError, match="int8"):
        golden_check(engine, tmp_path, manifest)
