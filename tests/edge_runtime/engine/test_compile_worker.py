"""Compiling, proving, storing and serving, with a stand-in for TensorRT: the flow, not its results."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from edge_runtime.engine import compile_worker, cuda, open_engine
from edge_runtime.engine.compile_worker import Job, compile_one
from edge_runtime.engine.serving import engine_for_serving
from edge_runtime.engine.store import EngineStore
from edge_runtime.errors import (
    BundleError,
    CompileError,
    CompilerUnavailable,
    GoldenMismatch,
    GpuError,
    TargetUnavailable,
)


def quiet(_):
    return None


@pytest.fixture
def bundle(tmp_path, typed_bundle):
    folder = tmp_path / "bundle"
    typed_bundle(folder)
    return folder


@pytest.fixture
def job(bundle, tmp_path):
    return Job(bundle_folder=bundle, state=tmp_path / "state", target="tensorrt", precision="fp16")


def serve(job, manifest, precision=None):
    return engine_for_serving(job.state, job.bundle_folder, manifest, job.target, precision)


def again(job, typed_bundle, **options):
    """The bundle made anew; equal graphs, other golden samples or tolerance."""
    return typed_bundle(job.bundle_folder, **options)


def test_an_engine_is_compiled_proven_and_stored(job, gpu, tensorrt):
    lines = []
    answer = compile_one(job, lines.append)
    assert (answer.was_there, answer.cache_use) == (False, "begun")
    assert answer.record.state == "verified"
    assert answer.record.proof.differences["rul_cycles"] < 0.1
    assert answer.record.key.gpu_name == "Orin"
    assert answer.record.key.compiler == "tensorrt 10.3.0"
    assert lines[0] == "compiling with tensorrt 10.3.0"
    assert lines[-1] == "running the golden samples"
    assert EngineStore(job.state).find(answer.record.key) == answer.record
    assert gpu.memory == {}


def test_what_is_proven_is_not_done_again(job, gpu, tensorrt):
    first = compile_one(job, quiet)
    second = compile_one(job, quiet)
    assert second.was_there
    assert second.record == first.record
    assert len(tensorrt.builds) == 1


def test_all_precisions_share_one_timing_cache(job, gpu, tensorrt):
    assert compile_one(job, quiet).cache_use == "begun"
    assert compile_one(job.model_copy(update={"precision": "fp32"}), quiet).cache_use == "used"
    assert len(list((job.state / "engines").glob("timing-*.cache"))) == 1


def test_another_tensorrt_or_gpu_needs_another_engine(job, gpu, tensorrt):
    compile_one(job, quiet)
    tensorrt.__version__ = "10.16.1"
    compile_one(job, quiet)
    gpu.capability = (8, 9)
    compile_one(job, quiet)
    assert len(tensorrt.builds) == 3
    assert len(list(EngineStore(job.state).records())) == 3


def test_an_engine_that_was_changed_is_made_again(job, gpu, tensorrt):
    record = compile_one(job, quiet).record
    EngineStore(job.state).engine_file(record.key).write_bytes(b"engine of a stranger")
    assert not compile_one(job, quiet).was_there
    assert len(tensorrt.builds) == 2


def test_other_golden_samples_are_run_without_compiling_again(job, gpu, tensorrt, typed_bundle):
    first = compile_one(job, quiet).record
    manifest = again(job, typed_bundle, golden_error=0.2)
    second = compile_one(job, quiet)
    assert (second.was_there, second.cache_use, len(tensorrt.builds)) == (False, None, 1)
    assert second.record.sha256 == first.sha256
    assert second.record.is_proven_for(manifest)
    assert second.record.tensor_types == first.tensor_types


def test_an_engine_that_misses_its_golden_samples_is_not_stored(job, gpu, tensorrt, typed_bundle):
    manifest = again(job, typed_bundle, golden_error=3.0)
    with pytest.raises(GoldenMismatch, match="rul_cycles"):
        compile_one(job, quiet)
    assert list(EngineStore(job.state).records()) == []
    with pytest.raises(TargetUnavailable, match="no verified engine"):
        serve(job, manifest)


def test_the_engine_that_the_signed_bundle_holds_is_taken_for_the_same_compiler(
    job, gpu, tensorrt, typed_bundle, bundle
):
    from edge_runtime.bundle import EngineDraft, ManifestDraft, write_bundle

    manifest = typed_bundle(bundle)
    (bundle / "ahead.engine").write_bytes(b"engine" + (bundle / "model-fp16.onnx").read_bytes())
    draft = manifest.model_dump(exclude={"version", "graphs", "golden", "engines"})
    graphs = [graph.model_dump(exclude={"sha256", "bytes"}) for graph in manifest.graphs]
    golden = manifest.golden.model_dump(exclude={"sha256", "bytes", "samples"})
    engine = EngineDraft(path="ahead.engine", target="tensorrt", precision="fp16", compiler="tensorrt 10.3.0")
    write_bundle(
        bundle, ManifestDraft.model_validate({**draft, "graphs": graphs, "golden": golden, "engines": [engine]})
    )
    record = compile_one(job, quiet).record
    assert (tensorrt.builds, record.tensor_types, record.state) == ([], None, "verified")
    tensorrt.__version__ = "10.4.0"
    compile_one(job, quiet)
    assert len(tensorrt.builds) == 1


def test_a_graph_that_is_not_the_signed_one_is_refused(job, gpu, tensorrt):
    path = job.bundle_folder / "model-fp16.onnx"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(BundleError, match=r"model-fp16\.onnx is not what the manifest says"):
        compile_one(job, quiet)
    assert tensorrt.builds == []


def test_tensorrt_without_a_gpu_is_refused_with_a_mend(job, gpu, tensorrt):
    gpu.gpus = 0
    with pytest.raises(CompilerUnavailable, match=r"compiled on the GPU that will run it.*group video"):
        compile_one(job, quiet)
    assert tensorrt.builds == []


def test_a_gpu_without_pycuda_is_refused_with_a_mend(job, gpu, tensorrt, monkeypatch):
    def absent():
        raise CompilerUnavailable("no pycuda", "install factory-edge[tensorrt]")

    monkeypatch.setattr(cuda, "load_pycuda", absent)
    for target, package in (("tensorrt", "tensorrt"), ("tensorrt-rtx", "tensorrt_rtx")):
        monkeypatch.setitem(sys.modules, package, tensorrt)
        with pytest.raises(CompilerUnavailable, match=r"install factory-edge\[tensorrt\]"):
            compile_one(job.model_copy(update={"target": target}), quiet)
    assert tensorrt.builds == []


def test_a_precision_that_the_bundle_has_not(job, gpu, tensorrt):
    with pytest.raises(TargetUnavailable, match="no int8 graph"):
        compile_one(job.model_copy(update={"precision": "int8"}), quiet)


def test_serving_gives_what_the_graph_gives_in_pieces_of_the_largest_batch(job, gpu, tensorrt, typed_bundle, samples):
    manifest = again(job, typed_bundle)
    compile_one(job, quiet)
    engine = serve(job, manifest)
    wanted = open_engine(job.bundle_folder, manifest, "cpu").run(samples)["rul_cycles"]
    np.testing.assert_allclose(engine.run(samples)["rul_cycles"], wanted, atol=0.1)
    assert tensorrt.engines[-1].contexts[1].batches == [256, 256, 88]
    assert (engine.target, engine.precision) == ("tensorrt", "fp16")
    with pytest.raises(ValueError, match="age_cycles"):
        engine.run({"window": samples["window"]})


def test_the_most_exact_verified_engine_serves_unless_another_is_asked_for(job, gpu, tensorrt, typed_bundle):
    manifest = again(job, typed_bundle)
    for precision in ("fp16", "fp32"):
        compile_one(job.model_copy(update={"precision": precision}), quiet)
    assert serve(job, manifest).precision == "fp32"
    assert serve(job, manifest, "fp16").precision == "fp16"
    with pytest.raises(TargetUnavailable, match=r"precision int8.*factory-edge compile"):
        serve(job, manifest, "int8")


def test_an_engine_whose_samples_changed_does_not_serve(job, gpu, tensorrt, typed_bundle):
    compile_one(job, quiet)
    manifest = again(job, typed_bundle, golden_error=0.1)
    with pytest.raises(TargetUnavailable, match="no verified engine"):
        serve(job, manifest)


def test_an_engine_that_cannot_be_loaded_is_said_with_the_reason(job, gpu, tensorrt, typed_bundle, monkeypatch):
    manifest = again(job, typed_bundle)
    compile_one(job, quiet)
    monkeypatch.setattr(EngineStore, "read", lambda *_: b"of another library")
    with pytest.raises(CompileError, match=r"magic tag.*factory-edge compile again"):
        serve(job, manifest)


def test_an_engine_allocates_when_it_is_opened_and_never_again(job, gpu, tensorrt, typed_bundle, samples):
    manifest = again(job, typed_bundle)
    compile_one(job, quiet)
    engine = serve(job, manifest)
    before = gpu.allocations
    for count in (1, 600, 3, 1):
        engine.run({name: array[:count] for name, array in samples.items()})
    assert gpu.allocations == before
    engine.close()
    engine.close()
    assert gpu.memory == {}


def one_by_one(engine, samples):
    found = [engine.run({name: array[n : n + 1] for name, array in samples.items()}) for n in range(20)]
    return np.concatenate([one["rul_cycles"] for one in found])


def test_single_samples_are_launched_as_one_graph_once_the_engine_is_warm(job, gpu, tensorrt, typed_bundle, samples):
    manifest = again(job, typed_bundle)
    compile_one(job, quiet)
    engine = serve(job, manifest)
    assert engine.launches == "plain"
    plain = one_by_one(engine, samples)
    assert engine.warm_up() >= 3
    assert engine.launches == "graph"
    gpu.launched, calls = 0, len(tensorrt.engines[-1].contexts[0].batches)
    np.testing.assert_array_equal(one_by_one(engine, samples), plain)
    assert gpu.launched == 20
    assert len(tensorrt.engines[-1].contexts[0].batches) == calls
    many = engine.run(samples)["rul_cycles"]
    np.testing.assert_allclose(many[:20], plain, atol=1e-4)
    np.testing.assert_array_equal(one_by_one(engine, samples), plain)
    assert engine.warm_up(2) == 2
    engine.close()
    assert gpu.graphs == {}


@pytest.mark.parametrize("call", ["cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags"])
def test_where_nothing_can_be_recorded_launches_stay_plain(job, gpu, tensorrt, typed_bundle, samples, call):
    manifest = again(job, typed_bundle)
    compile_one(job, quiet)
    engine = serve(job, manifest)
    plain = one_by_one(engine, samples)
    gpu.refuses = call
    engine.warm_up()
    gpu.refuses = None
    assert engine.launches == "plain"
    np.testing.assert_array_equal(one_by_one(engine, samples), plain)


def test_a_graph_that_gives_other_outputs_is_not_used(job, gpu, tensorrt, typed_bundle, monkeypatch):
    manifest = again(job, typed_bundle)
    compile_one(job, quiet)
    engine = serve(job, manifest)
    monkeypatch.setattr(engine, "_enqueue", wrong_once_recorded(engine, gpu))
    engine.warm_up()
    assert engine.launches == "plain"


def wrong_once_recorded(engine, gpu):
    """Work that is lost when it is recorded, and the outputs' memory is cleared before."""
    right = engine._enqueue

    def enqueue(context, batch):
        right(context, batch)
        stream = gpu.streams[engine._device.stream]
        if stream.recording is not None:
            stream.recording.clear()
            for buffer in engine._outputs.values():
                buffer.host[:] = -1

    return enqueue


def test_a_gpu_that_refuses_is_said(job, gpu, tensorrt, typed_bundle, samples):
    manifest = again(job, typed_bundle)
    compile_one(job, quiet)
    engine = serve(job, manifest)
    gpu.refuses = "synchronize"
    with pytest.raises(GpuError, match="synchronize failed: unspecified launch failure"):
        engine.run(samples)
    tensorrt.engines[-1].contexts[0].refuses = True
    with pytest.raises(CompileError, match="does not run"):
        engine.run({name: array[:1] for name, array in samples.items()})


def test_memory_is_given_back_when_nothing_can_be_opened(job, gpu, tensorrt, typed_bundle, monkeypatch):
    manifest = again(job, typed_bundle)
    compile_one(job, quiet)
    gpu.refuses = "mem_alloc"
    with pytest.raises(GpuError, match="bytes of memory: mem_alloc failed"):
        serve(job, manifest)
    assert gpu.memory == {}


def test_batches_must_agree(job, gpu, tensorrt, typed_bundle, samples):
    manifest = again(job, typed_bundle)
    compile_one(job, quiet)
    engine = serve(job, manifest)
    with pytest.raises(ValueError, match=r"batches of \[2, 3\]"):
        engine.run({"window": samples["window"][:3], "age_cycles": samples["age_cycles"][:2]})
    with pytest.raises(ValueError, match="one sample at least"):
        engine.run({name: array[:0] for name, array in samples.items()})


def told(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_process_tells_progress_and_the_answer(job, gpu, tensorrt, capsys, monkeypatch):
    monkeypatch.setattr(compile_worker.os, "nice", lambda _: 0)
    assert compile_worker.main([job.model_dump_json()]) == 0
    lines = told(capsys)
    assert [next(iter(line)) for line in lines[:-1]] == ["progress"] * (len(lines) - 1)
    assert lines[-1]["answer"]["record"]["proof"]["differences"]


def test_the_process_tells_an_error(job, monkeypatch, capsys):
    monkeypatch.setattr(compile_worker.os, "nice", lambda _: 0)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert compile_worker.main([job.model_dump_json()]) == 1
    (line,) = told(capsys)
    assert line["error"]["kind"] == "CompilerUnavailable"
