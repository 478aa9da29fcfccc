"""A function in a process of its own, that stays on one core: what is timed there shares neither threads nor memory."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

from factory_assets.benchmarks.call_timing import stay_on_one_core

Result = TypeVar("Result")


def alone(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function of a module with values that can be sent, in a spawned process on one core."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=stay_on_one_core) as pool:
        return pool.submit(function, *arguments).result()
