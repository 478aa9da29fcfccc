from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import polars as pl
import pytest

from factory_assets.foundation.plant import Plant, load_plant
from factory_assets.foundation.settings import Settings, load_site
from factory_assets.foundation.sources import ExportSource
from factory_assets.historian.drafting.draft import Draft, draft_plant, write_draft
from factory_assets.historian.drafting.files import DraftError
from factory_assets.historian.segments import source_of
from tests.conftest import data_folder

NOW = dt.datetime(2026, 11, 10, tzinfo=dt.UTC)
LATER = dt.datetime(2027, 5, 1, tzinfo=dt.UTC)
START = dt.datetime(2026, 11, 1, tzinfo=dt.UTC).replace(tzinfo=None)


def drafted(folder: Path, *given: Path, now: dt.datetime = NOW) -> tuple[Plant, Draft]:
    """Draft a plant file, write it, load it, and make sure that what it says reads every row but what it notes."""
    output = folder / "drafted" / "plant.yaml"
    draft = draft_plant(given, name="works", output=output, now=now)
    write_draft(draft, output, force=True)
    return load_plant(output), draft


def read_all(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What collecting by the drafted file finds: rows, and rows set aside."""
    site = load_site(Settings(plant=folder / "drafted" / "plant.yaml", home=folder / "home"))
    source = source_of(site)
    parsed = [source.read(candidate) for candidate in source.candidates()]
    return pl.concat([each.rows for each in parsed]), pl.concat([each.quarantined for each in parsed])


def export_of(plant: Plant) -> ExportSource:
    assert isinstance(plant.source, ExportSource)
    return plant.source


def channel(plant: Plant, name: str) -> dict[str, object]:
    found = [c for each in plant.machine_classes.values() for c in each.channels if c.name == name]
    assert found, [c.name for each in plant.machine_classes.values() for c in each.channels]
    return found[0].model_dump(exclude_defaults=True)


def wide_lines(n: int = 120, *, decimal: str = ".", separator: str = ",") -> list[str]:
    lines = []
    for step in range(n):
        at = START + dt.timedelta(minutes=10 * step)
        temp, bar = 45 + (step * 7 % 11) / 10, 210 + (step * 5 % 13) / 10
        cells = [f"{at:%d.%m.%Y %H:%M}", f"Presse {step % 2 + 1}", f"{temp:.1f}", f"{bar:.1f}", str(step // 40 % 2)]
        lines.append(
            separator.join(cell.replace(".", decimal) if 2 <= i <= 3 else cell for i, cell in enumerate(cells))
        )
    return lines


def write_german(path: Path) -> Path:
    header = "Zeitstempel;Maschine;Öltemperatur (°C);Druck [bar];Status"
    text = "\r\n".join(["Werk 3;Protokoll", "", header, *wide_lines(decimal=",", separator=";")]) + "\r\n"
    path.write_bytes(text.encode("cp1252"))
    return path


def write_tall(
    path: Path, *, offset: str = "Z", tags: tuple[str, ...] = ("PRESS.OIL_TEMP.degC", "PRESS.STATE")
) -> Path:
    lines = ["machine,tag,timestamp,value,quality"]
    for step in range(150):
        at = f"{START + dt.timedelta(minutes=20 * step):%Y-%m-%dT%H:%M:%S}{offset}"
        for unit in ("press-01", "press-02"):
            values = (f"{50 + step % 7 / 10}", str(2 if step % 50 == 49 else 1))
            lines += [f"{unit},{tag},{at},{value},192" for tag, value in zip(tags, values, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_german_export_is_drafted_and_reads_whole(tmp_path: Path) -> None:
    plant, draft = drafted(tmp_path, write_german(tmp_path / "protokoll.csv"))
    source = export_of(plant)
    assert (source.separator, source.decimal_comma, source.encoding, source.skip_lines) == (";", True, "cp1252", 2)
    assert (source.layout, source.time_format) == ("wide", "%d.%m.%Y %H:%M")
    assert source.columns.model_dump(exclude_none=True) == {"unit_id": "Maschine", "ts_utc": "Zeitstempel"}
    assert channel(plant, "oeltemperatur_degc")["unit"] == "degC"
    assert channel(plant, "druck_bar")["tag"] == "Druck [bar]"
    assert channel(plant, "status")["role"] == "state"
    assert plant.fleets[0].units == ("Presse *",)
    assert "DECIDE: the times name no offset" in draft.text
    rows, aside = read_all(tmp_path)
    assert (rows.height, aside.height) == (3 * 120, 0)


def test_a_tall_export_is_drafted_and_reads_whole(tmp_path: Path) -> None:
    plant, draft = drafted(tmp_path, write_tall(tmp_path / "historian_2026-11-01.csv"))
    source = export_of(plant)
    assert source.columns.model_dump() == {
        "unit_id": "machine", "ts_utc": "timestamp", "cycle": None, "channel": "tag", "value": "value",
        "quality": "quality",
    }  # fmt: skip
    assert source.pattern == "historian*.csv", "tomorrow's file has another date"
    assert plant.sample_period == dt.timedelta(minutes=20)
    assert plant.cycle_length == dt.timedelta(hours=1)
    assert (plant.running, plant.start) == (True, START.date())
    assert channel(plant, "oil_temp_degc")["tag"] == "PRESS.OIL_TEMP.degC"
    assert plant.fleets[0].life.state_channel == "state"
    assert plant.fleets[0].rul is not None, "failed_value 2 was seen"
    assert "timezone: UTC  # for times that name no offset; all that were seen do" in draft.text
    rows, aside = read_all(tmp_path)
    assert (rows.height, aside.height) == (600, 0)


def test_old_data_is_an_archive(tmp_path: Path) -> None:
    plant, _ = drafted(tmp_path, write_tall(tmp_path / "a.csv"), now=NOW + dt.timedelta(days=60))
    assert (plant.running, plant.start) == (False, None)


def test_where_the_zone_is_open_a_running_plant_starts_a_day_early(tmp_path: Path) -> None:
    plant, _ = drafted(tmp_path, write_tall(tmp_path / "a.csv", offset=""))
    assert plant.start == START.date() - dt.timedelta(days=1)


def test_wide_parquet_is_drafted_and_reads_whole(tmp_path: Path) -> None:
    times = [START + dt.timedelta(seconds=30 * (n // 2)) for n in range(400)]
    pl.DataFrame(
        {
            "asset": [f"P-{n % 2:02d}" for n in range(400)],
            "timestamp": pl.Series(times).dt.replace_time_zone("Europe/Berlin"),
            "flow_m3_h": [30 + n % 9 / 10 for n in range(400)],
            "speed_sp": [1500.0 if n // 100 % 2 else 1200.0 for n in range(400)],
        }
    ).write_parquet(tmp_path / "pumps.parquet")
    plant, draft = drafted(tmp_path, tmp_path / "pumps.parquet")
    assert channel(plant, "flow_m3_h")["unit"] == "m^3/h"
    assert channel(plant, "speed_sp")["role"] == "setting"
    assert plant.fleets[0].rul is None
    assert "DECIDE: nothing tells which machines failed" in draft.text
    rows, aside = read_all(tmp_path)
    assert (rows.height, aside.height) == (800, 0)


def test_files_that_overlap_in_time_are_units_of_their_own(tmp_path: Path) -> None:
    lines = [f"{START + dt.timedelta(seconds=n)},{n % 7}.5,{n % 5}.25" for n in range(60)]
    with zipfile.ZipFile(tmp_path / "rig.zip", "w") as archive:
        for name in ("valve/0", "valve/1", "other/0"):
            archive.writestr(f"{name}.csv", "\n".join(["time,Flow [l/min],Vib (mm/s)", *lines]) + "\n")
        archive.writestr("README.md", "nothing")
    plant, draft = drafted(tmp_path, tmp_path / "rig.zip")
    source = export_of(plant)
    assert (source.unit_id, source.pattern) == ("{parent}-{stem}", "rig.zip/**/*.csv")
    assert "the files overlap in time" in draft.text
    rows, _ = read_all(tmp_path)
    assert set(rows["unit_id"]) == {"valve-0", "valve-1", "other-0"}
    assert rows.height == 3 * 60 * 2


def test_files_that_follow_each_other_are_one_unit(tmp_path: Path) -> None:
    folder = tmp_path / "days"
    folder.mkdir()
    for day in (1, 2):
        lines = [f"2026-11-{day:02d} 10:{n:02d}:00,{n % 7}.5,{n % 5}.25" for n in range(60)]
        (folder / f"log_{day}.csv").write_text("\n".join(["time,flow,vib", *lines]) + "\n")
    plant, _ = drafted(tmp_path, folder)
    assert export_of(plant).unit_id == "works"
    assert export_of(plant).pattern == "log_*.csv"


def test_a_line_of_units_below_the_header_is_used(tmp_path: Path) -> None:
    lines = [f"2026-11-01T10:{n:02d}:00Z,{20 + n % 7}.5,{n % 5}.25" for n in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(["time,oil,press", ",[degC],[bar]", *lines]) + "\n")
    plant, draft = drafted(tmp_path, tmp_path / "a.csv")
    assert channel(plant, "oil_degc")["unit"] == "degC"
    assert channel(plant, "press_bar")["unit"] == "bar"
    assert "the line below the header holds units" in draft.text


def test_utf_16_with_tabs_is_drafted_and_reads_whole(tmp_path: Path) -> None:
    lines = [f"2026-11-01 10:{n:02d}:00\tpump-1\t{20 + n % 7}.5" for n in range(60)]
    (tmp_path / "a.txt").write_text("\n".join(["time\tmachine\ttemp_c", *lines]) + "\n", encoding="utf-16")
    plant, _ = drafted(tmp_path, tmp_path / "a.txt")
    assert (export_of(plant).encoding, export_of(plant).separator) == ("utf-16", "\t")
    assert channel(plant, "temp_degc")["unit"] == "degC"
    rows, aside = read_all(tmp_path)
    assert (rows.height, aside.height) == (60, 0)


def test_cycles_without_time_are_an_archive(tmp_path: Path) -> None:
    lines = [f"{unit},{cycle},{cycle % 7}.5" for unit in (1, 2) for cycle in range(1, 60)]
    (tmp_path / "a.csv").write_text("\n".join(["unit,cycle,vib", *lines]) + "\n")
    plant, draft = drafted(tmp_path, tmp_path / "a.csv")
    columns = export_of(plant).columns
    assert (columns.unit_id, columns.cycle, columns.ts_utc) == ("unit", "cycle", None)
    assert (plant.running, plant.fleets[0].units) == (False, ("*",))
    assert plant.cleaning.stuck_after is None, "without time nothing is stuck for so long"
    assert "begin again" not in draft.text


def test_units_that_begin_again_are_pointed_out(tmp_path: Path) -> None:
    lines = [f"1,{cycle},{cycle % 7}.5" for _ in range(2) for cycle in range(1, 60)]
    (tmp_path / "a.csv").write_text("\n".join(["unit,cycle,vib", *lines]) + "\n")
    _, draft = drafted(tmp_path, tmp_path / "a.csv")
    assert "DECIDE: the cycles of 1 begin again" in draft.text


def write_presses(folder: Path, *, lengths: tuple[int, ...], timed: bool) -> Path:
    """A file a filter press; the feed changes with every row, and the pressure with it."""
    folder.mkdir()
    for number, length in enumerate(lengths, start=1):
        lines = [("time" if timed else "cycle") + ",press,feed_sp_m3_h,pressure_bar"]
        for step in range(length):
            at = f"{START + dt.timedelta(minutes=10 * step):%Y-%m-%d %H:%M:%S}" if timed else str(step + 1)
            feed = 6 + 2 * (step % 2)
            lines.append(f"{at},FP-{number:02d},{feed},{feed / 2 + step % 13 / 100:.2f}")
        (folder / f"{number}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("timed", [True, False])
def test_settings_of_a_model_are_drafted_from_the_lengths_of_records(tmp_path: Path, timed: bool) -> None:
    plant, draft = drafted(tmp_path, write_presses(tmp_path / "a", lengths=(60, 100, 200), timed=timed), now=LATER)
    assert '# life: {run_to_failure_units: ["FP-01", "FP-02", "FP-03"]}' in draft.text
    assert "# rul: {window_cycles: 30, cap_cycles: 60, window_stride: 1, regimes: 2}" in draft.text
    assert "Records are 60 to 200 cycles long" in draft.text
    assert plant.fleets[0].rul is None
    asked = draft.text.replace("# life:", "life:").replace("# rul:", "rul:").replace("    rul: null\n", "")
    (tmp_path / "asked.yaml").write_text(asked)
    assert load_plant(tmp_path / "asked.yaml").rul_settings("FP").window_cycles == 30


def test_an_archive_of_few_rows_has_a_cycle_a_row(tmp_path: Path) -> None:
    plant, _ = drafted(tmp_path, write_presses(tmp_path / "a", lengths=(60, 100, 200), timed=True), now=LATER)
    assert plant.cycle_length == plant.sample_period == dt.timedelta(minutes=10)


def test_jumps_that_follow_a_setting_are_not_called_spikes(tmp_path: Path) -> None:
    plant, draft = drafted(tmp_path, write_presses(tmp_path / "a", lengths=(60, 100), timed=False))
    assert plant.cleaning.spike_sigmas is None
    assert "spike_sigmas is left out" in draft.text


def test_machines_with_other_tags_are_classes_of_their_own(tmp_path: Path) -> None:
    lines = ["machine,tag,time,value"]
    for n in range(60):
        at = f"2026-11-01T10:{n:02d}:00Z"
        for unit, tag in (("north-1", "TEMP"), ("south-1", "TEMP"), ("saw-1", "BLADE_RPM"), ("saw-2", "BLADE_RPM")):
            lines.append(f"{unit},{tag},{at},{n % 9}.5")
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    plant, _ = drafted(tmp_path, tmp_path / "a.csv")
    assert {fleet.name: fleet.machine_class for fleet in plant.fleets} == {
        "north": "north_like", "south": "north_like", "saw": "saw",
    }  # fmt: skip
    assert {fleet.name: fleet.units for fleet in plant.fleets}["saw"] == ("saw-*",)


def test_error_codes_do_not_widen_the_limits(tmp_path: Path) -> None:
    lines = [f"2026-11-01 10:{n // 60:02d}:{n % 60:02d},{-9999 if n == 77 else 20 + n % 7}.5" for n in range(600)]
    (tmp_path / "a.csv").write_text("\n".join(["time,temp_c", *lines]) + "\n")
    plant, draft = drafted(tmp_path, tmp_path / "a.csv")
    limits = channel(plant, "temp_degc")
    assert limits["low"] == 0
    assert limits["high"] == 33
    assert "1 of 600 lie beyond low and high" in draft.text


def test_quality_words_are_left_out_and_said(tmp_path: Path) -> None:
    path = write_tall(tmp_path / "a.csv")
    path.write_text(path.read_text().replace(",192\n", ",Good\n"))
    plant, draft = drafted(tmp_path, path)
    assert export_of(plant).columns.quality is None
    assert "holds words, not quality codes" in draft.text


def test_another_good_code_is_asked_for(tmp_path: Path) -> None:
    path = write_tall(tmp_path / "a.csv")
    path.write_text(path.read_text().replace(",192\n", ",1\n"))
    plant, draft = drafted(tmp_path, path)
    assert export_of(plant).good_quality == (1,)
    assert "DECIDE: which are good?" in draft.text


def test_day_and_month_that_cannot_be_told_apart_are_asked_for(tmp_path: Path) -> None:
    lines = [f"{1 + n // 20:02d}/0{1 + n // 20}/2026 10:{n % 20:02d}:00,{n % 7}.5" for n in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(["time,temp_c", *lines]) + "\n")
    _, draft = drafted(tmp_path, tmp_path / "a.csv")
    assert "DECIDE: day or month first? %m/%d/%Y %H:%M:%S fits as well" in draft.text


def test_the_turbofan_archive_has_a_reader_of_its_own(tmp_path: Path) -> None:
    for name in ("train", "test", "RUL"):
        (tmp_path / f"{name}_FD001.txt").write_text("1 1 0.5\n")
    plant, draft = drafted(tmp_path, tmp_path)
    assert plant.source.kind == "cmapss"
    assert plant.source.folder == str(tmp_path)
    assert "DECIDE: the files of FD002, FD003, FD004 are not there" in draft.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Datum;Uhrzeit;Druck\n" + "01.11.2026;10:00:00;1,5\n" * 30, r"two columns \(Datum, Uhrzeit\)"),
        ("1 1 0.5 518.67\n" * 30, "by spaces: export it with"),
        ("1,2,3\n" * 30, "no header line"),
        ("pressure,flow\n" + "1.5,2.5\n" * 30, "no column holds a time or a cycle"),
        ("dear reader\nthis is a letter\n", "holds no table"),
        ("", "holds no rows"),
    ],
)
def test_what_cannot_be_drafted_is_told_with_its_mend(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DraftError, match=message):
        drafted(tmp_path, tmp_path / "a.csv")


def test_what_is_not_there_or_damaged_is_told(tmp_path: Path) -> None:
    with pytest.raises(DraftError, match="is not there: give export files"):
        drafted(tmp_path, tmp_path / "none.csv")
    (tmp_path / "a.zip").write_bytes(b"PK no zip")
    with pytest.raises(DraftError, match="no whole zip file"):
        drafted(tmp_path, tmp_path / "a.zip")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 half written")
    with pytest.raises(DraftError, match="no whole Parquet file"):
        drafted(tmp_path, tmp_path / "b.parquet")


def test_a_file_is_never_overwritten_unless_forced(tmp_path: Path) -> None:
    _, draft = drafted(tmp_path, write_tall(tmp_path / "a.csv"))
    output = tmp_path / "drafted" / "plant.yaml"
    output.write_text("mine")
    with pytest.raises(DraftError, match="overwrite it with --force"):
        write_draft(draft, output, force=False)
    assert output.read_text() == "mine"
    write_draft(draft, output, force=True)
    assert output.read_text() == draft.text


@pytest.mark.parametrize(("name", "rows"), [("skab", 46_806 * 8 + 37_401 * 2), ("nab_machine_temperature", 22_695)])
def test_real_archives_are_drafted_and_read_whole(tmp_path: Path, name: str, rows: int) -> None:
    data = data_folder()
    if data is None or not (data / name).is_dir():
        pytest.skip(f"{name} is not here: set FACTORY_DATA to the folder that holds {name}/")
    drafted(tmp_path, data / name)
    read, aside = read_all(tmp_path)
    assert (read.height, aside.height) == (rows, 0)


def test_names_in_other_letters_make_fleets_that_load(tmp_path: Path) -> None:
    lines = ["machine,tag,time,value"]
    for n in range(60):
        lines += [f"{unit},TEMP,2026-11-01T10:{n:02d}:00Z,{n % 9}.5" for unit in ("Öfen-1", "Öfen-2", "炉-1", "泵-1")]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    plant, _ = drafted(tmp_path, tmp_path / "a.csv")
    assert [(fleet.name, fleet.units) for fleet in plant.fleets] == [
        ("Oefen", ("Öfen-*",)), ("works", ("炉-1",)), ("works-3", ("泵-1",)),
    ]  # fmt: skip
    rows, aside = read_all(tmp_path)
    assert (rows.height, aside.height) == (240, 0)
