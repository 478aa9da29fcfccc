"""Hostile releases that are signed: by foreign keys, by one stolen key, or by a publisher that errs or lies."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import TargetFile

from edge_runtime.bundle.golden import OUTPUT
from edge_runtime.bundle.release import RELEASE
from edge_runtime.files import sha256_bytes
from factory_assets.benchmarks.forging import ONLINE, Forger
from factory_assets.benchmarks.hostile_stage import Mutation, Stage
from factory_assets.engines.keys import Keys, KeysError

YEAR = dt.timedelta(days=365)
PATHS = (
    "../escape.bin", "../../active.json", "/tmp/escape.bin", "bundles/../../escape.bin", "bundles//escape.bin",  # noqa: S108
    ".hidden", "a\\b.bin", "stray.bin", "bundles/rul-F1/stray.bin", "C:escape.bin",
)  # fmt: skip
Edit = Callable[[dict[str, Any]], None]


def foreign_signatures() -> Iterator[Mutation]:
    """One role signed by a key that the root does not name, the others by the true ones."""
    edits: tuple[tuple[str, Callable[[Forger, str], None]], ...] = (
        ("next version", lambda _forger, _role: None),
        ("a later expiry", _expires_later),
        ("a version far ahead", _far_ahead),
    )
    for role in ONLINE:
        for how, edit in edits:

            def forge(stage: Stage, role: str = role, edit: Callable[[Forger, str], None] = edit) -> None:
                forger = stage.forger()
                edit(forger, role)
                forger.sign_chain({role: stage.foreign_keys.online(role)})

            yield Mutation("foreign signature", f"{role}, {how}", forge)

        def under_true_keyid(stage: Stage, role: str = role) -> None:
            forger = stage.forger()
            true, foreign = stage.keys.online(role), stage.foreign_keys.online(role)
            forger.sign_chain({role: foreign})
            metadata = forger.role(role)
            signature = metadata.signatures[foreign.public_key.keyid].signature
            name = "timestamp.json" if role == "timestamp" else f"{metadata.signed.version}.{role}.json"
            path = stage.releases / "metadata" / name
            text = path.read_text(encoding="utf-8").replace(foreign.public_key.keyid, true.public_key.keyid)
            if signature not in text:
                msg = f"{name} lost its signature"
                raise ValueError(msg)
            path.write_text(text, encoding="utf-8")

        yield Mutation("foreign signature", f"{role}, under the true key's id", under_true_keyid)


def _expires_later(forger: Forger, role: str) -> None:
    forger.role(role).signed.expires += YEAR


def _far_ahead(forger: Forger, role: str) -> None:
    forger.role(role).signed.version += 1_000_000


def stolen_keys() -> Iterator[Mutation]:
    """One true online key in foreign hands: it can sign its own role only."""
    for role in ONLINE:

        def forge(stage: Stage, role: str = role) -> None:
            signers = {other: stage.foreign_keys.online(other) for other in ONLINE if other != role}
            stage.forger().sign_chain(signers)

        yield Mutation("one stolen key", f"the {role} key; the other roles signed by foreign ones", forge)

        def alone(stage: Stage, role: str = role) -> None:
            forger = stage.forger()
            if role == "timestamp":
                forger.timestamp.signed.snapshot_meta.version += 1
            forger.sign_next(role)
            metadata = stage.releases / "metadata"
            if role != "timestamp":
                version = forger.role(role).signed.version
                (metadata / f"{version}.{role}.json").replace(metadata / f"{version - 1}.{role}.json")

        yield Mutation("one stolen key", f"the {role} key; the {role} exchanged alone", alone)


def fast_forwards() -> Iterator[Mutation]:
    """Versions far ahead, which would shut the edge off from later releases, promised but not delivered."""
    for ahead in (1, 1_000, 2**31, 2**53):

        def snapshot_ahead(stage: Stage, ahead: int = ahead) -> None:
            forger = stage.forger()
            forger.timestamp.signed.snapshot_meta.version += ahead
            forger.sign_next("timestamp")

        yield Mutation("fast-forward", f"the timestamp names a snapshot {ahead:,} ahead", snapshot_ahead)

        def targets_ahead(stage: Stage, ahead: int = ahead) -> None:
            forger = stage.forger()
            forger.snapshot.signed.meta["targets.json"].version += ahead
            forger.timestamp.signed.snapshot_meta = forger.sign_next("snapshot")
            forger.sign_next("timestamp")

        yield Mutation("fast-forward", f"the snapshot names targets {ahead:,} ahead", targets_ahead)


def expired_roles() -> Iterator[Mutation]:
    """Metadata signed by true keys that were past their time when they were published."""
    for role in ONLINE:
        for days in (0.01, 1, 400):

            def expire(stage: Stage, role: str = role, days: float = days) -> None:
                forger = stage.forger()
                forger.role(role).signed.expires = _ago(days)
                forger.sign_chain()

            yield Mutation("expired", f"{role}, {days:g} days ago", expire)
    for days in (0.01, 1, 400):

        def expire_root(stage: Stage, days: float = days) -> None:
            forger = stage.forger()
            forger.root.signed.expires = _ago(days)
            forger.sign_root(_root_key(stage.keys))

        yield Mutation("expired", f"root, {days:g} days ago", expire_root)


def _ago(days: float) -> dt.datetime:
    return (dt.datetime.now(dt.UTC) - dt.timedelta(days=days)).replace(microsecond=0)


def roots() -> Iterator[Mutation]:
    """Roots that are foreign, or are signed by too few of those who must."""
    foreign = "foreign root"
    yield Mutation(foreign, "the whole repository of another publisher", lambda at: at.show(at.foreign_releases))
    yield Mutation(foreign, "another publisher's first root", _foreign_first_root)
    yield Mutation(foreign, "a next root signed by a foreign key", lambda at: _next_root(at, at.foreign_keys.root))
    yield Mutation(foreign, "a next root that names its own key and is signed by that", _foreign_next_root)
    few = "root with too few signatures"
    yield Mutation(few, "none", _next_root)
    yield Mutation(few, "the old key's, not that of the new one", _next_root_without_the_new_key)
    for role in ("root", *ONLINE):
        yield Mutation(few, f"two are needed for {role}, one is there", partial(_needs_two, role=role))
    wrong = "wrong root"
    yield Mutation(wrong, "version 3 under the name of version 2", _wrong_version)
    for name in ("timestamp.json", "3.snapshot.json", "3.targets.json", "1.root.json"):
        yield Mutation(wrong, f"{name} under the name of a next root", partial(_other_file_as_root, name=name))
    for role in ONLINE:
        yield Mutation(wrong, f"a next root names another {role} key", partial(_replaces_key, role=role))


def _next_root(stage: Stage, *signers: CryptoSigner | None) -> None:
    stage.forger().sign_root(*(signer for signer in signers if signer is not None))


def _foreign_first_root(stage: Stage) -> None:
    first = stage.foreign_releases / "metadata" / "1.root.json"
    (stage.releases / "metadata" / "1.root.json").write_bytes(first.read_bytes())


def _with_foreign_root_key(stage: Stage) -> Forger:
    forger = stage.forger()
    foreign = Forger(stage.foreign_releases, stage.foreign_keys)
    forger.root.signed.keys |= foreign.root.signed.keys
    forger.root.signed.roles["root"] = foreign.root.signed.roles["root"]
    return forger


def _foreign_next_root(stage: Stage) -> None:
    _with_foreign_root_key(stage).sign_root(_root_key(stage.foreign_keys))


def _next_root_without_the_new_key(stage: Stage) -> None:
    _with_foreign_root_key(stage).sign_root(_root_key(stage.keys))


def _needs_two(stage: Stage, role: str) -> None:
    forger = stage.forger()
    foreign = stage.foreign_keys
    second = _root_key(foreign) if role == "root" else foreign.online(role)
    forger.root.signed.add_key(second.public_key, role)
    forger.root.signed.roles[role].threshold = 2
    forger.sign_root(_root_key(stage.keys))


def _wrong_version(stage: Stage) -> None:
    forger = stage.forger()
    forger.root.signed.version += 1
    forger.sign_root(_root_key(stage.keys))
    metadata = stage.releases / "metadata"
    (metadata / "3.root.json").rename(metadata / "2.root.json")


def _other_file_as_root(stage: Stage, name: str) -> None:
    metadata = stage.releases / "metadata"
    (metadata / "2.root.json").write_bytes((metadata / name).read_bytes())


def _replaces_key(stage: Stage, role: str) -> None:
    forger = stage.forger()
    forger.root.signed.revoke_key(stage.keys.online(role).public_key.keyid, role)
    forger.root.signed.add_key(stage.foreign_keys.online(role).public_key, role)
    forger.sign_root(_root_key(stage.keys))


def _root_key(keys: Keys) -> CryptoSigner:
    if keys.root is None:
        msg = "the offline root key is not here: make new keys for the stage"
        raise KeysError(msg)
    return keys.root


def target_names() -> Iterator[Mutation]:
    """Names that lead out of the release's folder, or are nobody's; signed by true keys."""
    for path in PATHS:

        def listed(stage: Stage, path: str = path) -> None:
            forger = stage.forger()
            forger.targets.signed.targets[path] = TargetFile.from_data(path, forger.target(RELEASE))
            forger.sign_chain()

        yield Mutation("path traversal", f"a target called {path}", listed)

        def in_manifest(stage: Stage, path: str = path) -> None:
            forger = stage.forger()
            forger.edit_manifest(lambda manifest: manifest["graphs"][0].update(path=path))
            forger.sign_chain()

        yield Mutation("path traversal", f"a graph at {path}", in_manifest)


def wrong_golden_samples() -> Iterator[Mutation]:
    """Expected outputs that no machine computes of the graph; all digests and signatures are right."""
    for error in (0.02, 0.5, -0.5, 10.0, 1e6, float("nan"), float("inf")):

        def forge(stage: Stage, error: float = error) -> None:
            forger = stage.forger()
            forger.edit_manifest(lambda manifest: _shift_golden(forger, manifest, error))
            forger.sign_chain()

        yield Mutation("golden samples wrong", f"by {error:g} cycles", forge)


def _shift_golden(forger: Forger, manifest: dict[str, Any], error: float) -> None:
    place = f"bundles/{manifest['bundle']}/{manifest['version']}/golden.npz"
    with np.load(io.BytesIO(forger.target(place))) as stored:
        arrays = dict(stored)
    name = f"{OUTPUT}rul_cycles"
    arrays[name] = arrays[name] + np.float32(error)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    forger.put_target(place, buffer.getvalue())
    manifest["golden"].update(sha256=sha256_bytes(buffer.getvalue()), bytes=len(buffer.getvalue()))


def lying_manifests() -> Iterator[Mutation]:
    """Manifests and indexes that say what is not so; signed by true keys."""
    sealed: tuple[tuple[str, Edit], ...] = (
        ("another digest of the graph", lambda m: m["graphs"][0].update(sha256="0" * 64)),
        ("another size of the graph", lambda m: m["graphs"][0].update(bytes=m["graphs"][0]["bytes"] + 1)),
        ("another digest of the golden samples", lambda m: m["golden"].update(sha256="f" * 64)),
        ("a graph that is not there", lambda m: m["graphs"][0].update(path="other.onnx")),
        ("no graph", lambda m: m.update(graphs=[])),
        ("a graph for no target", lambda m: m["graphs"][0].update(targets=["toaster"])),
        ("a file twice", lambda m: m["graphs"].append(m["graphs"][0])),
        ("an engine that is not there", _with_engine),
        ("another fleet", lambda m: m.update(fleet="F9")),
        ("another bundle name", lambda m: m.update(bundle="rul-F9")),
        ("an unknown task", lambda m: m.update(task="weather")),
        ("an unknown field", lambda m: m.update(extra=1)),
        ("a channel too few", lambda m: m["inputs"][0]["channels"].pop()),
        ("an input's name that the graph has not", lambda m: m["inputs"][1].update(name="age")),
        ("an output's name that the graph has not", lambda m: m["outputs"][0].update(name="life")),
        ("another shape of the window", lambda m: m["inputs"][0].update(shape=["batch", 9, 3])),
        ("another kind of number", lambda m: m["inputs"][0].update(dtype="float64")),
        ("no tolerance for the target", lambda m: m["golden"].update(tolerance={})),
        ("a negative tolerance", lambda m: m["golden"]["tolerance"]["cpu"]["fp32"].update(atol=-1)),
        ("an unknown schema version", lambda m: m.update(schema_version=99)),
        ("the manifest among its own files", lambda m: m["graphs"][0].update(path="manifest.json")),
    )
    for what, edit in sealed:
        yield Mutation("manifest lies", what, _manifest_forger(edit, is_sealed=True))
    unsealed: tuple[tuple[str, Edit], ...] = (
        ("a version that its content does not make", lambda m: m.update(version="0" * 16)),
        ("other content than its version", lambda m: m["lineage"].update(code_version="2")),
        ("another plant than its version", lambda m: m.update(plant="other")),
    )
    for what, edit in unsealed:
        yield Mutation("manifest lies", what, _manifest_forger(edit, is_sealed=False))
    of_index: tuple[tuple[str, Edit], ...] = (
        ("the index is of an unknown schema", lambda i: i.update(schema_version=99)),
        ("the index has an unknown field", lambda i: i.update(extra=1)),
        ("the index lists a bundle twice", lambda i: i["bundles"].append(i["bundles"][0])),
        ("the index leaves a bundle out", lambda i: i["bundles"].pop()),
        ("the index says another fleet", lambda i: i["bundles"][0].update(fleet="F2")),
        ("the index says another version", lambda i: i["bundles"][0].update(version="0" * 16)),
        ("the index leads elsewhere", lambda i: i["bundles"][0].update(path="bundles/../other")),
        ("the index has number 0", lambda i: i.update(release=0)),
        ("the index offers the active number with other content", lambda i: i.update(release=2)),
    )
    for what, edit in of_index:

        def forge(stage: Stage, edit: Edit = edit) -> None:
            forger = stage.forger()
            forger.edit_release(edit)
            forger.sign_chain()

        yield Mutation("index lies", what, forge)


def _manifest_forger(edit: Edit, *, is_sealed: bool) -> Callable[[Stage], None]:
    def forge(stage: Stage) -> None:
        forger = stage.forger()
        forger.edit_manifest(edit, is_sealed=is_sealed)
        forger.sign_chain()

    return forge


def _with_engine(manifest: dict[str, Any]) -> None:
    manifest["engines"] = [
        {"path": "engines/cpu-fp32.engine", "target": "cpu", "precision": "fp32", "compiler": "none",
         "sha256": "0" * 64, "bytes": 1}
    ]  # fmt: skip
