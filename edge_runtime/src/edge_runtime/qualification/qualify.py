"""The qualification of a device: everything is measured in one run and told in one report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns, perf_counter_ns
from typing import TYPE_CHECKING, Any

from edge_runtime.bundle.state import Active, ActiveBundle, open_active, release_folder
from edge_runtime.engine.compilation import engine_states
from edge_runtime.engine.tensorrt_backend import TARGETS
from edge_runtime.errors import EdgeError, TargetUnavailable
from edge_runtime.inspection.inspector import bundle_for
from edge_runtime.qualification.figures import DIGITS, figures
from edge_runtime.qualification.frames import Frames, frame_size_px, golden_frames
from edge_runtime.qualification.line import Line, Shown, alone, failures, measured, opened
from edge_runtime.qualification.observation import between, machine, moment, software
from edge_runtime.qualification.parity import parity
from edge_runtime.station.clock import NS_PER_MS, NS_PER_S, utc_now
from edge_runtime.station.config import StationConfig
from edge_runtime.station.parts import Options
from edge_runtime.station.records import STAGES, Stage

if TYPE_CHECKING:
    from edge_runtime.engine.base import Engine

KIND = "factory-edge qualification"
LEFT_OUT = ("camera", "triggers", "page", "updates", "handing on of verdicts")
SETTLING_FRAMES = 20
BARE_SHARE = 4
LONGEST_THROUGHPUT_S = 10.0


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        frames: Shown at a steady rate.
        rate_hz: So many a second.
        pauses: A frame is shown after each.
        pause_s: How long they are.
    """

    frames: int = 1000
    rate_hz: float = 50.0
    pauses: int = 10
    pause_s: float = 10.0


def qualify(
    config: StationConfig, plan: Plan, tell: Callable[[str], None] = lambda _: None, options: Options | None = None
) -> dict[str, Any]:
    """Measure this device with the active release.

    Args:
        config: Of the station, with the deadline that is asked for.
        plan: What is measured.
        tell: Is told how it goes on.
        options: Of the station; tests have other engines.

    Returns:
        Plain JSON values; `result` has `passed` and `faults`.

    Raises:
        NoReleaseError: Nothing is active.
        InputError: A station is at work in the state folder, or the release inspects no such product.
        TargetUnavailable: Nothing of the release runs on this target here.
        EdgeError: The release is damaged, or the station cannot judge.
    """
    active = open_active(config.state)
    found = bundle_for(active.bundles, config.product)
    bundle = ActiveBundle(found.folder, found.manifest)
    frames = golden_frames(bundle.folder, bundle.manifest, frame_size_px(config))
    run = _Run(measured(config), plan, bundle, frames, options or Options(), tell)
    with alone(config.state):
        tell("golden samples, in every precision")
        proven = parity(bundle.folder, bundle.manifest, run.open_engine)
        if all(entry["state"] == "not here" for entry in proven):
            raise TargetUnavailable(proven[0]["fault"], "give another --target or --precision")
        report = {
            "schema_version": 1,
            "kind": KIND,
            "made_utc": utc_now(),
            "station": config.station,
            "release": _release(config.state, active, bundle),
            "software": software(),
            "machine": machine(),
            "settings": _settings(config, plan, frames),
            "compiled": _compiled(config, active, bundle),
            "parity": proven,
        }
        faults = [f"parity in {entry['precision']}: {entry['fault']}" for entry in proven if entry["state"] == "failed"]
        try:
            with opened(run.config, active.record.release, frames.shown, run.options) as line:
                report |= run.measure(line)
        except EdgeError as error:
            # An engine that does not compute what it should is not opened by the station either.
            if not faults:
                raise
            report["not_measured"] = error.what
        else:
            faults += _each_fault(report)
    return {**report, "result": {"passed": not faults, "faults": faults}}


@dataclass(frozen=True)
class _Run:
    """One run of measurements."""

    config: StationConfig
    plan: Plan
    bundle: ActiveBundle
    frames: Frames
    options: Options
    tell: Callable[[str], None]

    def open_engine(self, precision: str) -> Engine:
        """The engine that the station would open."""
        folder, manifest, target = self.bundle.folder, self.bundle.manifest, self.config.release.target
        return self.options.open_engine(self.config.state, folder, manifest, target, precision)

    def measure(self, line: Line) -> dict[str, Any]:
        """Everything that needs the station."""
        plan, ready = self.plan, line.until_ready()
        engine = self.open_engine(ready.engine.split()[-1])
        ran = {"label": engine.label, "target": engine.target, "precision": engine.precision}
        try:
            engine.warm_up()
            bare = _BareEngine(engine, self.frames, line, plan.rate_hz)
            line.at_a_rate(min(SETTLING_FRAMES, plan.frames), plan.rate_hz)
            latency = self._steady(line, bare, ready.engine)
        finally:
            engine.close()
        self.tell(f"{plan.pauses} pauses of {plan.pause_s:g} s")
        before = moment(line.pids)
        paused = line.after_pauses(plan.pauses, plan.pause_s)
        after_pauses = _latency(paused, between(before, moment(line.pids)))
        self.tell("frames back to back")
        bare_figures = figures(bare.times_ms)
        return {
            "engine": {**ran, "of_the_station": ready.engine, "bundle_version": ready.version},
            "latency": latency,
            "after_pauses": {**after_pauses, "each_ms": [round(shown.total_ms, DIGITS) for shown in paused]},
            "bare_engine": {**bare_figures, "ratio_of_medians": _ratio(latency, bare_figures)},
            "throughput": line.back_to_back(plan.frames, LONGEST_THROUGHPUT_S),
            "restarts": line.station.crew.restarted,
            "deadline": _deadline(self.config.deadline_ms, latency, after_pauses),
        }

    def _steady(self, line: Line, bare: _BareEngine, engine: str) -> dict[str, Any]:
        """Frames at a steady rate, and the bare engine before and after them."""
        plan = self.plan
        self.tell(f"{engine}: {plan.frames} frames at {plan.rate_hz:g} a second")
        bare_calls = max(1, plan.frames // (2 * BARE_SHARE))
        before = moment(line.pids)
        bare.run(bare_calls)
        found = line.at_a_rate(plan.frames, plan.rate_hz)
        bare.run(bare_calls)
        return _latency(found, between(before, moment(line.pids)))


class _BareEngine:
    """The engine's own call, in this process, at the same rate; the station goes on meanwhile."""

    def __init__(self, engine: Engine, frames: Frames, line: Line, rate_hz: float) -> None:
        self.times_ms: list[float] = []
        self._call: Any = getattr(engine, "compare", engine.run)
        self._inputs, self._line, self._period_ns = frames.inputs, line, int(NS_PER_S / rate_hz)

    def run(self, count: int) -> None:
        """Call it so often."""
        for _ in range(count):
            inputs = self._inputs[len(self.times_ms) % len(self._inputs)]
            due_ns = monotonic_ns() + self._period_ns
            began_ns = perf_counter_ns()
            self._call(inputs)
            self.times_ms.append((perf_counter_ns() - began_ns) / NS_PER_MS)
            self._line.idle(due_ns)


def _latency(found: list[Shown], meanwhile: dict[str, Any]) -> dict[str, Any]:
    """Figures by stage; the total is that of all frames, the other stages those of the judged ones."""
    judged = [shown.stages_ms() for shown in found if shown.record.failure is None]
    stages: dict[Stage, Any] = {stage: figures([stages_ms[stage] for stages_ms in judged]) for stage in STAGES}
    stages["total"] = figures([shown.total_ms for shown in found])
    return {"frames": len(found), "failures": failures(found), "stages": stages, "meanwhile": meanwhile}


def _ratio(latency: dict[str, Any], bare: dict[str, Any]) -> float | None:
    total_ms, bare_ms = latency["stages"]["total"]["p50_ms"], bare["p50_ms"]
    return round(total_ms / bare_ms, 3) if total_ms is not None and bare_ms else None


def _deadline(deadline_ms: float, latency: dict[str, Any], after_pauses: dict[str, Any]) -> dict[str, Any]:
    """Whether every verdict came in time, the first ones after pauses among them.

    An engine's answer that came too late was not awaited: then the fail-safe verdict was given a little before the
    deadline, and the part counts as late.
    """
    late = sum(part["failures"].get("deadline", 0) for part in (latency, after_pauses))
    total, paused = latency["stages"]["total"], after_pauses["stages"]["total"]
    largest_ms = [part["max_ms"] for part in (total, paused) if part["max_ms"] is not None]
    p999_ms = total["p999_ms"]
    # The figures of parts that were given up say less than their engines would have taken.
    is_p999_late = 1000 * latency["failures"].get("deadline", 0) > latency["frames"]
    return {
        "deadline_ms": deadline_ms,
        "late": late,
        "is_met": not late and all(value_ms <= deadline_ms for value_ms in largest_ms),
        "is_met_by_p999": None if p999_ms is None else p999_ms <= deadline_ms and not is_p999_late,
        "figures_are_valid": all(part["meanwhile"]["tail"]["is_valid"] for part in (latency, after_pauses)),
    }


def _each_fault(report: dict[str, Any]) -> Iterator[str]:
    deadline = report["deadline"]
    if not deadline["is_met"]:
        largest_ms = max(report[part]["stages"]["total"]["max_ms"] or 0.0 for part in ("latency", "after_pauses"))
        yield (
            f"the deadline of {deadline['deadline_ms']:g} ms was missed: {deadline['late']} parts were not judged in "
            f"time, the slowest verdict took {largest_ms:.1f} ms"
        )
    for part in ("latency", "after_pauses"):
        for failure, number in report[part]["failures"].items():
            if failure != "deadline":
                yield f"{number} frames were not judged: {failure}"
    if report["restarts"]:
        yield f"the engine's process was restarted {report['restarts']} times"
    engine = report["engine"]
    if engine["label"] != engine["of_the_station"]:
        yield f"the station ran {engine['of_the_station']}, the bare engine is {engine['label']}"


def _release(state: Path, active: Active, bundle: ActiveBundle) -> dict[str, Any]:
    """What was measured, down to the digests of its files."""
    folder = release_folder(state, active.record.release)
    place = bundle.folder.relative_to(folder).as_posix()
    manifest = bundle.manifest
    return {
        "number": active.record.release,
        "plant": active.index.plant,
        "root_sha256": active.record.root_sha256,
        "bundle": manifest.bundle,
        "version": manifest.version,
        "product": manifest.product,
        "files": {
            file.path[len(place) + 1 :]: file.sha256
            for file in active.record.files
            if file.path.startswith(f"{place}/")
        },
    }


def _compiled(config: StationConfig, active: Active, bundle: ActiveBundle) -> list[dict[str, Any]]:
    """The engines that were compiled here, with compiler and GPU; empty where the signed graph runs itself."""
    target = config.release.target
    if target not in TARGETS:
        return []
    states = engine_states(config.state, active)
    name = bundle.manifest.bundle
    return [state.as_json() for state in states if (state.target, state.bundle) == (target, name)]


def _settings(config: StationConfig, plan: Plan, frames: Frames) -> dict[str, Any]:
    height, width = frames.shown[0].shape[:2]
    return {
        "frames": plan.frames,
        "rate_hz": plan.rate_hz,
        "pauses": plan.pauses,
        "pause_s": plan.pause_s,
        "deadline_ms": config.deadline_ms,
        "keep_warm_s": config.keep_warm_s,
        "target": config.release.target,
        "precision": config.release.precision or "the most exact that meets the deadline",
        "frame_px": [width, height],
        "shown": f"{len(frames.shown)} of {frames.samples} golden samples{', sound parts' if frames.are_sound else ''}",
        "left_out": list(LEFT_OUT),
    }
