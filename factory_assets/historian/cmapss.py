"""NASA C-MAPSS archives as a historian source.

The twelve original files are checked against their known digests: shortened and re-split copies are in
circulation, and they parse. Source: A. Saxena, K. Goebel (2008), NASA Ames Prognostics Data Repository.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from factory_assets.foundation.lake import combined_digest
from factory_assets.foundation.plant import Plant
from factory_assets.historian.reading import QUARANTINE, ROWS, Batch, Candidate, Parsed, SegmentRefusedError, whole
from factory_assets.historian.schema import EXTRACT, GOOD_QUALITY

ZIP_NAME = "CMAPSSData.zip"
MEASURED_COLUMNS = 24  # 3 settings and 21 sensors; unit and cycle stand before them
SHA256 = {
    "RUL_FD001.txt": "a19c8ec94931949d0485bdc35118206e9c81c4547b422efb9cf86f4ceddbceca",
    "RUL_FD002.txt": "c851dd96a6ea6998d3c4a8f834d3c8013aa90e93a6ed950dc826ad0655b2906b",
    "RUL_FD003.txt": "df1e0566306b174a2de41c67a3e7a51877889598b78643fc3e5685259091b7cb",
    "RUL_FD004.txt": "196b836b85a95ac7fdbbf29c5fdf1657382eafa445644d114ffaaf50dc2975e1",
    "test_FD001.txt": "3cda7109ce17bafb5443f2ac926cfcf88154b941b8c4cf95eb55d1ddd6f52851",
    "test_FD002.txt": "de7b5bf7e998a985c378488480528b7c02cff1406a46740def362dda8d9b4e02",
    "test_FD003.txt": "299babd63c8d987cef079c4a425429f33b3a34797d803bbe2ad48c29dbd0d790",
    "test_FD004.txt": "1dc675fff0624bac10786927c6715b37d1297657137400d2b1a3138d777a3ba5",
    "train_FD001.txt": "963b5e22825b34d8b21c69e1aeb4af3e647050eb672ee8834ba4b5d91d2de0f8",
    "train_FD002.txt": "dac6c4dbc4e7c1bdeb5747da3d313d05c395bb99801b44a002b26a2ba13d788f",
    "train_FD003.txt": "2abbe9968cc5e8eb091980f51b20f62bb4127336d3482cb52071d53bf23329e2",
    "train_FD004.txt": "27ef6160b6a1dcb2613a88de9c239f763b223f02cdc41dc5cdedc5dc189b6218",
}
ORIGINAL_BYTES = {
    "train_FD001.txt": 3_515_356,
    "train_FD002.txt": 9_082_480,
    "train_FD003.txt": 4_213_862,
    "train_FD004.txt": 10_350_705,
    "test_FD001.txt": 2_228_855,
    "test_FD002.txt": 5_734_587,
    "test_FD003.txt": 2_826_651,
    "test_FD004.txt": 6_957_759,
}


@dataclass(frozen=True)
class CmapssArchive:
    """Fleets FD001 to FD004 from the text files in a folder, or from the zip in it."""

    folder: Path
    plant: Plant

    def candidates(self) -> list[Candidate]:
        """One candidate a fleet, made of its three files."""
        return [self._candidate(fleet) for fleet in self.plant.fleet_names]

    def _candidate(self, fleet: str) -> Candidate:
        places = [self.folder / name for name in (*_file_names(fleet), ZIP_NAME)]
        paths = tuple(path for path in places if path.is_file())
        stamp = ",".join(f"{p.name}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in paths)
        return Candidate(name=fleet, stamp=stamp, paths=paths, fleets=(fleet,))

    def sha256(self, candidate: Candidate) -> str:
        """Digest of the three files of a fleet, with Unix line ends."""
        return combined_digest(hashlib.sha256(content).hexdigest() for content in self._contents(candidate).values())

    def batches(self, candidate: Candidate) -> Iterator[Batch]:
        """Verify and read the three files of a fleet."""
        fleet = candidate.name
        contents = self._contents(candidate)
        for name, content in contents.items():
            _verify(name, content)
        tags = [c.source_tag for c in self.plant.channels(fleet, "setting", "sensor")]
        label = self._label(fleet, tags)
        train_name, test_name, truth_name = _file_names(fleet)
        train = _table(train_name, contents[train_name], tags, unit_prefix=f"{fleet}-train-")
        test = _table(test_name, contents[test_name], tags, unit_prefix=f"{fleet}-test-")
        truth = _truth(truth_name, contents[truth_name], test, label)
        for part in (train, test, truth):
            tall = part.unpivot(index=["unit_id", "cycle", "row"], variable_name="channel", value_name="value")
            rows = tall.with_columns(
                ts_utc=pl.lit(None, EXTRACT["ts_utc"]), quality=pl.lit(GOOD_QUALITY, pl.Int32), fleet=pl.lit(fleet)
            )
            cells = part.height * (part.width - len(("unit_id", "cycle", "row")))
            yield Batch(cells, rows.select(list(ROWS)), pl.DataFrame(schema=QUARANTINE))

    def read(self, candidate: Candidate, *, limit: int | None = None) -> Parsed:
        """The three files of a fleet in one piece."""
        return whole(self, candidate, limit)

    def _contents(self, candidate: Candidate) -> dict[str, bytes]:
        return {name: self._content(name) for name in _file_names(candidate.name)}

    def _label(self, fleet: str, tags: list[str]) -> str:
        labels = [channel.source_tag for channel in self.plant.channels(fleet, "label")]
        if len(tags) != MEASURED_COLUMNS or len(labels) != 1:
            msg = (
                f"fleet {fleet}: a C-MAPSS file has {MEASURED_COLUMNS} settings and sensors and one label; the plant "
                f"file names {len(tags)} and {len(labels)}. Correct the channels of its machine class."
            )
            raise SegmentRefusedError(msg)
        return labels[0]

    def _content(self, name: str) -> bytes:
        """A file's bytes, with Unix line ends: some copies went through a version control system on Windows."""
        plain = self.folder / name
        if plain.is_file():
            return plain.read_bytes().replace(b"\r\n", b"\n")
        if not (self.folder / ZIP_NAME).is_file():
            msg = (
                f"{name} is not in {self.folder}, nor is {ZIP_NAME}: "
                "point --data (FACTORY_DATA) at the folder that holds cmapss/"
            )
            raise SegmentRefusedError(msg)
        try:
            with zipfile.ZipFile(self.folder / ZIP_NAME) as archive:
                member = next((m for m in archive.namelist() if Path(m).name == name), None)
                if member is None:
                    msg = f"{ZIP_NAME} holds no {name}: get the original archive from NASA"
                    raise SegmentRefusedError(msg)
                return archive.read(member).replace(b"\r\n", b"\n")
        except zipfile.BadZipFile as error:
            msg = f"{self.folder / ZIP_NAME} is damaged ({error}): get the original archive from NASA"
            raise SegmentRefusedError(msg) from error


def _file_names(fleet: str) -> tuple[str, str, str]:
    return f"train_{fleet}.txt", f"test_{fleet}.txt", f"RUL_{fleet}.txt"


def _verify(name: str, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if name not in SHA256 or digest == SHA256[name]:
        return
    original = ORIGINAL_BYTES.get(name)
    size = f"it has {len(content):,} bytes" + (f", the original {original:,}" if original else "")
    cut = original is not None and len(content) < original
    what = "cut short" if cut else "not the original"
    msg = (
        f"{name} is {what}: {size}, and its sha256 is {digest[:12]}... instead of {SHA256[name][:12]}.... "
        "Shortened and re-split copies are in circulation; get the original archive from NASA."
    )
    raise SegmentRefusedError(msg)


def _table(name: str, content: bytes, tags: list[str], *, unit_prefix: str) -> pl.DataFrame:
    """Parse 26 space-separated columns: unit, cycle, 3 settings, 21 sensors."""
    columns = ["unit", "cycle", *tags]
    cells = [line.split() for line in content.splitlines()]
    for number, line in enumerate(cells, start=1):
        if len(line) != len(columns):
            msg = (
                f"{name}, line {number}, has {len(line)} cells instead of {len(columns)} (unit, cycle, 3 settings, "
                "21 sensors): remove header and blank lines, or get the original archive from NASA"
            )
            raise SegmentRefusedError(msg)
    try:
        frame = pl.read_csv(
            io.BytesIO(b"\n".join(b" ".join(line) for line in cells)),
            has_header=False,
            separator=" ",
            new_columns=columns,
            schema_overrides=[pl.Int64, pl.Int64] + [pl.Float64] * len(tags),
        )
    except pl.exceptions.PolarsError as error:
        msg = f"{name} holds something that is no number ({_first_line(error)}): get the original archive from NASA"
        raise SegmentRefusedError(msg) from error
    frame = frame.with_row_index("row", offset=1).cast({"row": pl.Int64})
    _refuse_broken_histories(name, frame)
    unit_id = unit_prefix + pl.col("unit").cast(pl.String).str.zfill(3)
    return frame.select(unit_id=unit_id, cycle="cycle", row="row", **{tag: pl.col(tag) for tag in tags})


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _refuse_broken_histories(name: str, frame: pl.DataFrame) -> None:
    """Each unit's cycles count 1, 2, 3, ... without a break: a file that was joined or re-split does not."""
    expected = pl.int_range(1, pl.len() + 1).over("unit")
    broken = frame.filter(pl.col("cycle") != expected).head(1)
    if broken.height:
        row, unit, cycle = broken.select("row", "unit", "cycle").row(0)
        restarts = cycle == 1
        what = "begins again at cycle 1: two units share one number" if restarts else f"jumps to cycle {cycle}"
        msg = (
            f"{name}, line {row}: unit {unit} {what}. Files were joined or re-split: get the original archive from NASA"
        )
        raise SegmentRefusedError(msg)


def _truth(name: str, content: bytes, test: pl.DataFrame, label: str) -> pl.DataFrame:
    """The true remaining life after each test unit's last cycle, line k for unit k."""
    try:
        truth = [float(line) for line in content.split()]
    except ValueError as error:
        msg = f"{name} holds something that is no number ({error}): one number a line, one line a test unit"
        raise SegmentRefusedError(msg) from error
    last = test.group_by("unit_id", maintain_order=True).agg(pl.col("cycle").max())
    last = last.with_row_index("row", offset=1).cast({"row": pl.Int64})
    if len(truth) != last.height:
        msg = (
            f"{name} has {len(truth)} lines for {last.height} test units: the test units without a line have no known "
            "end. Take the RUL file that belongs to this test file; get the original archive from NASA."
        )
        raise SegmentRefusedError(msg)
    return last.with_columns(pl.Series(label, truth, pl.Float64))
