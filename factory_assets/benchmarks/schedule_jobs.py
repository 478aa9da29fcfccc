"""One run of the scheduling benchmark as a value, and the file to which each finished run is added at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from factory_assets.benchmarks.schedule_instances import ScheduleBenchmarkError

Part = Literal["makespan", "derived", "breakdown"]
Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One engine on one instance with one seed.

    Attributes:
        part: What is asked: the least makespan; the least cost of a derived instance; a new schedule after a breakdown
            of it.
        instance: Its name; of a derived one that of the instance it is made from.
        path: The file.
        is_flexible: Which format it has.
        digest: Of the file.
        engine: Which.
        version: Of the engine.
        seed: Of its random choices.
        seconds: To search.
        workers: Threads.
    """

    part: Part
    instance: str
    path: str
    is_flexible: bool
    digest: str
    engine: str
    version: str
    seed: int
    seconds: float
    workers: int

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What a run is known by."""
        return self.part, self.instance, self.engine, self.seed

    @property
    def must_match(self) -> dict[str, object]:
        """What a row that was made before must have been made with."""
        fields = asdict(self)
        return {name: fields[name] for name in ("digest", "version", "seconds", "workers")}


class RowFile:
    """Rows as lines of JSON; a line is there whole or (after a crash while it was written) is dropped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[tuple[str, str, str, int], Row] = {}
        if not path.is_file():
            return
        lines = path.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                self.rows[row["part"], row["instance"], row["engine"], row["seed"]] = row
            except (ValueError, KeyError, TypeError) as error:
                if number < len(lines):
                    raise ScheduleBenchmarkError(f"{path}, line {number}: not a row of this benchmark") from error
                self._drop_last(lines)

    def _drop_last(self, lines: Sequence[str]) -> None:
        kept = "".join(f"{line}\n" for line in lines[:-1] if line.strip())
        self.path.write_text(kept, encoding="utf-8")

    def missing(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs that have no row yet, or one that tells of a failed process.

        Raises:
            ScheduleBenchmarkError: A row was made with something else than is asked now.
        """
        found = []
        for job in jobs:
            row = self.rows.get(job.key)
            if row is None or row.get("error"):
                found.append(job)
                continue
            other = [
                f"{name} {row.get(name)} is not {value}"
                for name, value in job.must_match.items()
                if row.get(name) != value
            ]
            if other:
                where = f"{self.path}: {job.engine} on {job.instance}, seed {job.seed}, was run with something else"
                raise ScheduleBenchmarkError(f"{where}: {'; '.join(other)}. Give another --json, or remove this file")
        return found

    def add(self, row: Row) -> None:
        """Add a row, on disk before this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
        self.rows[row["part"], row["instance"], row["engine"], row["seed"]] = row

    def of(self, jobs: Sequence[Job]) -> list[Row]:
        """The rows of these jobs that are there, in their order."""
        return [self.rows[job.key] for job in jobs if job.key in self.rows]
