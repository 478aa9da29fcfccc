"""The service killed a few times, and what the report makes of results that are lost, doubled or wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.station.records import Trigger, VerdictRecord
from factory_assets.benchmarks import station_kills
from factory_assets.benchmarks.report import Options
from factory_assets.benchmarks.service_process import descendants, part_name, right_verdict, started_at, wait_until
from factory_assets.benchmarks.station_kills import Seen

SOUND, DEFECTIVE = 1, 0
AT = "2026-01-01T00:00:00.000000+00:00"


def result(sequence: int, part: int, verdict: str, *, release: int = 1, failure: str | None = None) -> VerdictRecord:
    trigger = Trigger(f"t{part}", part_name(part), "free_run", AT)
    return VerdictRecord(
        "bench", sequence, trigger, "plate", verdict, AT, release, "v1", failure=failure  # type: ignore[arg-type]
    )  # fmt: skip


def seen(records: list[VerdictRecord], **changes: object) -> Seen:
    """Two parts, of which the ledger and the exchange hold these results."""
    facts = {"kills": 9, "published": {1: "v1"}, "made": 2, "ledger": records, "exchange": records, **changes}
    return Seen(**facts)  # type: ignore[arg-type]


def missed(found: Seen) -> set[str]:
    return {figure.name for figure in station_kills.report(found).missed}


GOOD = [result(1, DEFECTIVE, "nok"), result(2, SOUND, "ok")]


def test_nothing_is_lost_when_it_is_killed(tmp_path: Path) -> None:
    report = station_kills.run(Options(tmp_path, is_quick=True, sizes={"kills": 1}))
    assert report.missed == [], report.notes
    assert next(figure for figure in report.figures if figure.name == "parts").ours > 0


def test_all_is_well() -> None:
    assert missed(seen(GOOD)) == set()
    assert missed(seen([GOOD[0], result(2, SOUND, "nok", failure="interrupted")])) == set()


@pytest.mark.parametrize(
    ("records", "names"),
    [
        (GOOD[:1], {"parts lost"}),
        ([*GOOD, result(3, SOUND, "ok")], {"results twice"}),
        ([GOOD[0], result(3, SOUND, "ok")], {"results without their number"}),
        ([GOOD[0], result(2, SOUND, "nok")], {"wrong verdicts"}),
        ([GOOD[0], result(2, SOUND, "ok", failure="engine")], {"wrong verdicts"}),
    ],
)
def test_results_that_are_not_right_are_seen(records: list[VerdictRecord], names: set[str]) -> None:
    assert missed(seen(records)) == {f"{where}: {name}" for where in ("ledger", "exchange") for name in names}


def test_engines_and_services_that_are_not_right_are_seen() -> None:
    other = [GOOD[0], result(2, SOUND, "ok", release=2)]
    assert missed(seen(other)) == {"verdicts of an engine that was not published"}
    found = seen(GOOD, open=1, unverified=["active.json was changed"], ended=["Traceback"], outlived=1)
    assert missed(found) == {
        "triggers without a verdict",
        "kills with an active or kept release that is not whole",
        "times that the service ended by itself",
        "processes that outlived it",
    }
    assert missed(seen(GOOD, kills=200)) == {"releases that judged parts"}
    assert "Traceback" in station_kills.report(found).notes


def test_parts_tell_their_verdict() -> None:
    assert [right_verdict(part_name(number)) for number in range(4)] == ["nok", "ok", "ok", "nok"]


def test_processes_are_found_with_their_children() -> None:
    assert os.getpid() in descendants(os.getppid())
    assert started_at(os.getpid())
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert started_at(process.pid) is None
    with pytest.raises(TimeoutError, match="a wonder"):
        wait_until(lambda: False, "a wonder", patience_s=0)
