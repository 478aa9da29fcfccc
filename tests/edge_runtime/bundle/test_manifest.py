"""The manifest: versions follow content, files are held to it, and nothing odd gets in."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edge_runtime.bundle import (
    BundleError,
    OutputSpec,
    canonical_json,
    load_manifest,
    read_golden,
    verify_files,
    write_golden,
)
from edge_runtime.bundle.manifest import content_version
from edge_runtime.bundle.values import is_safe_path


def test_written_manifest_loads_and_its_files_verify(tmp_path, bundle_maker):
    made = bundle_maker(tmp_path)
    loaded = load_manifest(tmp_path / "manifest.json")
    verify_files(tmp_path, loaded)
    assert loaded == made
    assert loaded.bundle == "rul-F1"
    assert loaded.golden.samples == 5
    assert len(loaded.version) == 16
    assert loaded.version == content_version(json.loads((tmp_path / "manifest.json").read_text()))


def test_version_follows_content_and_not_the_run_id(tmp_path, bundle_maker):
    first = bundle_maker(tmp_path / "a", run_id="run-1")
    again = bundle_maker(tmp_path / "b", run_id="run-2")
    without = bundle_maker(tmp_path / "c", run_id=None)
    other_graph = bundle_maker(tmp_path / "d", bias=101.0)
    other_code = bundle_maker(tmp_path / "e", code_version="2")
    assert first.version == again.version == without.version
    assert len({first.version, other_graph.version, other_code.version}) == 3


def test_equal_content_gives_equal_bytes(tmp_path, bundle_maker, tree):
    bundle_maker(tmp_path / "a")
    bundle_maker(tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.parametrize("name", ["model.onnx", "golden.npz"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_damaged_file_is_named(tmp_path, bundle_maker, name, damage):
    manifest = bundle_maker(tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    if damage == "remove":
        (tmp_path / name).unlink()
    else:
        data[len(data) // 2] ^= 1
        (tmp_path / name).write_bytes(data if damage == "flip" else data[:-1])
    with pytest.raises(BundleError, match=name):
        verify_files(tmp_path, manifest)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "0" * 16),
        ("version", "XYZ"),
        ("fleet", "F2"),
        ("schema_version", 2),
        ("surprise", 1),
        ("bundle", "../up"),
        ("outputs", []),
    ],
)
def test_changed_manifest_is_refused(tmp_path, bundle_maker, field, value):
    bundle_maker(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_manifest(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_what_is_no_manifest_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BundleError):
        load_manifest(tmp_path / "manifest.json")


@pytest.mark.parametrize("path", ["../a", "/a", "a/../b", "a//b", "a/", "", ".a", "a\\b", "C:/a", "a b", "a\n"])
def test_unsafe_paths(path):
    assert not is_safe_path(path)


@pytest.mark.parametrize("path", ["a", "engines/tensorrt-rtx.engine", "a/b/c.json", "_a"])
def test_safe_paths(path):
    assert is_safe_path(path)


def test_canonical_json_is_sorted_and_refuses_nan():
    assert canonical_json({"b": 1, "a": [1.5, "\u00e9"]}) == b'{"a":[1.5,"\\u00e9"],"b":1}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})


def test_golden_round_trip_and_its_refusals(tmp_path):
    inputs = {"x": np.arange(6, dtype=np.float32).reshape(3, 2)}
    outputs = {"y": np.ones((3, 1), np.float32)}
    write_golden(tmp_path / "g.npz", inputs, outputs)
    read_inputs, read_outputs = read_golden(tmp_path / "g.npz")
    np.testing.assert_array_equal(read_inputs["x"], inputs["x"])
    np.testing.assert_array_equal(read_outputs["y"], outputs["y"])
    with pytest.raises(ValueError, match="equally many"):
        write_golden(tmp_path / "h.npz", inputs, {"y": np.ones((2, 1), np.float32)})
    (tmp_path / "bad.npz").write_bytes(b"PK not an archive")
    with pytest.raises(BundleError, match=r"bad\.npz"):
        read_golden(tmp_path / "bad.npz")


@pytest.mark.parametrize("levels", [(0.1, 0.5), (0.1, 0.5, 0.5), (0.5, 0.1, 0.9), (0.0, 0.5, 0.9), (0.1, 0.5, 1.0), ()])
def test_levels_fit_the_shape_and_rise_between_0_and_1(levels):
    with pytest.raises(ValueError, match=r"levels"):
        OutputSpec(name="quantiles", dtype="float32", shape=("n", 3), unit="cycles", levels=levels)


def test_levels_survive_the_manifest_and_are_left_out_of_those_without(tmp_path, bundle_maker):
    manifest = bundle_maker(tmp_path)
    assert all("levels" not in output for output in manifest.as_json()["outputs"])
    output = OutputSpec(name="quantiles", dtype="float32", shape=("n", 3), unit="cycles", levels=(0.1, 0.5, 0.9))
    assert OutputSpec.model_validate_json(output.model_dump_json()) == output
