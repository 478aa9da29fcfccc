from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from factory_assets.historian.folder import look, opened, place, sha256
from factory_assets.historian.reading import SegmentRefusedError

CONTENT = b"machine,tag\n1,2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.csv").write_bytes(CONTENT)
    with zipfile.ZipFile(tmp_path / "old.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("top.csv", "valve1/0.csv", "valve1/notes.txt", "__MACOSX/valve1/0.csv", ".hidden/1.csv"):
            archive.writestr(name, CONTENT)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("**/*.csv", ["old.zip/top.csv", "old.zip/valve1/0.csv", "plain/a.csv"]),
        ("*.csv", []),
        ("old.zip/*.csv", ["old.zip/top.csv"]),
        ("**/[0-9].csv", ["old.zip/valve1/0.csv"]),
        ("**/?.csv", ["old.zip/valve1/0.csv", "plain/a.csv"]),
        ("*", []),
    ],
)
def test_a_zip_is_a_folder(folder: Path, pattern: str, names: list[str]) -> None:
    assert [candidate.name for candidate in look(folder, pattern)] == names


def test_the_bytes_are_the_same_inside_a_zip(folder: Path) -> None:
    found = look(folder, "**/*.csv")
    assert len({sha256(candidate) for candidate in found}) == 1
    with opened(found[0]) as file:
        assert file.read() == CONTENT


def test_a_zip_that_is_cut_short_is_named_and_read_when_it_is_whole(folder: Path) -> None:
    path = folder / "old.zip"
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    cut = look(folder, "old.zip/**/*.csv")
    assert [candidate.name for candidate in cut] == ["old.zip"]
    with pytest.raises(SegmentRefusedError, match=r"old\.zip is damaged"):
        sha256(cut[0])
    path.write_bytes(whole)
    assert len(look(folder, "old.zip/**/*.csv")) == 2


def test_a_flipped_bit_inside_a_zip_is_found(folder: Path) -> None:
    path = folder / "old.zip"
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("top.csv").header_offset + 30 + len("top.csv") + 3
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(bytes(content))
    (top,) = look(folder, "old.zip/*.csv")
    with pytest.raises(SegmentRefusedError, match=r"old\.zip/top\.csv cannot be read.*damaged"):
        sha256(top)


def test_where_a_file_lies_may_name_its_unit(folder: Path) -> None:
    places = {candidate.name: place(candidate, folder) for candidate in look(folder, "**/*.csv")}
    assert places["old.zip/valve1/0.csv"] == ("valve1", "0")
    assert places["old.zip/top.csv"] == ("old", "top")
    assert places["plain/a.csv"] == ("plain", "a")
