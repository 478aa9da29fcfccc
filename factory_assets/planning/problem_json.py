"""A problem as a JSON document and back, so that what was planned can be planned again."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from factory_assets.foundation.errors import FactoryError
from factory_assets.planning.problem import Problem

VERSION = 1


class ProblemDocumentError(FactoryError, ValueError):
    """A document that holds no problem."""


def to_json(problem: Problem) -> str:
    """The document of a problem; equal for equal problems."""
    values: dict[str, Any] = asdict(problem)
    for machine in values["machines"]:
        # JSON has no pairs as keys.
        machine["setup_min"] = [[*pair, minutes] for pair, minutes in sorted(machine["setup_min"].items())]
    for operator in values["operators"]:
        operator["skills"] = sorted(operator["skills"])
    values["start_utc"] = problem.start_utc.isoformat()
    return json.dumps({"version": VERSION, "problem": values}, separators=(",", ":"))


def from_json(text: str) -> Problem:
    """The problem of a document.

    Raises:
        ProblemDocumentError: It is none, or of another version: read the orders anew.
    """
    try:
        document = json.loads(text)
        values = document["problem"]
        if document["version"] != VERSION:
            msg = f"the stored problem is of version {document['version']}, not {VERSION}: materialise order_book anew"
            raise ProblemDocumentError(msg)
        setups = [_pairs(machine.pop("setup_min")) for machine in values["machines"]]
        problem = _adapter().validate_python(values)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        if isinstance(error, ProblemDocumentError):
            raise
        msg = f"the stored problem cannot be read ({error}): materialise order_book anew"
        raise ProblemDocumentError(msg) from error
    machines = (replace(machine, setup_min=pairs) for machine, pairs in zip(problem.machines, setups, strict=True))
    return replace(problem, machines=tuple(machines))


def _pairs(rows: list[Any]) -> dict[tuple[str, str], int]:
    return {(before, after): minutes for before, after, minutes in rows}


@cache
def _adapter() -> TypeAdapter[Problem]:
    return TypeAdapter(Problem)
