"""Tiny instances with a file of bounds, and rows that no engine made."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from factory_assets.planning.instances import parse_instance
from factory_assets.planning.problem import Problem

JOB_SHOP = "3 3\n0 3 1 2 2 2\n0 2 2 1 1 4\n1 4 2 3 0 1\n"
FLEXIBLE = "2 2\n2 2 0 3 1 4 1 0 2\n2 1 1 3 2 0 2 1 5\n"


def folder(place: Path, names: tuple[str, ...] = ("la01", "mk01")) -> Path:
    """Instances (`mk` flexible, others not) with `bounds.json`; the best known makespans are the optima."""
    entries = {}
    for name in names:
        kind, optimum = ("fjsp", 7) if name.startswith("mk") else ("jsp", 11)
        (place / kind).mkdir(parents=True, exist_ok=True)
        (place / kind / f"{name}.txt").write_text(FLEXIBLE if kind == "fjsp" else JOB_SHOP)
        entries[name] = {
            "file": f"{kind}/{name}.txt", "type": kind, "family": "made", "operations": 9,
            "lower_bound": optimum, "upper_bound": optimum, "optimal_known": True,
        }  # fmt: skip
    (place / "bounds.json").write_text(json.dumps({"instances": entries}))
    return place


def job_shop(seed: int, jobs: int = 3, machines: int = 3) -> Problem:
    """A random job shop."""
    random, lines = Random(seed), [f"{jobs} {machines}"]
    for _ in range(jobs):
        order = random.sample(range(machines), machines)
        lines.append(" ".join(f"{machine} {random.randint(1, 9)}" for machine in order))
    return parse_instance("\n".join(lines), flexible=False)


def row(instance: str, engine: str, seed: int, makespan: int | None, **values: Any) -> dict[str, Any]:
    """A row of a makespan run with a best known makespan of 100."""
    return {
        "part": "makespan", "instance": instance, "engine": engine, "seed": seed, "makespan": makespan, "cost": None,
        "family": "made", "group": "mk", "operations": 10, "best_known": 100, "optimal_known": True,
        "lower_bound": 90.0, "gap": None if makespan is None else (makespan - 100) / 100, "first_feasible_s": 0.1,
        "wall_s": 1.0, "cpu_s": 1.0, "checked": makespan is not None, "violations": [], **values,
    }  # fmt: skip
