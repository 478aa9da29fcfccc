"""The camera of a line in the reference plant: parts that nobody has labelled yet, one image file after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from factory_assets.foundation.lake import replacing
from factory_assets.reference_plant.parts.mess import encoded
from factory_assets.reference_plant.parts.rendering import Photograph, render_parts

# Parts of the labelled images have lower numbers.
FIRST_PART = 10_001


def parts_on_the_line(product: str, seed: int, *, first: int = FIRST_PART) -> Iterator[Photograph]:
    """One photograph of each part, in the order of serial numbers, without end.

    Raises:
        RenderingError: The simulator makes no such product.
    """
    number = first
    while True:
        yield next(render_parts(product, 1, seed, first=number))
        number += 1


def put(photograph: Photograph, folder: Path) -> Path:
    """Write a photograph as the camera does: whole, under the part's serial number."""
    path = folder / f"{photograph.part}.png"
    with replacing(path) as temporary:
        temporary.write_bytes(encoded(photograph.pixels))
    return path


def run_line(product: str, folder: Path, seed: int, *, every_s: float) -> None:
    """Photograph parts at a steady pace until stopped; goes on after the newest part that the folder has seen."""
    mark = folder / ".newest"
    first = int(mark.read_text()) + 1 if mark.is_file() else FIRST_PART
    for number, photograph in enumerate(parts_on_the_line(product, seed, first=first), start=first):
        put(photograph, folder)
        with replacing(mark) as temporary:
            temporary.write_text(str(number))
        time.sleep(every_s)
