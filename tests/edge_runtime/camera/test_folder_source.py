"""Every file of a folder is one part: seen once, when it is complete, in order, and never lost."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_runtime.camera import folder_source
from edge_runtime.camera.folder_source import MOST_IN_FLIGHT, FolderSource
from edge_runtime.camera.sources import CameraFrame, SourceLost
from edge_runtime.station.config import FolderCamera
from tests.image_files import encoded, pattern, says_size

POLL_S = 0.002
PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def quickly_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_source, "SETTLED_S", 0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "parts"
    made.mkdir()
    return made


def opened(folder: Path, when_done: str = "keep") -> FolderSource:
    source = FolderSource(FolderCamera(kind="folder", folder=folder, poll_s=POLL_S, when_done=when_done))
    source.open()
    return source


def png(seed: int = 0) -> bytes:
    return encoded(pattern(seed=seed), ".png")


def next_frame(source: FolderSource) -> CameraFrame:
    by_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < by_s:
        frame = source.read(0)
        if frame is not None:
            return frame
        time.sleep(POLL_S)
    raise AssertionError("no frame came")


def nothing_comes(source: FolderSource, for_s: float = 0.1) -> bool:
    by_s = time.monotonic() + for_s
    while time.monotonic() < by_s:
        if source.read(0) is not None:
            return False
        time.sleep(POLL_S)
    return True


def all_frames(source: FolderSource, count: int) -> list[CameraFrame]:
    frames = []
    for _ in range(count):
        frames.append(next_frame(source))
        source.done(frames[-1].part_id or "")
    return frames


def test_files_come_oldest_first_then_by_name(folder: Path) -> None:
    for age_s, name in ((30, "b"), (30, "a"), (10, "c"), (50, "z")):
        path = folder / f"{name}.png"
        path.write_bytes(png())
        os.utime(path, ns=(0, (1_000_000 - age_s) * 1_000_000_000))
    frames = all_frames(opened(folder), 4)
    assert [frame.part_id for frame in frames] == ["z", "a", "b", "c"]
    np.testing.assert_array_equal(frames[0].pixels, pattern())


def test_each_file_comes_once_and_a_new_one_of_its_name_is_a_new_part(folder: Path) -> None:
    source = opened(folder)
    (folder / "a.png").write_bytes(png(1))
    first = all_frames(source, 1)[0]
    assert nothing_comes(source)
    (folder / "new").write_bytes(png(2))
    (folder / "new").replace(folder / "a.png")
    second = all_frames(source, 1)[0]
    assert first.part_id == second.part_id == "a"
    assert first.trigger_id != second.trigger_id
    assert nothing_comes(source)


def test_a_file_has_the_same_trigger_id_after_a_restart(folder: Path) -> None:
    (folder / "a.png").write_bytes(png())
    ids = {next_frame(opened(folder)).trigger_id for _ in range(2)}
    assert len(ids) == 1
    assert None not in ids


@pytest.mark.parametrize("name", [".hidden.png", "notes.txt", "a.png.part"])
def test_other_files_are_left_alone(folder: Path, name: str) -> None:
    (folder / name).write_bytes(png())
    (folder / "folder.png").mkdir()
    (folder / "dead.png").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.png")
    assert nothing_comes(opened(folder))


def test_a_file_that_grows_is_taken_once_it_is_whole(folder: Path) -> None:
    data, source = encoded(pattern(), ".bmp"), opened(folder)
    with (folder / "slow.bmp").open("wb") as file:
        for start in range(0, len(data) - 1, 700):
            file.write(data[start : min(start + 700, len(data) - 1)])
            file.flush()
            assert nothing_comes(source, 0.012)
        file.write(data[-1:])
    frame = next_frame(source)
    assert frame.fault is None
    np.testing.assert_array_equal(frame.pixels, pattern())


def test_a_slow_file_holds_up_no_other(folder: Path) -> None:
    (folder / "a.png").write_bytes(png()[:50])
    (folder / "b.png").write_bytes(png())
    assert [frame.part_id for frame in all_frames(opened(folder), 2)] == ["b", "a"]


def _rgba() -> bytes:
    pixels = np.full((20, 20, 4), 90, np.uint8)
    return encoded(pixels, ".png")


def _jpeg_cut() -> bytes:
    data = io.BytesIO()
    Image.fromarray(pattern()).save(data, "JPEG")
    return data.getvalue()[:-200]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.png", lambda: b"", "a.png: the file is empty"),
        ("a.png", lambda: b"not an image at all", "a.png: no JPEG"),
        ("a.png", lambda: png()[:-30], "a.png: the file ends before"),
        ("a.jpg", _jpeg_cut, "a.jpg: the file ends before"),
        ("a.png", _rgba, "a.png: part of the image is transparent"),
        ("a.png", lambda: says_size("png", 10_000, 10_000), "50 megapixels are let in"),
    ],
)
def test_unreadable_files_are_parts_too_and_stay(folder: Path, name: str, data: Callable[[], bytes], said: str) -> None:
    source = opened(folder, "delete")
    (folder / name).write_bytes(data())
    frame = next_frame(source)
    assert frame.pixels is None
    assert said in (frame.fault or "")
    assert (frame.part_id, frame.trigger_id is None) == ("a", False)
    source.done("a")
    assert (folder / name).exists()
    assert nothing_comes(source)


def test_16_bits_are_read(folder: Path) -> None:
    (folder / "a.png").write_bytes(encoded(pattern().astype(np.uint16) * 256, ".png"))
    np.testing.assert_array_equal(next_frame(opened(folder)).pixels, pattern())


def test_a_name_that_is_no_utf_8(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")).write_bytes(png())
    assert next_frame(opened(folder)).part_id == "caf\\xe9"


def test_a_file_that_goes_before_it_is_read(folder: Path) -> None:
    source = opened(folder)
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(png())
    source.read(0)
    time.sleep(2 * POLL_S)
    (folder / "a.png").unlink()
    assert next_frame(source).part_id == "b"
    assert nothing_comes(source)


def test_a_file_is_deleted_once_its_verdict_is_kept(folder: Path) -> None:
    source = opened(folder, "delete")
    (folder / "a.png").write_bytes(png())
    frame = next_frame(source)
    source.done("another")
    assert (folder / "a.png").exists()
    source.done(frame.part_id or "")
    assert not (folder / "a.png").exists()
    source.done(frame.part_id or "")


def test_a_file_that_was_written_anew_meanwhile_is_not_deleted(folder: Path) -> None:
    source = opened(folder, "delete")
    (folder / "a.png").write_bytes(png())
    next_frame(source)
    (folder / "a.png").write_bytes(png(5) + b"more")
    source.done("a")
    assert (folder / "a.png").exists()


def test_others_wait_in_the_folder_until_verdicts_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = opened(folder)
    for number in range(MOST_IN_FLIGHT + 2):
        (folder / f"{number}.png").write_bytes(png())
        os.utime(folder / f"{number}.png", ns=(0, 0))
    frames = [next_frame(source) for _ in range(MOST_IN_FLIGHT)]
    assert nothing_comes(source)
    source.done(frames[0].part_id or "")
    assert next_frame(source).part_id == str(MOST_IN_FLIGHT)
    assert nothing_comes(source)
    monkeypatch.setattr(folder_source, "FORGOTTEN_S", 0.0)
    assert next_frame(source).part_id == str(MOST_IN_FLIGHT + 1)


def test_a_part_that_was_dropped_comes_again_if_it_is_wanted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_source, "AGAIN_S", 0.01)
    source = opened(folder, "delete")
    (folder / "a.png").write_bytes(png())
    (folder / "bad.png").write_bytes(b"")
    first = {next_frame(source).trigger_id for _ in range(2)}
    for part_id in ("a", "bad"):
        source.dropped(part_id, again=True)
    assert {next_frame(source).trigger_id for _ in range(2)} == first
    for part_id in ("a", "bad", "another"):
        source.dropped(part_id, again=False)
    assert nothing_comes(source)
    assert {path.name for path in folder.iterdir()} == {"a.png", "bad.png"}


def test_a_folder_that_vanishes_and_comes_back(folder: Path) -> None:
    source = opened(folder)
    (folder / "a.png").write_bytes(png())
    all_frames(source, 1)
    away = folder.rename(folder.with_name("away"))
    with pytest.raises(SourceLost, match="cannot be read"):
        nothing_comes(source)
    with pytest.raises(SourceLost, match="is not there"):
        source.open()
    away.rename(folder)
    (folder / "b.png").write_bytes(png())
    source.open()
    assert next_frame(source).part_id == "b"
    assert nothing_comes(source)
