"""Engines that were compiled on this machine: `engines/` in the state folder, never among the signed files.

An engine fits one graph, one TensorRT and one GPU; these make its key. Its record says what it must be, byte for
byte, and whether the golden samples were met here.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from edge_runtime.bundle.manifest import Graph, Manifest, Tolerance
from edge_runtime.bundle.values import Name, Precision, Sha256, Value
from edge_runtime.engine.cuda import Gpu
from edge_runtime.engine.tensorrt_backend import Backend
from edge_runtime.engine.tensorrt_builder import BuildSettings
from edge_runtime.files import canonical_json, fsync_folder, fsync_tree, sha256_bytes, sha256_file, write_atomic

ENGINES = "engines"
ENGINE = "engine.bin"
RECORD = "record.json"
MAKING = ".making-"


class EngineKey(Value):
    """What an engine fits.

    Attributes:
        onnx_sha256: Digest of the signed graph.
        target: The target that it was compiled for.
        precision: What it computes in.
        compiler: TensorRT's module and version.
        gpu_name: The GPU; None for an engine that was compiled without one.
        compute_capability: Of that GPU.
        largest_batch: Greatest first axis.
        workspace_bytes: Bound on scratch memory.
    """

    onnx_sha256: Sha256
    target: Name
    precision: Precision
    compiler: str
    gpu_name: str | None
    compute_capability: str | None
    largest_batch: int
    workspace_bytes: int

    @property
    def folder(self) -> str:
        """Name of the engine's folder."""
        digest = sha256_bytes(canonical_json(self.model_dump(mode="json")))
        return f"{self.target}-{self.precision}-{self.onnx_sha256[:12]}-{digest[:12]}"

    @property
    def timing_cache(self) -> str:
        """Name of the timing cache that fits: by TensorRT version and GPU."""
        where = f"{self.compiler}-{self.gpu_name}-{self.compute_capability}"
        return f"timing-{re.sub(r'[^A-Za-z0-9.]+', '-', where)}.cache"


class Proof(Value):
    """That an engine met the golden samples on this machine.

    Attributes:
        golden_sha256: Digest of the samples' file.
        tolerance: What was allowed.
        differences: Largest |engine - expected| by output, in the output's unit.
    """

    golden_sha256: Sha256
    tolerance: Tolerance
    differences: dict[str, float]


class EngineRecord(Value):
    """`record.json` of an engine; `digest` is the sha256 of the other fields.

    `tensor_types` counts the network's tensors by data type; None if the engine came compiled in the signed bundle.
    """

    schema_version: Literal[1] = 1
    key: EngineKey
    sha256: Sha256
    bytes: Annotated[int, Field(ge=1)]
    tensor_types: dict[str, int] | None
    proof: Proof | None
    why_not_verified: str | None = None
    digest: str = ""

    @property
    def state(self) -> str:
        """`verified`, or `compiled, not verified` with the reason."""
        return "verified" if self.proof else f"compiled, not verified: {self.why_not_verified}"

    def is_proven_for(self, manifest: Manifest) -> bool:
        """Whether it met this bundle's golden samples within this bundle's tolerance."""
        tolerance = manifest.golden.tolerance.get(self.key.target, {}).get(self.key.precision)
        return (
            self.proof is not None
            and self.proof.golden_sha256 == manifest.golden.sha256
            and self.proof.tolerance == tolerance
        )

    def sealed(self) -> EngineRecord:
        """The same record with its digest set."""
        return self.model_copy(update={"digest": self._content_digest()})

    def is_intact(self) -> bool:
        """Whether the digest is that of the other fields."""
        return self.digest == self._content_digest()

    def _content_digest(self) -> str:
        return sha256_bytes(canonical_json(self.model_dump(mode="json", exclude={"digest"})))


def engine_key(backend: Backend, gpu: Gpu | None, graph: Graph, settings: BuildSettings) -> EngineKey:
    """The key of the engine that this TensorRT makes of a graph for this GPU."""
    return EngineKey(
        onnx_sha256=graph.sha256,
        target=backend.target,
        precision=graph.computes_in,
        compiler=backend.compiler,
        gpu_name=gpu.name if gpu else None,
        compute_capability=gpu.compute_capability if gpu else None,
        largest_batch=settings.largest_batch,
        workspace_bytes=settings.workspace_bytes,
    )


class EngineStore:
    """The engines of one state folder.

    Args:
        state: This machine's own folder.
    """

    def __init__(self, state: Path) -> None:
        self.folder = state / ENGINES

    def records(self) -> Iterator[EngineRecord]:
        """Records of all engines whose record and file are intact, in order of their folders."""
        for path in sorted(self.folder.glob(f"*/{RECORD}")):
            record = self._record(path.parent)
            if record is not None:
                yield record

    def find(self, key: EngineKey) -> EngineRecord | None:
        """The record of an engine; None where there is none, or it or its file was changed."""
        record = self._record(self.folder / key.folder)
        return record if record is not None and record.key == key else None

    def read(self, record: EngineRecord) -> bytes | None:
        """An engine's bytes; None if they are not what the record says."""
        path = self.engine_file(record.key)
        data = path.read_bytes() if path.is_file() else b""
        return data if sha256_bytes(data) == record.sha256 else None

    def engine_file(self, key: EngineKey) -> Path:
        """Where an engine lies."""
        return self.folder / key.folder / ENGINE

    def put(self, record: EngineRecord, data: bytes) -> None:
        """Store an engine with its record, whole, in place of one with the same key."""
        self.folder.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=self.folder, prefix=MAKING))
        try:
            (making / ENGINE).write_bytes(data)
            write_atomic(making / RECORD, _bytes(record))
            fsync_tree(making)
            place = self.folder / record.key.folder
            if place.exists():
                place.rename(making / "replaced")
            making.rename(place)
            fsync_folder(self.folder)
            shutil.rmtree(place / "replaced", ignore_errors=True)
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def put_record(self, record: EngineRecord) -> None:
        """Store another record for an engine that is there."""
        write_atomic(self.folder / record.key.folder / RECORD, _bytes(record))

    def remove_others(self, onnx_sha256: Collection[str]) -> None:
        """Remove engines of other graphs than these, and what unfinished work left."""
        if not self.folder.is_dir():
            return
        for folder in sorted(path for path in self.folder.iterdir() if path.is_dir()):
            record = self._record(folder)
            if record is None or record.key.onnx_sha256 not in onnx_sha256:
                shutil.rmtree(folder)

    def _record(self, folder: Path) -> EngineRecord | None:
        path, engine = folder / RECORD, folder / ENGINE
        if not path.is_file() or not engine.is_file():
            return None
        try:
            record = EngineRecord.model_validate_json(path.read_bytes())
        except ValidationError:
            return None
        if folder.name != record.key.folder:
            return None
        is_whole = record.is_intact() and engine.stat().st_size == record.bytes and sha256_file(engine) == record.sha256
        return record if is_whole else None


def _bytes(record: EngineRecord) -> bytes:
    return canonical_json(record.sealed().model_dump(mode="json"))
