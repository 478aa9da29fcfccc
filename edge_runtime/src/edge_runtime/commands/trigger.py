"""`factory-edge trigger`: ask a running station for the verdict on a part."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

NAME = "trigger"
HELP = "ask the running service for the verdict on a part"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--state", type=Path, metavar="DIR", help="the station's folder")
    where.add_argument("--socket", type=Path, metavar="FILE", help="the station's socket, if its settings name one")
    parser.add_argument("--part-id", required=True, metavar="TEXT", help="what the line calls the part")
    parser.add_argument("--trigger-id", metavar="TEXT", help="the same one again gives the same verdict again")
    parser.add_argument("--timeout-s", type=float, default=10.0, metavar="S", help="%(default)s by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdict's record here")


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Trigger and wait.

    Raises:
        InputError: No station listens, or it refuses the trigger.
        NoVerdictError: No verdict came in time.
    """
    from edge_runtime.station.triggers.base import SOCKET
    from edge_runtime.station.triggers.client import ask

    path = arguments.socket or arguments.state / SOCKET
    record = ask(path, arguments.part_id, arguments.trigger_id, arguments.timeout_s)
    why = f": {record.detail or record.failure}" if record.failure else ""
    score = "" if record.score is None else f", score {record.score:.3g}"
    return record.as_json(), [f"part {record.trigger.part_id}: {record.verdict}{score}{why}"]
