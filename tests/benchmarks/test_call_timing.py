"""Timing of calls: what is counted, not how long it takes."""

from __future__ import annotations

import math
import os
import time

import pytest

from factory_assets.benchmarks import call_timing
from factory_assets.benchmarks.one_core import alone


def test_every_call_has_its_turn_in_every_round() -> None:
    order: list[str] = []
    calls = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    found = call_timing.timed(calls, count=3, rounds=2)
    assert order[-12:] == ["a"] * 3 + ["b"] * 3 + ["a"] * 3 + ["b"] * 3
    assert {name: (len(of["cpu_ms"]), len(of["wall_ms"])) for name, of in found.items()} == {"a": (2, 6), "b": (2, 6)}
    assert all(value >= 0 for of in found.values() for value in (*of["cpu_ms"], *of["wall_ms"]))


def test_a_costly_call_is_made_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "process_time", lambda: clock[0])

    def costly() -> None:
        clock[0] += 0.4

    found = call_timing.timed({"costly": costly}, count=50, rounds=3)["costly"]
    assert len(found["wall_ms"]) == 6
    assert found["cpu_ms"] == pytest.approx([400] * 3)


def test_waiting_costs_wall_time_and_no_cpu_time() -> None:
    found = call_timing.timed({"waits": lambda: time.sleep(0.02)}, count=2, rounds=1)["waits"]
    assert min(found["wall_ms"]) >= 20
    assert found["cpu_ms"][0] < min(found["wall_ms"])


def test_medians_and_quantiles() -> None:
    values = [float(number) for number in range(1, 101)]
    assert call_timing.middle(values) == 50.5
    assert call_timing.quantile(values, 0.99) == 100
    assert call_timing.quantile([3.0], 0.5) == 3


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system lets no process choose its core")
def test_a_process_of_its_own_stays_on_one_core() -> None:
    assert len(alone(os.sched_getaffinity, 0)) == 1
    assert alone(os.getpid) != os.getpid()
    assert alone(math.sqrt, 4.0) == 2
