"""Publishing: numbering, idempotence, order of writing, expiry, removal, and what is refused."""

from __future__ import annotations

import datetime as dt
import json
import stat

import pytest
from tuf.api.metadata import Metadata

from edge_runtime.bundle.pull import pull
from factory_assets.engines import repository
from factory_assets.engines.keys import KeysError, create_keys, load_keys
from factory_assets.engines.release import (
    Lifetimes,
    ReleaseError,
    expiry_warnings,
    publish,
    refresh_timestamp,
    renew_root,
)
from tests.tiny_bundle import Site, contents

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def days(count: float) -> dt.timedelta:
    return dt.timedelta(days=count)


@pytest.fixture
def site(tmp_path) -> Site:
    return Site(root=tmp_path, keys=create_keys(tmp_path / "keys"))


def signed(site: Site, name: str):
    return Metadata.from_bytes((site.releases / "metadata" / name).read_bytes()).signed


def test_keys_are_private_and_never_overwritten(tmp_path):
    made = create_keys(tmp_path / "keys")
    files = sorted(path for path in (tmp_path / "keys").rglob("*") if path.is_file())
    names = ["root.pem", "snapshot.pem", "targets.pem", "timestamp.pem"]
    assert [path.name for path in files] == names
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert len({made.root.public_key.keyid, *(made.online(r).public_key.keyid for r in repository.ONLINE_ROLES)}) == 4
    with pytest.raises(KeysError, match=r"root\.pem"):
        create_keys(tmp_path / "keys")
    loaded = load_keys(tmp_path / "keys")
    assert loaded.targets.public_key == made.targets.public_key


def test_online_keys_load_without_the_root_key_but_not_without_each_other(tmp_path):
    create_keys(tmp_path)
    (tmp_path / "offline" / "root.pem").unlink()
    assert load_keys(tmp_path).root is None
    (tmp_path / "online" / "snapshot.pem").write_text("no key")
    with pytest.raises(KeysError, match=r"snapshot\.pem"):
        load_keys(tmp_path)
    (tmp_path / "online" / "snapshot.pem").unlink()
    with pytest.raises(KeysError, match="missing"):
        load_keys(tmp_path)


def test_first_release_has_the_layout_of_a_consistent_repository(site):
    release = site.publish(site.bundle(), now=NOW)
    assert (release.number, release.is_new, release.is_signed) == (1, True, True)
    names = {path.name for path in (site.releases / "metadata").iterdir()}
    assert names == {"1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json"}
    root = signed(site, "1.root.json")
    assert root.consistent_snapshot
    assert root.expires == NOW + days(1825)
    assert signed(site, "timestamp.json").expires == NOW + days(30)
    targets = signed(site, "1.targets.json").targets
    version = release.index.bundles[0].version
    below = f"bundles/rul-F1/{version}"
    assert set(targets) == {"release.json", *(f"{below}/{n}" for n in ("manifest.json", "model.onnx", "golden.npz"))}
    for facts in targets.values():
        assert (site.releases / "targets" / facts.get_prefixed_paths()[0]).stat().st_size == facts.length
    for name, above in (("1.snapshot.json", "timestamp.json"), ("1.targets.json", "1.snapshot.json")):
        meta = signed(site, above)
        meta = meta.snapshot_meta if above == "timestamp.json" else meta.meta["targets.json"]
        assert meta.length == len((site.releases / "metadata" / name).read_bytes())
        assert set(meta.hashes) == {"sha256"}


def test_publishing_the_same_again_writes_nothing(site):
    bundle = site.bundle()
    site.publish(bundle, now=NOW)
    before = contents(site.releases)
    again = site.publish(bundle, now=NOW + days(14))
    assert (again.number, again.is_new, again.is_signed) == (1, False, False)
    assert contents(site.releases) == before


def test_training_again_with_the_same_result_is_no_new_release(site):
    site.publish(site.bundle(run_id="run-1"), now=NOW)
    before = contents(site.releases)
    assert not site.publish(site.bundle(run_id="run-2"), now=NOW).is_new
    assert contents(site.releases) == before


def test_other_fleets_stay_until_they_are_replaced(site):
    site.publish(site.bundle(fleet="F1"), site.bundle(fleet="F2"), now=NOW)
    second = site.publish(site.bundle(fleet="F2", bias=1), now=NOW)
    third = site.publish(site.bundle(fleet="F3"), now=NOW)
    assert [entry.bundle for entry in third.index.bundles] == ["rul-F1", "rul-F2", "rul-F3"]
    assert third.index.bundles[:2] == second.index.bundles
    assert third.number == 3


def test_roles_past_half_of_their_lifetime_are_signed_again(site):
    bundle = site.bundle()
    site.publish(bundle, now=NOW)
    later = site.publish(bundle, now=NOW + days(16))
    assert (later.number, later.is_new, later.is_signed) == (1, False, True)
    assert signed(site, "timestamp.json").version == 2
    assert signed(site, "1.targets.json").expires == NOW + days(90)
    site.publish(bundle, now=NOW + days(46))
    assert signed(site, "2.targets.json").expires == NOW + days(46 + 90)
    assert signed(site, "timestamp.json").snapshot_meta.version == 2
    assert not site.publish(bundle, now=NOW + days(47)).is_signed


def test_expiry_warnings_come_at_half_of_the_lifetime(site):
    assert expiry_warnings(site.releases, NOW) == []
    site.publish(site.bundle(), now=NOW)
    assert expiry_warnings(site.releases, NOW + days(15)) == []
    found = expiry_warnings(site.releases, NOW + days(15.1))
    assert [(warning.role, warning.is_expired) for warning in found] == [("timestamp", False)]
    found = expiry_warnings(site.releases, NOW + days(46))
    expected = {"targets": False, "snapshot": False, "timestamp": True}
    assert {warning.role: warning.is_expired for warning in found} == expected
    assert "root" in {warning.role for warning in expiry_warnings(site.releases, NOW + days(1000))}
    assert str(found[0]) == "targets expires 2026-05-30: publish again (engine_release)"


def test_lifetimes_are_configurable(site):
    short = Lifetimes(root_days=10, targets_days=4, snapshot_days=3, timestamp_days=2)
    site.publish(site.bundle(), now=NOW, lifetimes=short)
    names = ("1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json")
    assert [signed(site, name).expires - NOW for name in names] == [days(10), days(4), days(3), days(2)]
    assert expiry_warnings(site.releases, NOW, short) == []


def test_refreshing_the_timestamp_touches_nothing_else(site):
    site.publish(site.bundle(), now=NOW)
    before = contents(site.releases)
    expires = refresh_timestamp(site.releases, site.keys, now=NOW + days(20), lifetimes=Lifetimes())
    assert expires == NOW + days(50)
    after = contents(site.releases)
    assert {name for name in after if after[name] != before.get(name)} == {"metadata/timestamp.json"}


def test_root_key_is_needed_once_only(site, tmp_path):
    online_only = type(site.keys)(None, site.keys.targets, site.keys.snapshot, site.keys.timestamp)
    with pytest.raises(ReleaseError, match="root key"):
        publish(site.releases, online_only, [site.bundle()], plant="mill", now=NOW, lifetimes=Lifetimes())
    assert not site.releases.exists()
    site.publish(site.bundle(), now=NOW)
    site.keys = online_only
    assert site.publish(site.bundle(bias=1), now=NOW).number == 2
    with pytest.raises(ReleaseError, match="root key"):
        renew_root(site.releases, online_only, now=NOW, lifetimes=Lifetimes())


def test_only_the_newest_two_releases_are_kept(site):
    extra = site.releases / "targets" / "notes.txt"
    for bias in range(1, 5):
        site.publish(site.bundle(bias=bias), now=NOW)
        extra.write_text("not ours")
    numbers = sorted(
        json.loads(path.read_text())["release"] for path in (site.releases / "targets").glob("*.release.json")
    )
    assert numbers == [3, 4]
    assert len(list((site.releases / "targets" / "bundles" / "rul-F1").iterdir())) == 2
    names = {path.name for path in (site.releases / "metadata").iterdir()}
    kept = {f"{version}.{role}.json" for version in (3, 4) for role in ("targets", "snapshot")}
    assert names == {"1.root.json", "timestamp.json", *kept}
    assert extra.exists()


@pytest.mark.parametrize("kept", [1, 3])
def test_how_many_releases_are_kept_is_configured_and_the_edge_goes_on(site, kept):
    for bias in range(1, 6):
        options = {"plant": "mill", "now": dt.datetime.now(dt.UTC), "lifetimes": Lifetimes(), "kept": kept}
        publish(site.releases, site.keys, [site.bundle(bias=bias)], **options)
        assert site.pull().release == bias
    # The snapshot before is kept for readers at work, whatever is configured.
    assert len(list((site.releases / "targets" / "bundles" / "rul-F1").iterdir())) == max(kept, 2)


def test_signing_again_does_not_push_out_the_release_before(site):
    site.publish(site.bundle(bias=1), now=NOW)
    last = site.bundle(bias=2)
    site.publish(last, now=NOW)
    for step in range(1, 5):
        assert site.publish(last, now=NOW + days(50 * step)).is_signed
    assert len(list((site.releases / "targets").glob("*.release.json"))) == 2
    assert len(list((site.releases / "metadata").iterdir())) <= 2 + 3 * 2


def test_a_reader_between_any_two_writes_sees_a_whole_release(site, tmp_path, monkeypatch):
    """Pull after every single file that the publisher writes or removes."""
    site.publish(site.bundle(bias=1))
    site.publish(site.bundle(bias=2))
    seen = []

    def look() -> None:
        report = pull(site.releases, tmp_path / "edges" / str(len(seen)))
        seen.append(report.release)

    write = repository.write_atomic

    def write_and_look(path, data):
        write(path, data)
        look()

    monkeypatch.setattr(repository, "write_atomic", write_and_look)
    site.publish(site.bundle(bias=3), site.bundle(fleet="F2"))
    assert seen == [2] * (len(seen) - 1) + [3]
    assert len(seen) == 7 + 3


def test_publish_that_dies_midway_is_finished_by_a_later_one(site, monkeypatch):
    """Try with one more write each time; what was out stays out until a publish comes through."""
    site.publish(site.bundle(bias=1))
    bundle = site.bundle(bias=2)
    write = repository.write_atomic
    left = [0]

    def dying(path, data):
        if not left[0]:
            raise OSError("power cut")
        left[0] -= 1
        write(path, data)

    monkeypatch.setattr(repository, "write_atomic", dying)
    for budget in range(3):
        left[0] = budget
        with pytest.raises(OSError, match="power cut"):
            site.publish(bundle)
        assert pull(site.releases, site.root / "edge").release == 1
    # Three of four target files are out by now; the fourth and two of three metadata files follow.
    left[0] = 3
    with pytest.raises(OSError, match="power cut"):
        site.publish(bundle)
    assert pull(site.releases, site.root / "edge").release == 1
    left[0] = 3
    assert site.publish(bundle).number == 2
    assert pull(site.releases, site.root / "edge").release == 2


def test_what_cannot_be_released_is_said(site, tmp_path):
    with pytest.raises(ReleaseError, match="nothing to release"):
        site.publish()
    damaged = site.bundle()
    (damaged / "model.onnx").write_bytes(b"other")
    with pytest.raises(ReleaseError, match=r"model\.onnx"):
        site.publish(damaged)
    with pytest.raises(ReleaseError, match="both bundle rul-F1"):
        site.publish(site.bundle(), site.bundle(bias=1))
    with pytest.raises(ReleaseError, match="of plant mill"):
        publish(site.releases, site.keys, [site.bundle()], plant="dock", now=NOW, lifetimes=Lifetimes())
    assert not site.releases.exists()
    site.publish(site.bundle())
    with pytest.raises(ReleaseError, match="another targets key"):
        publish(
            site.releases, create_keys(tmp_path / "k2"), [site.bundle()], plant="mill", now=NOW, lifetimes=Lifetimes()
        )


@pytest.mark.parametrize("name", ["1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json"])
def test_changed_metadata_is_never_signed_again(site, name):
    site.publish(site.bundle(), now=NOW)
    path = site.releases / "metadata" / name
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":2', 1))
    with pytest.raises(ReleaseError, match="copy"):
        site.publish(site.bundle(bias=1), now=NOW)


def test_damaged_target_is_put_back_where_its_bundle_is_offered(site):
    bundle, other = site.bundle(), site.bundle(fleet="F2")
    site.publish(bundle, other, now=NOW)
    before = contents(site.releases)
    damaged = next((site.releases / "targets" / "bundles" / "rul-F1").rglob("*.model.onnx"))
    damaged.write_bytes(b"damaged")
    with pytest.raises(ReleaseError, match=r"model\.onnx"):
        site.publish(other, now=NOW)
    assert not site.publish(bundle, now=NOW).is_signed
    assert contents(site.releases) == before
