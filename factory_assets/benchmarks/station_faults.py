"""Whether every trigger gets its verdict in time, and a safe one, while engine, camera, disk and frames fail."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from edge_runtime.station.run import SWITCH_S
from factory_assets.benchmarks.faulty_station import DEADLINE_MS, KINDS, NS, PARTS_A_SECOND, Found, Kind, Part, Stand
from factory_assets.benchmarks.one_core import alone
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report

NAME = "station_faults"
TITLE = f"{len(KINDS)} kinds of faults done to the inspection service at {PARTS_A_SECOND} triggers a second."
TRIGGERS, QUICK_TRIGGERS = 500, 20
# Before the faults, and again once they are over.
SOUND_STRETCH = 20
NONE = Goal(0, 0)
MS = 1_000_000
NOTES = (
    f"The deadline is {DEADLINE_MS:g} ms. The record's clock begins when the frame was taken, or the trigger taken up.",
    "The caller's clock begins when the part was due, and ends when its verdict was told.",
    "Each kind has a station of its own in a process of its own; station, worker and camera share one core.",
    "A tiny graph and 24 x 32 frames. The disk is full in that no file of the station's process can be written.",
    "While a process starts again, sound parts are rejected as well: that is safe, and counted.",
)
COLUMNS = [
    "kind", "triggers", "verdicts", "faults", "rejected unjudged", "for", "longest by record, ms",
    "longest by caller, ms", "longest without a judged part, s",
]  # fmt: skip


def run(options: Options) -> Report:
    """Do every kind of fault in a process of its own."""
    triggers = options.size("triggers", full=TRIGGERS, quick=QUICK_TRIGGERS)
    found = [alone(as_service, options.folder / str(place), place, triggers) for place in range(len(KINDS))]
    return report(found, triggers)


def as_service(folder: Path, place: int, triggers: int) -> Found:
    """The same as `measured`, in a process that is set up as the service's is."""
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.disable()
    return measured(folder, KINDS[place], triggers)


def measured(folder: Path, kind: Kind, triggers: int) -> Found:
    """Trigger so many parts while the fault is done again and again, and some before and after."""
    stand = Stand(folder, has_camera=kind.has_camera)
    try:
        stand.start()
        stand.pace(SOUND_STRETCH)
        stand.pace(triggers, kind)
        stand.recover()
        stand.pace(SOUND_STRETCH)
    finally:
        kept = stand.close()
    accounts = stand.station.accounts
    return Found(kind.name, stand.parts, SOUND_STRETCH, kept, Counter(accounts.counts), Counter(accounts.failures))


def late(parts: Sequence[Part], *, by_caller: bool) -> int:
    """How many verdicts came after the deadline; a part without one counts."""
    return sum(not _longest_ms([part], by_caller=by_caller) <= DEADLINE_MS for part in parts)


def _longest_ms(parts: Sequence[Part], *, by_caller: bool) -> float:
    """Not a number where there is none, or a record does not say it."""
    nan = float("nan")
    times = []
    for part in parts:
        if not part.answers:
            return nan
        told_ns, record = part.answers[0]
        times.append((told_ns - part.due_ns) / MS if by_caller else record.stages_ms.get("total", nan))
    return max(times, default=nan)


def unsafe(part: Part) -> bool:
    """Whether a wrong verdict was told: not the engine's right one, and not the fail-safe one."""
    return any(
        record.verdict != ("nok" if record.failure is not None or part.is_faulty else part.expected)
        for _, record in part.answers
    )


def missed_faults(found: Found, kind: Kind) -> int:
    """Faults that were judged as if nothing was, or rejected for another reason; all if none is told for what it is."""
    hit = [part for part in found.parts.values() if part.is_faulty]
    told = [part.answers[0][1].failure for part in hit if part.answers]
    if kind.failures[0] not in told:
        return len(hit)
    return len(hit) - sum(failure in kind.failures for failure in told)


def is_counted(found: Found) -> bool:
    """Whether the station's counters say what the callers were told."""
    told = [part.answers[0][1] for part in found.parts.values() if part.answers]
    failures = Counter(str(record.failure) for record in told if record.failure is not None)
    counts = Counter({"triggers": len(found.parts), **Counter(str(record.verdict) for record in told)})
    return failures == found.failures and +counts == +found.counts


def not_kept(found: Found) -> int:
    """Verdicts with a number that the spool does not hold as they were told."""
    told = {name: record for name, part in found.parts.items() for _, record in part.answers[:1] if record.sequence}
    facts = {name: (record.sequence, record.verdict, record.failure) for name, record in told.items()}
    kept = {name: (record.sequence, record.verdict, record.failure) for name, record in found.kept.items()}
    return len(set(facts.items()) ^ set(kept.items()))


def longest_gap_s(parts: Sequence[Part]) -> float:
    """The longest time between two parts that were judged, one after the other."""
    due = [part.due_ns for part in parts if part.is_judged]
    return max((b - a for a, b in pairwise(due)), default=0) / NS


def report(found: Sequence[Found], triggers: int) -> Report:
    """What was told against what was due, over all kinds, and a row for each."""
    kinds = {kind.name: kind for kind in KINDS}
    every = [part for one in found for part in one.parts.values()]
    after = [part for one in found for part in list(one.parts.values())[-one.after :]]
    how = f"{len(found)} kinds, {triggers} triggers each and {2 * SOUND_STRETCH} before and after"
    wrong_after = sum(not part.is_judged or unsafe(part) for part in after)
    figures = [
        Figure("kinds of faults", len(found), goal=Goal(least=len(KINDS)), held_equal=how),
        Figure("triggers", len(every), held_equal=how),
        Figure("triggers without exactly one verdict", sum(len(part.answers) != 1 for part in every), goal=NONE),
        Figure("verdicts after the deadline, by the record", late(every, by_caller=False), goal=NONE),
        Figure("verdicts after the deadline, by the caller's clock", late(every, by_caller=True), goal=NONE),
        Figure("longest by the caller's clock, ms", _longest_ms(every, by_caller=True)),
        Figure("wrong or unsafe verdicts", sum(map(unsafe, every)), goal=NONE),
        Figure("faults not told for what they are", sum(missed_faults(f, kinds[f.kind]) for f in found), goal=NONE),
        Figure("parts not judged right once the faults were over", wrong_after, goal=NONE),
        Figure("kinds that the station's counters tell wrong", sum(not is_counted(f) for f in found), goal=NONE),
        Figure("verdicts not kept as they were told", sum(map(not_kept, found)), goal=NONE),
    ]
    table = Details("By kind", COLUMNS, [_row(one) for one in found])
    return Report(NAME, TITLE, figures, details=[table], notes=NOTES)


def _row(found: Found) -> list[str]:
    parts = list(found.parts.values())
    reasons = ", ".join(f"{name} {count}" for name, count in found.failures.most_common())
    cells = [len(parts), sum(len(p.answers) for p in parts), sum(p.is_faulty for p in parts), found.failures.total()]
    longest = [_longest_ms(parts, by_caller=by_caller) for by_caller in (False, True)]
    return [found.kind, *map(str, cells), reasons, *(f"{ms:.1f}" for ms in longest), f"{longest_gap_s(parts):.2f}"]
