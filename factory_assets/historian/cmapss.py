"""NASA C-MAPSS archives as a historian source.

The twelve original files are checked against their known digests: shortened and re-split copies are in
circulation, and they parse. Source: A. Saxena, K. Goebel (2008), NASA Ames Prognostics Data Repository.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from factory_assets.foundation.lake import combined_digest
from factory_assets.foundation.plant import Plant
from factory_assets.historian.reading import Candidate, Parsed, SegmentRefusedError
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

    def read(self, candidate: Candidate) -> Parsed:
        """Read and verify the three files of a fleet."""
        fleet = candidate.name
        contents = {name: self._content(name) for name in _file_names(fleet)}
        for name, content in contents.items():
            _verify(name, content)
        tags = [c.source_tag for c in self.plant.channels(fleet, "setting", "sensor")]
        label = self._label(fleet, tags)
        train = _table(contents[f"train_{fleet}.txt"], tags, unit_prefix=f"{fleet}-train-")
        test = _table(contents[f"test_{fleet}.txt"], tags, unit_prefix=f"{fleet}-test-")
        truth = _truth(contents[f"RUL_{fleet}.txt"], test, label)
        tall = [
            part.unpivot(index=["unit_id", "cycle"], variable_name="channel", value_name="value")
            for part in (train, test, truth)
        ]
        rows = pl.concat(tall).with_columns(
            ts_utc=pl.lit(None, EXTRACT["ts_utc"]),
            quality=pl.lit(GOOD_QUALITY, pl.Int32),
            fleet=pl.lit(fleet),
        )
        digest = combined_digest(hashlib.sha256(content).hexdigest() for content in contents.values())
        return Parsed(sha256=digest, rows=rows, quarantined=pl.DataFrame())

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


def _table(content: bytes, tags: list[str], *, unit_prefix: str) -> pl.DataFrame:
    """Parse 26 space-separated columns: unit, cycle, 3 settings, 21 sensors."""
    columns = ["unit", "cycle", *tags]
    squeezed = b"\n".join(b" ".join(line.split()) for line in content.splitlines())
    frame = pl.read_csv(
        io.BytesIO(squeezed),
        has_header=False,
        separator=" ",
        new_columns=columns,
        schema_overrides=[pl.Int64, pl.Int64] + [pl.Float64] * len(tags),
    )
    unit_id = unit_prefix + pl.col("unit").cast(pl.String).str.zfill(3)
    return frame.select(unit_id=unit_id, cycle="cycle", **{tag: pl.col(tag) for tag in tags})


def _truth(content: bytes, test: pl.DataFrame, label: str) -> pl.DataFrame:
    """The true remaining life after each test unit's last cycle, line k for unit k."""
    truth = [float(line) for line in content.split()]
    last = test.group_by("unit_id", maintain_order=True).agg(pl.col("cycle").max())
    if len(truth) != last.height:
        msg = f"the RUL file has {len(truth)} lines for {last.height} test units"
        raise SegmentRefusedError(msg)
    return last.with_columns(pl.Series(label, truth, pl.Float64))
