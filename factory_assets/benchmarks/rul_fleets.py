"""Fleets whose models are compared: their training sets, made by the platform itself from the real archive."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from factory_assets.benchmarks.image_sets import folder_of
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.parity import OnnxRunner, largest_difference
from factory_assets.foundation.plant import Channel
from factory_assets.foundation.rul_settings import RulSettings
from factory_assets.foundation.settings import PROJECT_ROOT, Settings, Site, load_site
from factory_assets.rul import evaluation, intervals
from factory_assets.rul.evaluation import Evaluation, phm08_score, rmse
from factory_assets.rul.graph import write_graph
from factory_assets.rul.schema import QUANTILES, RUL, candidate_inputs, model_inputs
from factory_assets.rul.training import TrainedModel, train
from factory_assets.rul.training_set import build_training_set
from factory_assets.rul.windows import final_windows

DATA = "cmapss"
RESAMPLES = 2000
CALLS = 300


@dataclass(frozen=True)
class FleetSet:
    """A fleet's training set, and what it is trained with."""

    fleet: str
    rows: pl.DataFrame
    inputs: tuple[Channel, ...]
    settings: RulSettings

    @property
    def learnt(self) -> pl.DataFrame:
        """The rows that training may see."""
        return self.rows.filter(split="train")


@dataclass(frozen=True)
class FleetRun:
    """A trained fleet.

    Attributes:
        of: Its training set.
        model: The model, with all contestants.
        cpu_s: CPU time of the training, processes that it started included.
        wall_s: Its wall time.
    """

    of: FleetSet
    model: TrainedModel
    cpu_s: float
    wall_s: float


def fleet_sets(folder: Path, fleets: list[str] | None = None) -> list[FleetSet] | None:
    """Bring the turbofan plant up to date in a folder, and build its training sets; None if the archive is not there.

    Args:
        folder: For the plant's home.
        fleets: Only these; all by default.
    """
    from factory_assets.operations import bring_up_to_date
    from factory_assets.summary import progress_lines

    data = folder_of(DATA)
    if data is None:
        return None
    plant_file = PROJECT_ROOT / "configs" / "plants" / "turbofan.yaml"
    site = load_site(Settings(plant=plant_file, home=folder, data=data.parent))
    wanted = fleets or list(site.plant.modelled_fleets)
    with progress_lines(site.home.log):
        bring_up_to_date(site, fleets=wanted, rooms=["historian", "telemetry"])
    return [_fleet_set(site, fleet) for fleet in wanted]


def _fleet_set(site: Site, fleet: str) -> FleetSet:
    lake, plant = Lake(site.home.lake), site.plant
    lives = lake.read("unit_life", Partition(fleet))
    rows = build_training_set(lake.read_fleet("sensor_table", fleet), lives, plant, fleet)
    names = model_inputs(rows)
    inputs = tuple(channel for channel in candidate_inputs(plant, fleet) if channel.name in names)
    return FleetSet(fleet, rows, inputs, plant.rul_settings(fleet))


def trained(of: FleetSet) -> FleetRun:
    """Train all contestants of a fleet, and take the time."""
    before, began = _cpu_s(), time.perf_counter()
    model = train(of.learnt, of.settings, of.inputs)
    return FleetRun(of, model, _cpu_s() - before, time.perf_counter() - began)


def scored(run: FleetRun, contestant: str) -> Evaluation:
    """One contestant on the test units, once, with intervals of its own calibration."""
    model, cap = run.model, run.of.settings.cap_cycles
    weights = model.shares[contestant]
    windows = model.windows
    own = intervals.calibrate(
        model.out_of_fold[contestant].to_numpy(),
        windows.rul_cycles[:, 0],
        windows.unit_ids,
        cap_cycles=cap,
        censored=windows.is_censored,
    )

    def predict(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        cycles = model.outputs(weights, inputs)[RUL]
        return {RUL: cycles, QUANTILES: intervals.quantiles(own, cycles[:, 0], cap)}

    return evaluation.evaluate(predict, run.of.rows, run.of.settings)  # type: ignore[arg-type]


def bootstrapped(scores: Evaluation, cap_cycles: int, seed: int = 1) -> dict[str, list[float]]:
    """95 % intervals of the figures of a test set, by bootstrap over its units (percentiles of 2,000 resamples)."""
    found = np.array([one["rul_cycles"] for one in scores.predictions])
    raw = np.array([one["true_rul_cycles"] for one in scores.predictions])
    low = np.array([one["rul_low_90_cycles"] for one in scores.predictions])
    high = np.array([one["rul_high_90_cycles"] for one in scores.predictions])
    true = np.minimum(raw, cap_cycles)
    drawn = np.random.default_rng(seed).integers(len(raw), size=(RESAMPLES, len(raw)))
    inside = (low <= true) & (true <= high)
    figures = {
        "rmse_capped": [rmse(true[chosen], found[chosen]) for chosen in drawn],
        "rmse_raw": [rmse(raw[chosen], found[chosen]) for chosen in drawn],
        "phm08_capped": [phm08_score(true[chosen], found[chosen]) for chosen in drawn],
        "coverage_90": [float(inside[chosen].mean()) for chosen in drawn],
        "width_90": [float((high - low)[chosen].mean()) for chosen in drawn],
    }
    return {name: [float(end) for end in np.quantile(values, [0.025, 0.975])] for name, values in figures.items()}


@dataclass(frozen=True)
class GraphFacts:
    """What the exported champion is: its size, its distance from the trainer, and how long a prediction takes."""

    mib: float
    parity_cycles: float
    call_ms: list[float]


def graph_facts(run: FleetRun, folder: Path) -> GraphFacts:
    """Export the champion, and predict one test unit after the other with ONNX Runtime on one thread."""
    path = folder / f"{run.of.fleet}.onnx"
    facts = write_graph(run.model, path)
    runner = OnnxRunner(path)
    windows = final_windows(run.of.rows.filter(split="test"), window_cycles=run.of.settings.window_cycles)
    walls = []
    for call in range(CALLS + 20):
        one = windows.of(np.array([call % len(windows.life_ids)])).inputs
        began = time.perf_counter()
        runner.run(one)
        walls.append(1000 * (time.perf_counter() - began))
    return GraphFacts(facts.bytes / 2**20, largest_difference(path, *run.model.samples), walls[20:])


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
