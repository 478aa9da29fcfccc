"""Which images are kept, exact pixels, the queue, and what goes first when room is short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_runtime.spool.images import GOES_FIRST, ImageStore, image_name, is_sampled, keeps_image
from edge_runtime.spool.reserve import Reserve
from edge_runtime.station.config import SpoolSettings
from tests.edge_runtime.spool.spools import a_trigger, a_verdict, an_image

SETTINGS = SpoolSettings(borderline=0.15, keep_ok_share=0.0, quota_mib=1)
SIZE_PX = 512  # of noise: a quarter of the quota


def a_store(folder: Path, **changes: Any) -> ImageStore:
    folder.mkdir(exist_ok=True)
    reserve = Reserve(folder / "ballast", 0)
    bounds = {"most_images": 100, "most_bytes": 100 << 20, **changes}
    return ImageStore(folder / "images", SETTINGS, reserve, **bounds)


def name(sequence: int, kind: str) -> str:
    facts: dict[str, dict[str, Any]] = {
        "ok": {"score": 0.1},
        "classified": {"verdict": "classified", "threshold": None},
        "borderline": {"score": 0.45},
        "nok": {"verdict": "nok", "score": 0.9},
    }
    return image_name(a_verdict(sequence, a_trigger("t"), **facts[kind]), SETTINGS.borderline)


def put(store: ImageStore, sequence: int, kind: str, *, side_px: int = SIZE_PX) -> bool:
    return store.offer(sequence, name(sequence, kind), an_image(sequence, side_px=side_px))


def write_all(store: ImageStore) -> None:
    while store.write_one():
        pass


def kept(folder: Path) -> set[str]:
    return {path.stem.lstrip("0") for path in (folder / "images").rglob("*.png")}


@pytest.mark.parametrize(
    ("changes", "is_kept"),
    [
        ({"score": 0.1}, False),
        ({"score": 0.36}, True),
        ({"verdict": "nok", "score": 0.64}, True),
        ({"verdict": "nok", "score": 0.99}, True),
        ({"verdict": "nok", "score": None, "failure": "image"}, True),
        ({"verdict": "classified", "threshold": None}, False),
    ],
)
def test_rejected_and_borderline_parts_are_kept(changes: dict[str, Any], is_kept: bool) -> None:
    assert keeps_image(a_verdict(5, a_trigger("t"), **changes), SETTINGS) is is_kept


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 1.0])
def test_the_sample_is_a_share_of_all_numbers(share: float) -> None:
    assert sum(is_sampled(number, share) for number in range(1, 10_001)) == pytest.approx(10_000 * share, abs=5)


@pytest.mark.parametrize("shape", [(31, 17), (31, 17, 3)])
def test_the_exact_pixels_come_back(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    store = a_store(tmp_path)
    view = pixels[:]
    assert store.offer(3, name(3, "nok"), view)
    expected = pixels.copy()
    pixels[:] = 0  # the ring of frames goes on
    write_all(store)
    stored = store.read(name(3, "nok"))
    assert stored is not None
    decoded = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(decoded, expected)


def test_the_oldest_sound_ones_go_first_and_borderline_ones_last(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    for sequence, kind in enumerate(["borderline", "ok", "nok", "classified", "ok", "borderline", "nok"], start=1):
        put(store, sequence, kind)
    write_all(store)
    assert kept(tmp_path) == {"1-borderline", "6-borderline", "7-nok"}
    assert store.stored_bytes <= store.quota_bytes


def test_a_sound_one_does_not_push_out_one_that_matters(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    for sequence, kind in enumerate(["borderline", "nok", "nok", "ok"], start=1):
        put(store, sequence, kind)
    write_all(store)
    assert kept(tmp_path) == {"1-borderline", "2-nok", "3-nok"}
    assert store.dropped == 1


def test_a_full_queue_drops_sound_ones_first(tmp_path: Path) -> None:
    store = a_store(tmp_path, most_images=2)
    assert put(store, 1, "ok", side_px=8)
    assert put(store, 2, "nok", side_px=8)
    assert not put(store, 3, "ok", side_px=8)
    assert put(store, 4, "borderline", side_px=8)
    assert not put(store, 5, "nok", side_px=8)
    write_all(store)
    assert kept(tmp_path) == {"2-nok", "4-borderline"}
    assert store.dropped == 3


def test_an_image_larger_than_the_queue_still_gets_through(tmp_path: Path) -> None:
    store = a_store(tmp_path, most_bytes=10)
    assert put(store, 1, "nok", side_px=8)


def test_what_cannot_be_encoded_is_dropped_and_counted(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    store.offer(1, name(1, "nok"), np.zeros((4, 4, 7), np.uint8))
    write_all(store)
    assert (store.stored_images, store.dropped) == (0, 1)


def test_a_later_run_finds_what_is_there_and_removes_what_is_half_written(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    for sequence, kind in enumerate(GOES_FIRST, start=1):
        put(store, sequence, kind, side_px=8)
    write_all(store)
    (tmp_path / "images" / "00000000" / ".000000000009-ok.png.tmp").write_bytes(b"half")
    (tmp_path / "images" / "holiday.png").write_bytes(b"not ours")
    again = a_store(tmp_path)
    assert (again.stored_images, again.stored_bytes) == (4, store.stored_bytes)
    assert not list((tmp_path / "images").rglob("*.tmp"))
    again.forget(4)
    assert again.stored_images == again.stored_bytes == 0
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["holiday.png"]


def test_half_an_image_is_none(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, 1, "nok", side_px=8)
    write_all(store)
    path = tmp_path / "images" / name(1, "nok")
    path.write_bytes(path.read_bytes()[:-5])
    assert store.read(name(1, "nok")) is None


class Disk(Reserve):
    """A disk of which so much is free."""

    free = 0
    whole = True

    def is_whole(self) -> bool:
        return self.whole

    def free_bytes(self) -> int:
        return self.free


def test_a_short_disk_costs_sound_ones_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(tmp_path / "ballast", 1000)
    store = ImageStore(tmp_path / "images", SETTINGS, disk, most_images=9, most_bytes=9999)
    monkeypatch.setattr(Disk, "free", 10_000)
    for sequence, kind in enumerate(["ok", "nok", "borderline"], start=1):
        put(store, sequence, kind, side_px=8)
    write_all(store)
    monkeypatch.setattr(Disk, "free", 1000)
    put(store, 4, "ok", side_px=8)
    put(store, 5, "nok", side_px=8)
    write_all(store)
    assert kept(tmp_path) == {"2-nok", "3-borderline"}
    store.give_room()
    assert kept(tmp_path) == {"2-nok", "3-borderline"}
    monkeypatch.setattr(Disk, "whole", False)
    monkeypatch.setattr(Disk, "free", property(lambda disk: 2000 if len(kept(tmp_path)) < 2 else 0))
    store.give_room()
    assert kept(tmp_path) == {"3-borderline"}
