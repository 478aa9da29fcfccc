"""Segments: files of consecutive verdicts that a station hands on. What they look like, not how they travel.

`<first>-<last>.jsonl`: a header line, then one line a verdict, in the order of their numbers. The header holds the
digest of the lines below it, and the bytes depend on the verdicts alone: made again, a segment is the same file.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.files import canonical_json, sha256_bytes
from edge_runtime.station.records import Trigger, VerdictRecord

SCHEMA_VERSION = 1
IMAGES = "images"
DIGITS = 12
NAME = re.compile(rf"(\d{{{DIGITS}}})-(\d{{{DIGITS}}})\.jsonl")

_RECORD_FIELDS = tuple(field.name for field in fields(VerdictRecord) if field.name != "trigger")
_TRIGGER_FIELDS = tuple(field.name for field in fields(Trigger))
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, default=float)


@dataclass(frozen=True, slots=True)
class Header:
    """First line of a segment.

    Attributes:
        station: Whose verdicts.
        first: Number of the first one.
        last: Number of the last one.
        count: How many; last - first + 1.
        sha256: Of all bytes after the header line.
    """

    station: str
    first: int
    last: int
    count: int
    sha256: str


def segment_name(first: int, last: int) -> str:
    """File name of a segment."""
    return f"{first:0{DIGITS}d}-{last:0{DIGITS}d}.jsonl"


def numbers_of(name: str) -> tuple[int, int] | None:
    """First and last number that a file name tells; None if it is not a segment's."""
    found = NAME.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else None


def encode_trigger(trigger: Trigger) -> bytes:
    """The one byte form of a trigger."""
    return _ENCODER.encode({name: getattr(trigger, name) for name in _TRIGGER_FIELDS}).encode("ascii")


def encode_record(record: VerdictRecord) -> bytes:
    """The one byte form of a verdict: canonical JSON of `VerdictRecord.as_json`, in a tenth of its time.

    A score that is no number (NaN, infinity) becomes null, such a time or size is left out: a verdict is never lost
    to a figure of it.
    """
    # `dataclasses.asdict` copies deeply, which costs more than both writes to the disk.
    values: dict[str, Any] = {name: getattr(record, name) for name in _RECORD_FIELDS}
    values["trigger"] = {name: getattr(record.trigger, name) for name in _TRIGGER_FIELDS}
    try:
        return _ENCODER.encode(values).encode("ascii")
    except (TypeError, ValueError):
        return canonical_json({name: _plain(value) for name, value in values.items()})


def _plain(value: Any) -> Any:
    """JSON values alone: other mappings become dicts, other numbers floats; what is no number is null, or left out."""
    if isinstance(value, Mapping):
        plain = {str(key): _plain(item) for key, item in value.items()}
        return {key: item for key, item in plain.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def decode_record(line: bytes) -> VerdictRecord:
    """The verdict of a line."""
    return VerdictRecord.from_json(json.loads(line))


def decode_trigger(line: bytes) -> Trigger:
    """The trigger of its byte form."""
    return Trigger(**json.loads(line))


def encode_segment(station: str, first: int, lines: Sequence[bytes]) -> bytes:
    """A segment's bytes.

    Args:
        station: Whose verdicts.
        first: Number of the first one.
        lines: One verdict each, as `encode_record` gives them, numbers ascending without a gap.
    """
    body = b"".join(line + b"\n" for line in lines)
    last = first + len(lines) - 1
    header = {
        "schema_version": SCHEMA_VERSION,
        "station": station,
        "first": first,
        "last": last,
        "count": len(lines),
        "sha256": sha256_bytes(body),
    }
    return canonical_json(header) + b"\n" + body


def read_segment(data: bytes, *, name: str, station: str) -> tuple[Header, list[bytes]]:
    """Verify a segment as a whole: its header, its digest, and its name.

    Args:
        data: The file's bytes.
        name: The file's name.
        station: Name of the folder that it lies in.

    Returns:
        The header, and the lines as they are: whether each of them is a verdict is the reader's to say.

    Raises:
        InputError: It is cut off, was changed, or is not what its name says.
    """
    top, newline, body = data.partition(b"\n")
    mend = "copy the file from the station again"
    if not newline:
        raise InputError(f"{name} has no header line", mend)
    header = _header(top, name, mend)
    if sha256_bytes(body) != header.sha256:
        raise InputError(f"{name} is cut off or was changed: its digest is not that of its header", mend)
    lines = body.split(b"\n")[:-1]
    promised = header.last - header.first + 1
    if header.count != promised or len(lines) != promised:
        raise InputError(f"{name} holds {len(lines)} verdicts, its header speaks of {promised}", mend)
    if header.station != station:
        raise InputError(f"{name} is of station {header.station}, not of {station}", "move it to its own folder")
    if numbers_of(name) != (header.first, header.last):
        raise InputError(f"{name} holds verdicts {header.first} to {header.last}", "give it its own name again")
    return header, lines


def _header(top: bytes, name: str, mend: str) -> Header:
    try:
        values = json.loads(top)
        version = values.pop("schema_version")
        header = Header(**values)
        is_typed = isinstance(header.station, str) and isinstance(header.sha256, str)
        numbers = (header.first, header.last, header.count)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise InputError(f"{name} has a damaged header line", mend) from error
    if not is_typed or not all(isinstance(number, int) and number > 0 for number in numbers):
        raise InputError(f"{name} has a damaged header line", mend)
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{name} has schema version {version}, known is {SCHEMA_VERSION}", "bring the platform up to date"
        )
    return header


def last_handed_on(names: Iterable[str]) -> int:
    """The greatest number in these segments' names; 0 if there is none."""
    return max((numbers[1] for numbers in map(numbers_of, names) if numbers), default=0)
