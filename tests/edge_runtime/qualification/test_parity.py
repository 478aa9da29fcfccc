"""Golden samples in every precision that runs here."""

from __future__ import annotations

from pathlib import Path

from edge_runtime.bundle import load_manifest
from edge_runtime.bundle.manifest import Manifest
from edge_runtime.engine.base import Engine, open_engine
from edge_runtime.qualification.frames import golden_frames
from edge_runtime.qualification.parity import parity
from factory_assets.benchmarks.tiny_station import HEIGHT_PX, SOUND, WIDTH_PX, make_brightness_bundle


def made(tmp_path: Path) -> tuple[Path, Manifest]:
    make_brightness_bundle(tmp_path / "bundle")
    return tmp_path / "bundle", load_manifest(tmp_path / "bundle" / "manifest.json")


def test_what_runs_here_is_compared_and_the_rest_named(tmp_path: Path) -> None:
    folder, manifest = made(tmp_path)
    found = parity(folder, manifest, lambda precision: open_engine(folder, manifest, "cpu", precision))
    assert [(entry["precision"], entry["state"]) for entry in found] == [
        ("fp32", "met"),
        ("fp16", "not here"),
        ("int8", "not here"),
    ]
    assert found[0]["ran_in"] == "fp32"
    assert 0 <= found[0]["difference"]["score"] <= found[0]["tolerance"]["atol"]
    assert "no fp16 graph" in found[1]["fault"]


def test_an_engine_that_computes_otherwise_or_in_another_precision_fails(tmp_path: Path) -> None:
    folder, manifest = made(tmp_path)
    make_brightness_bundle(tmp_path / "other", gain=0.5)
    other = load_manifest(tmp_path / "other" / "manifest.json")

    def opened(precision: str) -> Engine:
        if precision == "fp32":
            return open_engine(tmp_path / "other", other, "cpu", "fp32")
        return open_engine(folder, manifest, "cpu", "fp32")

    found = parity(folder, manifest, opened)
    assert [entry["state"] for entry in found] == ["failed", "failed", "failed"]
    assert "differs from its golden samples" in found[0]["fault"]
    assert found[1]["fault"] == "fp16 was asked for, the engine runs fp32"


def test_sound_golden_samples_are_shown_as_large_as_the_camera_makes_them(tmp_path: Path) -> None:
    folder, manifest = made(tmp_path)
    frames = golden_frames(folder, manifest, None)
    assert (len(frames.shown), frames.samples, frames.are_sound) == (1, 2, True)
    assert (frames.shown[0] == SOUND).all()
    assert frames.inputs[0]["image"].shape == (1, HEIGHT_PX, WIDTH_PX, 1)
    assert golden_frames(folder, manifest, (50, 40)).shown[0].shape == (40, 50)
