"""A compilation that goes on beside the station: it is asked, it never blocks, and it says how it ended."""

from __future__ import annotations

import importlib.util
import time

import pytest

from edge_runtime.engine import compilation_process
from edge_runtime.engine.compilation_process import CompilationProcess
from edge_runtime.engine.store import EngineStore
from edge_runtime.errors import CompileError, CompilerUnavailable, GpuMissing, NoReleaseError
from tests.tiny_graphs import make_typed_bundle

PATIENCE_S = 120
needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None, reason="TensorRT-RTX is not installed: nothing can be compiled"
)
TELLING = """
import os, sys, time
print("a library's noise")
print('{"progress": "rul-F1 fp32: compiling"}', flush=True)
while not os.path.exists("GO"):
    time.sleep(0.01)
print('{"progress": "rul-F1 fp32: running the golden samples"}')
print('{"answer": [{"bundle": "rul-F1", "target": "tensorrt", "precision": "fp32", "state": "verified"}]}', flush=True)
"""


def ended(process):
    """All lines until the end, and the end."""
    lines, give_up = [], time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        found = process.poll()
        lines += found.lines
        if found.is_done:
            return lines, found
        time.sleep(0.01)
    raise AssertionError("it does not end")


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """The process runs this text instead."""

    def write(text):
        (tmp_path / "stand_in.py").write_text(text.replace("GO", str(tmp_path / "go")))
        monkeypatch.setattr(compilation_process, "MODULE", "stand_in")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return CompilationProcess(tmp_path, target="tensorrt")

    return write


@pytest.fixture
def pulled(site):
    make_typed_bundle(site.root / "typed")
    site.publish(site.root / "typed")
    site.pull()
    return site


def test_it_tells_what_it_does_while_it_goes_on_and_then_the_engines(stand_in, tmp_path):
    process = stand_in(TELLING)
    lines, give_up = [], time.monotonic() + PATIENCE_S
    while not lines and time.monotonic() < give_up:
        found = process.poll()
        assert not found.is_done
        lines += found.lines
    assert lines == ["rul-F1 fp32: compiling"]
    assert process.poll().lines == ()
    (tmp_path / "go").touch()
    more, end = ended(process)
    assert more == ["rul-F1 fp32: running the golden samples"]
    assert [engine.state for engine in end.engines] == ["verified"]
    assert (end.error, process.poll().is_done, process.poll().engines, process.poll().lines) == (
        None,
        True,
        end.engines,
        (),
    )
    process.stop()
    assert process.poll().error is None


def test_a_process_that_dies_is_told_with_its_last_words(stand_in):
    _, end = ended(stand_in("import sys; sys.stderr.write('segment fault'); sys.exit(9)"))
    assert isinstance(end.error, CompileError)
    assert "code 9 and no answer: segment fault" in str(end.error)


def test_it_can_be_stopped(stand_in):
    process = stand_in(TELLING)
    process.stop()
    process.stop()
    assert "was stopped" in str(process.poll().error)


def test_what_the_command_refuses_is_told(tmp_path, pulled):
    _, end = ended(CompilationProcess(tmp_path / "nowhere", target="tensorrt"))
    assert isinstance(end.error, NoReleaseError)
    lines, end = ended(CompilationProcess(pulled.state, target="tensorrt", precision="fp32"))
    assert isinstance(end.error, CompilerUnavailable | GpuMissing)
    assert "Traceback" not in "".join(lines)


@needs_rtx
def test_it_compiles_the_active_release(pulled):
    lines, end = ended(CompilationProcess(pulled.state, target="tensorrt-rtx", precision="fp16"))
    assert end.error is None
    assert [(engine.bundle, engine.precision) for engine in end.engines] == [("rul-F1", "fp16")]
    assert any("compiling with tensorrt_rtx" in line for line in lines)
    assert len(list(EngineStore(pulled.state).records())) == 1
