"""The side process of `factory-edge compile`: compiles one graph, proves the engine, stores it.

TensorRT works for minutes and may take the process down with it; the program that serves predictions must feel
neither. It is told what to do in one argument and answers in lines of JSON on standard output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge_runtime.bundle.manifest import Graph, Manifest, load_manifest
from edge_runtime.bundle.values import MANIFEST, Name, Precision, Value
from edge_runtime.engine.cuda import CudaDevice
from edge_runtime.engine.golden import golden_check
from edge_runtime.engine.process_lines import ANSWER, PROGRESS, tell, tell_error
from edge_runtime.engine.store import EngineRecord, EngineStore, Proof, engine_key
from edge_runtime.engine.tensorrt_backend import Backend, load_backend
from edge_runtime.engine.tensorrt_builder import BuildSettings, BuiltEngine, Progress, build_engine
from edge_runtime.engine.tensorrt_engine import TensorRtEngine
from edge_runtime.errors import BundleError, CompilerUnavailable, EdgeError, GpuMissing, TargetUnavailable
from edge_runtime.files import sha256_bytes

POLITENESS = 10
SETTINGS = BuildSettings()
NO_GPU = "no GPU"


class Job(Value):
    """One engine to make: of which bundle, for which target, in which precision, and into which state folder."""

    bundle_folder: Path
    state: Path
    target: Name
    precision: Precision


class Answer(Value):
    """What became of a job.

    Attributes:
        record: The engine's record.
        was_there: It was compiled and proven before; nothing was done.
        cache_use: What the timing cache was used for; None if nothing was compiled.
    """

    record: EngineRecord
    was_there: bool
    cache_use: str | None


def compile_one(job: Job, progress: Progress) -> Answer:
    """Compile, prove and store one engine, so far as that was not done before.

    Raises:
        CompilerUnavailable: TensorRT, or the GPU that it needs, is not here.
        TargetUnavailable: The bundle has no graph for target and precision.
        CompileError: TensorRT refuses the graph, or made an engine of other types.
        GoldenMismatch: The engine does not give the expected outputs; it is not stored.
        BundleError: The graph or the golden samples are not what the manifest says.
    """
    case = _Case.of(job)
    store = EngineStore(job.state)
    with _gpu_if_any(case.backend) as device:
        key = engine_key(case.backend, device.gpu if device else None, case.graph, SETTINGS)
        known = store.find(key)
        if known is not None and known.is_proven_for(case.manifest):
            return Answer(record=known, was_there=True, cache_use=None)
        data = store.read(known) if known else None
        if known is not None and data is not None:
            proof = _prove(case, device, data, progress)
            record = known.model_copy(update=_verdict(proof)).sealed()
            store.put_record(record)
            return Answer(record=record, was_there=False, cache_use=None)
        made = _make(case, store.folder / key.timing_cache, progress)
        proof = _prove(case, device, made.data, progress)
        facts = {"key": key, "sha256": sha256_bytes(made.data), "bytes": len(made.data)}
        record = EngineRecord(**facts, tensor_types=made.tensor_types, **_verdict(proof)).sealed()
        store.put(record, made.data)
    return Answer(record=record, was_there=False, cache_use=made.cache_use)


@dataclass(frozen=True)
class _Case:
    """A job with what it is about, loaded."""

    job: Job
    manifest: Manifest
    graph: Graph
    backend: Backend

    @classmethod
    def of(cls, job: Job) -> _Case:
        manifest = load_manifest(job.bundle_folder / MANIFEST)
        graph = manifest.graph(job.target, job.precision)
        if graph is None:
            raise TargetUnavailable(
                f"bundle {manifest.bundle} has no {job.precision} graph for target {job.target}",
                "release one with that precision (targets.yaml on the platform)",
            )
        return cls(job, manifest, graph, load_backend(job.target))


@contextmanager
def _gpu_if_any(backend: Backend) -> Iterator[CudaDevice | None]:
    """The GPU; None where there is none and the target can be compiled for without."""
    try:
        device = CudaDevice()
    except GpuMissing as error:
        if not backend.needs_gpu:
            yield None
            return
        raise CompilerUnavailable(
            f"target {backend.target} is compiled on the GPU that will run it: {error.what}", error.mend
        ) from error
    with device:
        yield device


def _make(case: _Case, timing_cache: Path, progress: Progress) -> BuiltEngine:
    """The engine that the signed bundle holds for this very TensorRT, or else one compiled here."""
    job, manifest, backend = case.job, case.manifest, case.backend
    for entry in manifest.engines:
        if (entry.target, entry.precision, entry.compiler) == (job.target, job.precision, backend.compiler):
            progress("taking the engine that the bundle holds")
            return BuiltEngine(_signed(job.bundle_folder / entry.path, entry.sha256), None, "not kept")
    progress(f"compiling with {backend.compiler}")
    return build_engine(
        backend,
        _signed(job.bundle_folder / case.graph.path, case.graph.sha256),
        name=f"{manifest.bundle} {case.graph.path}",
        precision=job.precision,
        settings=SETTINGS,
        timing_cache=timing_cache,
        progress=progress,
    )


def _signed(path: Path, sha256: str) -> bytes:
    data = path.read_bytes()
    if sha256_bytes(data) != sha256:
        raise BundleError(f"{path} is not what the manifest says", "run factory-edge pull again")
    return data


def _prove(case: _Case, device: CudaDevice | None, data: bytes, progress: Progress) -> Proof | None:
    """Run the golden samples; without a GPU nothing can be proven."""
    if device is None:
        return None
    job, manifest = case.job, case.manifest
    progress("running the golden samples")
    engine = TensorRtEngine(
        case.backend,
        device,
        data,
        manifest=manifest,
        precision=job.precision,
        largest_batch=SETTINGS.largest_for(max(len(spec.shape) for spec in manifest.inputs)),
    )
    with closing(engine):
        # Single samples are launched otherwise than batches, once the engine is warm: both ways must be right.
        engine.warm_up()
        ways = [golden_check(engine, job.bundle_folder, manifest, batch=batch) for batch in (1, None)]
    differences = {name: max(found[name] for found in ways) for name in ways[0]}
    tolerance = manifest.golden.tolerance[job.target][job.precision]
    return Proof(golden_sha256=manifest.golden.sha256, tolerance=tolerance, differences=differences)


def _verdict(proof: Proof | None) -> dict[str, Any]:
    return {"proof": proof, "why_not_verified": None if proof else NO_GPU}


def main(arguments: Sequence[str]) -> int:
    """Do the job given as JSON.

    Returns:
        0, or the exit code of the error that was told.
    """
    if hasattr(os, "nice"):
        os.nice(POLITENESS)
    try:
        answer = compile_one(Job.model_validate_json(arguments[0]), partial(tell, PROGRESS))
    except EdgeError as error:
        return tell_error(error)
    tell(ANSWER, answer.model_dump(mode="json"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
