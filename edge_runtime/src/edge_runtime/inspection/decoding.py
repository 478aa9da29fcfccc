"""Image files become frames; what cannot be decoded whole is refused by name, before it costs memory.

OpenCV alone decodes a truncated JPEG or PNG without an error and fills the rest with grey, so the files' own ends are
looked at first, and their headers before anything is allocated.
"""

from __future__ import annotations

import struct

import numpy as np

from edge_runtime.errors import EdgeError

MEGAPIXEL = 1_000_000
LARGEST_MEGAPIXELS = 50.0

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset(range(0xD0, 0xDA)) | {0x01}


class ImageError(EdgeError):
    """An image file that cannot be used."""

    reason = "unreadable"


class TruncatedImageError(ImageError):
    """A file that ends before its image does."""

    reason = "truncated"


class TooLargeImageError(ImageError):
    """An image with more pixels than are let in."""

    reason = "too_large"


def decode(data: bytes, *, largest_megapixels: float = LARGEST_MEGAPIXELS) -> np.ndarray:
    """Decode an image file.

    EXIF rotation is applied. 16-bit values are divided by 256. An alpha channel that hides nothing is dropped.

    Args:
        data: The file's bytes: JPEG, PNG, BMP or TIFF.
        largest_megapixels: Images beyond are refused before they are decoded.

    Returns:
        uint8, (height, width) for grey images, else (height, width, 3) in OpenCV's order (blue, green, red).

    Raises:
        ImageError: No image, or one that cannot be used.
        TruncatedImageError: The file ends before its image does.
        TooLargeImageError: It has more pixels than are let in.
    """
    import cv2

    if not data:
        raise ImageError("the file is empty", "copy it again")
    _check_size(data, largest_megapixels)
    _check_end(data)
    # Only IMREAD_UNCHANGED shows depth and alpha, and it alone leaves EXIF rotation out.
    with_alpha = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if with_alpha is None:
        raise ImageError("no image that can be decoded", "save it as JPEG, PNG, BMP or TIFF")
    if with_alpha.shape[0] * with_alpha.shape[1] > largest_megapixels * MEGAPIXEL:
        raise _too_large(with_alpha.shape[1], with_alpha.shape[0], largest_megapixels)
    image = _eight_bits(_without_alpha(with_alpha))
    if data.startswith(_JPEG):
        flag = cv2.IMREAD_GRAYSCALE if image.ndim == 2 else cv2.IMREAD_COLOR
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    return np.ascontiguousarray(image)


def size_px(data: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG's, PNG's or BMP's header says; None where there is no such header."""
    if data.startswith(_PNG) and len(data) >= 24:
        return struct.unpack(">II", data[16:24])
    if data.startswith(b"BM") and len(data) >= 26:
        width, height = struct.unpack("<ii", data[18:26])
        return width, abs(height)
    return _jpeg_size(data) if data.startswith(_JPEG) else None


def _check_size(data: bytes, largest_megapixels: float) -> None:
    size = size_px(data)
    if size is not None and size[0] * size[1] > largest_megapixels * MEGAPIXEL:
        raise _too_large(*size, largest_megapixels)


def _too_large(width: int, height: int, largest_megapixels: float) -> TooLargeImageError:
    return TooLargeImageError(
        f"{width} x {height} pixels, {largest_megapixels:g} megapixels are let in",
        "cut out the part, or save the image smaller",
    )


def _check_end(data: bytes) -> None:
    whole = True
    if data.startswith(_JPEG):
        whole = b"\xff\xd9" in data[-64:] or data.rstrip(b"\x00").endswith(b"\xff\xd9")
    elif data.startswith(_PNG):
        whole = b"IEND" in data[-16:]
    elif data.startswith(b"BM") and len(data) >= 6:
        whole = len(data) >= struct.unpack("<I", data[2:6])[0]
    if not whole:
        raise TruncatedImageError("the file ends before its image does", "copy it again, whole")


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 < len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in _ALONE:
            place += 2
        elif marker in _JPEG_SIZES:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        else:
            place += 2 + int(struct.unpack(">H", data[place + 2 : place + 4])[0])
    return None


def _without_alpha(image: np.ndarray) -> np.ndarray:
    if image.ndim == 2 or image.shape[2] == 3:
        return image
    if image.shape[2] != 4:
        raise ImageError(f"{image.shape[2]} channels", "save it as grey or RGB")
    full = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1
    if (image[..., 3] != full).any():
        raise ImageError("part of the image is transparent (RGBA)", "save it without transparency, as grey or RGB")
    opaque: np.ndarray = image[..., :3]
    return opaque


def _eight_bits(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        return (image >> 8).astype(np.uint8)
    raise ImageError(f"pixels are {image.dtype}", "save the image with 8 or 16 bits a channel")
