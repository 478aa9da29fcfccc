"""Image files for tests, whole and hostile, made in memory."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
from PIL import Image


def pattern(height_px: int = 48, width_px: int = 64, *, seed: int = 0) -> np.ndarray:
    """A smooth random picture that uses all grey values, uint8 (height, width)."""
    noise = np.random.default_rng(seed).normal(size=(height_px, width_px)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def encoded(image: np.ndarray, suffix: str = ".png", settings: tuple[int, ...] = ()) -> bytes:
    """An image in the format that the suffix says."""
    return cv2.imencode(suffix, image, list(settings))[1].tobytes()


def progressive(image: np.ndarray) -> bytes:
    return encoded(image, ".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))


def by_pillow(image: np.ndarray | Image.Image, kind: str, **settings: Any) -> bytes:
    """An image in a format or with settings that OpenCV cannot write."""
    buffer = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, kind, **settings)
    return buffer.getvalue()


def rotated_by_exif(image: np.ndarray, orientation: int, kind: str = "JPEG") -> bytes:
    """A file whose EXIF value asks for a rotation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return by_pillow(image, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))


def with_thumbnail(image: np.ndarray) -> bytes:
    """A JPEG with a whole JPEG in one of its segments, as cameras write it."""
    whole, thumbnail = encoded(image, ".jpg"), encoded(image[:16, :16], ".jpg")
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + whole[2:]


def says_size(kind: str, width_px: int, height_px: int) -> bytes:
    """A small file whose header says a large size."""
    tiny = pattern(16, 16)
    if kind == "png":
        data = encoded(tiny)
        header = b"IHDR" + struct.pack(">II", width_px, height_px) + data[24:29]
        return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    if kind == "bmp":
        data = encoded(tiny, ".bmp")
        return data[:18] + struct.pack("<ii", width_px, -height_px) + data[26:]
    if kind == "tiff":
        # BigTIFF and classic ones say it in the same entries: tag, type LONG, one value.
        data = bytearray(by_pillow(tiny, "TIFF"))
        for tag, value in ((256, width_px), (257, height_px)):
            data = _with_entry(data, tag, value)
        return bytes(data)
    data = progressive(tiny) if kind == "progressive jpeg" else encoded(tiny, ".jpg")
    place = data.index(b"\xff\xc2" if kind == "progressive jpeg" else b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height_px, width_px) + data[place + 4 :]


def _with_entry(data: bytearray, tag: int, value: int) -> bytearray:
    (place,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, place)
    for number in range(entries):
        at = place + 2 + 12 * number
        if struct.unpack_from("<H", data, at)[0] == tag:
            struct.pack_into("<HHII", data, at, tag, 4, 1, value)
    return data
