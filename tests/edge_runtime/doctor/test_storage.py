"""Checks of folders."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_runtime.doctor import storage
from edge_runtime.doctor.storage import filesystem, results_folder, space, state_folder

MIB = 1 << 20


@pytest.mark.parametrize(
    ("kind", "state"), [("ext4", "ok"), ("nfs4", "failed"), ("tmpfs", "warning"), ("overlay", "warning"), (None, "ok")]
)
def test_the_kind_of_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str | None, state: str) -> None:
    monkeypatch.setattr(storage, "filesystem", lambda _: kind)
    folder, disk = state_folder(tmp_path / "not" / "yet", quota_mib=1)
    assert folder.state == state
    assert disk.name == "disk"
    assert list(tmp_path.iterdir()) == []


def test_a_place_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (check,) = state_folder(tmp_path / "file" / "state", quota_mib=1)
    assert check.state == "failed"


def test_results_are_written_only_where_their_folder_is(tmp_path: Path) -> None:
    assert results_folder(tmp_path).state == "ok"
    assert results_folder(tmp_path / "not-mounted").state == "warning"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("free_mib", "used_mib", "state"),
    [(1300, 0, "ok"), (1100, 0, "warning"), (1100, 500, "ok"), (100, 1024, "failed")],
)
def test_room_for_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mib: int, used_mib: int, state: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_mib * MIB))
    assert space(tmp_path, used_mib * MIB, 1024).state == state


def test_the_nearest_mount_counts(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    deep = tmp_path / "with space"
    deep.mkdir()
    place = str(deep).replace(" ", "\\040")
    mounts.write_text(f"/dev/a / ext4 rw 0 0\nserver:/x {place} nfs4 rw 0 0\ntmpfs /else tmpfs rw 0 0\n")
    assert filesystem(deep, mounts) == "nfs4"
    assert filesystem(tmp_path, mounts) == "ext4"
    assert filesystem(tmp_path, tmp_path / "none") is None
