"""Subcommands of `factory-edge`, a module each: NAME, HELP, `add_arguments(parser)`, `run(arguments)`.

They are all imported to build the parser, so whatever is heavy is imported inside `run`. `run` returns a report (plain
JSON values, written where `--json FILE` is an argument) and lines for people.
"""

from __future__ import annotations

import argparse
from typing import Any, Protocol

from edge_runtime.commands import doctor, qualify, run, trigger

Outcome = tuple[dict[str, Any], list[str]]


class Command(Protocol):
    """What such a module offers."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""

    def run(self, arguments: argparse.Namespace) -> Outcome:
        """Do it; raises EdgeError with the exit code."""


COMMANDS: tuple[Command, ...] = (run, doctor, qualify, trigger)
