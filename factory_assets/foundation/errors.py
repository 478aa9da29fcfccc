"""The errors that a person can mend: their message says what is wrong, where, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory_assets.foundation.yaml_lines import line_of, meant_key

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails


class FactoryError(Exception):
    """Base of all expected errors; the command line shows their message without a traceback."""

    def __str__(self) -> str:
        """The message as it was given (KeyError would quote it)."""
        return str(self.args[0]) if self.args else ""


def broken_contract(
    what: str, error: ValidationError, *, text: str | None = None, contract: type[BaseModel] | None = None
) -> str:
    """A file that breaks its contract, with every broken field named.

    Args:
        what: Names the file.
        error: What pydantic found.
        text: The file's YAML, for the lines of the fields.
        contract: The model that it breaks, for the key that an unknown one was meant to be.
    """
    fields = [_broken_field(found, text, contract) for found in error.errors()]
    return f"{what} breaks the contract in {len(fields)} place(s):\n" + "\n".join(fields)


def _broken_field(found: ErrorDetails, text: str | None, contract: type[BaseModel] | None) -> str:
    message = found["msg"].removeprefix("Value error, ")
    if found["type"] == "extra_forbidden" and contract is not None:
        meant = meant_key(contract, found["loc"])
        message += f"; did you mean {meant}?" if meant else "; no key of that name is known"
    line = line_of(text, found["loc"]) if text is not None else None
    where = f"line {line}, " if line is not None else ""
    return f"  {where}{'.'.join(map(str, found['loc'])) or 'file'}: {message}"
