"""Numbers on the command line, within their bounds."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def at_least(least: int) -> Callable[[str], int]:
    """A whole number that is not below `least`."""

    def count(text: str) -> int:
        number = int(text)
        if number < least:
            msg = f"at least {least}"
            raise argparse.ArgumentTypeError(msg)
        return number

    return count


def above_zero(most: float | None = None) -> Callable[[str], float]:
    """A finite number above 0, and at most `most` if that is given."""

    def number(text: str) -> float:
        found = float(text)
        if not 0 < found < float("inf") or (most is not None and found > most):
            msg = "above 0" if most is None else f"above 0, at most {most:g}"
            raise argparse.ArgumentTypeError(msg)
        return found

    return number
