"""The errors that a person can mend: their message says what is wrong, where, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class FactoryError(Exception):
    """Base of all expected errors; the command line shows their message without a traceback."""

    def __str__(self) -> str:
        """The message as it was given (KeyError would quote it)."""
        return str(self.args[0]) if self.args else ""


def broken_contract(what: str, error: ValidationError) -> str:
    """A file that breaks its contract, with every broken field named. `what` names the file."""
    fields = [f"  {'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
    return f"{what} breaks the contract in {len(fields)} place(s):\n" + "\n".join(fields)
