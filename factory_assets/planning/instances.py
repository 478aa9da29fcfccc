"""Benchmark instances of the job shop and the flexible job shop, as problems."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from factory_assets.planning.problem import Machine, Mode, Operation, Order, Problem

_START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class InstanceError(ValueError):
    """A benchmark file that cannot be read; the message names file and line."""


def read_instance(path: Path) -> Problem:
    """Read a benchmark file; the folder (`jsp` or `fjsp`) says which format it has.

    Source of both formats: github.com/SchedulingLab/jsp-instances and fjsp-instances.

    Args:
        path: `.../jsp/NAME.txt` or `.../fjsp/NAME.txt`.

    Returns:
        A problem without due dates, machines always working: to be solved for its makespan.

    Raises:
        InstanceError: The file is not of that format.
    """
    kind = path.parent.name
    if kind not in ("jsp", "fjsp"):
        raise InstanceError(f"{path}: expected in a folder named jsp or fjsp, which says the format")
    return parse_instance(path.read_text(encoding="ascii", errors="replace"), flexible=kind == "fjsp", name=str(path))


def parse_instance(text: str, *, flexible: bool, name: str = "instance") -> Problem:
    """Parse the text of a benchmark file.

    Args:
        text: First line `jobs machines`, then a line for each job. Job shop: pairs of machine and duration. Flexible:
            the number of operations, then for each the number of modes and as many pairs.
        flexible: Which of the two.
        name: Where it comes from, for error messages.

    Raises:
        InstanceError: The text is not of that format.
    """
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise InstanceError(f"{name}: the file is empty")
    header = _numbers(name, *lines[0])
    if len(header) < 2 or header[0] < 1 or header[1] < 1:
        raise InstanceError(f"{name}, line {lines[0][0]}: expected the numbers of jobs and machines, both at least 1")
    n_jobs, n_machines = header[:2]
    if len(lines) - 1 != n_jobs:
        raise InstanceError(f"{name}: {n_jobs} jobs are announced, {len(lines) - 1} lines follow")
    orders = []
    for job, (number, words) in enumerate(lines[1:]):
        where, numbers = f"{name}, line {number}", _numbers(name, number, words)
        steps = _flexible_steps(numbers, where) if flexible else _steps(numbers, where)
        orders.append(_order(job, steps, n_machines, where))
    return Problem(_START, tuple(Machine(f"m{number}") for number in range(n_machines)), tuple(orders))


def _numbers(name: str, number: int, words: list[str]) -> list[int]:
    try:
        return [int(word) for word in words]
    except ValueError as error:
        raise InstanceError(f"{name}, line {number}: only whole numbers are allowed ({error})") from None


def _steps(numbers: list[int], where: str) -> list[list[tuple[int, int]]]:
    if len(numbers) % 2 or not numbers:
        raise InstanceError(f"{where}: expected pairs of machine and duration, found {len(numbers)} numbers")
    return [[(numbers[at], numbers[at + 1])] for at in range(0, len(numbers), 2)]


def _flexible_steps(numbers: list[int], where: str) -> list[list[tuple[int, int]]]:
    rest = iter(numbers)
    steps: list[list[tuple[int, int]]] = []
    try:
        for _ in range(next(rest)):
            count = next(rest)
            if count < 1:
                raise InstanceError(f"{where}: operation {len(steps)} has no machine")
            steps.append([(next(rest), next(rest)) for _ in range(count)])
    except StopIteration:
        raise InstanceError(f"{where}: the line ends within an operation") from None
    if next(rest, None) is not None:
        raise InstanceError(f"{where}: numbers are left after the last operation")
    return steps


def _order(job: int, steps: list[list[tuple[int, int]]], n_machines: int, where: str) -> Order:
    operations = []
    for number, step in enumerate(steps):
        for machine, duration in step:
            if not 0 <= machine < n_machines:
                raise InstanceError(f"{where}: machine {machine} is not one of 0 to {n_machines - 1}")
            if duration < 0:
                raise InstanceError(f"{where}: operation {number} has the negative duration {duration}")
        modes = tuple(Mode(f"m{machine}", duration) for machine, duration in step)
        after = (f"j{job}-{number - 1}",) if number else ()
        operations.append(Operation(f"j{job}-{number}", modes, after))
    return Order(f"j{job}", tuple(operations))
