"""What goes wrong with images on their way from the camera to the folder: the bad files and rows of a real plant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from factory_assets.reference_plant.parts.drawing import Bytes


@dataclass(frozen=True)
class Row:
    """A row of the manifest, with the bytes of its files; null is an empty text.

    Attributes:
        image, label, mask, boxes, reference, group: As the manifest tells them.
        data: Bytes of the image file; None if it was never written.
        mask_data: Bytes of the mask file; None if there is none.
        boxes_data: Text of the box file; None if there is none.
        mess: What was done to it, by name; None for images as they should be.
        expected_reason: Why it is to be set aside; None if it is to be accepted.
    """

    image: str
    label: str
    mask: str
    boxes: str
    reference: str
    group: str
    data: bytes | None
    mask_data: bytes | None = None
    boxes_data: str | None = None
    mess: str | None = None
    expected_reason: str | None = None


def encoded(pixels: np.ndarray, suffix: str = ".png") -> bytes:
    """An image file: PNG (8 or 16 bits) or JPEG."""
    import cv2

    _, data = cv2.imencode(suffix, pixels)
    return bytes(data.tobytes())


def truncated(row: Row, _pixels: Bytes) -> Row:
    """The copy was cut off."""
    data = row.data or b""
    return replace(row, data=data[: len(data) * 3 // 5], mess="truncated", expected_reason="truncated")


def truncated_jpeg(row: Row, pixels: Bytes) -> Row:
    """A camera that writes JPEG, and a copy that was cut off."""
    data = encoded(pixels, ".jpg")
    image = row.image.removesuffix(".png") + ".jpg"
    return replace(row, image=image, data=data[: len(data) // 2], mess="truncated_jpeg", expected_reason="truncated")


def empty(row: Row, _pixels: Bytes) -> Row:
    """A file without a byte: the disk was full."""
    return replace(row, data=b"", mess="empty", expected_reason="unreadable")


def blank(row: Row, pixels: Bytes) -> Row:
    """The flash did not fire."""
    return replace(row, data=encoded(pixels // 128), mess="blank", expected_reason="blank")


def unlabelled(row: Row, _pixels: Bytes) -> Row:
    """Nobody has said yet what it shows."""
    bare = replace(row, label="", mask="", boxes="", mask_data=None, boxes_data=None)
    return replace(bare, mess="unlabelled", expected_reason="unlabelled")


def missing(row: Row, _pixels: Bytes) -> Row:
    """A photograph that was counted and never saved."""
    image = row.image.removesuffix("1.png") + "9.png"
    bare = replace(row, image=image, mask="", boxes="", mask_data=None, boxes_data=None)
    return replace(bare, data=None, mess="missing", expected_reason="missing")


def sixteen_bits(row: Row, pixels: Bytes) -> Row:
    """A camera that was set to 16 bits; the image is as good as any other."""
    return replace(row, data=encoded(pixels.astype(np.uint16) * 256 + 77), mess="sixteen_bits")


def copied(row: Row, _pixels: Bytes) -> Row:
    """The same file again under another name."""
    image = row.image.removesuffix(".png") + "_copy.png"
    return replace(row, image=image, mess="copied", expected_reason="duplicate")


def small_mask(row: Row, pixels: Bytes) -> Row:
    """A mask that was drawn on a smaller picture."""
    mask = row.mask or row.image.replace("images/", "masks/", 1)
    data = encoded(np.zeros((pixels.shape[0] // 2, pixels.shape[1] // 2), np.uint8))
    return replace(row, mask=mask, mask_data=data, mess="small_mask", expected_reason="mask_wrong_size")


# Each is done to the first photograph of a part of its own. A copy comes beside its original.
MESS: tuple[Callable[[Row, Bytes], Row], ...] = (
    truncated,
    truncated_jpeg,
    empty,
    blank,
    unlabelled,
    missing,
    sixteen_bits,
    copied,
    small_mask,
)
