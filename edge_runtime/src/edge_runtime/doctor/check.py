"""What a check says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from edge_runtime.errors import EdgeError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        state: `warning` works, but less well or not for long; `failed` must be mended first.
        text: What was found.
        mend: How to mend it; None if there is nothing to mend.
    """

    name: str
    state: Literal["ok", "warning", "failed"]
    text: str
    mend: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def as_line(self) -> str:
        """For people."""
        mend = "" if self.mend is None else f" / {self.mend}"
        return f"{self.state.upper() if self.state == 'failed' else self.state:8}{self.name}: {self.text}{mend}"


def fine(name: str, text: str) -> Check:
    """All is well."""
    return Check(name, "ok", text)


def warning(name: str, text: str, mend: str) -> Check:
    """It works, but less well or not for long."""
    return Check(name, "warning", text, mend)


def failed(name: str, text: str, mend: str) -> Check:
    """It must be mended first."""
    return Check(name, "failed", text, mend)


def failed_by(name: str, error: EdgeError) -> Check:
    """It must be mended as the error says."""
    return failed(name, error.what, error.mend)
