"""Parts on the line are new ones, one file a part, whole at every moment."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from factory_assets.reference_plant.parts import line
from factory_assets.reference_plant.parts.rendering import RenderingError, render_parts


def test_parts_are_those_that_nobody_labelled() -> None:
    labelled = {photograph.part for photograph in render_parts("casting", 5, seed=3)}
    parts = list(islice(line.parts_on_the_line("casting", seed=3), 5))
    assert len({photograph.part for photograph in parts}) == 5
    assert not labelled & {photograph.part for photograph in parts}


def test_the_file_is_the_photograph_under_the_serial_number(tmp_path: Path) -> None:
    photograph = next(line.parts_on_the_line("cover", seed=3))
    path = line.put(photograph, tmp_path / "line")
    assert path.stem == photograph.part
    assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), photograph.pixels)
    assert [file.name for file in (tmp_path / "line").iterdir()] == [path.name]


def test_a_line_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(line.time, "sleep", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            line.run_line("casting", tmp_path, seed=3, every_s=1)
    names = sorted(path.stem for path in tmp_path.glob("*.png"))
    assert len(names) == 2
    assert names[0] != names[1]


def test_an_unknown_product_is_refused() -> None:
    with pytest.raises(RenderingError, match="makes no 'gear'"):
        next(line.parts_on_the_line("gear", seed=1))
