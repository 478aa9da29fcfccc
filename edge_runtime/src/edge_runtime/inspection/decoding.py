"""Image files become frames; what cannot be decoded whole is refused by name, before it costs memory."""

from __future__ import annotations

import numpy as np

from edge_runtime.errors import EdgeError
from edge_runtime.inspection.headers import Header, read_header

MEGAPIXEL = 1_000_000
LARGEST_MEGAPIXELS = 50.0

FILLED_WITH, BLOCK_PX = 128, 8
# What no JPEG decoder takes for a marker, and no two blocks decode alike from.
_FILLER = bytes(range(1, 251)) * 4


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
    return _eight_bits(_pixels(data, largest_megapixels))


def decode_mask(data: bytes, *, largest_megapixels: float = LARGEST_MEGAPIXELS) -> np.ndarray:
    """Decode a mask: what is not black is defective, whatever its depth or palette.

    JPEG blurs the edges of masks, so those are cut at half of white.

    Returns:
        uint8 (height, width), 0 or 1.

    Raises:
        ImageError: As `decode` does.
    """
    pixels = _pixels(data, largest_megapixels)
    marked = pixels > (127 if data.startswith(b"\xff\xd8") else 0)
    return np.asarray(marked if marked.ndim == 2 else marked.any(axis=2)).astype(np.uint8)


def size_px(data: bytes) -> tuple[int, int] | None:
    """Width and height as stored that a file's header says; None where it says nothing."""
    header = read_header(data)
    return None if header is None or not header.width_px else (header.width_px, header.height_px)


def _pixels(data: bytes, largest_megapixels: float) -> np.ndarray:
    header = _checked(data, largest_megapixels)
    if header.kind != "jpeg":
        # Only IMREAD_UNCHANGED shows depth and alpha.
        return _without_alpha(_decoded(data, header, "IMREAD_UNCHANGED"))
    flag = "IMREAD_GRAYSCALE" if header.channels == 1 else "IMREAD_COLOR"
    image = _decoded(data, header, flag)
    if _may_be_filled(image, header):
        # Bytes more than an image needs are passed over, but where some are missing, these are decoded in their place.
        more = data[: header.end] + _FILLER + data[header.end :]
        if not np.array_equal(image, _decoded(more, header, flag)):
            raise _truncated()
    return image


def _checked(data: bytes, largest_megapixels: float) -> Header:
    if not data:
        raise ImageError("the file is empty", "copy it again")
    header = read_header(data)
    if header is None:
        raise ImageError("no JPEG, PNG, BMP or TIFF file", "save the image as one of them")
    if header.width_px * header.height_px > largest_megapixels * MEGAPIXEL:
        raise TooLargeImageError(
            f"{header.width_px} x {header.height_px} pixels, {largest_megapixels:g} megapixels are let in",
            "cut out the part, or save the image smaller",
        )
    if not header.is_whole:
        raise _truncated()
    return header


def _truncated() -> TruncatedImageError:
    return TruncatedImageError("the file ends before its image does", "copy it again, whole")


def _decoded(data: bytes, header: Header, flag: str) -> np.ndarray:
    import cv2

    # IMREAD_UNCHANGED leaves out the rotation that a PNG's EXIF values ask for, and without them alpha is seldom there.
    wanted = getattr(cv2, flag)
    if header.has_exif:
        wanted = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), wanted)
    except cv2.error as error:
        raise ImageError(f"no image that can be decoded: {error.err or error}", "save it again") from error
    if image is None:
        raise ImageError(f"no {header.kind.upper()} image that can be decoded", "save it again")
    return np.ascontiguousarray(image)


def _may_be_filled(image: np.ndarray, header: Header) -> bool:
    """Whether a corner is all of the grey that stands for missing blocks: the last block, wherever rotation put it."""
    size = min((header.width_px - 1) % BLOCK_PX, (header.height_px - 1) % BLOCK_PX) + 1
    rows, columns = (np.r_[:size, -size:0] for _ in range(2))
    corners = image[rows][:, columns] == FILLED_WITH
    is_grey = corners if corners.ndim == 2 else corners.all(axis=2)
    return bool(is_grey.reshape(2, size, 2, size).all(axis=(1, 3)).any())


def _without_alpha(image: np.ndarray) -> np.ndarray:
    if image.ndim == 2 or image.shape[2] == 3:
        return image
    if image.shape[2] != 4:
        raise ImageError(f"{image.shape[2]} channels", "save it as grey or RGB")
    full = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1
    if (image[..., 3] != full).any():
        raise ImageError("part of the image is transparent (RGBA)", "save it without transparency, as grey or RGB")
    return np.ascontiguousarray(image[..., :3])


def _eight_bits(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        return (image >> 8).astype(np.uint8)
    raise ImageError(f"pixels are {image.dtype}", "save the image with 8 or 16 bits a channel")
