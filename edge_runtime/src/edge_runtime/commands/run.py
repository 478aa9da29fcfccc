"""`factory-edge run`: the inspection service."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge_runtime.commands.values import at_least

NAME = "run"
HELP = "inspect parts at the line, until it is told to stop"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the YAML file of the station")
    parser.add_argument("--parts", type=at_least(1), metavar="N", help="end after so many verdicts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the counts here at the end")


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Serve until SIGTERM, SIGINT or the last part.

    Raises:
        InputError: The settings cannot be used, or another service works on the same state folder.
    """
    from edge_runtime.station.config import load_config
    from edge_runtime.station.run import serve

    config = load_config(arguments.config)
    report = serve(config, parts=arguments.parts)
    counts = ", ".join(f"{number} {name}" for name, number in report["counts"].items())
    lines = [f"station {config.station}: {counts} ({report['restarts']} restarts)"]
    lines += [f"  {number} rejected unjudged: {failure}" for failure, number in report["failures"].items()]
    return report, lines
