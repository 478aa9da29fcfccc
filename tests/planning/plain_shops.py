"""Plain job shops and flexible job shops, by seed, and one whose best makespan is known."""

from __future__ import annotations

from random import Random

from factory_assets.planning.instances import parse_instance
from factory_assets.planning.problem import Problem

# Fisher and Thompson 1963, 6 x 6; its best makespan is 55.
FT06 = """6 6
2 1 0 3 1 6 3 7 5 3 4 6
1 8 2 5 4 10 5 10 0 10 3 4
2 5 3 4 5 8 0 9 1 1 4 7
1 5 0 5 2 5 3 3 4 8 5 9
2 9 1 3 4 5 5 4 0 3 3 1
1 3 3 3 5 9 0 10 4 4 2 1
"""
FT06_BEST = 55


def ft06() -> Problem:
    """The instance of six jobs on six machines."""
    return parse_instance(FT06, flexible=False, name="ft06")


def flexible_shop(seed: int, *, jobs: int = 6, machines: int = 4, steps: int = 4) -> Problem:
    """Each operation can be done on one to three machines."""
    random = Random(seed)
    lines = [f"{jobs} {machines}"]
    for _ in range(jobs):
        numbers = [steps]
        for _ in range(steps):
            chosen = random.sample(range(machines), k=random.randint(1, min(3, machines)))
            numbers += [len(chosen), *(number for one in chosen for number in (one, random.randint(1, 20)))]
        lines.append(" ".join(map(str, numbers)))
    return parse_instance("\n".join(lines), flexible=True)
