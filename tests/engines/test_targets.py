"""The targets file, and compiling for the targets in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from factory_assets.engines import compilation
from factory_assets.engines.targets import (
    CompileError,
    CompilerUnavailable,
    TargetsFileError,
    compiler_for,
    load_targets,
)
from tests.conftest import ROOT

SHIPPED = ROOT / "configs" / "targets.yaml"


def changed(tmp_path: Path, target: str, **changes: object) -> Path:
    content = yaml.safe_load(SHIPPED.read_text())
    content["targets"][target] |= changes
    path = tmp_path / "targets.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_shipped_file_says_who_runs_the_graph_and_who_is_compiled_for() -> None:
    targets = load_targets(SHIPPED)
    assert targets.of_graph() == ["cpu"]
    assert targets.of_engines() == [("tensorrt-rtx", "fp32")]
    assert targets.targets["cpu"].precisions["fp32"].atol == 0.01


def test_a_broken_file_is_refused_with_the_field(tmp_path: Path) -> None:
    with pytest.raises(TargetsFileError, match=r"targets\.cpu\.precisions\.fp32\.atol"):
        load_targets(changed(tmp_path, "cpu", precisions={"fp32": {"atol": -1, "rtol": 0}}))
    with pytest.raises(TargetsFileError, match=r"targets\.cpu\.speed"):
        load_targets(changed(tmp_path, "cpu", speed="fast"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetsFileError, match=r"absent\.yaml"):
        load_targets(tmp_path / "absent.yaml")


def test_a_target_without_a_compiler_says_what_to_do() -> None:
    with pytest.raises(CompilerUnavailable, match="compiled: false"):
        compiler_for("abacus")


def test_targets_that_cannot_be_compiled_for_here_are_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Absent:
        def compile(self, *_: object) -> None:
            msg = "not installed"
            raise CompilerUnavailable(msg)

    monkeypatch.setattr(compilation, "compiler_for", lambda _: Absent())
    assert compilation.compile_all(tmp_path / "m.onnx", tmp_path, load_targets(SHIPPED)) == ([], ["not installed"])


def test_a_refused_graph_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def compile(self, *_: object) -> None:
            msg = "no such operation"
            raise CompileError(msg)

    monkeypatch.setattr(compilation, "compiler_for", lambda _: Refusing())
    with pytest.raises(CompileError, match="no such operation"):
        compilation.compile_all(tmp_path / "m.onnx", tmp_path, load_targets(SHIPPED))
