"""Parts on the line are new ones, one file a part, whole at every moment."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from factory_assets.reference_plant.parts import line
from factory_assets.reference_plant.parts.line import Line
from factory_assets.reference_plant.parts.rendering import RenderingError, render_parts


def test_parts_are_those_that_nobody_labelled(tmp_path: Path) -> None:
    labelled = {photograph.part for photograph in render_parts("casting", 5, seed=3)}
    parts = [Line("casting", tmp_path, 3).next_part().part for _ in range(5)]
    assert parts == sorted(set(parts))
    assert not labelled & set(parts)


def test_the_file_is_the_photograph_under_the_serial_number(tmp_path: Path) -> None:
    camera = tmp_path / "camera"
    photograph = Line("cover", camera, 3).next_part()
    written = cv2.imread(str(camera / f"{photograph.part}.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(written, photograph.pixels)
    assert {file.name for file in camera.iterdir()} == {f"{photograph.part}.png", line.NEWEST}


def test_a_line_goes_on_where_it_was_though_files_were_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(line.time, "sleep", stop)
    seen = []
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            Line("casting", tmp_path, 3).run(every_s=1)
        (path,) = tmp_path.glob("*.png")
        seen.append(path.stem)
        path.unlink()
    assert seen == sorted(set(seen))


def test_an_unknown_product_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RenderingError, match="makes no 'gear'"):
        Line("gear", tmp_path, 1).next_part()
