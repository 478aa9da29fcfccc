"""Remaining useful life of turbofans: the champion against its parts and the plain baseline, on all of C-MAPSS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from factory_assets.benchmarks import rul_fleets
from factory_assets.benchmarks.call_timing import quantile
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.benchmarks.rul_fleets import DATA, FleetRun, FleetSet, GraphFacts
from factory_assets.foundation.settings import load_thresholds
from factory_assets.rul.bilstm import BiLstm
from factory_assets.rul.contestants import targets
from factory_assets.rul.evaluation import Evaluation, rmse
from factory_assets.rul.promotion import Gain, gain
from factory_assets.rul.training import cross_fit, train

NAME = "rul"
TITLE = (
    "Remaining life of turbofans (NASA C-MAPSS): the champion against the plain baseline, out of fold and on the test."
)
FLEETS, QUICK_FLEETS = 4, 1
QUICK = {"epochs": 1, "trees": 30, "window_stride": 12, "folds": 3}
AGELESS = {"uses_age": False, "contestants": ("trees",)}
# What this project aims at, on the test, by fleet (FD001 to FD004).
AIMS: dict[str, tuple[float, ...]] = {
    "rmse_capped": (10.6, 10.2, 9.8, 11.5),
    "phm08_capped": (180, 520, 175, 650),
    "rmse_low_rul": (3.2, 3.2, 2.5, 6.0),
    "width_90": (31, 30, 29, 32),
}
BILSTM_AIM = (12.3, 12.0, 12.0, 13.2)
COVERAGE = Goal(0.87, 0.95)
NOTES = (
    "Official files by digest; all 100, 259, 100 and 248 test units are scored, each once, at its last cycle.",
    "Capped: truth at most 125 cycles, as in papers since 2021; raw: as it is. Nothing is settled on the test.",
    "Out of fold: five folds by unit, each predicted by models that have not seen the unit.",
    "The baseline is boosted trees on statistics of the window and the age, averaged over the same five folds.",
    "Test intervals are about 2 cycles wide: gains of less than 1 cycle on one fleet are noise there.",
    "The gate is the paired bootstrap over units, out of fold, over all fleets together.",
)


@dataclass(frozen=True)
class Ablation:
    """Out-of-fold errors of one fleet with something left out: the raw window, or the age."""

    without_window: np.ndarray
    age_free: Mapping[str, float]
    age_free_scores: Evaluation


def run(options: Options) -> Report:
    """Train every fleet, score the test units once, and compare out of fold."""
    count = options.size("fleets", full=FLEETS, quick=QUICK_FLEETS)
    sets = rul_fleets.fleet_sets(options.folder / "home", [f"FD00{number}" for number in range(1, count + 1)])
    if sets is None:
        told = f"Not measured: {DATA} is not there. Give --data, or set FACTORY_DATA to the folder that holds {DATA}/."
        return Report(NAME, TITLE, figures=[], notes=[told])
    changed = {**(QUICK if options.is_quick else {}), "seeds": options.size("seeds", full=1, quick=1)}
    sets = [replace(of, settings=of.settings.model_copy(update=changed)) for of in sets]
    runs = [rul_fleets.trained(of) for of in sets]
    graphs = [rul_fleets.graph_facts(one, options.folder) for one in runs]
    ablations = [ablated(one) for one in runs]
    return report(runs, graphs, ablations)


def ablated(run: FleetRun) -> Ablation:
    """Train the BiLSTM without its window, and the trees without the age."""
    settings, windows = run.of.settings, run.model.windows
    target, is_least = targets(windows, settings.cap_cycles)
    examples = run.model.preparation(windows.inputs, target, is_least)
    blind = BiLstm(settings.cap_cycles, settings.epochs, settings.batch_size, settings.seeds, sees_window=False)
    _, predicted = cross_fit(examples, windows.folds, settings, only={"blind": blind})
    ageless = FleetSet(run.of.fleet, run.of.rows, run.of.inputs, settings.model_copy(update=AGELESS))
    model = train(ageless.learnt, ageless.settings, ageless.inputs)
    return Ablation(
        np.clip(predicted["blind"], 0, settings.cap_cycles),
        model.figures[model.contestant],
        rul_fleets.scored(FleetRun(ageless, model, 0, 0), model.contestant),
    )


def report(runs: Sequence[FleetRun], graphs: Sequence[GraphFacts], ablations: Sequence[Ablation]) -> Report:
    """Figures of all fleets, and `results` for programs."""
    results = {one.of.fleet: results_of(one) for one in runs}
    over_baseline = _over_fleets(runs, "trees", "champion")
    window = _over_fleets(runs, [one.without_window for one in ablations], "bilstm")
    figures = [
        Figure(
            "gain over the baseline out of fold, cycles of RMSE, lower end of its 95 % interval",
            over_baseline.low, goal=Goal(least=0), held_equal=str(over_baseline),
        ),
        Figure(
            "what the raw window adds to the BiLSTM's statistics, the same", window.low, goal=Goal(least=0),
            held_equal=str(window),
        ),
        *_test_figures(runs, results),
        *_cost_figures(runs, graphs),
    ]  # fmt: skip
    tables = [_scores_table(results), _age_table(runs, ablations), _training_table(runs, graphs)]
    return Report(NAME, TITLE, figures, details=tables, notes=NOTES, results=results)


def results_of(run: FleetRun) -> dict[str, Any]:
    """A fleet's figures by model: champion, bilstm and baseline."""
    model, cap = run.model, run.of.settings.cap_cycles
    found = {}
    for name, contestant in (("champion", model.contestant), ("bilstm", "bilstm"), ("baseline", "trees")):
        scores = rul_fleets.scored(run, contestant)
        plain = {key: value for key, value in asdict(scores).items() if key != "predictions"}
        found[name] = {
            "contestant": contestant,
            **plain,
            "rmse_oof": model.figures[contestant]["rmse_capped"],
            "intervals_95": rul_fleets.bootstrapped(scores, cap),
        }
    found["champion"]["weights"] = dict(model.weights)
    return found


def _over_fleets(runs: Sequence[FleetRun], before: str | Sequence[np.ndarray], after: str) -> Gain:
    """The gain of one model over another, out of fold, over the units of all fleets together."""
    parts = []
    for place, one in enumerate(runs):
        table, known = one.model.out_of_fold, ~one.model.windows.is_censored
        names = {"champion": one.model.contestant}
        old = table[names.get(before, before)].to_numpy() if isinstance(before, str) else before[place]
        new = table[names.get(after, after)].to_numpy()
        truth = np.minimum(table["rul_cycles"].to_numpy(), one.of.settings.cap_cycles)
        parts.append((table["unit_id"].to_numpy()[known], truth[known], old[known], new[known]))
    units, truth, old, new = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return gain(units, truth, old, new, load_thresholds().rul.promotion)


def _test_figures(runs: Sequence[FleetRun], results: Mapping[str, Any]) -> list[Figure]:
    names = {
        "rmse_capped": "capped RMSE, cycles", "phm08_capped": "capped PHM08 score",
        "rmse_low_rul": "RMSE where at most 30 cycles are left", "width_90": "mean width of the 90 % interval, cycles",
    }  # fmt: skip
    figures = []
    for place, one in enumerate(runs):
        fleet, of = one.of.fleet, results[one.of.fleet]
        count = f"{of['champion']['units']} test units"
        for key, name in names.items():
            baseline = of["baseline"][key]
            goal = Goal(most=AIMS[key][place])
            figures.append(
                Figure(f"{fleet}: {name}", of["champion"][key], baseline=baseline, goal=goal, held_equal=count)
            )
        figures += [
            Figure(
                f"{fleet}: coverage of the 90 % interval", of["champion"]["coverage_90"],
                goal=COVERAGE, held_equal=count,
            ),
            Figure(
                f"{fleet}: capped RMSE of the BiLSTM alone, cycles", of["bilstm"]["rmse_capped"],
                baseline=of["baseline"]["rmse_capped"], goal=Goal(most=BILSTM_AIM[place]), held_equal=count,
            ),
        ]  # fmt: skip
    return figures


def _cost_figures(runs: Sequence[FleetRun], graphs: Sequence[GraphFacts]) -> list[Figure]:
    parity = load_thresholds().rul.parity_cycles
    calls = [wall for one in graphs for wall in one.call_ms]
    return [
        Figure("training of all fleets, wall minutes", sum(one.wall_s for one in runs) / 60, goal=Goal(most=15)),
        Figure("the same, CPU minutes", sum(one.cpu_s for one in runs) / 60),
        Figure("one prediction with interval, median, ms", quantile(calls, 0.5), goal=Goal(most=5)),
        Figure("largest champion, MiB of ONNX", max(one.mib for one in graphs), goal=Goal(most=8)),
        Figure(
            "largest |ONNX Runtime - trainer|, cycles", max(o.parity_cycles for o in graphs), goal=Goal(most=parity)
        ),
    ]


def _scores_table(results: Mapping[str, Any]) -> Details:
    columns = [
        "fleet", "model", "out of fold", "capped RMSE", "95 %", "raw RMSE", "capped PHM08", "95 %  ", "raw PHM08",
        "RUL <= 30", "whole lives", "coverage 90 %", "width",
    ]  # fmt: skip
    rows = []
    for fleet, models in results.items():
        for name, of in models.items():
            ends = of["intervals_95"]
            rows.append(
                [
                    fleet, f"{name} ({of['contestant']})", f"{of['rmse_oof']:.2f}", f"{of['rmse_capped']:.2f}",
                    _span(ends["rmse_capped"]), f"{of['rmse_raw']:.2f}", f"{of['phm08_capped']:.0f}",
                    _span(ends["phm08_capped"], 0), f"{of['phm08_raw']:.0f}", f"{of['rmse_low_rul']:.2f}",
                    f"{of['whole_life_rmse_capped']:.2f}", f"{of['coverage_90']:.3f}", f"{of['width_90']:.1f}",
                ]
            )  # fmt: skip
    return Details("Out of fold and on the test, in cycles", columns, rows)


def _age_table(runs: Sequence[FleetRun], ablations: Sequence[Ablation]) -> Details:
    rows = []
    for one, ablation in zip(runs, ablations, strict=True):
        target, _ = targets(one.model.windows, one.of.settings.cap_cycles)
        known = ~one.model.windows.is_censored
        blind = rmse(target[known], ablation.without_window[known])
        scores = ablation.age_free_scores
        rows.append(
            [
                one.of.fleet, f"{one.model.figures['bilstm']['rmse_capped']:.2f}", f"{blind:.2f}",
                f"{ablation.age_free['rmse_capped']:.2f}", f"{scores.rmse_capped:.2f}", f"{scores.phm08_capped:.0f}",
            ]
        )  # fmt: skip
    columns = [
        "fleet", "BiLSTM out of fold", "the same without the raw window", "trees without age, out of fold",
        "its capped RMSE on the test", "its PHM08",
    ]  # fmt: skip
    return Details("What is left out", columns, rows)


def _training_table(runs: Sequence[FleetRun], graphs: Sequence[GraphFacts]) -> Details:
    rows = [
        [
            one.of.fleet, one.model.contestant, f"{one.model.weights.get('bilstm', 0):.2f}",
            f"{len(one.model.windows.life_ids):,}", f"{one.wall_s:.0f}", f"{one.cpu_s:.0f}", f"{graph.mib:.1f}",
            f"{graph.parity_cycles:.2g}", f"{quantile(graph.call_ms, 0.5):.2f}",
        ]
        for one, graph in zip(runs, graphs, strict=True)
    ]  # fmt: skip
    columns = [
        "fleet", "champion", "share of the BiLSTM", "windows", "wall s", "CPU s", "MiB", "parity, cycles",
        "prediction, ms",
    ]  # fmt: skip
    return Details("Training and graphs", columns, rows)


def _span(ends: Sequence[float], digits: int = 1) -> str:
    return f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}"
