"""Compiling of number loops with Numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code, kept on disk, that runs beside other threads."""
    return numba.njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
