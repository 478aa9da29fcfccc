"""What is wrong with a question."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from factory_assets.foundation.errors import FactoryError

SHOWN = 8


class WhatIfError(FactoryError, ValueError):
    """A what-if that cannot be asked: a name that nobody knows, a time that is over, a text that says nothing."""


def unknown(what: str, name: str, known: Iterable[str]) -> WhatIfError:
    """A name that nobody knows, with those that it may have been meant to be."""
    names = sorted(known)
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return WhatIfError(f"there is no {what} {name} in the schedule: did you mean {' or '.join(close)}?")
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return WhatIfError(f"there is no {what} {name} in the schedule; there are: {shown or 'none'}")
