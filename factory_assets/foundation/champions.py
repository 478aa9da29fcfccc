"""Champion, challenger and previous: three folders of one model, and the record of who decided what.

Rooms decide by rules of their own; how a challenger takes the champion's place, and how it is given back, is here.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory_assets.foundation.errors import FactoryError

RUN_FILE = "mlflow_run_id"


class NoPreviousChampionError(FactoryError, FileNotFoundError):
    """A rollback where there is nothing to go back to."""


@dataclass(frozen=True)
class Rivals:
    """The folders of a fleet's or product's newest model (the challenger) and of its champion, if there is one yet."""

    challenger: Path
    champion: Path

    @property
    def previous(self) -> Path:
        """The champion before this one: `previous/<name>`, beside `champions/<name>`."""
        return self.champion.parent.parent / "previous" / self.champion.name


def crown(rivals: Rivals, accept: Callable[[Path], None] = lambda _: None) -> str:
    """Put the challenger's files in the champion's place, as a whole; the champion before becomes the previous one.

    Args:
        rivals: The folders.
        accept: Told where the copy is before it takes the place; raises if it is not the model that was meant.

    Returns:
        The MLflow run of the new champion.

    Raises:
        FileNotFoundError: The challenger was not recorded; the champion stays.
    """
    run_id = (rivals.challenger / RUN_FILE).read_text(encoding="utf-8")
    with _building(rivals) as building:
        new = building / "new"
        shutil.copytree(rivals.challenger, new)
        accept(new)
        if rivals.champion.exists():
            if rivals.previous.exists():
                rivals.previous.rename(building / "before")
            rivals.champion.rename(rivals.previous)
        new.rename(rivals.champion)
    return run_id


def swap_back(rivals: Rivals) -> None:
    """Make the previous champion the champion again, and the champion the previous one.

    Raises:
        NoPreviousChampionError: There is no previous champion.
    """
    if not rivals.previous.is_dir():
        msg = f"{rivals.champion.name} has no previous champion to go back to ({rivals.previous} is not there)"
        raise NoPreviousChampionError(msg)
    with _building(rivals) as building:
        old = building / "old"
        if rivals.champion.exists():
            rivals.champion.rename(old)
        rivals.previous.rename(rivals.champion)
        if old.exists():
            old.rename(rivals.previous)


def run_ids(rivals: Rivals) -> dict[str, str | None]:
    """The MLflow run of champion, challenger and previous, as their folders say; None where there is none."""
    folders = {"champion": rivals.champion, "challenger": rivals.challenger, "previous": rivals.previous}
    files = {alias: folder / RUN_FILE for alias, folder in folders.items()}
    return {alias: file.read_text(encoding="utf-8") if file.is_file() else None for alias, file in files.items()}


def record(path: Path, decision: Mapping[str, Any]) -> None:
    """Append a decision to a record of decisions: one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        line = json.dumps(decision, sort_keys=True).encode() + b"\n"
        # A power cut may have left half a line behind.
        file.write(line if _ends_a_line(path) else b"\n" + line)
        file.flush()
        os.fsync(file.fileno())


def decisions(path: Path) -> list[dict[str, Any]]:
    """The decisions of a record, oldest first; none if there is no record yet. Lines that were cut off are skipped."""
    if not path.is_file():
        return []
    return [found for line in path.read_text(encoding="utf-8").splitlines() if (found := _decision(line)) is not None]


def user_name() -> str:
    """Who runs this; in a container there may be no name for it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


@contextmanager
def _building(rivals: Rivals) -> Iterator[Path]:
    """A folder on the champions' disk, for what is on its way; it goes at the end, with what is still in it."""
    rivals.champion.parent.mkdir(parents=True, exist_ok=True)
    rivals.previous.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".making-", dir=rivals.champion.parent))
    try:
        yield building
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _decision(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
