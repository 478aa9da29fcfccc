"""Targets: where engines run, how far they may be from the trainer, and who compiles for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Protocol

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from factory_assets.foundation.errors import FactoryError, broken_contract

Precision = Literal["fp32", "fp16", "int8"]
Task = Literal["rul", "inspection"]


class TargetsFileError(FactoryError, ValueError):
    """A targets file that cannot be used; the message names file and field."""


class CompilerUnavailable(FactoryError, RuntimeError):  # noqa: N818 (the name says what happened)
    """There is no compiler for a target, or it is not installed here."""


class CompileError(FactoryError, RuntimeError):
    """A compiler refused a graph; the message is the compiler's own."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tolerance(_Strict):
    """How far an engine's output may be from the trainer's: atol + rtol * |trainer|, in the output's unit."""

    atol: float = Field(ge=0)
    rtol: float = Field(ge=0)


class _TargetInFile(_Strict):
    """A target as the file tells it: tolerances by task, since each task's outputs have a unit of their own."""

    title: str
    runtime: str
    compile: Literal["never", "ahead", "on-device"]
    precisions: dict[Task, dict[Precision, Tolerance]]


class _TargetsFile(_Strict):
    targets: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], _TargetInFile] = Field(min_length=1)


class Target(_Strict):
    """One kind of place where the engines of a task run.

    `compile` says when: `never` (it runs the ONNX graph itself), `ahead` (before the release) or `on-device` (there,
    from the signed graph, since such an engine fits one GPU only).
    """

    title: str
    runtime: str
    compile: Literal["never", "ahead", "on-device"]
    precisions: dict[Precision, Tolerance] = Field(min_length=1)


class Targets(_Strict):
    """Where the engines of one task run."""

    targets: dict[str, Target]

    def asking_for(self, precision: Precision) -> list[str]:
        """Targets that want a precision."""
        return [name for name, target in self.targets.items() if precision in target.precisions]

    def other_precisions(self) -> list[Precision]:
        """Precisions beside FP32 that some target wants, in one order."""
        wanted = {precision for target in self.targets.values() for precision in target.precisions}
        return sorted(wanted - {"fp32"})

    def is_for_device(self, target: str) -> bool:
        """Whether engines for a target are compiled on the device that runs them."""
        return self.targets[target].compile == "on-device"


@dataclass(frozen=True)
class CompiledEngine:
    """An engine that was compiled ahead of time.

    Attributes:
        target: The target's name.
        precision: What it computes in.
        path: Its file.
        bytes: Its size.
        sha256: Digest of the file.
        compiler: Name and version.
        tensor_types: How many tensors of the network have each data type, as the compiler reports it.
    """

    target: str
    precision: Precision
    path: Path
    bytes: int
    sha256: str
    compiler: str
    tensor_types: dict[str, int]


class Compiler(Protocol):
    """Makes engines of ONNX graphs for one target."""

    def compile(self, onnx: Path, out: Path, precision: Precision) -> CompiledEngine:
        """Compile a graph into the file `out`.

        Raises:
            CompilerUnavailable: It is not installed here, or not for this precision.
            CompileError: It refuses the graph.
        """


def load_targets(path: Path, task: Task) -> Targets:
    """Read and check a targets file; what it says of one task.

    Raises:
        TargetsFileError: The file is missing, is not YAML or breaks the contract.
    """
    try:
        found = _TargetsFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        msg = f"targets file {path} cannot be read: {error}"
        raise TargetsFileError(msg) from error
    except ValidationError as error:
        raise TargetsFileError(broken_contract(f"targets file {path}", error)) from error
    wanted = {name: target for name, target in found.targets.items() if target.precisions.get(task)}
    return Targets(
        targets={
            name: Target(**{**target.model_dump(), "precisions": target.precisions[task]})
            for name, target in wanted.items()
        }
    )


def compiler_for(target: str) -> Compiler:
    """The compiler for a target.

    Raises:
        CompilerUnavailable: Nothing is compiled ahead of time for it.
    """
    if target == "tensorrt-rtx":
        from factory_assets.engines.tensorrt_rtx import TensorRtRtxCompiler

        return TensorRtRtxCompiler()
    msg = f"nothing here compiles for target {target!r}: set compile: on-device in targets.yaml, or add a compiler"
    raise CompilerUnavailable(msg)
