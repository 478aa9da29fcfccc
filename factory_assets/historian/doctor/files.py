"""The doctor's look at the files of the source: whether they are there, and written as the plant file says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_assets.foundation.settings import DataFolderMissingError, Site
from factory_assets.foundation.sources import ExportSource
from factory_assets.historian.doctor.findings import Finding, Level, some
from factory_assets.historian.drafting.columns import Reading, tell_columns
from factory_assets.historian.drafting.files import DraftError, ExportFile, Table, read_sample
from factory_assets.historian.reading import Candidate
from factory_assets.historian.segments import source_of


@dataclass(frozen=True)
class SourceFolder:
    """What lies in the source folder."""

    place: str
    candidates: list[Candidate]
    findings: list[Finding]


def check_folder(site: Site) -> SourceFolder:
    """Whether the folder is there, and whether anything in it matches."""
    source = site.plant.source
    try:
        folder = site.folder(source.folder)
    except DataFolderMissingError as error:
        return SourceFolder(source.folder, [], [Finding("problem", ("source", "folder"), str(error))])
    if not folder.is_dir():
        mend = "create it, or correct source.folder; relative ones start at the plant file"
        if site.plant.simulator is not None:
            mend = "nothing to mend: the simulated plant makes it with its first run (factory materialize)"
            return SourceFolder(str(folder), [], [Finding("ok", ("source", "folder"), f"no {folder} yet", mend)])
        return SourceFolder(str(folder), [], [Finding("problem", ("source", "folder"), f"{folder} is not there", mend)])
    candidates = [candidate for candidate in source_of(site).candidates() if candidate.paths]
    if candidates:
        found = Finding("ok", ("source", "folder"), f"{len(candidates)} file(s) or archive(s) in {folder}")
        return SourceFolder(str(folder), candidates, [found])
    return SourceFolder(str(folder), [], [_nothing_matches(folder, source)])


def check_writing(site: Site, candidates: Sequence[Candidate]) -> list[Finding]:
    """Whether files are written as the plant file says: separator, decimal commas, encoding, columns, time zone."""
    source = site.plant.source
    if source.kind != "export":
        return []
    findings: dict[tuple[object, str], Finding] = {}
    for candidate in spread(candidates, 3):
        path = candidate.paths[0]
        member = candidate.name.removeprefix(f"{_outer(candidate, path)}/") if path.suffix.lower() == ".zip" else None
        file = ExportFile(candidate.name, path, member, path.stat().st_size if member is None else 2**22)
        try:
            table = read_sample(file)
            reading = tell_columns(table)
        except DraftError as error:
            finding = Finding("warning", ("source",), str(error))
            findings.setdefault((finding.field, ""), finding)
            continue
        for finding in [*_dialect(source, table), *_columns(source, table, reading), *_zone(site, source, reading)]:
            findings.setdefault((finding.field, finding.level), finding)
    return list(findings.values())


def spread(candidates: Sequence[Candidate], most: int) -> list[Candidate]:
    """At most so many of them: the first, the last, and some between."""
    if len(candidates) <= most:
        return list(candidates)
    return [candidates[round(n * (len(candidates) - 1) / (most - 1))] for n in range(most)]


def _outer(candidate: Candidate, path: Path) -> str:
    return candidate.name[: candidate.name.index(path.name) + len(path.name)]


def _nothing_matches(folder: Path, source: object) -> Finding:
    names = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    if not names:
        return Finding("problem", ("source", "folder"), f"{folder} is empty", "put the exports there")
    endings = Counter(path.suffix.lower() or "no ending" for path in names)
    shown = ", ".join(f"{count:,} {ending}" for ending, count in endings.most_common(5))
    pattern = source.pattern if isinstance(source, ExportSource) else ""
    usual = endings.most_common(1)[0][0]
    mend = f"correct source.pattern (for instance '**/*{usual}'; a zip: '**/*.csv')"
    if not pattern:
        return Finding("problem", ("source", "folder"), f"no archive file in {folder}", "correct source.folder")
    message = f"no file in {folder} matches {pattern!r}; it holds {shown} (for instance {names[0].name})"
    return Finding("problem", ("source", "pattern"), message, mend)


def _dialect(source: ExportSource, table: Table) -> list[Finding]:
    name, dialect = table.file.name, table.dialect
    if dialect is None:
        return []
    findings = []
    if dialect.separator != source.separator:
        message = f"{name} looks separated by {dialect.separator!r}, the plant file says {source.separator!r}"
        mend = f"set source.separator: {dialect.separator!r}"
        findings.append(Finding("problem", ("source", "separator"), message, mend))
    if dialect.decimal_comma != source.decimal_comma:
        written = "commas" if dialect.decimal_comma else "points"
        mend = f"set source.decimal_comma: {str(dialect.decimal_comma).lower()}"
        findings.append(Finding("problem", ("source", "decimal_comma"), f"{name} writes decimal {written}", mend))
    if dialect.encoding != source.encoding:
        message = f"{name} is written in {dialect.encoding}, the plant file says {source.encoding}"
        level: Level = "problem" if "utf-16" in (dialect.encoding, source.encoding) else "warning"
        mend = f"set source.encoding: {dialect.encoding}"
        findings.append(Finding(level, ("source", "encoding"), message, mend))
    if dialect.skip_lines != source.skip_lines:
        message = f"the header of {name} stands in line {dialect.skip_lines + 1}"
        mend = f"set source.skip_lines: {dialect.skip_lines}"
        findings.append(Finding("problem", ("source", "skip_lines"), message, mend))
    return findings


def _columns(source: ExportSource, table: Table, reading: Reading) -> list[Finding]:
    wanted = source.columns.model_dump(exclude_none=True)
    missing = {key: name for key, name in wanted.items() if name not in table.frame.columns}
    guessed = reading.columns.model_dump(exclude_none=True)
    findings = []
    for key, name in missing.items():
        mend = f"correct source.columns.{key}" + (f"; {guessed[key]!r} looks like it" if key in guessed else "")
        message = f"{table.file.name} has no column {name!r}; its columns are {some(table.frame.columns)}"
        findings.append(Finding("problem", ("source", "columns", key), message, mend))
    if source.layout != reading.layout:
        message = f"{table.file.name} looks {reading.layout}, the plant file says {source.layout}"
        meaning = "tall: one row a reading; wide: one column a channel"
        findings.append(Finding("warning", ("source", "layout"), message, f"check source.layout ({meaning})"))
    return findings


def _zone(site: Site, source: ExportSource, reading: Reading) -> list[Finding]:
    """Times without an offset need a zone, and UTC by default is a guess."""
    is_chosen = "timezone" in source.model_fields_set
    if reading.time is None or reading.time.offset_share == 1 or source.columns.ts_utc is None:
        return []
    if "%z" in (source.time_format or ""):
        return []
    share = "times" if reading.time.offset_share == 0 else f"{100 * (1 - reading.time.offset_share):.0f} % of the times"
    message = f"{share} name no offset from UTC; they are read as {source.timezone}"
    if is_chosen and source.timezone != "UTC":
        return [Finding("ok", ("source", "timezone"), message)]
    mend = "set source.timezone to the zone of the historian's clock (for instance Europe/Berlin), if it is not UTC"
    return [Finding("warning", ("source", "timezone"), message, mend)]
