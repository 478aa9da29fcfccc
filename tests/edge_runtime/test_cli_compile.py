"""`factory-edge compile` from pull to status, through real side processes: TensorRT-RTX compiles, no GPU proves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.bundle.state import only_one, open_active
from edge_runtime.cli import main
from edge_runtime.engine import compilation
from edge_runtime.engine.compilation import compile_active, engine_states
from edge_runtime.engine.compile_worker import Job
from edge_runtime.engine.cuda import CudaDevice
from edge_runtime.engine.store import EngineStore
from edge_runtime.errors import (
    BundleError,
    CompileError,
    CompilerUnavailable,
    InputError,
    NoReleaseError,
    TargetUnavailable,
)
from tests.tiny_graphs import make_typed_bundle

ROOT = Path(__file__).resolve().parents[2]
CLEAN = ROOT / ".venv-edge" / "bin" / "factory-edge"
DYING_WORKER = """
import sys
print('{"progress": "working"}')
print("noise")
sys.stderr.write("segment fault")
sys.exit(9)
"""
HEADER = "unit_id,cycle,egt_degc,vib_mm_s,oil_kpa\n"


def has_gpu():
    try:
        with CudaDevice():
            return True
    except CompilerUnavailable:
        return False


needs_rtx = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import tensorrt_rtx"], capture_output=True, check=False).returncode != 0,
    reason="TensorRT-RTX is not installed: nothing can be compiled here",
)
needs_no_gpu = pytest.mark.skipif(has_gpu(), reason="this machine has a GPU: engines are verified")


@pytest.fixture
def pulled(site):
    make_typed_bundle(site.root / "typed")
    site.publish(site.root / "typed")
    site.pull()
    return site


@pytest.fixture
def command(capsys):
    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@needs_rtx
@needs_no_gpu
def test_without_a_gpu_engines_are_compiled_not_verified_and_never_serve(pulled, command):
    report = pulled.root / "report.json"
    arguments = ("compile", "--state", pulled.state, "--target", "tensorrt-rtx", "--json", report)
    code, out, err = command(*arguments)
    assert (code, err) == (0, "")
    assert "rul-F1 fp16: compiling with tensorrt_rtx" in out
    assert "rul-F1 tensorrt-rtx fp16: compiled, not verified: no GPU" in out
    engines = json.loads(report.read_text())["engines"]
    assert [engine["precision"] for engine in engines] == ["fp32", "fp16"]
    assert engines[1]["tensor_types"]["HALF"] > 0
    assert not any("gpu_name" in engine or "differences" in engine for engine in engines)

    code, out, _ = command("status", "--state", pulled.state, "--json", report)
    assert code == 0
    assert "rul-F1 tensorrt-rtx fp32: compiled, not verified: no GPU" in out
    assert "rul-F1 tensorrt fp16: to be compiled on the device" in out
    assert len(json.loads(report.read_text())["engines"]) == 4

    source, answer = pulled.root / "in.csv", pulled.root / "out.json"
    source.write_text(HEADER + "p,1,1,1,1\n")
    predict = ("predict", "--state", pulled.state, "--input", source, "--json", answer)
    code, _, err = command(*predict, "--target", "tensorrt-rtx")
    assert code == 1
    assert "NVIDIA driver" in err
    assert not answer.exists()
    assert command(*predict)[0] == 0


@needs_rtx
@needs_no_gpu
def test_compiling_again_keeps_the_engine_and_removes_those_of_older_releases(pulled):
    def compiled():
        compile_active(pulled.state, target="tensorrt-rtx", precision="fp32")
        return {record.key.onnx_sha256: record.sha256 for record in EngineStore(pulled.state).records()}

    first = compiled()
    assert len(first) == 1
    assert compiled() == first
    stale = next(iter(EngineStore(pulled.state).records()))
    other = stale.model_copy(update={"key": stale.key.model_copy(update={"onnx_sha256": "d" * 64})})
    EngineStore(pulled.state).put(other, EngineStore(pulled.state).read(stale))
    assert compiled() == first


def test_where_there_is_no_tensorrt_it_is_said(pulled, command):
    code, out, err = command("compile", "--state", pulled.state)
    assert code == 1
    assert err.startswith("factory-edge: target tensorrt needs the Python module tensorrt")
    assert "JetPack" in err
    assert "Traceback" not in out + err
    assert list(EngineStore(pulled.state).records()) == []
    assert command("status", "--state", pulled.state)[0] == 0


@pytest.mark.skipif(not CLEAN.is_file(), reason=".venv-edge is not there: run make setup")
@pytest.mark.parametrize("target", ["tensorrt", "tensorrt-rtx"])
def test_where_there_is_no_tensorrt_it_is_said_in_the_clean_environment(pulled, target, tmp_path):
    arguments = ["compile", "--state", str(pulled.state), "--target", target]
    done = subprocess.run(
        [CLEAN, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"factory-edge: target {target} needs the Python module")
    assert len(done.stderr.splitlines()) == 1


def test_what_the_release_has_not_cannot_be_compiled(site, command, pulled):
    for more in (["--precision", "int8"], ["--target", "abacus"], ["--bundle", "rul-F9"]):
        code, _, err = command("compile", "--state", pulled.state, *more)
        assert code == 2
        assert "nothing to compile" in err
    with pytest.raises(NoReleaseError):
        compile_active(site.root / "nowhere", target="tensorrt")
    with pytest.raises(TargetUnavailable, match="tensorrt-rtx"):
        compile_active(pulled.state, target="cpu")


def test_one_compilation_at_a_time(pulled):
    folder = EngineStore(pulled.state).folder
    folder.mkdir()
    with only_one(folder, "compilation"), pytest.raises(InputError, match="another compilation is at work"):
        compile_active(pulled.state, target="tensorrt")


def test_a_worker_that_dies_is_told_with_its_last_words(pulled, monkeypatch, tmp_path):
    (tmp_path / "dying_worker.py").write_text(DYING_WORKER)
    monkeypatch.setattr(compilation, "WORKER", "dying_worker")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    job = Job(bundle_folder=pulled.root / "typed", state=pulled.state, target="tensorrt", precision="fp32")
    lines = []
    with pytest.raises(CompileError, match=r"code 9 and no answer: segment fault"):
        compilation.run_worker(job, lines.append)
    assert lines == ["working"]


def test_one_refused_engine_does_not_keep_the_others_back(pulled, monkeypatch):
    asked = []

    def worker(job, tell):
        asked.append(job.precision)
        raise BundleError(f"{job.precision} will not do", "mend it")

    monkeypatch.setattr(compilation, "run_worker", worker)
    lines = []
    with pytest.raises(BundleError, match="fp32 will not do; fp16 will not do"):
        compile_active(pulled.state, target="tensorrt", progress=lines.append)
    assert asked == ["fp32", "fp16"]
    assert lines == ["rul-F1 fp32: fp32 will not do", "rul-F1 fp16: fp16 will not do"]


def test_engines_of_a_cpu_release_are_no_matter(site):
    site.publish(site.bundle())
    site.pull()
    assert engine_states(site.state, open_active(site.state)) == []
