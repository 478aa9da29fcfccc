"""The doctor: checks a plant file against its sources, and says in plain words what would go wrong and how to mend it.

It reads a bounded sample unless it is asked to read everything, and changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from factory_assets.foundation.settings import Site
from factory_assets.foundation.yaml_lines import line_of
from factory_assets.historian.doctor import files, home, lives, readings
from factory_assets.historian.doctor.findings import Finding, Level
from factory_assets.historian.doctor.tally import Tally
from factory_assets.historian.reading import Candidate, SegmentRefusedError
from factory_assets.historian.segments import source_of

MOST_FILES = 8
MANY_FILES, SMALL_BYTES = 200, 32 * 2**20  # so few and small files are all looked at
MOST_ROWS = 200_000
REFUSALS_SHOWN = 3


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found.

    Attributes:
        plant: The plant's name.
        plant_file: The file that was checked.
        looked_at: How much of the source was read, in plain words.
        is_whole: Whether all of it was read.
        findings: Problems first, then warnings, then what is well.
    """

    plant: str
    plant_file: str
    looked_at: str
    is_whole: bool
    findings: tuple[Finding, ...]

    @property
    def has_problem(self) -> bool:
        """Whether the plant cannot be run as it is, or would lose data."""
        return any(finding.level == "problem" for finding in self.findings)

    def count(self, level: Level) -> int:
        """How many findings are of a level."""
        return sum(finding.level == level for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """All of it, as values for JSON."""
        return {
            "plant": self.plant,
            "plant_file": self.plant_file,
            "looked_at": self.looked_at,
            "is_whole": self.is_whole,
            "findings": [asdict(finding) | {"field": ".".join(map(str, finding.field))} for finding in self.findings],
        }


def examine(site: Site, *, now: dt.datetime, everything: bool = False) -> Diagnosis:
    """Check a plant file against its sources.

    Args:
        site: The plant and its places.
        now: The time against which a running plant's data is held.
        everything: Read all files to their ends instead of a sample.
    """
    findings = [*readings.conversions(site.plant), *home.check(site)]
    folder = files.check_folder(site)
    findings += folder.findings
    tally = Tally(site.plant, is_whole=everything)
    if folder.candidates:
        is_all = everything or _is_small(folder.candidates)
        chosen = folder.candidates if is_all else files.spread(folder.candidates, MOST_FILES)
        findings += files.check_writing(site, chosen)
        _read(site, tally, chosen, everything=everything)
        tally.is_whole = everything or (len(chosen) == len(folder.candidates) and not tally.cut_off)
        findings += _refusals(tally.refused)
        findings += readings.check(site.plant, tally)
        findings += lives.check(site.plant, tally, now=now)
    text = site.plant_file.read_text(encoding="utf-8")
    placed = [finding.at(line_of(text, finding.field)) for finding in findings]
    looked = f"{tally.rows_read:,} rows of {tally.files} of {len(folder.candidates)} file(s) in {folder.place}"
    order = {"problem": 0, "warning": 1, "ok": 2}
    return Diagnosis(
        plant=site.plant.plant,
        plant_file=str(site.plant_file),
        looked_at=looked,
        is_whole=tally.is_whole,
        findings=tuple(sorted(placed, key=lambda finding: order[finding.level])),
    )


def _is_small(candidates: Sequence[Candidate]) -> bool:
    paths = {path for candidate in candidates for path in candidate.paths}
    return len(candidates) <= MANY_FILES and sum(path.stat().st_size for path in paths) <= SMALL_BYTES


def _refusals(messages: list[str]) -> list[Finding]:
    """The first files that cannot be read; the others mostly for the same reason."""
    findings = [Finding("problem", ("source",), message) for message in messages[:REFUSALS_SHOWN]]
    left = len(messages) - len(findings)
    if left:
        findings.append(
            Finding("problem", ("source",), f"{left} more file(s) cannot be read", "mend those above first")
        )
    return findings


def _read(site: Site, tally: Tally, candidates: list[Any], *, everything: bool) -> None:
    source = source_of(site)
    for candidate in candidates:
        rows = 0
        try:
            for batch in source.batches(candidate):
                tally.add(batch.rows, batch.quarantined, batch.rows_read)
                rows += batch.rows_read
                if not everything and rows >= MOST_ROWS:
                    tally.cut_off = True
                    break
        except SegmentRefusedError as error:
            tally.refuse(str(error))
        tally.files += 1
