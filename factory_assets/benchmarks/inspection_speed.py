"""What one model call costs on one CPU core, in FP32 and INT8, in ONNX Runtime and OpenVINO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_assets.benchmarks import made_graphs
from factory_assets.benchmarks.call_timing import Call, middle, quantile, timed
from factory_assets.benchmarks.made_graphs import CLASSIFIER, DEFECT_NETWORK, Graphs
from factory_assets.benchmarks.one_core import alone
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.inspection.schema import IMAGE

NAME = "inspection_speed"
TITLE = "One call of the default networks, 224 x 224 x 1, batch 1, on one CPU core."
SIDE_PX = 224
ROUNDS, QUICK_ROUNDS, CALLS, QUICK_CALLS = 15, 3, 40, 10
GOALS = {"fp32": Goal(most=3.0), "int8": Goal(most=1.5)}
NOTES = (
    "CPU time of the process a call, median of rounds, in which all graphs and backends take turns.",
    "Wall time, in the table, tells how busy the machine was as well.",
    "Both run on one thread in a process that stays on one core. ONNX Runtime has the edge's settings (no spinning).",
    "OpenVINO is asked for latency and held to f32: it would otherwise choose bfloat16 where a CPU has it.",
    made_graphs.RANDOM_WEIGHTS,
)


@dataclass(frozen=True)
class Cost:
    """What a call costs, in milliseconds; and how many convolutions and products ran in which precision."""

    network: str
    precision: str
    backend: str
    cpu_ms: float
    quietest_cpu_ms: float
    wall_p50_ms: float
    wall_p99_ms: float
    ran_in: str


def run(options: Options) -> Report:
    """Export the networks in a process of their own, and time their calls in another."""
    rounds = options.size("rounds", full=ROUNDS, quick=QUICK_ROUNDS)
    count = options.size("calls", full=CALLS, quick=QUICK_CALLS)
    side_px = options.size("pixels", full=SIDE_PX, quick=SIDE_PX)
    graphs = alone(exported, options.folder, side_px)
    costs = alone(measured, graphs, count, rounds)
    return _report(graphs, costs, f"{rounds} rounds of {count} calls, one thread on one core, the same made-up frame")


def exported(folder: Path, side_px: int) -> list[Graphs]:
    """Both default networks."""
    return [made_graphs.export(name, side_px, folder) for name in (CLASSIFIER, DEFECT_NETWORK)]


def measured(graphs: Sequence[Graphs], count: int, rounds: int) -> list[Cost]:
    """Time every graph in every backend."""
    calls: dict[tuple[str, str, str], Call] = {}
    ran_in: dict[tuple[str, str, str], str] = {}
    for of in graphs:
        for precision, path in (("fp32", of.fp32), ("int8", of.int8)):
            for backend, (call, told) in _calls(path, of.side_px).items():
                calls[of.name, precision, backend], ran_in[of.name, precision, backend] = call, told
    keys = {" ".join(key): key for key in calls}
    times = timed({name: calls[key] for name, key in keys.items()}, count=count, rounds=rounds)
    return [
        Cost(
            *key,
            cpu_ms=middle(times[name]["cpu_ms"]),
            quietest_cpu_ms=min(times[name]["cpu_ms"]),
            wall_p50_ms=middle(times[name]["wall_ms"]),
            wall_p99_ms=quantile(times[name]["wall_ms"], 0.99),
            ran_in=ran_in[key],
        )
        for name, key in keys.items()
    ]


def _calls(path: Path, side_px: int) -> Mapping[str, tuple[Call, str]]:
    """A call in each backend, and what it tells of the precisions that it computes in."""
    from edge_runtime.engine.onnx_cpu import open_session
    from factory_assets.engines.openvino_engine import OpenVinoEngine

    inputs = {IMAGE: made_graphs.made_frames(1, side_px)[..., None]}
    session, engine = open_session(path), OpenVinoEngine(path, (1, side_px, side_px, 1))
    told = ", ".join(f"{name} {count}" for name, count in engine.executed_precisions().items())
    return {
        "onnxruntime": (lambda: session.run(None, inputs), "not told"),
        "openvino": (lambda: engine.run(inputs), told),
    }


def _report(graphs: Sequence[Graphs], costs: Sequence[Cost], how: str) -> Report:
    figures = []
    for name in (CLASSIFIER, DEFECT_NETWORK):
        for precision, goal in GOALS.items():
            of_these = [cost for cost in costs if (cost.network, cost.precision) == (name, precision)]
            best = min(of_these, key=lambda cost: cost.cpu_ms)
            figures.append(
                Figure(
                    f"{name} {precision.upper()}, CPU ms a call, fastest backend", best.cpu_ms, None, None,
                    goal if name == CLASSIFIER else None, f"{how}; fastest is {best.backend}",
                )
            )  # fmt: skip
    parameters = ", ".join(f"{of.name} {of.parameters:,} parameters" for of in graphs)
    return Report(NAME, TITLE, figures, details=[_by_backend(costs)], notes=[*NOTES, f"Sizes: {parameters}."])


def _by_backend(costs: Sequence[Cost]) -> Details:
    columns = [
        "network",
        "precision",
        "backend",
        "CPU ms",
        "in the quietest round",
        "wall p50 ms",
        "wall p99 ms",
        "ran in",
    ]
    rows = [
        [
            cost.network, cost.precision, cost.backend, f"{cost.cpu_ms:.2f}", f"{cost.quietest_cpu_ms:.2f}",
            f"{cost.wall_p50_ms:.2f}", f"{cost.wall_p99_ms:.2f}", cost.ran_in,
        ]
        for cost in costs
    ]  # fmt: skip
    return Details("By backend", columns, rows)
