"""Three hundred releases that must be refused, and the release that must go on running."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from factory_assets.benchmarks import mutations, signed_mutations
from factory_assets.benchmarks.hostile_stage import Mutation, Outcome, Stage
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report

NAME = "hostile_releases"
RELEASES = 300
QUICK_RELEASES = 60

Tried = Sequence[tuple[Mutation, Outcome]]


def run(options: Options) -> Report:
    """Let an edge with a good active release pull each of the hostile ones."""
    stage = Stage(options.folder)
    count = options.size("releases", full=RELEASES, quick=QUICK_RELEASES)
    tried = [(mutation, stage.attempt(mutation)) for mutation in chosen(stage, count)]
    is_open = stage.accepts_the_good_one()
    can_sign = stage.accepts_the_good_one(lambda at: at.forger().sign_chain())
    return report(tried, good_ones_taken=int(is_open) + int(can_sign))


def chosen(stage: Stage, count: int) -> list[Mutation]:
    """So many mutations, at least one of each kind: the kinds take turns until each is told to its end.

    Bits to flip there are without end, so they fill up what is left.
    """
    files = mutations.names(stage)
    kinds: dict[str, list[Mutation]] = {}
    for mutation in _finite(files):
        kinds.setdefault(mutation.kind, []).append(mutation)
    flips = mutations.bit_flips(files)
    turns: Iterable[tuple[Mutation | None, ...]] = itertools.zip_longest(*kinds.values())
    finite = [mutation for turn in turns for mutation in turn if mutation is not None]
    few = max(len(files), count // 5)
    taken = finite[: max(len(kinds), count - few)]
    return [*taken, *itertools.islice(flips, max(0, count - len(taken)))]


def _finite(files: list[str]) -> Iterator[Mutation]:
    yield from mutations.damaged_files(files)
    yield from mutations.swapped_files(files)
    yield from mutations.edited_metadata(files)
    yield from mutations.downgrades()
    yield from mutations.mixtures()
    yield from mutations.frozen()
    yield from signed_mutations.foreign_signatures()
    yield from signed_mutations.stolen_keys()
    yield from signed_mutations.fast_forwards()
    yield from signed_mutations.expired_roles()
    yield from signed_mutations.roots()
    yield from signed_mutations.target_names()
    yield from signed_mutations.wrong_golden_samples()
    yield from signed_mutations.lying_manifests()


def report(tried: Tried, *, good_ones_taken: int) -> Report:
    """Count, over all and by kind."""
    total = len(tried)
    all_of_them = Goal(least=total, most=total)
    refused = sum(outcome.is_refused for _, outcome in tried)
    unchanged = sum(outcome.is_unchanged for _, outcome in tried)
    running = sum(outcome.still_predicts for _, outcome in tried)
    taken = [
        f"{mutation.kind}: {mutation.what}: {outcome.message or 'was taken'}"
        for mutation, outcome in tried
        if not outcome.is_refused
    ]
    active = "an edge where release 2 is active; the repository offers release 3"
    return Report(
        name=NAME,
        title=f"{total} hostile releases: is each one refused, and does the last good one keep running?",
        figures=[
            Figure("refused by a named error", refused, total, None, all_of_them, active),
            Figure("edge unchanged in every byte", unchanged, total, None, all_of_them, active),
            Figure("last good release gives the same outputs", running, total, None, all_of_them,
                   "golden inputs of both bundles, outputs equal bit for bit"),
            Figure("good releases taken by the same edge", good_ones_taken, 2, None, Goal(least=2, most=2),
                   "the repository as published, and signed anew by the code that forges"),
        ],
        details=[_by_kind(tried)],
        notes=taken,
    )  # fmt: skip


def _by_kind(tried: Tried) -> Details:
    rows = []
    for kind in dict.fromkeys(mutation.kind for mutation, _ in tried):
        outcomes = [outcome for mutation, outcome in tried if mutation.kind == kind]
        errors = Counter(outcome.error for outcome in outcomes if outcome.error)
        rows.append(
            [
                kind,
                str(len(outcomes)),
                str(sum(outcome.is_refused for outcome in outcomes)),
                str(sum(outcome.is_unchanged and outcome.still_predicts for outcome in outcomes)),
                ", ".join(f"{name} {count}" for name, count in sorted(errors.items())),
            ]
        )
    return Details("By kind", ["kind", "tried", "refused", "last good one running", "refused by"], sorted(rows))
