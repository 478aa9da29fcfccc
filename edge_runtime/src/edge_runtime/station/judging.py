"""What a worker does with a frame: the verified release's engine judges it, and each stage is timed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.bundle.state import open_kept
from edge_runtime.bundle.values import Precision
from edge_runtime.engine.base import Engine
from edge_runtime.engine.golden import golden_check
from edge_runtime.engine.interface import MOST_EXACT_FIRST
from edge_runtime.engine.serving import engine_for_serving
from edge_runtime.errors import TargetUnavailable
from edge_runtime.inspection.inspector import Inspector, Verdict, bundle_for
from edge_runtime.station.clock import NS_PER_MS

if TYPE_CHECKING:
    from edge_runtime.inspection.golden_image import Comparison

EngineOpener = Callable[[Path, Path, Manifest, str, "str | None"], Engine]
WARM_RUNS = 5
# Beside the engine there are the frame, the pipe and the spool.
ENGINE_SHARE_OF_DEADLINE = 0.5
LARGEST_MAP_PX = 112
BLOBS_TOLD = 50


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker is started with.

    Attributes:
        state: The machine's own folder.
        product: What is inspected; None if the release inspects only one.
        release: Number of the release to judge with.
        target: What its engine runs on.
        precision: Only this one; else the most exact that meets the deadline.
        deadline_ms: Of a verdict.
        ring: Name of the ring of frames.
        open_engine: Opens a bundle's engine; tests pass others.
    """

    state: Path
    product: str | None
    release: int
    target: str
    precision: Precision | None
    deadline_ms: float
    ring: str
    open_engine: EngineOpener = engine_for_serving


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker that can judge: what it judges with."""

    release: int
    bundle: str
    version: str
    product: str
    engine: str
    threshold: float | None


class Answer(NamedTuple):
    """A verdict on its way to the station; small, so that one write carries it.

    Attributes:
        failure: Why the part was not judged: `engine` or `image`; None if it was.
        detail: The same in words.
        fit_ns: Making the frame fit.
        engine_ns: The engine alone.
        heat_map: uint8 (h, w), 255 for 1, at most LARGEST_MAP_PX wide and high; None unless it was asked for.
    """

    verdict: Literal["ok", "nok", "classified"]
    score: float | None
    threshold: float | None
    label: str | None
    blobs: tuple[dict[str, float], ...]
    failure: Literal["engine", "image", "camera"] | None
    detail: str | None
    fit_ns: int = 0
    engine_ns: int = 0
    heat_map: np.ndarray | None = None


def failed(failure: Literal["engine", "image", "camera"], detail: str) -> Answer:
    """The answer for a frame that could not be judged."""
    return Answer("nok", None, None, None, (), failure, detail)


class TimedEngine:
    """An engine that remembers how long it took."""

    def __init__(self, engine: Engine) -> None:
        self.inner: Any = engine
        self.target, self.precision, self.label = engine.target, engine.precision, engine.label
        self.last_ns = 0

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """As the engine does."""
        start = time.perf_counter_ns()
        outputs: dict[str, np.ndarray] = self.inner.run(inputs)
        self.last_ns = time.perf_counter_ns() - start
        return outputs

    def warm_up(self, calls: int | None = None) -> int:
        """As the engine does."""
        return int(self.inner.warm_up(calls))

    def close(self) -> None:
        """As the engine does."""
        self.inner.close()


class TimedComparingEngine(TimedEngine):
    """The same for an engine that compares golden images."""

    def compare(self, inputs: Mapping[str, np.ndarray]) -> list[Comparison]:
        """As the engine does."""
        start = time.perf_counter_ns()
        found: list[Comparison] = self.inner.compare(inputs)
        self.last_ns = time.perf_counter_ns() - start
        return found


class Judge:
    """A verified release with its engine, proven and warm.

    Args:
        settings: See there.

    Raises:
        EdgeError: The release is not here, not intact or not for this product or target, or its engine does not
            compute what it should.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        active = open_kept(settings.state, settings.release)
        bundle = bundle_for(active.bundles, settings.product)
        self._manifest = bundle.manifest
        self._engine, self._inspector = _opened(settings, bundle.folder, bundle.manifest)
        self._threshold = self._inspector.spec.threshold
        self.ready = Ready(
            release=settings.release,
            bundle=self._manifest.bundle,
            version=self._manifest.version,
            product=str(self._manifest.product),
            engine=self._engine.label,
            threshold=self._threshold,
        )

    def judge(self, frame: np.ndarray, *, wants_map: bool = False) -> Answer:
        """Judge one frame.

        Args:
            frame: uint8, (height, width) or (height, width, 3).
            wants_map: A person looks: tell the heat map too.
        """
        start = time.perf_counter_ns()
        image = self._inspector.fit(frame)
        fit_ns = time.perf_counter_ns() - start
        found = self._inspector.inspect_fitted(image, frame.shape)
        if found.failure is not None:
            # The score of an engine that fails is none; a part that is unlike its golden image is at fault itself.
            return failed("image" if self._inspector.spec.golden_image else "engine", found.failure)._replace(
                fit_ns=fit_ns, engine_ns=self._engine.last_ns
            )
        return Answer(
            found.verdict,
            found.score,
            self._threshold,
            found.label,
            tuple(asdict(blob) for blob in found.blobs[:BLOBS_TOLD]),
            None,
            None,
            fit_ns,
            self._engine.last_ns,
            _small_map(found) if wants_map else None,
        )

    def warm(self) -> None:
        """Run the engine once; a call after a pause would be slow."""
        self._inspector.inspect(_blank(self._manifest), _reference(self._inspector))


def _opened(settings: WorkerSettings, folder: Path, manifest: Manifest) -> tuple[TimedEngine, Inspector]:
    """The engine of the wanted precision; else the most exact one that meets the deadline, or else the fastest."""
    wanted = [settings.precision] if settings.precision else list(MOST_EXACT_FIRST)
    found: list[tuple[float, TimedEngine, Inspector]] = []
    refusal: TargetUnavailable | None = None
    for precision in wanted:
        try:
            engine = settings.open_engine(settings.state, folder, manifest, settings.target, precision)
        except TargetUnavailable as error:
            refusal = refusal or error
            continue
        timed = TimedComparingEngine(engine) if hasattr(engine, "compare") else TimedEngine(engine)
        golden_check(timed, folder, manifest)
        inspector = Inspector(folder, manifest, timed)
        found.append((_warmed_ms(timed, inspector, manifest), timed, inspector))
        if found[-1][0] <= settings.deadline_ms * ENGINE_SHARE_OF_DEADLINE:
            return timed, inspector
    if not found:
        raise refusal or TargetUnavailable(
            f"bundle {manifest.bundle} has no engine for target {settings.target}", "release one for this target"
        )
    _, timed, inspector = min(found, key=lambda entry: entry[0])
    return timed, inspector


def _warmed_ms(engine: TimedEngine, inspector: Inspector, manifest: Manifest) -> float:
    """The engine's median, once it is warm."""
    engine.warm_up()
    times_ns = []
    for _ in range(WARM_RUNS):
        inspector.inspect(_blank(manifest), _reference(inspector))
        times_ns.append(engine.last_ns)
    return statistics.median(times_ns) / NS_PER_MS


def _blank(manifest: Manifest) -> np.ndarray:
    height, width, channels = (int(size) for size in manifest.input("image").shape[1:])
    return np.zeros((height, width) if channels == 1 else (height, width, channels), np.uint8)


def _reference(inspector: Inspector) -> str | None:
    """Any golden image will do to warm up."""
    references = inspector.manifest.references
    return references[0].name if references else None


def _small_map(verdict: Verdict) -> np.ndarray | None:
    if verdict.heat_map is None:
        return None
    step = max(1, -(-max(verdict.heat_map.shape) // LARGEST_MAP_PX))
    small: np.ndarray = (np.clip(verdict.heat_map[::step, ::step], 0, 1) * 255).astype(np.uint8)
    return small
