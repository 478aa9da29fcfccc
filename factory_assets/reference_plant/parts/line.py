"""The camera of a line in the reference plant: parts that nobody has labelled yet, one image file after the other."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from factory_assets.foundation.lake import replacing
from factory_assets.reference_plant.parts.mess import encoded
from factory_assets.reference_plant.parts.rendering import Photograph, render_parts

# Parts of the labelled images have lower numbers.
FIRST_PART = 10_001
NEWEST = ".newest"


@dataclass(frozen=True)
class Line:
    """A line on which parts come along in the order of their serial numbers, each photographed once.

    Attributes:
        product: A name from `rendering.SCENES`.
        camera: The folder that the camera writes into, one file a part, named after its serial number.
        seed: The plant's.
    """

    product: str
    camera: Path
    seed: int

    def next_part(self) -> Photograph:
        """Let the next part come along: its photograph is written whole.

        Raises:
            RenderingError: The simulator makes no such product.
        """
        mark = self.camera / NEWEST
        number = int(mark.read_text()) + 1 if mark.is_file() else FIRST_PART
        photograph = next(render_parts(self.product, 1, self.seed, first=number))
        for path, data in (
            (self.camera / f"{photograph.part}.png", encoded(photograph.pixels)),
            (mark, b"%d" % number),
        ):
            with replacing(path) as temporary:
                temporary.write_bytes(data)
        return photograph

    def run(self, *, every_s: float) -> None:
        """Let parts come along at a steady pace until stopped."""
        while True:
            self.next_part()
            time.sleep(every_s)
