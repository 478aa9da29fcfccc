"""GenICam cameras, with a stand-in for harvesters that behaves as version 1.4 does."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from edge_runtime.camera import genicam_source
from edge_runtime.camera.sources import FrameSource, SourceLost, open_source
from edge_runtime.errors import InputError
from edge_runtime.station.config import GenicamCamera

SIZE = (6, 8)


class Buffer:
    def __init__(self, form: str, data: np.ndarray) -> None:
        component = SimpleNamespace(data=data.ravel(), height=SIZE[0], width=SIZE[1], data_format=form)
        self.payload = SimpleNamespace(components=[component])
        self.memory = data

    def __enter__(self) -> Buffer:
        return self

    def __exit__(self, *failure: object) -> None:
        # The driver writes the next frame here.
        self.memory.fill(0)


class Nodes(SimpleNamespace):
    is_gone = False

    @property
    def Width(self) -> Any:  # noqa: N802
        if self.is_gone:
            raise RuntimeError("GenTL error -1006")
        return SimpleNamespace(value=8)


class Camera:
    def __init__(self) -> None:
        nodes = Nodes(ExposureTime=SimpleNamespace(value=0.0), Gain=SimpleNamespace(value=0.0))
        self.remote_device = SimpleNamespace(node_map=nodes)
        self.buffers: list[Buffer | None] = []
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")

    def destroy(self) -> None:
        self.calls.append("destroy")

    def try_fetch(self, *, timeout: float) -> Buffer | None:
        return self.buffers.pop(0) if self.buffers else None


class Harvester:
    camera = Camera()
    wanted: Any = None

    def add_file(self, path: str) -> None:
        assert Path(path).is_file()

    def update(self) -> None: ...

    def create(self, wanted: Any) -> Camera:
        if wanted == {"serial_number": "none"}:
            raise ValueError("no such device")
        Harvester.wanted = wanted
        return self.camera

    def reset(self) -> None:
        self.camera.calls.append("reset")


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Camera:
    package, core = ModuleType("harvesters"), ModuleType("harvesters.core")
    core.Harvester = Harvester  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "harvesters", package)
    monkeypatch.setitem(sys.modules, "harvesters.core", core)
    monkeypatch.setattr(Harvester, "camera", Camera())
    return Harvester.camera


@pytest.fixture
def producer(tmp_path: Path) -> Path:
    path = tmp_path / "maker.cti"
    path.write_bytes(b"")
    return path


def opened(producer: Path, **more: Any) -> FrameSource:
    return open_source(GenicamCamera(kind="genicam", producer=producer, **more))


def test_it_is_set_read_and_closed_in_order(camera: Camera, producer: Path) -> None:
    source = opened(producer, serial_number="17", exposure_us=250.0, gain_db=2.0)
    assert Harvester.wanted == {"serial_number": "17"}
    assert camera.remote_device.node_map.ExposureTime.value == 250.0
    assert camera.remote_device.node_map.Gain.value == 2.0
    camera.buffers = [None, Buffer("Mono8", np.full(SIZE, 9, np.uint8))]
    assert source.read(0.01) is None
    frame = source.read(0.01)
    assert frame is not None
    assert frame.pixels is not None
    assert frame.pixels.shape == SIZE
    assert (frame.pixels == 9).all()
    source.close()
    source.close()
    assert camera.calls == ["start", "stop", "destroy", "reset"]
    with pytest.raises(SourceLost, match="not open"):
        source.read(0.01)


COLOUR = np.random.default_rng(3).integers(0, 256, (*SIZE, 3), np.uint8)


@pytest.mark.parametrize(
    ("form", "data", "expected"),
    [
        ("Mono12", np.full(SIZE, 4095, np.uint16), np.full(SIZE, 255)),
        ("Mono16", np.full(SIZE, 0x1234, np.uint16), np.full(SIZE, 0x12)),
        ("BGR8", COLOUR, COLOUR),
        ("RGB8", COLOUR, COLOUR[..., ::-1]),
    ],
)
def test_pixel_formats(camera: Camera, producer: Path, form: str, data: np.ndarray, expected: np.ndarray) -> None:
    source = opened(producer)
    camera.buffers = [Buffer(form, data.copy())]
    frame = source.read(0.01)
    assert frame is not None
    assert frame.pixels is not None
    assert frame.pixels.dtype == np.uint8
    np.testing.assert_array_equal(frame.pixels, expected)


@pytest.mark.parametrize("form", ["BayerRG8", "BayerBG8", "BayerGR8", "BayerGB8"])
def test_bayer_patterns_give_the_colour_that_was_seen(camera: Camera, producer: Path, form: str) -> None:
    colours = {"R": 200, "G": 100, "B": 50}
    # The name says the first two pixels; the row below holds green and the third colour.
    first, second = form[5], form[6]
    below = ("G", "B" if first == "R" else "R") if second == "G" else ("B" if second == "R" else "R", "G")
    mosaic = np.zeros(SIZE, np.uint8)
    for row, pair in enumerate(((first, second), below)):
        for column, name in enumerate(pair):
            mosaic[row::2, column::2] = colours[name]
    source = opened(producer)
    camera.buffers = [Buffer(form, mosaic)]
    frame = source.read(0.01)
    assert frame is not None
    assert frame.pixels is not None
    assert frame.pixels[2, 3].tolist() == [50, 100, 200]
    assert cv2.COLOR_BayerBG2BGR == cv2.COLOR_BayerRGGB2BGR


def test_an_unknown_format_names_those_that_are_known(camera: Camera, producer: Path) -> None:
    source = opened(producer)
    camera.buffers = [Buffer("Mono12Packed", np.zeros(SIZE, np.uint8))]
    with pytest.raises(SourceLost, match="sends pixels as Mono12Packed / set it to Mono8"):
        source.read(0.01)


def test_a_camera_that_is_unplugged_is_found_out(
    camera: Camera, producer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genicam_source, "ASKED_S", 0.0)
    source = opened(producer)
    assert source.read(0.01) is None
    camera.remote_device.node_map.is_gone = True
    with pytest.raises(SourceLost, match="GenTL error"):
        source.read(0.01)


def test_a_camera_that_is_not_there(camera: Camera, producer: Path) -> None:
    with pytest.raises(SourceLost, match="GenICam camera none cannot be opened: no such device"):
        opened(producer, serial_number="none")
    assert camera.calls == ["reset"]
    with pytest.raises(InputError, match=r"none\.cti is not there"):
        opened(producer.with_name("none.cti"))


def test_without_harvesters(producer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "harvesters.core", None)
    with pytest.raises(InputError, match=r"factory-edge\[genicam\]"):
        opened(producer)
