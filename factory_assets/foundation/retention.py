"""What may be deleted of a plant's home, and what never is.

Deleted: Dagster runs that made nothing which is there now, and what runs that were cut off left half-written. Old
releases go when a new one is published (`retention.releases_kept`). Never deleted: segments and their quarantine
(every table is computed from them, and the source may be gone), tables of the lake, models, MLflow runs (each released
bundle names its run), keys and the metadata of roots.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from factory_assets.foundation.settings import Home

RECORD = "retention.jsonl"
LEFTOVERS = (".*.tmp", ".making-*")


@dataclass(frozen=True)
class Removed:
    """One thing that went, or would go.

    Attributes:
        kind: `run` or `leftover`.
        name: The run's id, or the path below the plant's home.
        why: In plain words.
        bytes: What it freed.
    """

    kind: str
    name: str
    why: str
    bytes: int


def leftovers(home: Path, *, before: dt.datetime) -> list[Removed]:
    """Half-written files and folders that no process has touched since `before` (aware).

    Every write goes to a temporary name and is renamed when it is whole, so what still bears such a name after days
    belongs to a process that was cut off.
    """
    found = []
    for place in sorted({path for pattern in LEFTOVERS for path in home.rglob(pattern)}):
        inside = [place, *(place.rglob("*") if place.is_dir() else ())]
        newest = max(path.lstat().st_mtime for path in inside)
        if newest < before.timestamp():
            name = place.relative_to(home).as_posix()
            found.append(Removed("leftover", name, "half-written by a process that was cut off", size_bytes([place])))
    return found


def remove_leftovers(home: Path, removed: Iterable[Removed]) -> None:
    """Delete what `leftovers` found."""
    for thing in removed:
        place = home / thing.name
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)


def kept(home: Home) -> dict[str, int]:
    """Bytes of what is never deleted, by kind: what to watch where disks are small."""
    places = {
        "segments": home.segments,
        "results": home.results,
        "lake": home.lake,
        "releases": home.releases,
        "models": home.models,
        "MLflow": home.mlflow_artifacts,
    }
    return {name: size_bytes([place]) for name, place in places.items()}


def size_bytes(places: Iterable[Path]) -> int:
    """Bytes of files, and of all files in folders; what vanishes meanwhile counts nothing."""
    total = 0
    for place in places:
        for path in [place, *place.rglob("*")] if place.is_dir() else [place]:
            try:
                total += path.stat().st_size if path.is_file() else 0
            except OSError:
                continue
    return total


def record(home: Path, removed: Sequence[Removed], *, now: dt.datetime) -> None:
    """Append what went to `retention.jsonl` in the plant's home, a line a thing."""
    if not removed:
        return
    lines: list[dict[str, Any]] = [{"ts_utc": now.isoformat(), **asdict(thing)} for thing in removed]
    with (home / RECORD).open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
