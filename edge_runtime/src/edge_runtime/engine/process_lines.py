"""How side processes answer: lines of JSON on standard output, one kind and one value each."""

from __future__ import annotations

import json
import sys
from typing import Any

from edge_runtime import errors
from edge_runtime.errors import EdgeError

PROGRESS, ERROR, ANSWER = "progress", "error", "answer"


def tell(kind: str, value: Any) -> None:
    """Say something to the process that started this one.

    Raises:
        OSError: It listens no more.
    """
    sys.stdout.write(json.dumps({kind: value}) + "\n")
    sys.stdout.flush()


def tell_error(error: EdgeError) -> int:
    """Say what went wrong, and return the exit code for it."""
    tell(ERROR, {"kind": type(error).__name__, "what": error.what, "mend": error.mend})
    return error.exit_code


def told(line: str) -> tuple[str, Any]:
    """Kind and value of a line; an empty kind for what a library printed between them."""
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return "", None
    return next(iter(found.items())) if isinstance(found, dict) and len(found) == 1 else ("", None)


def error_told(value: dict[str, str]) -> EdgeError:
    """The error that a side process told."""
    made: EdgeError = getattr(errors, value["kind"])(value["what"], value["mend"])
    return made
