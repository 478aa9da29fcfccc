"""Image files become frames, or are refused by name, and nothing is decoded before its size is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edge_runtime.inspection.decoding import (
    ImageError,
    TooLargeImageError,
    TruncatedImageError,
    decode,
    decode_mask,
    size_px,
)
from tests.image_files import by_pillow, encoded, pattern, progressive, rotated_by_exif, says_size, with_thumbnail

GREY = pattern()
COLOUR = np.stack([pattern(seed=1), pattern(seed=2), pattern(seed=3)], axis=2)
LOSSLESS = (".png", ".bmp", ".tif")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all files that OpenCV was asked to decode."""
    asked: list[int] = []
    real = cv2.imdecode

    def counting(data: np.ndarray, flag: int) -> np.ndarray | None:
        asked.append(len(data))
        return real(data, flag)

    monkeypatch.setattr(cv2, "imdecode", counting)
    return asked


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
def test_lossless_files_come_back_as_they_were(suffix: str, image: np.ndarray) -> None:
    frame = decode(encoded(image, suffix))
    assert frame.flags.c_contiguous
    np.testing.assert_array_equal(frame, image)
    assert size_px(encoded(image, suffix)) == (64, 48)


@pytest.mark.parametrize("make", [lambda image: encoded(image, ".jpg"), progressive], ids=["baseline", "progressive"])
@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_jpeg_is_decoded_once(make: object, image: np.ndarray, decoded: list[int]) -> None:
    data = make(np.clip(image, 0, 100))  # type: ignore[operator]
    frame = decode(data)
    assert frame.shape == image.shape
    assert np.abs(frame.astype(int) - np.clip(image, 0, 100)).mean() < 8
    assert decoded == [len(data)]


def test_an_empty_file() -> None:
    with pytest.raises(ImageError, match="the file is empty / copy it again"):
        decode(b"")


@pytest.mark.parametrize(
    "data",
    [
        b"no image at all",
        by_pillow(Image.fromarray(GREY), "GIF"),
        by_pillow(Image.fromarray(COLOUR), "WEBP"),
        b"\0" * 99,
    ],
    ids=["text", "gif", "webp", "zeros"],
)
def test_other_files_are_no_images(data: bytes, decoded: list[int]) -> None:
    with pytest.raises(ImageError, match="no JPEG, PNG, BMP or TIFF file"):
        decode(data)
    assert decoded == []


@pytest.mark.parametrize("suffix", [".jpg", *LOSSLESS])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_file_that_was_cut_off_is_truncated(suffix: str, share: float, decoded: list[int]) -> None:
    data = encoded(pattern(200, 300), suffix)
    with pytest.raises(TruncatedImageError, match="the file ends before its image does") as caught:
        decode(data[: max(9, int(share * len(data)))])
    assert caught.value.reason == "truncated"
    assert decoded == []


@settings(max_examples=60, deadline=None)
@given(suffix=st.sampled_from([".jpg", *LOSSLESS]), share=st.floats(0, 0.999))
def test_no_cut_file_becomes_a_frame(suffix: str, share: float) -> None:
    data = encoded(COLOUR, suffix)
    with pytest.raises(ImageError):
        decode(data[: int(share * len(data))])


def test_the_thumbnails_end_is_not_the_images() -> None:
    data = with_thumbnail(pattern(200, 300))
    assert decode(data).shape == (200, 300)
    with pytest.raises(TruncatedImageError):
        decode(data[: len(data) // 2])
    # Cut off right behind the thumbnail: its end marker is the last thing in the file.
    with pytest.raises(TruncatedImageError):
        decode(data[: data.index(b"\xff\xd9") + 2])


@pytest.mark.parametrize("image", [pattern(200, 300), cv2.resize(COLOUR, (300, 200))], ids=["grey", "colour"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_cut_jpeg_with_an_end_marker_of_its_own(image: np.ndarray, share: float) -> None:
    data = encoded(image, ".jpg")
    with pytest.raises(TruncatedImageError):
        decode(data[: int(share * len(data))] + b"\xff\xd9")


def test_a_cut_and_rotated_jpeg_with_an_end_marker_of_its_own() -> None:
    data = rotated_by_exif(pattern(200, 300), 6)
    with pytest.raises(TruncatedImageError):
        decode(data[: len(data) // 2] + b"\xff\xd9")


def test_a_whole_grey_background_is_no_truncation() -> None:
    image = np.full((64, 64), 128, np.uint8)
    image[20:40, 20:40] = pattern(20, 20)
    assert decode(encoded(image, ".jpg")).shape == (64, 64)
    assert decode(encoded(cv2.merge([image] * 3), ".jpg")).shape == (64, 64, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_bytes_behind_the_image_do_no_harm(suffix: str) -> None:
    data = encoded(GREY, suffix)
    np.testing.assert_array_equal(decode(data + b"\0" * 500 + b"more"), decode(data))


@pytest.mark.parametrize("kind", ["jpeg", "progressive jpeg", "png", "bmp", "tiff"])
def test_100_megapixels_are_refused_before_anything_is_decoded(kind: str, decoded: list[int]) -> None:
    data = says_size(kind, 12_500, 8_000)
    assert len(data) < 2_000
    with pytest.raises(TooLargeImageError, match="12500 x 8000 pixels, 50 megapixels are let in") as caught:
        decode(data)
    assert caught.value.reason == "too_large"
    assert decoded == []


def test_a_real_image_may_be_as_large_as_is_let_in() -> None:
    data = encoded(pattern(100, 100))
    assert decode(data, largest_megapixels=0.01).shape == (100, 100)
    with pytest.raises(TooLargeImageError):
        decode(data, largest_megapixels=0.0099)


@pytest.mark.parametrize("big_tiff", [False, True])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_tiff_in_its_forms(big_tiff: bool, compression: str | None) -> None:
    data = by_pillow(GREY, "TIFF", big_tiff=big_tiff, compression=compression)
    assert size_px(data) == (64, 48)
    np.testing.assert_array_equal(decode(data), GREY)
    with pytest.raises(TruncatedImageError):
        decode(data[: len(data) // 2])


def test_16_bits_become_8() -> None:
    np.testing.assert_array_equal(decode(encoded(GREY.astype(np.uint16) * 256 + 77)), GREY)
    np.testing.assert_array_equal(decode(encoded(COLOUR.astype(np.uint16) * 256, ".tif")), COLOUR)


def test_float_pixels_are_refused() -> None:
    with pytest.raises(ImageError, match="pixels are float32 / save the image with 8 or 16 bits a channel"):
        decode(encoded(GREY.astype(np.float32), ".tif"))


def test_alpha_that_hides_nothing_is_dropped() -> None:
    opaque = np.dstack([COLOUR, np.full(GREY.shape, 255, np.uint8)])
    np.testing.assert_array_equal(decode(encoded(opaque)), COLOUR)
    np.testing.assert_array_equal(decode(encoded(opaque.astype(np.uint16) * 257)), COLOUR)


def test_alpha_that_hides_something_is_refused() -> None:
    hidden = np.dstack([COLOUR, np.full(GREY.shape, 255, np.uint8)])
    hidden[3, 3, 3] = 254
    with pytest.raises(ImageError, match="transparent"):
        decode(encoded(hidden))


def test_palettes() -> None:
    palette = Image.fromarray(GREY).convert("P")
    np.testing.assert_array_equal(decode(by_pillow(palette, "PNG")), np.repeat(GREY[..., None], 3, axis=2))
    with pytest.raises(ImageError, match="transparent"):
        decode(by_pillow(palette, "PNG", transparency=int(GREY[0, 0])))


def test_a_cmyk_jpeg_is_a_colour_image() -> None:
    frame = decode(by_pillow(Image.fromarray(GREY).convert("CMYK"), "JPEG"))
    assert frame.shape == (48, 64, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(kind: str, orientation: int) -> None:
    image = cv2.resize(np.array([[10, 80], [160, 240]], np.uint8), (64, 48), interpolation=cv2.INTER_NEAREST)
    upright = {
        1: image,
        2: image[:, ::-1],
        3: image[::-1, ::-1],
        4: image[::-1],
        5: image.T,
        6: np.rot90(image, -1),
        7: image[::-1, ::-1].T,
        8: np.rot90(image),
    }[orientation]
    frame = decode(rotated_by_exif(image, orientation, kind))
    assert frame.shape == upright.shape
    assert np.abs(frame.astype(int) - upright).max() <= (0 if kind != "JPEG" else 60)
    assert np.abs(frame.astype(int) - upright).mean() < 4


@settings(max_examples=150, deadline=None)
@given(
    suffix=st.sampled_from([".jpg", *LOSSLESS]),
    at=st.floats(0, 1, exclude_max=True),
    value=st.binary(min_size=1, max_size=8),
)
def test_a_damaged_file_is_a_frame_or_a_named_error(suffix: str, at: float, value: bytes) -> None:
    data = bytearray(encoded(COLOUR, suffix))
    place = int(at * len(data))
    data[place : place + len(value)] = value
    try:
        frame = decode(bytes(data))
    except ImageError:
        return
    assert frame.dtype == np.uint8
    assert frame.ndim in (2, 3)


@settings(max_examples=100, deadline=None)
@given(
    start=st.sampled_from([b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*", b"II+\0"]), rest=st.binary()
)
def test_garbage_with_a_known_beginning_is_a_named_error(start: bytes, rest: bytes) -> None:
    with pytest.raises(ImageError):
        decode(start + rest)


MARKED = np.zeros((48, 64), np.uint8)
MARKED[5:9, 10:30] = 1


@pytest.mark.parametrize(
    "data",
    [
        encoded(MARKED),
        encoded(MARKED * 255),
        encoded(MARKED * 255, ".bmp"),
        encoded(MARKED.astype(np.uint16)),
        encoded(cv2.merge([MARKED * 0, MARKED * 0, MARKED * 200])),
        by_pillow(Image.fromarray(MARKED * 255).convert("1"), "PNG"),
        encoded(cv2.merge([MARKED * 255] * 3), ".jpg", (cv2.IMWRITE_JPEG_QUALITY, 80)),
    ],
    ids=["0 and 1", "0 and 255", "bmp", "16 bits", "colours", "1 bit", "jpeg"],
)
def test_masks_mark_what_is_not_black(data: bytes) -> None:
    mask = decode_mask(data)
    assert mask.dtype == np.uint8
    assert (mask != MARKED).mean() < 0.005
    assert set(np.unique(mask)) == {0, 1}


def test_a_palette_mask_marks_what_is_not_black() -> None:
    mask = Image.fromarray(MARKED * 3).convert("L")
    mask.putpalette([0, 0, 0, 9, 9, 9, 9, 9, 9, 128, 0, 0])
    np.testing.assert_array_equal(decode_mask(by_pillow(mask, "PNG")), MARKED)


def test_a_truncated_mask_is_refused() -> None:
    with pytest.raises(TruncatedImageError):
        decode_mask(encoded(MARKED)[:60])
