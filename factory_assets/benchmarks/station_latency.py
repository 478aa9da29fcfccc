"""How long a part waits for its verdict, from the frame in memory until it is told, beside the engine's bare call."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.bundle.state import open_kept
from edge_runtime.engine.serving import engine_for_serving
from edge_runtime.inspection.inspector import Inspector, bundle_for
from edge_runtime.qualification.figures import figures as percentiles
from edge_runtime.qualification.line import BEFORE_VERDICT
from edge_runtime.qualification.observation import Moment, between, moment
from edge_runtime.station.parts import Options as StationOptions
from edge_runtime.station.records import STAGES, VerdictRecord
from edge_runtime.station.run import SWITCH_S
from factory_assets.benchmarks import made_graphs
from factory_assets.benchmarks.call_timing import middle
from factory_assets.benchmarks.one_core import alone
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.benchmarks.tiny_station import TinyStation
from factory_assets.inspection.schema import IMAGE

NAME = "station_latency"
TITLE = "From a frame in memory to its verdict, 224 x 224 x 1, CPU, 50 parts a second, beside the engine's bare call."
FRAMES, QUICK_FRAMES, BLOCK, SIDE_PX = 20_000, 100, 250, 224
PAUSES, QUICK_PAUSES, PAUSE_MS, QUICK_PAUSE_MS = 30, 2, 10_000, 200
RATE_HZ, SETTLING, SHOWN = 50, 50, 16
RATIO = Goal(most=1.25)
STEADY_GOALS = {"p50": Goal(most=2.0), "p99": Goal(most=4.0), "p99.9": Goal(most=5.0)}
PAUSE_GOALS = {"p50": Goal(most=3.0), "worst": Goal(most=8.0)}
KEYS = {"p50": "p50_ms", "p99": "p99_ms", "p99.9": "p999_ms"}
NOTES = (
    "The station's process has a core of its own; its worker and the bare call have another one, in turns.",
    "Blocks of parts and of bare calls take turns at the same pace, so that a busy minute harms both alike.",
    "The clock runs from before the frame is copied into shared memory until the verdict, durable by then, is told.",
    "Image health looks at every frame, and every verdict is kept; camera, page and hand-on are left out.",
    "Bare: the same engine on the same bundle, opened by the same function, called with the fitted frame.",
    "p99 and above are valid only where nothing else ran: no steal, and others below 0.02 cores.",
    made_graphs.RANDOM_WEIGHTS,
)


@dataclass(frozen=True)
class Part:
    """One part: its times in milliseconds, by stage, and whether the verdict was right."""

    stages_ms: dict[str, float]
    is_right: bool

    @property
    def total_ms(self) -> float:
        """From before the frame was copied into shared memory until the verdict was told."""
        return self.stages_ms["total"]


@dataclass
class Run:
    """What was measured, and what else the machine did meanwhile (see `between` of the edge's qualification)."""

    engine: str = ""
    steady: list[Part] = field(default_factory=list)
    bare_ms: list[float] = field(default_factory=list)
    paused: list[Part] = field(default_factory=list)
    meanwhile: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """How much is measured: parts and bare calls in blocks, pauses, and the side of a frame."""

    frames: int
    pauses: int
    pause_ms: int
    side_px: int
    cores: tuple[int, ...]


def run(options: Options) -> Report:
    """Make a release in a process of its own, and measure in another."""
    plan = Plan(
        frames=options.size("frames", full=FRAMES, quick=QUICK_FRAMES),
        pauses=options.size("pauses", full=PAUSES, quick=QUICK_PAUSES),
        pause_ms=options.size("pause_ms", full=PAUSE_MS, quick=QUICK_PAUSE_MS),
        side_px=options.size("pixels", full=SIDE_PX, quick=SIDE_PX),
        cores=usable_cores(),
    )
    alone(make_bundle, options.folder / "made", plan.side_px)
    return report(alone(measured, options.folder, plan), plan)


def usable_cores() -> tuple[int, ...]:
    """Cores that this process may use, ascending; empty where the system does not tell."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def make_bundle(folder: Path, side_px: int) -> None:
    """A bundle of the default classifier."""
    folder.mkdir(parents=True)
    made_graphs.bundle_of(made_graphs.export(made_graphs.CLASSIFIER, side_px, folder), folder / "bundle")


def measured(folder: Path, plan: Plan) -> Run:
    """Show frames to a station, in turns with bare calls, then after pauses."""
    line = TinyStation(
        folder / "site",
        make_bundle=partial(_put_there, folder / "made" / "bundle"),
        options=StationOptions(has_camera=False, ring_slot_bytes=plan.side_px**2),
        deadline_ms=100,
    )
    state = line.station.config.state
    found = Run()
    try:
        with _stays_on(plan.cores[-1:]):
            line.start()
        judging = line.station.crew.judging
        if judging is None or judging.ready is None or judging.pid is None:
            msg = "the station has no worker"
            raise RuntimeError(msg)
        found.engine = judging.ready.engine
        arguments = (state, judging.ready.release, found.engine.split()[-1], plan)
        with ProcessPoolExecutor(1, get_context("spawn"), initializer=_open_bare, initargs=arguments) as bare:
            truth = bare.submit(bare_verdicts).result()
            with _stays_on(plan.cores[:1]), _as_the_service_runs():
                shown = _Shown(line, truth, plan)
                pids = [os.getpid(), judging.pid, *bare._processes]
                _in_turns(shown, lambda count: bare.submit(bare_calls, count), plan, found, pids)
                _after_pauses(shown, plan, found, pids)
    finally:
        line.close()
    return found


def _put_there(made: Path, folder: Path) -> None:
    made.rename(folder)


class _Shown:
    """Shows frames to the station, one after the other, and holds verdicts to what the bare engine said."""

    def __init__(self, line: TinyStation, truth: Sequence[tuple[str, str | None]], plan: Plan) -> None:
        self._line, self._truth, self._count = line, truth, 0
        self._frames = shown_frames(plan.side_px)

    def idle(self, until_s: float) -> None:
        """Let the station do what it does between parts, until a monotonic time."""
        while (left_s := until_s - time.monotonic()) > 0:
            self._line.station.run_once(left_s)

    def next(self) -> Part:
        """Show the next frame and wait for its verdict."""
        number = self._count % len(self._frames)
        self._count += 1
        name = f"part-{self._count}"
        began = time.perf_counter_ns()
        record = self._line.inspect(self._frames[number], name)
        total_ms = (self._line.told_ns - began) / 1e6
        is_right = record.failure is None and (record.verdict, record.label) == self._truth[number]
        return Part(_stages(record, total_ms), is_right)


def _stages(record: VerdictRecord, total_ms: float) -> dict[str, float]:
    """The stages as the record tells them; `verdict` is all that is left of the total that was seen from outside."""
    before: dict[str, float] = {stage: record.stages_ms.get(stage, 0.0) for stage in BEFORE_VERDICT}
    return {**before, "verdict": total_ms - sum(before.values()), "total": total_ms}


def _in_turns(shown: _Shown, calls: Callable[[int], Any], plan: Plan, found: Run, pids: Sequence[int]) -> None:
    """A block of parts, a block of bare calls, and so on."""
    list(_paced(min(SETTLING, plan.frames), shown))
    _bare(calls, min(SETTLING, plan.frames), shown)
    before = moment(pids)
    for start in range(0, plan.frames, BLOCK):
        count = min(BLOCK, plan.frames - start)
        found.steady += _paced(count, shown)
        found.bare_ms += _bare(calls, count, shown)
    found.meanwhile["steady"] = _between(before, pids)


def _paced(count: int, shown: _Shown) -> Iterator[Part]:
    due_s = time.monotonic()
    for _ in range(count):
        shown.idle(due_s)
        yield shown.next()
        due_s = max(due_s + 1 / RATE_HZ, time.monotonic())


def _bare(calls: Callable[[int], Any], count: int, shown: _Shown) -> list[float]:
    """Bare calls; the station has its pause."""
    future = calls(count)
    while not future.done():
        shown.idle(time.monotonic() + 1 / RATE_HZ)
    times_ms: list[float] = future.result()
    return times_ms


def _after_pauses(shown: _Shown, plan: Plan, found: Run, pids: Sequence[int]) -> None:
    before = moment(pids)
    for _ in range(plan.pauses):
        shown.idle(time.monotonic() + plan.pause_ms / 1000)
        found.paused.append(shown.next())
    found.meanwhile["pauses"] = _between(before, pids)


def _between(before: Moment, pids: Sequence[int]) -> dict[str, Any]:
    return between(before, moment(pids))


def shown_frames(side_px: int) -> list[np.ndarray]:
    """What is shown, uint8 (side, side)."""
    return list(made_graphs.made_frames(SHOWN, side_px))


@contextmanager
def _stays_on(cores: Sequence[int]) -> Iterator[None]:
    """All threads of this process, and processes that it starts, stay on these cores meanwhile; on all if none."""
    if not cores:
        yield
        return
    threads = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    before = {thread: os.sched_getaffinity(thread) for thread in threads}
    for thread in threads:
        os.sched_setaffinity(thread, cores)
    try:
        yield
    finally:
        for thread, mask in before.items():
            os.sched_setaffinity(thread, mask)


@contextmanager
def _as_the_service_runs() -> Iterator[None]:
    """Garbage is collected between parts, and threads take turns as in `edge_runtime.station.run`."""
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        sys.setswitchinterval(switch_s)


@dataclass(frozen=True)
class _Bare:
    """The bare engine in its own process."""

    inspector: Inspector
    engine: Any
    frames: list[np.ndarray]


_bare_engine: list[_Bare] = []


def _open_bare(state: Path, release: int, precision: str, plan: Plan) -> None:
    """Open the engine as the station's worker does, and leave it to this process."""
    if plan.cores:
        os.sched_setaffinity(0, plan.cores[-1:])
    bundle = bundle_for(open_kept(state, release).bundles, None)
    engine = engine_for_serving(state, bundle.folder, bundle.manifest, "cpu", precision)
    engine.warm_up()
    inspector = Inspector(bundle.folder, bundle.manifest, engine)
    _bare_engine[:] = [_Bare(inspector, engine, shown_frames(plan.side_px))]
    gc.collect()
    gc.freeze()
    gc.disable()


def bare_verdicts() -> list[tuple[str, str | None]]:
    """What the engine says of each frame: verdict and label."""
    (bare,) = _bare_engine
    found = [bare.inspector.inspect(frame) for frame in bare.frames]
    return [(verdict.verdict, verdict.label) for verdict in found]


def bare_calls(count: int) -> list[float]:
    """Call the engine at the pace of parts; times in ms."""
    (bare,) = _bare_engine
    inputs = [{IMAGE: bare.inspector.fit(frame)[None]} for frame in bare.frames]
    times_ms = []
    due_s = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, due_s - time.monotonic()))
        began = time.perf_counter_ns()
        bare.engine.run(inputs[number % len(inputs)])
        times_ms.append((time.perf_counter_ns() - began) / 1e6)
        due_s = max(due_s + 1 / RATE_HZ, time.monotonic())
    return times_ms


def report(found: Run, plan: Plan) -> Report:
    """Percentiles against their goals, and what else ran on the machine."""
    how = f"{found.engine}; {len(found.steady):,} parts at {RATE_HZ} a second, each with the verdict of the bare engine"
    wrong = sum(not part.is_right for part in [*found.steady, *found.paused])
    figures = [Figure("wrong or failed verdicts", wrong, goal=Goal(0, 0), held_equal=how)]
    totals = percentiles([part.total_ms for part in found.steady])
    bare = percentiles(found.bare_ms)
    validity = _validity(found.meanwhile["steady"])
    for name, goal in STEADY_GOALS.items():
        if totals[KEYS[name]] is not None:
            note = how if name == "p50" else f"{how}; {validity}"
            figures.append(Figure(f"verdict, {name} ms", totals[KEYS[name]], bare[KEYS[name]], None, goal, note))
    median, bare_median = middle([part.total_ms for part in found.steady]), middle(found.bare_ms)
    what = f"{how}; {len(found.bare_ms):,} bare calls in the same run, at the same pace, on the worker's core"
    figures.append(Figure("verdict over bare call, medians", median / bare_median, goal=RATIO, held_equal=what))
    if found.paused:
        figures += _of_pauses(found, plan)
    return Report(NAME, TITLE, figures, details=[_by_stage(found, bare), _machine(found)], notes=NOTES)


def _of_pauses(found: Run, plan: Plan) -> list[Figure]:
    paused_ms = [part.total_ms for part in found.paused]
    how = f"{found.engine}; {len(paused_ms)} pauses of {plan.pause_ms / 1000:g} s, an idle engine is run once a second"
    worst = f"{how}; {_validity(found.meanwhile['pauses'])}"
    return [
        Figure("first verdict after a pause, p50 ms", middle(paused_ms), goal=PAUSE_GOALS["p50"], held_equal=how),
        Figure("first verdict after a pause, worst ms", max(paused_ms), goal=PAUSE_GOALS["worst"], held_equal=worst),
    ]


def _validity(meanwhile: dict[str, Any]) -> str:
    tail = meanwhile["tail"]
    return "valid: nothing else ran" if tail["is_valid"] else f"INVALID: {', '.join(tail['reasons'])}"


def _by_stage(found: Run, bare: dict[str, Any]) -> Details:
    rows = [["bare call", *_cells(bare)]]
    rows += [[stage, *_cells(percentiles([part.stages_ms[stage] for part in found.steady]))] for stage in STAGES]
    return Details("By stage", ["stage", "p50 ms", "p99 ms", "p99.9 ms", "largest ms"], rows)


def _cells(of: dict[str, Any]) -> list[str]:
    return ["-" if of[key] is None else f"{of[key]:.3f}" for key in (*KEYS.values(), "max_ms")]


def _machine(found: Run) -> Details:
    rows = [
        [
            name,
            f"{seen['seconds']:.0f}",
            "not told" if seen["steal_s"] is None else f"{100 * seen['steal_s'] / max(seen['seconds'], 1e-3):.2f}",
            "not told" if seen["foreign_cores"] is None else f"{seen['foreign_cores']:.3f}",
            " to ".join("-" if load is None else f"{load:.2f}" for load in seen["load"]),
            _validity(seen),
        ]
        for name, seen in found.meanwhile.items()
    ]
    columns = ["while", "seconds", "steal, % of a core", "cores kept busy by others", "load", "p99 and above"]
    return Details("What else the machine did", columns, rows)
