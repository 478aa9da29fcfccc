"""Files of a folder or a zip file by name: nothing outside is reached, and nothing damaged or endless is read."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from factory_assets.inspection import image_store
from factory_assets.inspection.image_store import (
    FolderStore,
    ImageSourceError,
    TooLargeFileError,
    UnreadableFileError,
    ZipStore,
    open_store,
)
from tests.inspection.sources import written, zipped

FILES = {"train/ok/1.png": b"one", "train/ok/2.png": b"two", "manifest.csv": b"image\n"}


@pytest.fixture(params=["folder", "zip", "zip with a top", "zip in a folder"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "secret.png").write_bytes(b"secret")
    if request.param == "folder":
        return written(tmp_path / "data", FILES)
    top = "data/" if request.param != "zip" else ""
    (tmp_path / "data").mkdir()
    path = zipped(tmp_path / "data" / "data.zip", {top + name: content for name, content in FILES.items()})
    if request.param == "zip in a folder":
        (tmp_path / "data" / "README.md").write_text("about")
        return path.parent
    return path


def test_files_by_name(source: Path) -> None:
    with open_store(source) as store:
        assert store.names() == ["manifest.csv", "train/ok/1.png", "train/ok/2.png"]
        assert store.has("train/ok/1.png")
        assert store.read("train/ok/2.png") == b"two"
        assert store.where == str(store.path if isinstance(store, ZipStore) else source)


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "train/../../secret.png",
        "/etc/hostname",
        "train\\ok\\1.png",
        "",
        ".",
        "train",
        "no\0name",
        "x" * 5000,
    ],
)
def test_nothing_else_is_there(source: Path, name: str) -> None:
    with open_store(source) as store:
        assert not store.has(name)
        with pytest.raises(FileNotFoundError):
            store.read(name)


def test_absolute_names_are_not_there(tmp_path: Path) -> None:
    written(tmp_path, {"data/1.png": b"1", "secret.png": b"2"})
    assert not FolderStore(tmp_path / "data").has(str(tmp_path / "secret.png"))


def test_a_zip_files_own_names_cannot_lead_out(tmp_path: Path) -> None:
    path = zipped(tmp_path / "data.zip", {"../secret.png": b"x", "1.png": b"1"})
    with open_store(path) as store:
        assert not store.has("../secret.png")
        assert store.has("1.png")


def test_hidden_files_are_no_images(tmp_path: Path) -> None:
    files = {"set/ok/1.png": b"1", "set/ok/.DS_Store": b"x", "__MACOSX/set/ok/._1.png": b"x"}
    with open_store(zipped(tmp_path / "set.zip", files)) as store:
        assert store.names() == ["ok/1.png"]
        assert store.read("ok/1.png") == b"1"
    with open_store(written(tmp_path / "set", files)) as store:
        assert store.names() == ["set/ok/1.png"]


def test_a_single_folder_of_images_is_their_label(tmp_path: Path) -> None:
    with open_store(zipped(tmp_path / "set.zip", {"ok/1.png": b"1", "ok/2.png": b"2"})) as store:
        assert store.names() == ["ok/1.png", "ok/2.png"]
    with open_store(zipped(tmp_path / "other.zip", {"set/1.png": b"1", "set/manifest.csv": b"image"})) as store:
        assert store.names() == ["1.png", "manifest.csv"]


def test_a_folder_with_images_of_its_own_is_no_zip_file(tmp_path: Path) -> None:
    zipped(tmp_path / "old.zip", FILES)
    written(tmp_path, {"1.png": b"1"})
    with open_store(tmp_path) as store:
        assert isinstance(store, FolderStore)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_more_bytes_than_any_image_has_are_not_read(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_store, "LARGEST_FILE_BYTES", 2_000_000)
    bomb = tmp_path / "data.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ok/1.png", bytes(3_000_000))
    assert bomb.stat().st_size < 10_000
    source = bomb if kind == "zip" else written(tmp_path / "data", {"ok/1.png": bytes(3_000_000)})
    with open_store(source) as store, pytest.raises(TooLargeFileError, match=r"ok/1\.png has 3 MB, 2 MB are let in"):
        store.read("ok/1.png")


def test_a_damaged_member_is_unreadable(tmp_path: Path) -> None:
    path = zipped(tmp_path / "data.zip", {"1.png": b"first content", "2.png": b"other"})
    path.write_bytes(path.read_bytes().replace(b"first content", b"fIrst content"))
    with open_store(path) as store:
        with pytest.raises(UnreadableFileError, match=r"1\.png in the zip file is damaged"):
            store.read("1.png")
        assert store.read("2.png") == b"other"


def test_an_encrypted_member_is_unreadable(tmp_path: Path) -> None:
    path = zipped(tmp_path / "data.zip", {"1.png": b"content"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    with open_store(path) as store, pytest.raises(UnreadableFileError, match="encrypted"):
        store.read("1.png")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_unreadable(tmp_path: Path) -> None:
    written(tmp_path, {"1.png": b"1"})
    (tmp_path / "1.png").chmod(0)
    with pytest.raises(UnreadableFileError, match=r"1\.png cannot be read: Permission denied"):
        FolderStore(tmp_path).read("1.png")


@pytest.mark.parametrize("content", [b"", b"no zip file", None], ids=["empty", "text", "cut off"])
def test_a_broken_zip_file(tmp_path: Path, content: bytes | None) -> None:
    path = zipped(tmp_path / "data.zip", FILES)
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    with (
        pytest.raises(ImageSourceError, match=r"data\.zip is not a whole zip file .*: copy it again"),
        open_store(path),
    ):
        pass


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    says = r"neither a folder nor a zip file: mend images\.folder"
    with pytest.raises(ImageSourceError, match=says), open_store(tmp_path / "none"):
        pass


def test_names_that_are_no_utf8_are_shown_and_not_there(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).write_bytes(b"1")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    store = FolderStore(tmp_path)
    assert store.names() == ["caf\\xe9.png"]
    assert not store.has("caf\\xe9.png")
