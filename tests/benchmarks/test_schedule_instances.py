"""Which instances are run."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory_assets.benchmarks.schedule import data_folder
from factory_assets.benchmarks.schedule_instances import (
    PUBLISHED,
    ScheduleBenchmarkError,
    by_rule,
    chosen,
    group_of,
    read_instances,
)
from tests.benchmarks.schedule_made import folder


def test_the_published_list_is_what_the_rule_gives() -> None:
    place = data_folder()
    if place is None:
        pytest.skip("scheduling/ is not in FACTORY_DATA")
    found = read_instances(place, place / "bounds.json")
    assert by_rule(found) == PUBLISHED
    assert len(set(PUBLISHED)) == 24
    assert [one.name for one in chosen(found)] == list(PUBLISHED)
    assert {one.group for one in chosen(found)} == {"la21-40", "ta", "mk", "Hurink", "dpp", "bel"}


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("la21", "la21-40"), ("la40", "la21-40"), ("la20", "other"), ("ta80", "ta"), ("mk07", "mk"), ("bel19", "bel"),
        ("la30_vdata", "Hurink"), ("car1_rdata", "Hurink"), ("dpp18a", "dpp"), ("swv01", "other"),
    ],
)  # fmt: skip
def test_names_show_the_group(name: str, group: str) -> None:
    assert group_of(name, "other") == group


def test_another_folder_is_run_whole(tmp_path: Path) -> None:
    found = read_instances(folder(tmp_path, ("la21", "mk99")), tmp_path / "bounds.json")
    assert [one.name for one in chosen(found)] == ["la21", "mk99"]
    assert [one.name for one in chosen(found, ["mk99", "mk99"])] == ["mk99"]
    assert found["mk99"].is_flexible
    assert len(found["mk99"].problem().machines) == 2


def test_entries_without_a_file_are_left_out(tmp_path: Path) -> None:
    (folder(tmp_path) / "jsp" / "la01.txt").unlink()
    assert set(read_instances(tmp_path, tmp_path / "bounds.json")) == {"mk01"}


def test_files_may_lie_in_one_folder(tmp_path: Path) -> None:
    (folder(tmp_path) / "jsp" / "la01.txt").rename(tmp_path / "la01.txt")
    found = read_instances(tmp_path, tmp_path / "bounds.json")
    assert set(found) == {"la01", "mk01"}
    assert not found["la01"].is_flexible


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    found = read_instances(folder(tmp_path), tmp_path / "bounds.json")
    with pytest.raises(ScheduleBenchmarkError, match=r"no instance is called mk02.*la01, mk01"):
        chosen(found, ["mk02"])
    with pytest.raises(ScheduleBenchmarkError, match=r"nothing\.json cannot be read"):
        read_instances(tmp_path, tmp_path / "nothing.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScheduleBenchmarkError, match="holds no instance"):
        read_instances(tmp_path / "empty", tmp_path / "bounds.json")


@pytest.mark.parametrize("text", ["{", "[]", '{"instances": {"la01": {"file": "jsp/la01.txt"}}}', '{"instances": 3}'])
def test_another_form_of_bounds_is_told(tmp_path: Path, text: str) -> None:
    (folder(tmp_path) / "bounds.json").write_text(text)
    with pytest.raises(ScheduleBenchmarkError, match=r"is not a file of bounds"):
        read_instances(tmp_path, tmp_path / "bounds.json")
