"""The catalogue of hostile releases: what can be done to a repository without its keys, and with some of them."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from factory_assets.benchmarks.hostile_stage import ACTIVE_RELEASE, OFFERED_RELEASE, Mutation, Stage

EDITS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("a higher version", lambda text: text.replace('"version":', '"version":9', 1)),
    ("a later expiry", lambda text: text.replace('"expires":"2', '"expires":"3', 1)),
    ("a field more in the signed part", lambda text: text.replace('"signed":{', '"signed":{"x":1,', 1)),
    ("a field more outside it", lambda text: text[:-1] + ',"unsigned":1}'),
    ("a space more", lambda text: text.replace(",", ", ", 1)),
    ("no signature", lambda text: json.dumps(json.loads(text) | {"signatures": []}, separators=(",", ":"))),
    ("a signature twice", lambda text: json.dumps(_with_signature_twice(text), separators=(",", ":"))),
)


def _with_signature_twice(text: str) -> dict[str, object]:
    value: dict[str, object] = json.loads(text)
    signatures = value["signatures"]
    assert isinstance(signatures, list)  # noqa: S101 (it is, in every metadata file)
    return value | {"signatures": signatures * 2}


def names(stage: Stage) -> list[str]:
    """The newest release's files, relative to the repository."""
    folder = stage.release(OFFERED_RELEASE)
    stage.show(folder)
    return [path.relative_to(stage.releases).as_posix() for path in stage.trusted_files()]


def bit_flips(files: list[str]) -> Iterator[Mutation]:
    """One bit of one file, seeded; without end."""
    for number in itertools.count():
        name = files[number % len(files)]
        draw = random.Random(f"{number}").random  # noqa: S311 (no secret)

        def flip(stage: Stage, name: str = name, draw: Callable[[], float] = draw) -> None:
            data = bytearray((stage.releases / name).read_bytes())
            bit = int(draw() * len(data) * 8)
            data[bit // 8] ^= 1 << bit % 8
            (stage.releases / name).write_bytes(data)

        yield Mutation("bit flipped", f"{_short(name)} ({number})", flip)


def damaged_files(files: list[str]) -> Iterator[Mutation]:
    """Files that were cut, have grown, are empty or gone."""
    changes: tuple[tuple[str, str, Callable[[bytes], bytes | None]], ...] = (
        ("truncated", "by one byte", lambda data: data[:-1]),
        ("truncated", "to a half", lambda data: data[: len(data) // 2]),
        ("truncated", "to nothing", lambda _: b""),
        ("oversized", "by one byte", lambda data: data + b"\n"),
        ("oversized", "by 6 MB", lambda data: data + b" " * 6_000_000),
        ("missing", "gone", lambda _: None),
    )
    for kind, how, change in changes:
        for name in files:

            def damage(stage: Stage, name: str = name, change: Callable[[bytes], bytes | None] = change) -> None:
                path = stage.releases / name
                data = change(path.read_bytes())
                path.unlink()
                if data is not None:
                    path.write_bytes(data)

            yield Mutation(kind, f"{_short(name)} {how}", damage)


def swapped_files(files: list[str]) -> Iterator[Mutation]:
    """Two files in each other's place."""
    for one, other in itertools.combinations(files, 2):

        def swap(stage: Stage, one: str = one, other: str = other) -> None:
            first, second = stage.releases / one, stage.releases / other
            data = first.read_bytes()
            first.write_bytes(second.read_bytes())
            second.write_bytes(data)

        yield Mutation("files swapped", f"{_short(one)} and {_short(other)}", swap)


def edited_metadata(files: list[str]) -> Iterator[Mutation]:
    """Metadata changed by somebody without keys."""
    for name, (how, edit) in itertools.product(files[:4], EDITS):

        def change(stage: Stage, name: str = name, edit: Callable[[str], str] = edit) -> None:
            path = stage.releases / name
            path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")

        yield Mutation("metadata edited", f"{_short(name)} with {how}", change)


def downgrades() -> Iterator[Mutation]:
    """What was good once: older metadata served again, whole or in part."""

    def whole(stage: Stage) -> None:
        stage.show(stage.release(1))

    yield Mutation("downgrade", "the whole repository of release 1", whole)
    for release in (1, ACTIVE_RELEASE):
        # The active release's own timestamp is no attack: it says what the edge knows already.
        for role in ("timestamp", "snapshot", "targets") if release < ACTIVE_RELEASE else ("snapshot", "targets"):

            def older(stage: Stage, release: int = release, role: str = role) -> None:
                name = "timestamp.json" if role == "timestamp" else f"{OFFERED_RELEASE}.{role}.json"
                old = "timestamp.json" if role == "timestamp" else f"{release}.{role}.json"
                _copy(stage.release(release) / "metadata" / old, stage.releases / "metadata" / name)
                for path in stage.releases.glob(f"metadata/{OFFERED_RELEASE}.*"):
                    if role == "timestamp":
                        path.unlink()

            yield Mutation("downgrade", f"the {role} of release {release} in place of the newest", older)

    def lower_number(stage: Stage) -> None:
        forger = stage.forger()
        forger.edit_release(lambda index: index.update(release=1))
        forger.sign_chain()

    yield Mutation("downgrade", "release number 1 under new metadata, signed by true keys", lower_number)


def mixtures() -> Iterator[Mutation]:
    """Parts of several releases, or of several publishers, put together."""
    for release in (1, ACTIVE_RELEASE):

        def old_targets(stage: Stage, release: int = release) -> None:
            shutil.rmtree(stage.releases / "targets")
            shutil.copytree(stage.release(release) / "targets", stage.releases / "targets")

        yield Mutation("mix and match", f"metadata of release 3, targets of release {release}", old_targets)

        def old_content(stage: Stage, release: int = release) -> None:
            new, old = _by_name(stage.releases), _by_name(stage.release(release))
            for name in new.keys() & old.keys():
                _copy(old[name], new[name])

        yield Mutation("mix and match", f"targets of release {release} under the names of release 3", old_content)
    for role in ("timestamp.json", f"{OFFERED_RELEASE}.snapshot.json", f"{OFFERED_RELEASE}.targets.json"):

        def foreign(stage: Stage, role: str = role) -> None:
            _copy(stage.foreign_releases / "metadata" / role, stage.releases / "metadata" / role)

        yield Mutation("mix and match", f"{role} of another publisher", foreign)

    def foreign_below_root(stage: Stage) -> None:
        root = (stage.releases / "metadata" / "1.root.json").read_bytes()
        stage.show(stage.foreign_releases)
        (stage.releases / "metadata" / "1.root.json").write_bytes(root)

    yield Mutation("mix and match", "all of another publisher below the true root", foreign_below_root)


def frozen() -> Iterator[Mutation]:
    """A repository that is served unchanged for too long."""

    def unchanged(stage: Stage) -> None:
        stage.show(stage.release(ACTIVE_RELEASE))

    for days in (30.5, 31, 60, 89, 91, 365, 1824, 1826):
        yield Mutation("freeze", f"the active release served again after {days:g} days", unchanged, days)
    for days in (31, 91, 365, 1826):
        yield Mutation("freeze", f"the newest release served after {days} days", lambda _: None, days)


def _by_name(releases: Path) -> dict[str, Path]:
    """Targets by bundle and name, without the version and digest in their path."""
    return {
        f"{path.relative_to(releases).parts[2] if path.parent.name != 'targets' else ''}/{path.name[65:]}": path
        for path in sorted((releases / "targets").rglob("*"))
        if path.is_file()
    }


def _copy(source: Path, place: Path) -> None:
    place.write_bytes(source.read_bytes())


def _short(name: str) -> str:
    """A file's name without its folders and digest."""
    parts = name.split("/")
    last = parts[-1][65:] if parts[0] == "targets" else parts[-1]
    return f"{parts[2]}/{last}" if len(parts) > 3 else last
