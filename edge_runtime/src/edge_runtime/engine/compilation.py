"""Compiling the active release's graphs on this machine, and which engines there are of them.

The work is done in side processes, one engine after the other.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge_runtime.bundle.manifest import load_manifest
from edge_runtime.bundle.state import RELEASES, Active, only_one, open_active
from edge_runtime.bundle.values import MANIFEST, Precision
from edge_runtime.engine.compile_worker import Answer, Job
from edge_runtime.engine.process_lines import ANSWER, ERROR, PROGRESS, error_told, told
from edge_runtime.engine.store import EngineRecord, EngineStore
from edge_runtime.engine.tensorrt_backend import TARGETS
from edge_runtime.errors import BundleError, CompileError, RefusedError, TargetUnavailable

WORKER = "edge_runtime.engine.compile_worker"
TO_BE_COMPILED = "to be compiled on the device"
AHEAD_OF_TIME = "compiled ahead of time, not verified on this device"
STDERR_CHARACTERS = 2000


@dataclass(frozen=True)
class EngineState:
    """Where one graph of the active release stands on this machine.

    Attributes:
        bundle: Its bundle.
        target: A target that compiles it.
        precision: What it computes in.
        state: `verified`, `compiled, not verified: ...`, `compiled ahead of time, not verified on this device` or
            `to be compiled on the device`.
        compiler: TensorRT's module and version, if there is an engine.
        gpu_name: The GPU it was compiled on, if any.
        bytes: Size of the engine.
        differences: Largest golden difference by output, in the output's unit.
        tensor_types: Tensors of the network by data type.
        cache_use: What the timing cache was used for, if something was compiled now.
    """

    bundle: str
    target: str
    precision: str
    state: str
    compiler: str | None = None
    gpu_name: str | None = None
    bytes: int | None = None
    differences: dict[str, float] | None = None
    tensor_types: dict[str, int] | None = None
    cache_use: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; what is not known is left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def as_line(self) -> str:
        """One line for people."""
        facts = [fact for fact in (self.compiler, self.gpu_name) if fact]
        facts += [f"golden difference of {name} {value:.3g}" for name, value in (self.differences or {}).items()]
        more = f" ({', '.join(facts)})" if facts else ""
        return f"{self.bundle} {self.target} {self.precision}: {self.state}{more}"


def compile_active(
    state: Path,
    *,
    target: str,
    precision: str | None = None,
    bundle: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[EngineState]:
    """Compile what the active release has for a target, and prove every engine with its golden samples.

    What was compiled and proven before is left alone. Engines of graphs that no kept release has are removed.

    Args:
        state: This machine's own folder.
        target: `tensorrt` or `tensorrt-rtx`.
        precision: Only this one; else all that the bundles have.
        bundle: Only this one; else all.
        progress: Told of every phase.

    Raises:
        NoReleaseError: Nothing is active.
        TargetUnavailable: The release has no such graph.
        CompilerUnavailable: TensorRT, or the GPU that it needs, is not here.
        CompileError: TensorRT refuses a graph or fails.
        GoldenMismatch: An engine does not give the expected outputs; it is not stored.
        InputError: Another compilation is at work in the same folder.
    """
    active = open_active(state)
    jobs = [
        (name, entry)
        for name, target_name, entry in _graphs(active)
        if target_name == target and precision in (None, entry) and bundle in (None, name)
    ]
    if not jobs:
        raise TargetUnavailable(
            f"release {active.record.release} has nothing to compile for target {target}, "
            f"precision {precision or 'any'}, bundle {bundle or 'any'}",
            f"factory-edge status shows what there is; targets that are compiled here: {', '.join(TARGETS)}",
        )
    store = EngineStore(state)
    store.folder.mkdir(exist_ok=True)
    done, refused = [], []
    with only_one(store.folder, "compilation"):
        store.remove_others(_kept_graphs(state))
        for name, wanted in jobs:
            folder = active.bundles[name].folder.resolve()
            job = Job(bundle_folder=folder, state=state.resolve(), target=target, precision=wanted)
            tell = partial(_tell, progress, f"{name} {wanted}")
            try:
                answer = run_worker(job, tell)
            except RefusedError as error:
                refused.append(error)
                tell(error.what)
            else:
                if answer.was_there:
                    tell("verified before, left alone")
                done.append(_described(name, answer.record, cache_use=answer.cache_use))
    if refused:
        first = refused[0]
        raise type(first)("; ".join(error.what for error in refused), first.mend)
    return done


def _tell(progress: Callable[[str], None], label: str, line: str) -> None:
    progress(f"{label}: {line}")


def run_worker(job: Job, progress: Callable[[str], None]) -> Answer:
    """Run one job in a process of its own.

    Raises:
        EdgeError: What the job raised.
        CompileError: The process ended without an answer.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr:
        with subprocess.Popen(
            [sys.executable, "-m", WORKER, job.model_dump_json()],
            # The working folder comes first when modules are looked for: it must be no stranger's.
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
        ) as process:
            for kind, value in map(told, process.stdout or ()):
                if kind == PROGRESS:
                    progress(value)
                elif kind == ERROR:
                    raise error_told(value)
                elif kind == ANSWER:
                    return Answer.model_validate(value)
        stderr.seek(0)
        last = stderr.read()[-STDERR_CHARACTERS:].strip()
    raise CompileError(
        f"the compiler of {job.bundle_folder.name} for {job.target} {job.precision} ended with code "
        f"{process.returncode} and no answer: {last or 'nothing was said'}",
        "free memory and try again; if it stays, use --target cpu",
    )


def engine_states(state: Path, active: Active) -> list[EngineState]:
    """Where every graph of the active release stands that a target compiles on the device."""
    records = {(record.key.onnx_sha256, record.key.target): record for record in EngineStore(state).records()}
    states = []
    for name, target, precision in _graphs(active):
        manifest = active.bundles[name].manifest
        graph = manifest.graph(target, precision)
        record = records.get((graph.sha256, target)) if graph else None
        if record is None:
            signed = {(engine.target, engine.precision) for engine in manifest.engines}
            text = AHEAD_OF_TIME if (target, precision) in signed else TO_BE_COMPILED
            states.append(EngineState(bundle=name, target=target, precision=precision, state=text))
        else:
            states.append(_described(name, record))
    return states


def _graphs(active: Active) -> Iterator[tuple[str, str, Precision]]:
    """(bundle, target, precision) of every graph that can be compiled here."""
    for name, bundle in sorted(active.bundles.items()):
        for graph in bundle.manifest.graphs:
            for target in graph.targets:
                if target in TARGETS:
                    yield name, target, graph.computes_in


def _described(bundle: str, record: EngineRecord, *, cache_use: str | None = None) -> EngineState:
    return EngineState(
        bundle=bundle,
        target=record.key.target,
        precision=record.key.precision,
        state=record.state,
        compiler=record.key.compiler,
        gpu_name=record.key.gpu_name,
        bytes=record.bytes,
        differences=record.proof.differences if record.proof else None,
        tensor_types=record.tensor_types,
        cache_use=cache_use,
    )


def _kept_graphs(state: Path) -> set[str]:
    """Digests of the graphs of every release that is kept here, the active one and the one before."""
    manifests = (state / RELEASES).glob(f"*/bundles/*/*/{MANIFEST}")
    return {digest for path in manifests for digest in _graph_digests(path)}


def _graph_digests(manifest: Path) -> list[str]:
    """None for what is no manifest: such a release cannot become active again, and needs no engines."""
    try:
        return [graph.sha256 for graph in load_manifest(manifest).graphs]
    except BundleError:
        return []
