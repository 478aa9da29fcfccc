"""Where a field stands in a YAML file, and which key was meant: for messages that name the line to mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from inspect import isclass
from typing import Any, get_args

import yaml
from pydantic import BaseModel


def line_of(text: str, field: Sequence[str | int]) -> int | None:
    """The line (from 1) of a field; a part of its path that the file does not hold (a union's tag) is passed over.

    Args:
        text: The YAML file.
        field: Keys and list positions from the top, as in pydantic's `loc`.

    Returns:
        The line of the deepest part that is there; None where no part is, or the text is no YAML.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    line = None
    for part in field:
        found = _child(node, part)
        if found is not None:
            line, node = found
    return line


def repeated_keys(text: str) -> list[tuple[str, int]]:
    """Keys that stand twice in one mapping, with the line of the second: YAML silently drops the first.

    Raises:
        yaml.YAMLError: The text is no YAML.
    """
    return list(_repeated(yaml.compose(text, Loader=yaml.SafeLoader)))


def meant_key(model: type[BaseModel], field: Sequence[str | int]) -> str | None:
    """The known key of a contract that is closest to an unknown one, the last part of `field`; None if none is."""
    models = [model]
    for part in field[:-1]:
        below = [found for each in models if part in each.model_fields for found in _models_of(each, str(part))]
        models = below or models
    known = [name for each in models for name in each.model_fields]
    close = difflib.get_close_matches(str(field[-1]), known, n=1, cutoff=0.6)
    return close[0] if close else None


def _child(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line + 1, item
    return None


def _repeated(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key.value, key.start_mark.line + 1
                seen.add(key.value)
            yield from _repeated(value)


def _models_of(model: type[BaseModel], field: str) -> list[type[BaseModel]]:
    return list(_flat(model.model_fields[field].annotation))


def _flat(annotation: Any) -> Iterator[type[BaseModel]]:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _flat(inner)
