"""What image files say of themselves before anything is decoded: their size, and whether they are whole.

OpenCV gives a JPEG that was cut off without an error, and fills what is missing with grey; so the files' own structure
is walked through to its end.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["jpeg", "png", "bmp", "tiff"]

# A JPEG marker, but for stuffed bytes (FF00) and restarts (FFD0 to FFD7), which lie within what is compressed.
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START, _END, _ALONE = 0xD8, 0xD9, 0x01
_PNG = b"\x89PNG\r\n\x1a\n"
_RLE_BMP = (1, 2)
_WIDTH, _HEIGHT, _STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES = 256, 257, 273, 279, 324, 325
_TIFF_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}


@dataclass(frozen=True)
class Header:
    """What a file says of the image in it.

    Attributes:
        kind: The format.
        width_px: As stored, before any rotation; 0 where the file ends before it says so.
        height_px: The same.
        is_whole: Whether the file goes on to the end of its image.
        channels: Of a JPEG; 0 of others.
        has_exif: Whether a PNG carries EXIF values, and so perhaps a rotation.
        end: Where a JPEG's end marker is.
    """

    kind: Kind
    width_px: int = 0
    height_px: int = 0
    is_whole: bool = False
    channels: int = 0
    has_exif: bool = False
    end: int = 0


def read_header(data: bytes) -> Header | None:
    """The header of a JPEG, PNG, BMP or TIFF file; None if it is none of them."""
    for start, kind, read in _READERS:
        if data.startswith(start):
            try:
                return read(data)
            except (struct.error, OverflowError):
                return Header(kind)
    return None


def _jpeg(data: bytes) -> Header:
    place, size, channels = 2, (0, 0), 0
    # A thumbnail has markers of its own, its end marker among them; it lies in a segment, which is stepped over whole.
    while (found := _MARKER.search(data, place)) is not None:
        marker, place = found[1][0], found.end()
        if marker == _END:
            return Header("jpeg", *size, is_whole=True, channels=channels, end=found.start())
        if marker in (_START, _ALONE):
            continue
        (length,) = struct.unpack_from(">H", data, place)
        if marker in _FRAMES:
            height, width, channels = struct.unpack_from(">HHB", data, place + 3)
            size = (width, height)
        place += length
    return Header("jpeg", *size, channels=channels)


def _png(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    place, has_exif = 8, False
    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        place += 12 + length
        has_exif |= name == b"eXIf"
        if name == b"IEND":
            return Header("png", width, height, is_whole=place <= len(data), has_exif=has_exif)
    return Header("png", width, height)


def _bmp(data: bytes) -> Header:
    (pixels, header) = struct.unpack_from("<II", data, 10)
    if header < 40:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression, stored = 0, 0
    else:
        width, height, _, bits, compression, stored = struct.unpack_from("<iiHHII", data, 18)
    width, height = abs(width), abs(height)
    needed = stored if compression in _RLE_BMP else (width * bits + 31) // 32 * 4 * height
    return Header("bmp", width, height, is_whole=pixels + needed <= len(data))


def _tiff(data: bytes) -> Header:
    """The first image of a TIFF file, classic or BigTIFF."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    start, count, entry = ("Q", "Q", "HHQ8s") if is_big else ("I", "H", "HHI4s")
    (place,) = struct.unpack_from(order + start, data, 8 if is_big else 4)
    (entries,) = struct.unpack_from(order + count, data, place)
    place += struct.calcsize(f"={count}")
    step = struct.calcsize(f"={entry}")
    tags: dict[int, tuple[int, ...]] = {}
    for number in range(min(entries, (len(data) - place) // step + 1)):
        tag, kind, values, inline = struct.unpack_from(order + entry, data, place + number * step)
        if tag in (_WIDTH, _HEIGHT, _STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES) and kind in _TIFF_TYPES:
            tags[tag] = _tiff_values(data, f"{order}{values}{_TIFF_TYPES[kind]}", inline, order + start)
    starts = tags.get(_STRIPS) or tags.get(_TILES) or ()
    lengths = tags.get(_STRIP_BYTES) or tags.get(_TILE_BYTES) or ()
    ends = [start + length for start, length in zip(starts, lengths, strict=False)]
    width, height = (tags.get(tag, (0,))[0] for tag in (_WIDTH, _HEIGHT))
    return Header("tiff", width, height, is_whole=bool(ends) and max(ends) <= len(data))


def _tiff_values(data: bytes, wanted: str, inline: bytes, offset: str) -> tuple[int, ...]:
    if struct.calcsize(wanted) <= len(inline):
        return struct.unpack_from(wanted, inline)
    (place,) = struct.unpack(offset, inline)
    if place + struct.calcsize(wanted) > len(data):
        msg = "values lie beyond the file's end"
        raise struct.error(msg)
    return struct.unpack_from(wanted, data, place)


_READERS: tuple[tuple[bytes, Kind, Callable[[bytes], Header]], ...] = (
    (b"\xff\xd8", "jpeg", _jpeg),
    (_PNG, "png", _png),
    (b"BM", "bmp", _bmp),
    (b"II*\x00", "tiff", _tiff),
    (b"MM\x00*", "tiff", _tiff),
    (b"II+\x00", "tiff", _tiff),
    (b"MM\x00+", "tiff", _tiff),
)
