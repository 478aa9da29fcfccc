from __future__ import annotations

from pathlib import Path

import pytest

from factory_assets.foundation.plant import Plant, PlantFileError, load_plant
from factory_assets.foundation.yaml_lines import line_of, meant_key, repeated_keys

TEXT = """\
plant: small
running: true
machine_classes:
  press:
    channels:
      - {name: oil_temp_degc, unit: degC}
      - name: pressure_bar
        lo: 1
source:
  kind: export
  colums: {unit_id: machine}
"""


@pytest.mark.parametrize(
    ("field", "line"),
    [
        (("running",), 2),
        (("machine_classes", "press", "channels", 1), 7),
        (("machine_classes", "press", "channels", 1, "lo"), 8),
        (("source", "export", "colums", "unit_id"), 11),
        (("source", "export", "folder"), 9),
        (("nowhere",), None),
    ],
)
def test_a_field_is_found_in_its_line(field: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(TEXT, field) == line


def test_text_that_is_no_yaml_has_no_lines() -> None:
    assert line_of("a: [", ("a",)) is None


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        (("runing",), "running"),
        (("source", "export", "colums"), "columns"),
        (("machine_classes", "press", "channels", 0, "alias"), "aliases"),
        (("fleets", 0, "rul", "window_cycle"), "window_cycles"),
        (("colour",), None),
    ],
)
def test_the_key_that_was_meant_is_found(field: tuple[str | int, ...], meant: str | None) -> None:
    assert meant_key(Plant, field) == meant


def test_keys_that_repeat_are_found_at_every_depth() -> None:
    assert repeated_keys("a: 1\nb:\n  - {c: 1, c: 2}\na: 3\n") == [("c", 3), ("a", 4)]


def test_a_broken_plant_file_names_lines_and_what_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "plant.yaml"
    path.write_text(TEXT)
    with pytest.raises(PlantFileError) as caught:
        load_plant(path)
    message = str(caught.value)
    assert "line 11, source.export.colums" in message
    assert "did you mean columns?" in message
    assert "line 8, machine_classes.press.channels.1.lo" in message
    assert "did you mean low?" in message


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plant.yaml"
    path.write_text("plant: small\nrunning: true\nplant: other\n")
    with pytest.raises(PlantFileError, match="line 3, plant: stands here for the second time"):
        load_plant(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"plant: small\nstart: 2026-13-01\n", "is not valid YAML: month must be in"),
        (b"plant: small\ntitle: K\xfchlung\n", "is not UTF-8 text .*: save it as UTF-8"),
        (b"", "breaks the contract"),
    ],
)
def test_a_file_that_is_no_plant_file_is_told_plainly(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "plant.yaml"
    path.write_bytes(content)
    with pytest.raises(PlantFileError, match=message):
        load_plant(path)
