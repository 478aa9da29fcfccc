"""Pictures on the CPU, in OpenVINO and in ONNX Runtime: the same answers, in the precision that was asked for."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from edge_runtime.bundle import write_bundle
from edge_runtime.engine import golden_check, open_engine
from edge_runtime.engine import openvino_graph as openvino_module
from edge_runtime.engine.openvino_cpu import OpenVinoCpuEngine
from edge_runtime.engine.openvino_graph import OpenVinoGraph
from edge_runtime.engine.serving import engine_for_serving
from edge_runtime.errors import BundleError, CompileError, TargetUnavailable
from tests.tiny_pictures import make_picture_bundle, picture_graph, pictures

pytestmark = pytest.mark.skipif(
    not openvino_module.is_installed(), reason="OpenVINO is not installed: the edge runs without it, too"
)
RUNTIMES = ("openvino", "onnxruntime")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return folder, make_picture_bundle(folder)


@pytest.fixture(params=RUNTIMES)
def runtime(request):
    return request.param


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_both_runtimes_meet_the_golden_samples_in_both_precisions(made, runtime, precision):
    engine = open_engine(*made, "cpu", precision, runtime=runtime)
    assert (engine.target, engine.precision, engine.label) == ("cpu", precision, f"{runtime} {precision}")
    found = golden_check(engine, *made)["score"]
    assert found < (1e-5 if precision == "fp32" else 0.3)
    assert (found > 1e-6) == (precision == "int8")
    engine.close()


def test_both_runtimes_say_the_same_of_every_picture(made):
    image = {"image": pictures(9)}
    first, second = (open_engine(*made, "cpu", runtime=runtime).run(image) for runtime in RUNTIMES)
    assert {name: array.shape for name, array in first.items()} == {"score": (9, 1), "heat_map": (9, 16, 24, 1)}
    for name, array in first.items():
        np.testing.assert_allclose(array, second[name], atol=1e-5)
        assert len(np.unique(array[..., 0])) > 5


def test_openvino_is_taken_where_it_is_installed(made, tmp_path, monkeypatch):
    folder, manifest = made
    assert engine_for_serving(tmp_path, folder, manifest, "cpu").label == "openvino fp32"
    assert engine_for_serving(tmp_path, folder, manifest, "cpu", "int8").label == "openvino int8"
    monkeypatch.setattr(openvino_module, "is_installed", lambda: False)
    assert engine_for_serving(tmp_path, folder, manifest, "cpu", "int8").label == "onnxruntime int8"
    with pytest.raises(TargetUnavailable, match=r"factory-edge\[openvino\]"):
        open_engine(folder, manifest, "cpu", runtime="openvino")


def test_readings_are_left_to_onnx_runtime(tmp_path, bundle_maker):
    manifest = bundle_maker(tmp_path)
    assert open_engine(tmp_path, manifest, "cpu").label == "onnxruntime fp32"
    with pytest.raises(TargetUnavailable, match="no pictures"):
        open_engine(tmp_path, manifest, "cpu", runtime="openvino")


def test_a_precision_that_the_bundle_has_not_is_said(made, runtime):
    with pytest.raises(TargetUnavailable, match=r"no fp16 graph for target cpu.*fp32 for cpu, tensorrt; int8 for cpu"):
        open_engine(*made, "cpu", "fp16", runtime=runtime)


def test_the_most_exact_is_what_there_is(tmp_path, runtime):
    manifest = make_picture_bundle(tmp_path, ("int8",))
    assert open_engine(tmp_path, manifest, "cpu", runtime=runtime).precision == "int8"


def test_what_really_runs_is_read_back(made):
    assert OpenVinoCpuEngine(*made).ran_in == {"f32": 2}
    ran_in = OpenVinoCpuEngine(*made, "int8").ran_in
    assert sum(ran_in.values()) == 2
    assert set(ran_in) <= {"i8", "u8", "f32"}


def test_another_precision_than_the_one_asked_for_is_refused(made, monkeypatch):
    monkeypatch.setattr(OpenVinoGraph, "executed_precisions", lambda _: {"bf16": 2})
    with pytest.raises(CompileError, match=r"would compute in \{'bf16': 2\}, asked for was fp32.*ONNX Runtime"):
        OpenVinoCpuEngine(*made)


def test_outputs_are_the_callers_own(made, runtime):
    engine = open_engine(*made, "cpu", runtime=runtime)
    first = engine.run({"image": pictures(1, 1)})
    kept = {name: array.copy() for name, array in first.items()}
    engine.run({"image": pictures(1, 2)})
    for name, array in first.items():
        np.testing.assert_array_equal(array, kept[name])


def test_inputs_are_held_to_the_manifest(made, runtime):
    engine = open_engine(*made, "cpu", runtime=runtime)
    with pytest.raises(ValueError, match="raw uint8 pixels"):
        engine.run({"image": pictures().astype(np.float32)})
    with pytest.raises(ValueError, match="shape"):
        engine.run({"image": pictures()[:, :8]})
    with pytest.raises(ValueError, match="inputs are"):
        engine.run({"picture": pictures()})


def test_openvino_wants_a_picture_and_an_open_engine(made):
    engine = open_engine(*made, "cpu", runtime="openvino")
    with pytest.raises(ValueError, match="no picture"):
        engine.run({"image": pictures(0)})
    engine.close()
    engine.close()
    with pytest.raises(ValueError, match="closed"):
        engine.run({"image": pictures(1)})


def test_warming_up_says_how_often_it_ran(made, runtime):
    engine = open_engine(*made, "cpu", runtime=runtime)
    assert 3 <= engine.warm_up() <= 20
    assert engine.warm_up(1) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"inputs": [{"name": "image", "dtype": "uint8", "shape": ["batch", 16, 25, 1]}]}, "input image has shape"),
        ({"inputs": [{"name": "image", "dtype": "float32", "shape": ["batch", 16, 24, 1]}]}, "image is uint8"),
        ({"inputs": [{"name": "photo", "dtype": "uint8", "shape": ["batch", 16, 24, 1]}]}, r"inputs are \['image'\]"),
        (
            {"outputs": [{"name": "score", "dtype": "float32", "shape": ["batch", 1], "unit": "1"}]},
            r"outputs are \['heat_map', 'score'\], the manifest says \['score'\]",
        ),
    ],
)
def test_a_graph_that_differs_from_the_manifest_is_refused(made, tmp_path, runtime, change, told):
    from edge_runtime.bundle import ManifestDraft

    folder, manifest = made
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    draft = manifest.model_dump(exclude={"version", "graphs", "golden"})
    graphs = [graph.model_dump(exclude={"sha256", "bytes"}) for graph in manifest.graphs]
    golden = manifest.golden.model_dump(exclude={"sha256", "bytes", "samples"})
    other = write_bundle(
        tmp_path, ManifestDraft.model_validate({**draft, "graphs": graphs, "golden": golden, **change})
    )
    with pytest.raises(BundleError, match=told):
        open_engine(tmp_path, other, "cpu", runtime=runtime)


def test_what_is_no_graph_is_refused(made, tmp_path, runtime):
    _, manifest = made
    (tmp_path / "model.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(BundleError, match=r"model\.onnx cannot be loaded"):
        open_engine(tmp_path, manifest, "cpu", runtime=runtime)


def test_outputs_keep_their_names_where_a_tensor_has_two(tmp_path):
    (tmp_path / "model.onnx").write_bytes(picture_graph(output="worst"))
    graph = OpenVinoGraph(tmp_path / "model.onnx", ["worst", "heat_map"])
    assert list(graph.outputs) == ["heat_map", "worst"]
    graph.compile()
    assert graph.run({"image": pictures(3)})["worst"].shape == (3, 1)


def test_openvino_reports_its_use_to_nobody(made):
    open_engine(*made, "cpu", runtime="openvino")
    assert sys.modules["openvino_telemetry"] is None
