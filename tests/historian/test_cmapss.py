from __future__ import annotations

import datetime as dt
import re
import shutil
import zipfile
from pathlib import Path

import polars as pl
import pytest
import yaml

from factory_assets.foundation.lake import Partition
from factory_assets.foundation.settings import PROJECT_ROOT, Settings, Site, load_site
from factory_assets.historian import segments
from factory_assets.historian.cmapss import MEASURED_COLUMNS
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


def joined(site_folder: Path, **files: str) -> str | None:
    """Collect archives of another name than NASA's, whose digests nobody knows; the reason of a refusal."""
    data = site_folder / "data" / "cmapss"
    data.mkdir(parents=True)
    plant = yaml.safe_load((PROJECT_ROOT / "configs/plants/turbofan.yaml").read_text())
    life = {"run_to_failure_units": "FD009-train-*", "test_units": "FD009-test-*"}
    plant["fleets"] = [{"name": "FD009", "machine_class": "turbofan", "units": ["FD009-*"], "life": life}]
    (site_folder / "plant.yaml").write_text(yaml.safe_dump(plant))
    for name in ("train", "test"):
        (data / f"{name}_FD009.txt").write_text(files[name])
    (data / "RUL_FD009.txt").write_text(files["truth"])
    site = load_site(Settings(plant=site_folder / "plant.yaml", home=site_folder / "home", data=data.parent))
    refused = segments.collect(site, now=NOW).refused
    return refused[0][1] if refused else None


def history(unit: int, cycles: int, first: int = 1) -> str:
    cells = " ".join(["1.5"] * MEASURED_COLUMNS)
    return "".join(f"{unit} {cycle} {cells}  \n" for cycle in range(first, first + cycles))


def test_an_archive_of_another_name_is_read(tmp_path: Path) -> None:
    assert joined(tmp_path, train=history(1, 30), test=history(1, 19) + history(2, 5), truth="7\n9\n") is None


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"truth": "7\n"}, r"RUL_FD009.txt has 1 lines for 2 test units: .*Take the RUL file that belongs"),
        ({"truth": "7\nRUL\n"}, r"RUL_FD009.txt holds something that is no number"),
        ({"train": history(1, 30) + history(1, 20)}, r"train_FD009.txt, line 31: unit 1 begins again at cycle 1"),
        ({"train": history(1, 30) + history(2, 20, first=4)}, r"line 31: unit 2 jumps to cycle 4"),
        ({"train": "unit cycle setting\n" + history(1, 30)}, r"train_FD009.txt, line 1, has 3 cells instead of 26"),
        ({"test": history(1, 19) + history(2, 5)[:-20]}, r"test_FD009.txt, line 24, has \d+ cells instead of 26"),
        ({"train": history(1, 3).replace("1.5", "n/a", 1)}, r"train_FD009.txt holds something that is no number"),
    ],
)
def test_an_archive_that_is_broken_is_refused_with_file_and_line(
    tmp_path: Path, files: dict[str, str], reason: str
) -> None:
    good = {"train": history(1, 30), "test": history(1, 19) + history(2, 5), "truth": "7\n9\n"}
    assert re.search(reason, joined(tmp_path, **{**good, **files}) or "collected")


def test_a_row_is_the_line_in_its_file(cmapss_data: Path, tmp_path: Path) -> None:
    source = segments.source_of(turbofan(cmapss_data, tmp_path))
    rows = source.read(source.candidates()[0]).rows
    assert rows.filter(pl.col("unit_id").str.contains("train"))["row"].max() == 20_631
    truth = rows.filter((pl.col("channel") == "rul_cycles") & (pl.col("unit_id") == "FD001-test-100"))
    assert truth["row"].to_list() == [100]
