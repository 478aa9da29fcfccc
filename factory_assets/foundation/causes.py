"""Why a step failed, in plain words: the message that a person can act on, out of a chain of errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

FAILURE = "Failure"


def plain_cause(error: Any) -> str:
    """The message of a recorded error: of the failure that was raised on purpose, or else of the innermost cause."""
    while error.cls_name != FAILURE and error.cause is not None:
        error = error.cause
    message: str = error.message.strip()
    before, separator, after = message.partition(": ")
    is_class = before.rsplit(".", 1)[-1] == error.cls_name
    return after if separator and is_class else message


def plain_causes(events: Iterable[Any]) -> list[str]:
    """The causes of all failed steps among a run's events, each once."""
    errors = (event.step_failure_data.error for event in events if event.is_step_failure)
    return list(dict.fromkeys(plain_cause(error) for error in errors if error is not None))
