"""The errors that a person can mend: their message says what is wrong, where, and what to do."""

from __future__ import annotations


class FactoryError(Exception):
    """Base of all expected errors; the command line shows their message without a traceback."""

    def __str__(self) -> str:
        """The message as it was given (KeyError would quote it)."""
        return str(self.args[0]) if self.args else ""
