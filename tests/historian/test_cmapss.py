from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from pathlib import Path

import polars as pl
import pytest

from factory_assets.foundation.lake import Partition
from factory_assets.foundation.settings import PROJECT_ROOT, Settings, Site, load_site
from factory_assets.historian import segments
from factory_assets.historian.extract import extract

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def turbofan(data: Path, home: Path) -> Site:
    return load_site(Settings(plant=PROJECT_ROOT / "configs/plants/turbofan.yaml", home=home, data=data))


def test_fd001_is_whole(cmapss_data: Path, tmp_path: Path) -> None:
    site = turbofan(cmapss_data, tmp_path)
    assert segments.collect(site, now=NOW, fleets=["FD001"]).refused == []
    fleet = Partition("FD001")
    contents = segments.contents(site.home.segments)
    assert list(contents) == [fleet]
    frame = extract(site.home.segments, fleet, contents[fleet])
    assert frame.height == (20_631 + 13_096) * 24 + 100
    assert frame["unit_id"].n_unique() == 200
    truth = frame.filter((pl.col("channel") == "rul_cycles") & (pl.col("unit_id") == "FD001-test-001"))
    assert truth.select("cycle", "value").row(0) == (31, 112.0)


@pytest.fixture
def plain_copy(cmapss_data: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "cmapss"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(cmapss_data / "cmapss" / "CMAPSSData.zip") as archive:
        for name in ("train_FD001.txt", "test_FD001.txt", "RUL_FD001.txt"):
            (folder / name).write_bytes(archive.read(next(m for m in archive.namelist() if m.endswith(name))))
    return folder


def refusal(folder: Path, home: Path) -> str:
    (found,) = segments.collect(turbofan(folder.parent, home), now=NOW, fleets=["FD001"]).refused
    return found[1]


def test_a_copy_that_is_cut_but_parses_is_refused_by_name(plain_copy: Path, tmp_path: Path) -> None:
    file = plain_copy / "train_FD001.txt"
    file.write_bytes(file.read_bytes()[:2_883_584])
    message = refusal(plain_copy, tmp_path / "home")
    assert message.startswith("train_FD001.txt is cut short: it has 2,883,584 bytes, the original 3,515,356")


def test_a_changed_copy_is_refused_by_name(plain_copy: Path, tmp_path: Path) -> None:
    file = plain_copy / "test_FD001.txt"
    file.write_bytes(b"header line\n" + file.read_bytes())
    assert refusal(plain_copy, tmp_path / "home").startswith("test_FD001.txt is not the original")


def test_windows_line_ends_are_the_same_data(plain_copy: Path, tmp_path: Path) -> None:
    file = plain_copy / "RUL_FD001.txt"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    found = segments.collect(turbofan(plain_copy.parent, tmp_path / "home"), now=NOW, fleets=["FD001"])
    assert found.refused == []


def test_a_cut_file_inside_the_zip_is_refused_by_name(plain_copy: Path, tmp_path: Path) -> None:
    train = plain_copy / "train_FD001.txt"
    train.write_bytes(train.read_bytes()[:2_883_584])
    with zipfile.ZipFile(plain_copy / "CMAPSSData.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in plain_copy.glob("*.txt"):
            archive.write(path, path.name)
    for path in plain_copy.glob("*.txt"):
        path.unlink()
    assert refusal(plain_copy, tmp_path / "home").startswith("train_FD001.txt is cut short")


def test_a_damaged_zip_is_refused(cmapss_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "cmapss"
    folder.mkdir(parents=True)
    shutil.copy(cmapss_data / "cmapss" / "CMAPSSData.zip", folder)
    path = folder / "CMAPSSData.zip"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:1_000_000])
    assert "is damaged" in refusal(folder, tmp_path / "home")


def test_an_empty_folder_says_what_to_point_at(tmp_path: Path) -> None:
    found = segments.collect(turbofan(tmp_path, tmp_path / "home"), now=NOW)
    assert [name for name, _ in found.refused] == ["FD001", "FD002", "FD003", "FD004"]
    assert all("--data" in reason for _, reason in found.refused)
