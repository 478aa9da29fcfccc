"""The one builder: through TensorRT-RTX itself, and through a stand-in where `tensorrt` differs."""

from __future__ import annotations

import sys

import onnx
import pytest

from edge_runtime.engine.tensorrt_backend import load_backend
from edge_runtime.engine.tensorrt_builder import BuildSettings, build_engine
from edge_runtime.errors import CompileError, CompilerUnavailable, TargetUnavailable
from tests.tiny_graphs import make_typed_bundle, odd_operation

NOT_HERE = "TensorRT-RTX is not installed: the builder is tried with the stand-in alone"


@pytest.fixture
def rtx():
    pytest.importorskip("tensorrt_rtx", reason=NOT_HERE)
    return load_backend("tensorrt-rtx")


@pytest.fixture
def backend(tensorrt):
    return load_backend("tensorrt")


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """The tiny bundle's graph in every precision."""
    folder = tmp_path_factory.mktemp("typed")
    manifest = make_typed_bundle(folder, ("fp32", "fp16", "int8"))
    return {graph.computes_in: (folder / graph.path).read_bytes() for graph in manifest.graphs}


@pytest.mark.parametrize(("precision", "type_name"), [("fp32", "FLOAT"), ("fp16", "HALF"), ("int8", "INT8")])
def test_tensorrt_rtx_compiles_every_precision_in_the_types_of_the_graph(rtx, graphs, precision, type_name):
    lines = []
    built = build_engine(rtx, graphs[precision], name="tiny", precision=precision, progress=lines.append)
    assert built.tensor_types[type_name] > 0
    assert len(built.data) > 1000
    assert built.cache_use == "not kept"
    assert any("steps" in line for line in lines)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_tensorrt_rtx_gives_equal_engines_for_equal_graphs(rtx, graphs, precision):
    first, second = (build_engine(rtx, graphs[precision], name="t", precision=precision).data for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("has", "asked"), [("fp32", "fp16"), ("fp32", "int8"), ("fp16", "fp32"), ("int8", "fp16")])
def test_another_precision_than_the_graphs_is_refused(rtx, graphs, has, asked):
    with pytest.raises(CompileError, match=f"computes in {has}.*asked for is {asked}"):
        build_engine(rtx, graphs[has], name="tiny", precision=asked)


def test_the_parsers_reason_is_told_every_time(rtx):
    for _ in range(2):
        with pytest.raises(CompileError, match=r"parser of tensorrt_rtx .* refuses odd: .*Abacus"):
            build_engine(rtx, odd_operation(), name="odd", precision="fp32")


def test_networks_are_strongly_typed_with_one_profile_of_the_batches(backend, tensorrt, graphs):
    settings = BuildSettings(smallest_batch=2, usual_batch=3, largest_batch=5, workspace_bytes=1 << 20)
    build_engine(backend, graphs["fp32"], name="tiny", precision="fp32", settings=settings)
    (config,) = tensorrt.builds
    assert tensorrt.creation_flags == [1 << 1]
    assert config.flags == {"TF32": False, "STRICT_NANS": True}
    assert config.workspace_bytes == 1 << 20
    (profile,) = config.profiles
    assert profile.shapes["age_cycles"] == ((2, 1), (3, 1), (5, 1))
    assert [shape[0] for shape in profile.shapes["window"]] == [2, 3, 5]


def test_where_the_flag_is_gone_every_network_is_strongly_typed(backend, tensorrt, graphs, monkeypatch):
    monkeypatch.setattr(type(tensorrt), "NetworkDefinitionCreationFlag", object())
    build_engine(backend, graphs["fp32"], name="tiny", precision="fp32")
    assert tensorrt.creation_flags == [0]


def test_a_second_build_is_given_what_the_first_measured(backend, tensorrt, graphs, tmp_path):
    cache = tmp_path / "timing.cache"
    uses = [
        build_engine(backend, graphs["fp32"], name="t", precision="fp32", timing_cache=cache).cache_use
        for _ in range(2)
    ]
    assert uses == ["begun", "used"]
    assert tensorrt.seen_caches == [b"", cache.read_bytes()]
    assert cache.read_bytes()


@pytest.mark.parametrize("damaged", [b"", b"from another machine"])
def test_a_cache_that_does_not_fit_is_begun_anew(backend, tensorrt, graphs, tmp_path, damaged):
    cache = tmp_path / "timing.cache"
    cache.write_bytes(damaged)
    built = build_engine(backend, graphs["fp32"], name="t", precision="fp32", timing_cache=cache)
    assert built.cache_use == "begun"
    assert cache.read_bytes() not in (b"", damaged)


def test_a_library_without_timing_caches_writes_none(rtx, graphs, tmp_path):
    cache = tmp_path / "timing.cache"
    assert build_engine(rtx, graphs["fp32"], name="t", precision="fp32", timing_cache=cache).cache_use == "not kept"
    assert not cache.exists()


def test_only_the_outer_phases_are_told(backend, graphs):
    lines = []
    build_engine(backend, graphs["fp32"], name="t", precision="fp32", progress=lines.append)
    assert lines == ["Building, 2 steps", "Timing, 7 steps"]


def test_a_build_that_nobody_listens_to_any_more_is_stopped(backend, tensorrt, graphs):
    def gone(_):
        raise BrokenPipeError

    build_engine(backend, graphs["fp32"], name="t", precision="fp32", progress=gone)
    build_engine(backend, graphs["fp32"], name="t", precision="fp32", progress=lambda _: None)
    assert tensorrt.heard == [False, True]


def test_the_builders_reason_is_told_and_no_cache_is_written(backend, tensorrt, graphs, tmp_path):
    tensorrt.fails_with = "out of memory in tactic 7"
    with pytest.raises(CompileError, match=r"builder of tensorrt 10\.3\.0 refuses tiny: out of memory in tactic 7"):
        build_engine(backend, graphs["fp32"], name="tiny", precision="fp32", timing_cache=tmp_path / "t.cache")
    assert not (tmp_path / "t.cache").exists()


def test_only_the_first_axis_may_be_free(backend):
    model = onnx.load_from_string(odd_operation())
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "wide"
    with pytest.raises(CompileError, match=r"input x has shape \(-1, -1\)"):
        build_engine(backend, model.SerializeToString(), name="odd", precision="fp32")


def test_without_the_library_the_message_says_where_it_comes_from(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(CompilerUnavailable, match=r"tensorrt.*JetPack.*--system-site-packages"):
        load_backend("tensorrt")
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(CompilerUnavailable, match="tensorrt-rtx-cu12"):
        load_backend("tensorrt-rtx")


def test_an_old_tensorrt_is_refused(tensorrt):
    tensorrt.__version__ = "8.6.2"
    with pytest.raises(CompilerUnavailable, match=r"8\.6\.2 cannot compile strongly typed"):
        load_backend("tensorrt")


def test_a_target_that_nothing_compiles_for_names_those_that_there_are():
    with pytest.raises(TargetUnavailable, match="tensorrt, tensorrt-rtx"):
        load_backend("cpu")
