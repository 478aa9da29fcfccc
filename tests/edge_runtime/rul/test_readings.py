"""Reading CSV files of readings: what is accepted, and where exactly a mistake is."""

from __future__ import annotations

import numpy as np
import pytest

from edge_runtime.errors import InputError
from edge_runtime.rul.readings import read_readings

CHANNELS = ("a_degc", "b_kpa")


@pytest.fixture
def read(tmp_path):
    def reader(text, encoding="utf-8"):
        path = tmp_path / "readings.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_readings(path, CHANNELS)

    return reader


def test_reads_columns_in_any_order_and_ignores_others(read):
    found = read("note,b_kpa,cycle,a_degc,unit_id\nx,2.5,1,-1e2,u1\n,,2, +.5 ,u1\n\ny,1,1,3,u2\n")
    assert found.unit_ids == ("u1", "u1", "u2")
    assert found.cycles.tolist() == [1, 2, 1]
    np.testing.assert_array_equal(found.values, np.array([[-100, 2.5], [0.5, np.nan], [3, 1]], np.float32))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends(read, encoding, newline):
    found = read(newline.join(["unit_id,cycle,a_degc,b_kpa", "\u00fcnit,1,1,2", ""]), encoding)
    assert found.unit_ids == ("\u00fcnit",)


HEADER = "unit_id,cycle,a_degc,b_kpa\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no readings"),
        (HEADER, "holds no readings"),
        ("unit_id,cycle,a_degc\nu,1,1\n", "line 1: column 'b_kpa' is missing"),
        ("unit_id;cycle;a_degc;b_kpa\nu;1;1;1\n", "column 'unit_id' is missing.*commas"),
        ("unit_id,cycle,a_degc,a_degc,b_kpa\nu,1,1,1,1\n", "'a_degc' comes twice"),
        (HEADER + "u,1,1\n", "line 2: 3 cells, the header has 4"),
        (HEADER + "u,1,1,1\nu,1.5,1,1\n", "line 3: column 'cycle': '1.5'"),
        (HEADER + "u,-1,1,1\n", "line 2: column 'cycle': '-1'"),
        (HEADER + "u,,1,1\n", "line 2: column 'cycle': ''"),
        (HEADER + "u,1_0,1,1\n", "column 'cycle'"),
        (HEADER + "u,\u00b2,1,1\n", "column 'cycle'"),
        (HEADER + "u,99999999999999999999,1,1\n", "column 'cycle'"),
        (HEADER + "u,1,1,hot\n", "line 2: column 'b_kpa': 'hot'"),
        (HEADER + 'u,1,1,"1,5"\n', "line 2: column 'b_kpa': '1,5'"),
        (HEADER + "u,1,nan,1\n", "line 2: column 'a_degc': 'nan'.*empty"),
        (HEADER + "u,1,inf,1\n", "column 'a_degc'"),
        (HEADER + "u,1,1e39,1\n", "column 'a_degc'"),
        (HEADER + "u,1,1_0,1\n", "column 'a_degc'"),
        (HEADER + "u,1,1,1\nv,1,1,1\nu,1,2,2\n", "line 4: column 'cycle': unit u has cycle 1 already in line 2"),
        (HEADER + ",1,1,1\n", "line 2: column 'unit_id' is empty"),
        (HEADER + "u,2,,\nu,1,1,1\n", "line 2: unit u has no reading of any channel at its last cycle 2"),
        (HEADER + 'u,1,"1,1\n', "CSV"),
        (b"unit_id,cycle,a_degc,b_kpa\n\xff,1,1,1\n", "not UTF-8"),
        (b"unit_id,cycle,a_degc,b_kpa\nu,1,\x00,1\n", "readings.csv"),
    ],
)
def test_mistakes_are_named_with_their_place(read, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read(text)
    assert " / " in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_cycle_without_readings_before_the_last_is_fine(read):
    found = read(HEADER + "u,1,,\nu,2,1,\n")
    assert np.isnan(found.values[0]).all()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="absent"):
        read_readings(tmp_path / "absent.csv", CHANNELS)
