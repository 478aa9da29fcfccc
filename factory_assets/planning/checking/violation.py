"""A rule that a schedule breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rule = Literal[
    "task",
    "routing",
    "mode",
    "begin",
    "duration",
    "overlap",
    "setup",
    "precedence",
    "release",
    "horizon",
    "operator",
    "tool",
    "material",
    "batch",
    "maintenance",
    "pinned",
    "makespan",
    "cost",
    "bound",
]


@dataclass(frozen=True)
class Violation:
    """A rule that a schedule breaks.

    Attributes:
        rule: Which.
        tasks: The names of the tasks that break it; none if it is about the whole schedule.
        words: What is wrong, for a person.
    """

    rule: Rule
    tasks: tuple[str, ...]
    words: str
