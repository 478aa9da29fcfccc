"""Drafting a plant file from exports: looks at a bounded sample, and leaves to a person what a person must decide."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import polars as pl

from factory_assets.foundation.lake import replacing
from factory_assets.foundation.plant import Role
from factory_assets.foundation.settings import PROJECT_ROOT
from factory_assets.historian.drafting import text as drafting_text
from factory_assets.historian.drafting.channels import (
    NamedChannel,
    Seen,
    name_channels,
    plain_letters,
    role_of,
    seen_in,
)
from factory_assets.historian.drafting.columns import Reading, tell_columns
from factory_assets.historian.drafting.files import (
    Dialect,
    DraftError,
    ExportFile,
    NoTableError,
    Table,
    find_files,
    read_sample,
)
from factory_assets.historian.drafting.readings import (
    Group,
    UnitRule,
    classes,
    cycle_length,
    falls_back,
    groups,
    record_lengths,
    sample_period,
    tall,
    unit_rule,
)

MOST_FILES = 24
MANY_FILES, SMALL_BYTES = 200, 32 * 2**20  # so few and small files are all looked at
RECENT = dt.timedelta(days=7)
CMAPSS_NAME = re.compile(r"(train|test|RUL)_FD00\d\.txt$")
CMAPSS_PLANT = PROJECT_ROOT / "configs" / "plants" / "turbofan.yaml"


@dataclass(frozen=True)
class DraftedChannel:
    """A channel as it will stand in the draft; `why` is what speaks for its role."""

    named: NamedChannel
    seen: Seen | None
    role: Role
    why: str


@dataclass(frozen=True)
class DraftedClass:
    """A machine class with its fleets."""

    name: str
    fleets: tuple[Group, ...]
    channels: tuple[DraftedChannel, ...]


@dataclass(frozen=True)
class Facts:
    """What was found out of the exports; times are without zone, as they tell them, lengths of records in cycles."""

    plant: str
    folder: Path
    pattern: str
    dialect: Dialect | None
    reading: Reading
    rule: UnitRule | None
    is_running: bool
    first: dt.datetime | None
    last: dt.datetime | None
    period: dt.timedelta | None
    cycle: dt.timedelta | None
    classes: tuple[DraftedClass, ...]
    lengths: dict[str, int]
    back: tuple[str, ...]
    qualities: dict[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """A drafted plant file.

    Attributes:
        text: The YAML.
        decisions: How many comments ask a person to decide.
        looked_at: What was looked at, in plain words.
    """

    text: str
    decisions: int
    looked_at: str


def draft_plant(given: Sequence[Path], *, name: str | None, output: Path, now: dt.datetime) -> Draft:
    """Draft a plant file.

    Args:
        given: Export files, folders of them, zips.
        name: The plant's name; by default that of the folder or file.
        output: Where the plant file will stand: a folder below it is named relative to it.
        now: Exports that end within the last days are of a running plant.

    Raises:
        DraftError: Nothing can be drafted of them; the message says what to change.
    """
    folder, files = find_files(given)
    plant = _plant_name(name or _default_name(given))
    if sum(bool(CMAPSS_NAME.search(file.name)) for file in files) >= 3:
        return _cmapss(files, plant)
    tables, notes = _tables(files)
    facts = _facts(tables, notes, plant=plant, folder=folder, files=files, now=now)
    text = drafting_text.plant_file(facts, output)
    rows = sum(table.frame.height for table in tables)
    looked = f"{rows:,} rows of {len(tables)} of {len(files)} file(s) in {folder}"
    return Draft(text, text.count("DECIDE:"), looked)


def write_draft(draft: Draft, output: Path, *, force: bool) -> None:
    """Write the draft to a file.

    Raises:
        DraftError: The file is there and `force` is not set.
    """
    if output.exists() and not force:
        msg = f"{output} is there already: choose another --output, or overwrite it with --force"
        raise DraftError(msg)
    with replacing(output) as temporary:
        temporary.write_text(draft.text, encoding="utf-8")


def _tables(files: Sequence[ExportFile]) -> tuple[list[Table], list[str]]:
    """Samples of some files that are written alike, and notes on what was left out."""
    tables: list[Table] = []
    refused: list[str] = []
    for file in _spread(files, MOST_FILES):
        try:
            tables.append(read_sample(file))
        except NoTableError as error:
            refused.append(str(error))
    if not tables:
        raise DraftError("nothing can be drafted of these files:\n  " + "\n  ".join(refused[:8]))
    weights = Counter[tuple[str, Dialect | None]]()
    for table in tables:
        weights[_written(table)] += table.file.size
    main = weights.most_common(1)[0][0]
    others = [table.file.name for table in tables if _written(table) != main]
    notes = [f"left out: {message}" for message in refused[:8]]
    if others:
        notes.append(f"left out, written otherwise (ending, separator or encoding): {', '.join(others[:8])}")
    return [table for table in tables if _written(table) == main], notes


def _written(table: Table) -> tuple[str, Dialect | None]:
    return table.file.suffix, table.dialect


def _facts(
    tables: list[Table], notes: list[str], *, plant: str, folder: Path, files: Sequence[ExportFile], now: dt.datetime
) -> Facts:
    widest = max(tables, key=lambda table: (table.frame.width, table.frame.height))
    reading = tell_columns(widest)
    keys = {name for name in reading.columns.model_dump().values() if name}
    strangers = [table.file.name for table in tables if not keys <= set(table.frame.columns)]
    if strangers:
        notes.append(f"left out, without the columns {', '.join(sorted(keys))}: {', '.join(strangers[:8])}")
    fitting = [table for table in tables if keys <= set(table.frame.columns)]
    rule = unit_rule(fitting, reading, plant)
    readings = tall(fitting, reading, rule)
    if widest.units:
        notes.append("the line below the header holds units; its cells are set aside, a few in each file")
    if reading.text_columns:
        notes.append(
            f"column(s) {', '.join(reading.text_columns)} hold words: their cells are set aside as not_a_number; "
            "leave them out of the export to have them gone"
        )
    qualities = _qualities(fitting, reading)
    if any(not re.fullmatch(r"\d+", code) for code in qualities):
        notes.append(f"column {reading.columns.quality} holds words, not quality codes: it is left out, all is good")
        reading, qualities = replace(reading, columns=reading.columns.model_copy(update={"quality": None})), {}
    times = readings.get_column("ts").drop_nulls()
    period = sample_period(readings)
    last = times.max() if times.len() else None
    is_running = isinstance(last, dt.datetime) and now.replace(tzinfo=None) - last < RECENT
    is_timed = period is not None and reading.columns.cycle is None
    cycle = cycle_length(readings, period, running=is_running) if period is not None and is_timed else None
    return Facts(
        plant=plant,
        folder=folder,
        pattern=_pattern(fitting, files),
        dialect=widest.dialect,
        reading=reading,
        rule=rule,
        is_running=is_running,
        first=times.min() if times.len() else None,  # type: ignore[arg-type]
        last=last,  # type: ignore[arg-type]
        period=period,
        cycle=cycle,
        classes=tuple(_classes(readings, reading, widest, plant=plant, rule=rule)),
        lengths=record_lengths(readings, cycle),
        back=tuple(falls_back(readings)),
        qualities=qualities,
        notes=tuple(notes),
    )


def _classes(
    readings: pl.DataFrame, reading: Reading, widest: Table, *, plant: str, rule: UnitRule | None
) -> list[DraftedClass]:
    drafted = []
    for name, fleets in classes(groups(readings, plant, rule)):
        # A wide table's channels keep the order of its columns, a tall one's the order of first sight.
        held = dict.fromkeys(tag for fleet in fleets for tag in fleet.tags)
        tags = [tag for tag in reading.channels if tag in held] or list(held)
        members = [unit for fleet in fleets for unit in fleet.members]
        own = readings.filter(pl.col("unit_id").is_in(members))
        named = name_channels(tags, widest.units)
        by_tag = own.partition_by("tag", as_dict=True)
        channels = tuple(_channel(each, by_tag[(each.tag,)]) for each in named)
        drafted.append(DraftedClass(name, tuple(fleets), channels))
    return drafted


def _qualities(tables: Sequence[Table], reading: Reading) -> dict[str, int]:
    """Quality codes as they stand, the most frequent first."""
    name = reading.columns.quality
    counts = Counter[str]()
    for table in tables if name is not None else ():
        counts.update(dict(table.frame.get_column(str(name)).drop_nulls().str.strip_chars().value_counts().iter_rows()))
    return dict(counts.most_common())


def _channel(named: NamedChannel, readings: pl.DataFrame) -> DraftedChannel:
    seen = seen_in(readings)
    if seen is None:
        return DraftedChannel(named, None, "sensor", "no number in the sample")
    return DraftedChannel(named, seen, *role_of(named, seen))


def _pattern(tables: Sequence[Table], files: Sequence[ExportFile]) -> str:
    """The narrowest plain pattern that takes the files that are alike."""
    suffix = tables[0].file.suffix
    names = [file.name for file in files if file.suffix == suffix]
    if len(names) == 1 and not re.search(r"\d{6}|\d{4}-\d{2}", PurePosixPath(names[0]).stem):
        return names[0]
    zips = {file.path.name for file in files if file.suffix == suffix and file.member is not None}
    if zips and all(file.member is not None for file in files if file.suffix == suffix):
        return f"{zips.pop()}/**/*{suffix}" if len(zips) == 1 else f"**/*{suffix}"
    if any("/" in name for name in names):
        return f"**/*{suffix}"
    stems = [PurePosixPath(name).stem for name in names]
    shared = next((i for i, letters in enumerate(zip(*stems, strict=False)) if len(set(letters)) > 1), len(stems[0]))
    # Neither a date nor a number stands in the pattern: tomorrow's file has another.
    start = re.sub(r"[-_.T\d]*\d[-_.T\d]*$", "", stems[0][:shared])
    return f"{start}*{suffix}" if len(start) >= 3 else f"*{suffix}"


def _cmapss(files: Sequence[ExportFile], plant: str) -> Draft:
    """The C-MAPSS archive has a reader of its own, and its plant file comes with the project."""
    text = CMAPSS_PLANT.read_text(encoding="utf-8")
    folder = next(file.path.parent for file in files if CMAPSS_NAME.search(file.name))
    text = re.sub(r"^plant: .*$", f"plant: {plant}", text, flags=re.MULTILINE)
    place = f"folder: {drafting_text.scalar(str(folder))}"
    text = re.sub(r"^  folder: \S+( +#.*)?$", lambda _: f"  {place}", text, flags=re.MULTILINE)
    names = {PurePosixPath(file.name).name for file in files}
    missing = [f"FD00{n}" for n in range(1, 5) if f"train_FD00{n}.txt" not in names]
    if missing:
        text = f"# DECIDE: the files of {', '.join(missing)} are not there: add them, or delete these fleets.\n{text}"
    return Draft(text, text.count("DECIDE:"), f"{len(files)} files of the C-MAPSS archive in {folder} (kind: cmapss)")


def _spread(files: Sequence[ExportFile], most: int) -> list[ExportFile]:
    if len(files) <= most or (len(files) <= MANY_FILES and sum(file.size for file in files) <= SMALL_BYTES):
        return list(files)
    return [files[round(n * (len(files) - 1) / (most - 1))] for n in range(most)]


def _default_name(given: Sequence[Path]) -> str:
    first = given[0].resolve()
    if len(given) == 1:
        return first.name if first.is_dir() else first.stem
    return first.name if first.is_dir() else first.parent.name


def _plant_name(text: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", plain_letters(text)).strip("-").lower()
    return name if name[:1].isalpha() else f"plant-{name}".rstrip("-")
