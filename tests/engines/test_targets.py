"""The targets file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from factory_assets.engines.targets import CompilerUnavailable, TargetsFileError, compiler_for, load_targets
from tests.conftest import ROOT

SHIPPED = ROOT / "configs" / "targets.yaml"


def changed(tmp_path: Path, target: str, **changes: object) -> Path:
    content = yaml.safe_load(SHIPPED.read_text())
    content["targets"][target] |= changes
    path = tmp_path / "targets.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_shipped_file_says_who_runs_the_graph_and_who_is_compiled_for() -> None:
    targets = load_targets(SHIPPED, "rul")
    assert targets.asking_for("fp32") == ["cpu", "tensorrt-rtx", "tensorrt"]
    assert targets.asking_for("int8") == ["tensorrt"]
    assert targets.other_precisions() == ["fp16", "int8"]
    assert [name for name in targets.targets if targets.is_for_device(name)] == ["tensorrt"]
    assert targets.targets["tensorrt-rtx"].compile == "ahead"
    assert targets.targets["cpu"].precisions["fp32"].atol == 0.01


def test_each_task_has_tolerances_in_its_own_unit_and_precisions_of_its_own() -> None:
    targets = load_targets(SHIPPED, "inspection")
    assert targets.asking_for("int8") == ["cpu", "tensorrt-rtx", "tensorrt"]
    assert targets.asking_for("fp16") == ["tensorrt-rtx", "tensorrt"]
    assert all(tolerance.atol <= 1 for target in targets.targets.values() for tolerance in target.precisions.values())


def test_a_target_that_a_task_does_not_ask_for_is_not_there(tmp_path: Path) -> None:
    only_rul = changed(tmp_path, "tensorrt", precisions={"rul": {"fp32": {"atol": 1, "rtol": 0}}})
    assert "tensorrt" not in load_targets(only_rul, "inspection").targets


def test_a_broken_file_is_refused_with_the_field(tmp_path: Path) -> None:
    with pytest.raises(TargetsFileError, match=r"targets\.cpu\.precisions\.rul\.fp32\.atol"):
        load_targets(changed(tmp_path, "cpu", precisions={"rul": {"fp32": {"atol": -1, "rtol": 0}}}), "rul")
    with pytest.raises(TargetsFileError, match=r"targets\.cpu\.speed"):
        load_targets(changed(tmp_path, "cpu", speed="fast"), "rul")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetsFileError, match=r"absent\.yaml"):
        load_targets(tmp_path / "absent.yaml", "rul")


def test_a_target_without_a_compiler_says_what_to_do() -> None:
    with pytest.raises(CompilerUnavailable, match="compile: on-device"):
        compiler_for("abacus")
