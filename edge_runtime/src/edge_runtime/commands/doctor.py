"""`factory-edge doctor`: is this machine fit to inspect?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

NAME = "doctor"
HELP = "check this machine and a station's settings, and say how to mend what is wrong"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="the YAML file of the station")
    parser.add_argument("--state", type=Path, metavar="DIR", help="this machine's own folder, if not that of the file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the checks here")


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Check everything, and show each check as soon as it is done.

    Raises:
        InputError: The settings cannot be read.
        EdgeError: A check failed; the report was written before.
    """
    from edge_runtime.doctor.examine import examine
    from edge_runtime.errors import EdgeError
    from edge_runtime.files import write_atomic
    from edge_runtime.station.config import load_config

    config = None if arguments.config is None else load_config(arguments.config)
    state = None if arguments.state is None else arguments.state.absolute()
    checks = []
    for check in examine(config, state):
        checks.append(check)
        sys.stdout.write(f"{check.as_line()}\n")
        sys.stdout.flush()
    counts = {kind: sum(check.state == kind for check in checks) for kind in ("ok", "warning", "failed")}
    report = {"is_fit": counts["failed"] == 0, "counts": counts, "checks": [check.as_json() for check in checks]}
    if counts["failed"]:
        if arguments.json is not None:
            write_atomic(arguments.json, json.dumps(report, indent=2).encode() + b"\n")
        raise EdgeError(f"{counts['failed']} of {len(checks)} checks failed", "mend them as said above")
    return report, [f"fit to inspect: {counts['ok']} ok, {counts['warning']} to look at"]
