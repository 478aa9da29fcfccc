"""Which instances the scheduling benchmark runs: from a folder and a file of bounds, chosen by rule, not by result.

The published list holds four of each group, at even distances in the order of their names, first and last among them.
It is written down in `PUBLISHED`, and used where the folder holds all of it; another folder is run whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory_assets.planning.instances import InstanceError, parse_instance
from factory_assets.planning.problem import Problem

# How names show the group; what fits none is a group by its family.
GROUPS: Mapping[str, str] = {
    "la21-40": r"la(2[1-9]|3\d|40)",
    "ta": r"ta\d+",
    "mk": r"mk\d+",
    "Hurink": r".+_[erv]data",
    "dpp": r"dpp\d+a?",
    "bel": r"bel\d+",
}
FOUR = 4
PUBLISHED = (
    "la21", "la27", "la34", "la40", "ta01", "ta12", "ta41", "ta71", "mk01", "mk06", "mk10", "mk15",
    "ft06_edata", "la10_rdata", "la25_rdata", "la40_vdata", "dpp01a", "dpp03a", "dpp04a", "dpp06a",
    "bel00", "bel01", "bel02", "bel03",
)  # fmt: skip
QUICK = ("ft06_edata", "la21", "mk01")


class ScheduleBenchmarkError(ValueError):
    """Input of the scheduling benchmark that cannot be used; the message says what, where, and how to mend it."""


@dataclass(frozen=True)
class Instance:
    """A benchmark instance and what is known of it.

    Attributes:
        name: Its name in the file of bounds.
        path: Its file.
        family: Who made it.
        group: What its gap is averaged with.
        is_flexible: Whether operations have a choice of machine.
        operations: How many.
        best_known: The smallest makespan that is known.
        lower_bound: The best bound that is known.
        optimal_known: Whether the two meet.
        digest: Of the file's bytes.
    """

    name: str
    path: Path
    family: str
    group: str
    is_flexible: bool
    operations: int
    best_known: int
    lower_bound: int
    optimal_known: bool
    digest: str

    def problem(self) -> Problem:
        """The instance as a problem without due dates.

        Raises:
            InstanceError: The file is not of its format.
        """
        text = self.path.read_text(encoding="ascii", errors="replace")
        return parse_instance(text, flexible=self.is_flexible, name=str(self.path))


def group_of(name: str, family: str) -> str:
    """The group of an instance."""
    return next((group for group, pattern in GROUPS.items() if re.fullmatch(pattern, name)), family)


def read_instances(folder: Path, bounds: Path) -> dict[str, Instance]:
    """All instances with an entry in the file of bounds and a file in the folder, in the order of the entries.

    Args:
        folder: Holds the files that the entries name.
        bounds: JSON; `instances.<name>` has `file`, `type` (`jsp` or `fjsp`), `family`, `lower_bound`, `upper_bound`.

    Raises:
        ScheduleBenchmarkError: The file of bounds is of another form, or nothing in the folder has an entry.
    """
    try:
        entries = json.loads(bounds.read_text(encoding="utf-8"))["instances"]
        found = {}
        for name, entry in entries.items():
            path = _file(folder, name, entry)
            if path is not None:
                found[name] = _instance(name, path, entry)
    except OSError as error:
        raise ScheduleBenchmarkError(f"{error.filename} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, InstanceError) as error:
        told = f"{bounds} is not a file of bounds ({error!r}): it needs instances.<name> with file, type, family"
        raise ScheduleBenchmarkError(f"{told}, lower_bound and upper_bound") from error
    if not found:
        raise ScheduleBenchmarkError(f"{folder} holds no instance with an entry in {bounds}: look at both paths")
    return found


def _file(folder: Path, name: str, entry: Mapping[str, Any]) -> Path | None:
    """The file of an entry: where it says, or in the folder under its name."""
    kind, file = str(entry.get("type", "")), entry.get("file")
    places = [*([Path(file), Path(Path(file).name)] if file else []), Path(kind, f"{name}.txt"), Path(f"{name}.txt")]
    return next((folder / place for place in places if (folder / place).is_file()), None)


def _instance(name: str, path: Path, entry: Mapping[str, Any]) -> Instance:
    upper, lower = int(entry["upper_bound"]), int(entry["lower_bound"])
    is_flexible = str(entry.get("type") or path.parent.name) == "fjsp"
    content = path.read_bytes()
    operations = entry.get("operations")
    if operations is None:
        problem = parse_instance(content.decode("ascii", "replace"), flexible=is_flexible, name=str(path))
        operations = len(problem.operations)
    return Instance(
        name, path, str(entry["family"]), group_of(name, str(entry["family"])), is_flexible, int(operations),
        upper, lower, bool(entry.get("optimal_known", upper == lower)), hashlib.sha256(content).hexdigest()[:16],
    )  # fmt: skip


def chosen(found: Mapping[str, Instance], names: Sequence[str] | None = None) -> list[Instance]:
    """The instances to run: those named, or the published list where all of it is there, or else all.

    Raises:
        ScheduleBenchmarkError: A named instance is not there.
    """
    if names:
        missing = [name for name in names if name not in found]
        if missing:
            told = f"no instance is called {', '.join(missing)}, or its file is not there"
            raise ScheduleBenchmarkError(f"{told}: there are {', '.join(sorted(found))}")
        return [found[name] for name in dict.fromkeys(names)]
    if all(name in found for name in PUBLISHED):
        return [found[name] for name in PUBLISHED]
    return list(found.values())


def by_rule(found: Mapping[str, Instance]) -> tuple[str, ...]:
    """The list that the rule gives: four of each group at even distances in the order of names."""
    listed: list[str] = []
    for group in GROUPS:
        names = sorted(name for name, one in found.items() if one.group == group)
        if len(names) <= FOUR:
            listed += names
        else:
            listed += [names[round(at * (len(names) - 1) / (FOUR - 1))] for at in range(FOUR)]
    return tuple(listed)
