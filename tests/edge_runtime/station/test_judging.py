from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.bundle import Manifest
from edge_runtime.engine.serving import engine_for_serving
from edge_runtime.errors import GoldenMismatch, InputError, NoReleaseError, TargetUnavailable
from edge_runtime.station import judging
from edge_runtime.station.judging import Judge, WorkerSettings
from factory_assets.benchmarks.tiny_station import DEFECTIVE, SOUND
from tests.edge_runtime.station.station_site import StationSite


@pytest.fixture
def settings(station_site: StationSite) -> WorkerSettings:
    station_site.publish()
    station_site.pull()
    return WorkerSettings(
        state=station_site.state,
        product=None,
        release=1,
        target="cpu",
        precision=None,
        deadline_ms=1000,
        ring="",
    )


class Precise:
    """A real engine that claims another precision, takes its time, or is wrong."""

    def __init__(self, engine: Any, precision: str, pause_s: float, error: float) -> None:
        self._engine, self._pause_s, self._error = engine, pause_s, error
        self.target, self.precision, self.label = "cpu", "fp32", f"fake {precision}"

    def run(self, inputs: Any) -> Any:
        time.sleep(self._pause_s)
        return {name: output + np.float32(self._error) for name, output in self._engine.run(inputs).items()}

    def warm_up(self, calls: int | None = None) -> int:
        return 1

    def close(self) -> None:
        self._engine.close()


def opener(known: dict[str, float], error: float = 0.0) -> Any:
    """Opens engines of known precisions, which take so long."""

    def open_engine(state: Path, folder: Path, manifest: Manifest, target: str, precision: str | None) -> Precise:
        if precision not in known:
            raise TargetUnavailable(f"no {precision}", "make one")
        return Precise(engine_for_serving(state, folder, manifest, target), precision, known[precision], error)

    return open_engine


def with_opener(settings: WorkerSettings, known: dict[str, float], error: float = 0.0, **changes: Any) -> Judge:
    from dataclasses import replace

    return Judge(replace(settings, open_engine=opener(known, error), **changes))


def test_it_tells_what_it_judges_with_and_how_long_it_took(settings: WorkerSettings) -> None:
    judge = Judge(settings)
    assert (judge.ready.release, judge.ready.product, judge.ready.threshold) == (1, "plate", 0.5)
    assert judge.ready.engine.endswith("fp32")
    sound, defective = judge.judge(SOUND), judge.judge(DEFECTIVE)
    assert (sound.verdict, defective.verdict) == ("ok", "nok")
    assert sound.fit_ns > 0
    assert sound.engine_ns > 0
    assert judge.judge(np.dstack([SOUND] * 3)).score == pytest.approx(sound.score)


def test_the_most_exact_engine_that_meets_the_deadline_is_taken(settings: WorkerSettings) -> None:
    quick = {"fp32": 0.0, "fp16": 0.0}
    assert with_opener(settings, quick).ready.engine == "fake fp32"
    slow = {"fp32": 0.06, "fp16": 0.0, "int8": 0.0}
    assert with_opener(settings, slow, deadline_ms=100).ready.engine == "fake fp16"
    assert with_opener(settings, {"fp32": 0.06, "int8": 0.03}, deadline_ms=10).ready.engine == "fake int8"
    assert with_opener(settings, slow, deadline_ms=100, precision="fp32").ready.engine == "fake fp32"


def test_an_engine_that_computes_otherwise_is_refused(settings: WorkerSettings) -> None:
    with pytest.raises(GoldenMismatch):
        with_opener(settings, {"fp32": 0.0}, error=0.1)


def test_what_is_not_here_or_of_another_product_is_refused(settings: WorkerSettings) -> None:
    with pytest.raises(TargetUnavailable):
        with_opener(settings, {})
    with pytest.raises(InputError, match="inspects: plate"):
        with_opener(settings, {"fp32": 0.0}, product="flange")
    with pytest.raises(NoReleaseError, match="release 7 is not kept"):
        with_opener(settings, {"fp32": 0.0}, release=7)


def test_heat_maps_are_thinned_out_for_the_pipe() -> None:
    verdict = judging.Verdict(verdict="ok", score=0.1, heat_map=np.full((480, 300), 0.5, np.float32))
    small = judging._small_map(verdict)
    assert small is not None
    assert max(small.shape) <= judging.LARGEST_MAP_PX
    assert set(np.unique(small)) == {127}
