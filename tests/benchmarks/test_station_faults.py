"""Faults done to a station, and what the report makes of verdicts that are late, wrong, lost or not counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime.station.records import Failure, Trigger, VerdictRecord
from factory_assets.benchmarks import station_faults
from factory_assets.benchmarks.faulty_station import KINDS, NS, Found, Part
from factory_assets.benchmarks.one_core import alone

NAN = next(kind for kind in KINDS if kind.name == "engine gives NaN")
DISK = next(place for place, kind in enumerate(KINDS) if kind.name == "disk full")
MS = 1_000_000


def told(number: int, verdict: str = "ok", failure: Failure | None = None, after_ms: float = 5) -> Part:
    """A sound part that was told one verdict."""
    trigger = Trigger(f"t{number}", f"p{number}", "software", "2026-01-01T00:00:00.000000+00:00")
    record = VerdictRecord(
        "bench", number, trigger, "plate", verdict, "2026-01-01T00:00:00.000000+00:00",  # type: ignore[arg-type]
        failure=failure, stages_ms={"total": after_ms},
    )  # fmt: skip
    due_ns = number * NS
    return Part(due_ns, "ok", failure == "engine", [(due_ns + round(after_ms * MS), record)])


def found(parts: list[Part], **changes: object) -> Found:
    """As if the station had counted and kept all that was told."""
    records = [part.answers[0][1] for part in parts if part.answers]
    failures = Counter(str(record.failure) for record in records if record.failure)
    counts = Counter(["triggers"] * len(parts) + [str(record.verdict) for record in records])
    kept = {record.trigger.trigger_id: record for record in records}
    by_name = {f"t{number}": part for number, part in enumerate(parts, start=1)}
    return replace(Found(NAN.name, by_name, 1, kept, counts, failures), **changes)  # type: ignore[arg-type]


def missed(one: Found) -> set[str]:
    return {figure.name for figure in station_faults.report([one] * len(KINDS), 1).missed}


def test_an_engine_that_fails_is_survived(tmp_path: Path) -> None:
    seen = station_faults.measured(tmp_path, NAN, 20)
    report = station_faults.report([seen], 20)
    assert {figure.name for figure in report.missed} == {"kinds of faults"}
    assert seen.failures == {"engine": 4}
    assert len(seen.parts) == len(seen.kept) == 60


def test_a_full_disk_is_survived(tmp_path: Path) -> None:
    seen = alone(station_faults.as_service, tmp_path, DISK, 20)
    assert {figure.name for figure in station_faults.report([seen], 20).missed} == {"kinds of faults"}
    assert seen.failures["spool"] >= 5
    assert len(seen.kept) < len(seen.parts)


def test_every_kind_is_done_at_any_size() -> None:
    assert len({kind.name for kind in KINDS}) == 8
    for kind in KINDS:
        for count in (4, 20, 500):
            due = [number for number in range(count) if kind.is_due(number, count)]
            assert due
            assert due[-1] < count - 1


def test_all_is_well() -> None:
    assert missed(found([told(1), told(2, "nok", "engine"), told(3)])) == set()


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        (
            [told(1), told(2, "nok", "engine", 300), told(3)],
            {"verdicts after the deadline, by the record", "verdicts after the deadline, by the caller's clock"},
        ),
        ([told(1, "nok"), told(2, "nok", "engine"), told(3)], {"wrong or unsafe verdicts"}),
        ([told(1), told(2, "ok", "engine"), told(3)], {"wrong or unsafe verdicts"}),
        (
            [told(1), told(2, "nok", "engine"), told(3, "nok", "camera")],
            {"parts not judged right once the faults were over"},
        ),
        ([told(1), replace(told(2, "nok"), is_faulty=True), told(3)], {"faults not told for what they are"}),
    ],
)
def test_what_is_told_wrong_or_late_is_seen(parts: list[Part], names: set[str]) -> None:
    assert missed(found(parts)) == names


def test_what_is_told_twice_or_never_is_seen() -> None:
    parts = [told(1), told(2, "nok", "engine"), told(3)]
    twice = [replace(parts[0], answers=parts[0].answers * 2), *parts[1:]]
    assert missed(found(twice)) == {"triggers without exactly one verdict"}
    never = [replace(parts[0], answers=[]), *parts[1:]]
    assert {"triggers without exactly one verdict", "verdicts after the deadline, by the record"} <= missed(
        found(never)
    )


def test_what_is_not_counted_or_not_kept_is_seen() -> None:
    parts = [told(1), told(2, "nok", "engine"), told(3)]
    assert missed(found(parts, failures=Counter())) == {"kinds that the station's counters tell wrong"}
    assert missed(found(parts, kept={})) == {"verdicts not kept as they were told"}
