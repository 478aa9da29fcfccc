"""Frames come out of the ring as they went in, or not at all, whoever was killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.camera import ring as ring_module
from edge_runtime.camera.ring import FrameGone, FrameRef, FrameRing, RingError, remove_ring, ring_name
from edge_runtime.errors import InputError

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def ring() -> Iterator[FrameRing]:
    made = FrameRing.create(4, 64 * 48 * 3)
    yield made
    made.unlink()
    made.close()


def filled(value: int, shape: tuple[int, ...] = (48, 64)) -> np.ndarray:
    return np.full(shape, value, np.uint8)


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 1), (48, 64, 3), (1, 1)])
def test_a_frame_comes_back_with_all_that_it_carries(ring: FrameRing, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    reader = FrameRing.attach(ring.name)
    ref = ring.put(pixels, "part 7", 123, "a.png@1.2")
    np.testing.assert_array_equal(reader.read(ref), pixels)
    assert (ref.part_id, ref.captured_ns, ref.trigger_id, ref.shape) == ("part 7", 123, "a.png@1.2", shape)
    reader.close()


def test_what_is_read_cannot_be_written_and_outlives_the_ring(ring: FrameRing) -> None:
    reader = FrameRing.attach(ring.name)
    frame = reader.read(ring.put(filled(9), None, 0))
    with pytest.raises(ValueError, match="read-only"):
        frame[0, 0] = 1
    reader.close()
    reader.close()
    assert (frame == 9).all()


def test_a_slice_of_a_larger_frame(ring: FrameRing) -> None:
    pixels = np.arange(100 * 100, dtype=np.uint8).reshape(100, 100)
    np.testing.assert_array_equal(ring.read(ring.put(pixels[20:60, 30:80], None, 0)), pixels[20:60, 30:80])


@settings(deadline=None, max_examples=50)
@given(slots=st.integers(2, 9), count=st.integers(1, 40))
def test_the_newest_frames_are_whole_and_all_others_are_known_to_be_gone(slots: int, count: int) -> None:
    ring = FrameRing.create(slots, 16)
    reader = FrameRing.attach(ring.name)
    try:
        refs = [ring.put(filled(number % 251, (4, 4)), str(number), number) for number in range(count)]
        for number, ref in enumerate(refs):
            if number >= count - slots:
                assert (reader.read(ref) == number % 251).all()
            else:
                with pytest.raises(FrameGone):
                    reader.read(ref)
        assert len({ref.generation for ref in refs}) == count
    finally:
        ring.unlink()


def test_a_frame_that_is_written_over_while_it_is_used(ring: FrameRing) -> None:
    ref = ring.put(filled(1), None, 0)
    ring.read(ref)
    ring.check(ref)
    for _ in range(ring.slots):
        ring.put(filled(2), None, 0)
    with pytest.raises(FrameGone):
        ring.check(ref)


def test_a_reference_to_another_ring_or_slot(ring: FrameRing) -> None:
    for slot, generation in ((99, 2), (0, 2), (0, 0), (1, 1)):
        with pytest.raises(FrameGone):
            ring.read(FrameRef(slot, generation, (4, 4), None, 0))


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.zeros((48, 65, 3), np.uint8), "65 x 48 pixels"),
        (np.zeros((0, 5), np.uint8), "takes 1 to"),
        (np.zeros((4, 4), np.uint16), "uint16"),
        (np.zeros((4, 4, 2), np.uint8), "3 channels"),
        (np.zeros(4, np.uint8), "3 channels"),
    ],
)
def test_frames_that_do_not_fit_leave_the_ring_as_it_was(ring: FrameRing, pixels: np.ndarray, said: str) -> None:
    before = ring.put(filled(5), None, 0)
    with pytest.raises(RingError, match=said):
        ring.put(pixels, None, 0)
    assert (ring.read(before) == 5).all()
    assert ring.put(filled(6), None, 0).generation == before.generation + 2


def test_memory_that_is_full_is_said_before_a_frame_is_written(
    ring: FrameRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = ring.put(filled(5), None, 0)

    def full(handle: int, start: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RingError, match="no room"):
        ring.put(filled(6), None, 0)
    assert (ring.read(ref) == 5).all()


def test_memory_is_taken_for_frames_and_not_for_slots() -> None:
    ring = FrameRing.create()
    try:
        ring.put(filled(1, (224, 224)), None, 0)
        assert ring._path.stat().st_blocks * 512 < 300_000
    finally:
        ring.unlink()


def test_a_writer_goes_on_where_another_was_killed(ring: FrameRing) -> None:
    refs = [ring.put(filled(value), None, 0) for value in (1, 2, 3)]
    ring._generations[3] = 7  # half written
    again = FrameRing.attach(ring.name)
    after = again.put(filled(9), None, 0)
    assert after.generation > 8
    assert after.slot == 0
    with pytest.raises(FrameGone):
        ring.read(refs[0])
    assert (ring.read(refs[2]) == 3).all()
    assert (ring.read(after) == 9).all()


def write_for_ever(name: str, connection: Connection) -> None:
    ring = FrameRing.attach(name)
    for number in range(1_000_000):
        connection.send(ring.put(filled(number % 256, (300, 400)), str(number), number))


def test_a_writer_killed_in_the_middle_of_a_write_harms_no_reader() -> None:
    ring = FrameRing.create(3, 300 * 400)
    try:
        last, torn, whole = 0, 0, 0
        for seed in range(3):
            ours, theirs = SPAWN.Pipe(duplex=False)
            writer = SPAWN.Process(target=write_for_ever, args=(ring.name, theirs), daemon=True)
            writer.start()
            theirs.close()
            first = ours.recv()
            assert first.generation > last
            stop_s = time.monotonic() + 0.15 + 0.01 * seed
            try:
                while True:
                    ref = ours.recv()
                    last = ref.generation
                    try:
                        pixels = ring.read(ref).copy()
                        ring.check(ref)
                    except FrameGone:
                        torn += 1
                    else:
                        whole += 1
                        assert (pixels == int(ref.part_id) % 256).all()
                    if time.monotonic() > stop_s and writer.is_alive():
                        os.kill(writer.pid or 0, signal.SIGKILL)
            except EOFError:
                writer.join()
        assert whole > 0
    finally:
        ring.unlink()


def test_a_process_that_attached_leaves_the_ring_when_it_ends(ring: FrameRing) -> None:
    ref = ring.put(filled(77), None, 0)
    code = (
        f"from edge_runtime.camera.ring import *; r = FrameRing.attach({ring.name!r}); "
        f"print(r.read(FrameRef({ref.slot}, {ref.generation}, {ref.shape}, None, 0)).mean())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("77.0", "")
    assert FrameRing.attach(ring.name).slots == 4


def test_what_a_killed_service_left_is_replaced_and_its_processes_are_undisturbed(tmp_path: Path) -> None:
    name = ring_name("press 3/left", tmp_path)
    assert name == ring_name("press 3/left", tmp_path) != ring_name("press 3/left", tmp_path / "other")
    left = FrameRing.create(2, 100, name=name)
    ref = left.put(filled(3, (5, 5)), None, 0)
    new = FrameRing.create(3, 100, name=name)
    try:
        assert FrameRing.attach(name).slots == 3
        left.put(filled(4, (5, 5)), None, 0)
        assert (left.read(ref) == 3).all()
    finally:
        new.unlink()
    assert not remove_ring(name)
    with pytest.raises(RingError, match="cannot be opened"):
        FrameRing.attach(name)


def test_a_service_killed_while_it_made_its_ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ring_module, "_folder", lambda: tmp_path)
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(RingError, match="no frame ring"):
        FrameRing.attach("x")
    assert FrameRing.create(2, 100, name="x").slots == 2


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(b"a person's own file"), lambda path: path.mkdir()])
def test_what_is_no_ring_is_left_alone(make: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ring_module, "_folder", lambda: tmp_path)
    make(tmp_path / "x")  # type: ignore[operator]
    with pytest.raises(RingError, match="in the way"):
        FrameRing.create(2, 100, name="x")
    assert (tmp_path / "x").exists()


def test_a_link_is_not_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ring_module, "_folder", lambda: tmp_path)
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "x").symlink_to(tmp_path / "file")
    with pytest.raises(RingError, match="in the way"):
        FrameRing.create(2, 100, name="x")


def test_a_ring_of_one_slot() -> None:
    with pytest.raises(InputError, match="2 or more"):
        FrameRing.create(1, 100, name="factory-edge-one-slot")
    assert not remove_ring("factory-edge-one-slot")


def test_a_ring_for_which_there_is_no_memory_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, start: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RingError, match="no room"):
        FrameRing.create(2, 100, name="factory-edge-no-memory")
    assert not remove_ring("factory-edge-no-memory")
