"""Pulling: what a good release does, and that everything else changes nothing."""

from __future__ import annotations

import datetime as dt
import json
import shutil

import pytest
from tuf.api.metadata import Signed, TargetFile

from edge_runtime.bundle.pull import pull
from edge_runtime.bundle.state import open_active
from edge_runtime.errors import (
    GoldenMismatch,
    InputError,
    NoReleaseError,
    StateError,
    TargetUnavailable,
    TrustError,
)
from factory_assets.engines import release
from factory_assets.engines.keys import create_keys
from factory_assets.engines.release import Lifetimes, fingerprint, publish, refresh_timestamp, renew_root


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@pytest.fixture
def refused(site, tree):
    """Pull, expect a refusal, and see that nothing in the state changed."""

    def check(error=TrustError, match=None, **options):
        before = tree(site.state) if site.state.exists() else None
        with pytest.raises(error, match=match):
            site.pull(**options)
        assert (tree(site.state) if site.state.exists() else None) == before

    return check


@pytest.fixture
def at_time(monkeypatch):
    """Let the edge's clock be at another time, for expiry."""

    def set_clock(when):
        is_expired = Signed.is_expired
        monkeypatch.setattr(Signed, "is_expired", lambda self, _reference=None: is_expired(self, when))

    return set_clock


def test_first_use_pins_the_root_and_activates(site, tree):
    released = site.publish(site.bundle())
    report = site.pull()
    assert (report.release, report.previous, report.is_new, report.is_first_pin) == (1, None, True, True)
    assert report.root_sha256 == released.root_sha256 == fingerprint(site.releases / "metadata" / "1.root.json")
    assert report.golden["rul-F1"]["rul_cycles"] < 0.01
    active = open_active(site.state)
    assert list(active.bundles) == ["rul-F1"]
    recorded = {file.path for file in active.record.files}
    assert recorded == set(tree(site.state / "releases" / "1"))
    assert not list(site.state.glob(".staging-*"))


def test_second_pull_has_nothing_new_and_changes_nothing(site, tree):
    site.publish(site.bundle())
    site.pull()
    before = tree(site.state)
    report = site.pull()
    assert (report.release, report.is_new, report.is_first_pin, report.golden) == (1, False, False, {})
    assert tree(site.state) == before


def test_next_release_takes_over_and_old_ones_go(site):
    for number in range(1, 5):
        site.publish(site.bundle(bias=100.0 + number))
        report = site.pull()
        assert (report.release, report.is_new) == (number, True)
    assert sorted(path.name for path in (site.state / "releases").iterdir()) == ["3", "4"]
    assert open_active(site.state).record.release == 4


def test_skipped_releases_do_not_matter(site):
    site.publish(site.bundle(bias=1))
    site.pull()
    for bias in range(2, 6):
        site.publish(site.bundle(bias=bias))
    assert site.pull().release == 5


def test_bundles_of_several_fleets_arrive_together(site):
    site.publish(site.bundle(fleet="F1"), site.bundle(fleet="F2", channels=("a", "b")))
    site.publish(site.bundle(fleet="F1", bias=101))
    report = site.pull()
    assert [bundle["bundle"] for bundle in report.bundles] == ["rul-F1", "rul-F2"]
    assert set(open_active(site.state).bundles) == {"rul-F1", "rul-F2"}


def test_extra_files_in_the_repository_are_ignored(site):
    site.publish(site.bundle())
    (site.releases / "targets" / "stray.txt").write_text("not signed")
    (site.releases / "metadata" / "stray.json").write_text("{}")
    assert site.pull().is_new


# Trust


def test_pinned_trust_forbids_first_use_and_takes_a_root_file(site, refused, tmp_path):
    site.publish(site.bundle())
    refused(match="--root", trust="pinned")
    root = tmp_path / "root.json"
    shutil.copy(site.releases / "metadata" / "1.root.json", root)
    assert site.pull(trust="pinned", root=root).is_first_pin
    assert not site.pull(trust="pinned").is_new
    assert not site.pull(trust="pinned", root=root).is_new


def test_foreign_root_is_refused_at_enrolment_and_later(site, refused, tmp_path):
    site.publish(site.bundle())
    other = tmp_path / "other"
    publish(
        other,
        create_keys(tmp_path / "other-keys"),
        [site.bundle()],
        plant="mill",
        now=utc_now(),
        lifetimes=Lifetimes(),
    )
    refused(root=other / "metadata" / "1.root.json")
    site.pull()
    refused(match="not the root pinned", root=other / "metadata" / "1.root.json")
    shutil.rmtree(site.releases)
    shutil.copytree(other, site.releases)
    refused()


def test_repository_signed_by_others_below_the_true_root_is_refused(site, refused, tmp_path):
    site.publish(site.bundle())
    other = tmp_path / "other"
    other_keys = create_keys(tmp_path / "other-keys")
    publish(other, other_keys, [site.bundle(bias=1)], plant="mill", now=utc_now(), lifetimes=Lifetimes())
    shutil.copy(site.releases / "metadata" / "1.root.json", other / "metadata" / "1.root.json")
    shutil.rmtree(site.releases)
    shutil.copytree(other, site.releases)
    refused(match="signed")


def test_renewed_root_is_followed_from_the_pinned_one(site, refused):
    site.publish(site.bundle())
    site.pull()
    renew_root(site.releases, site.keys, now=utc_now(), lifetimes=Lifetimes())
    site.publish(site.bundle(bias=101))
    report = site.pull()
    assert (report.release, report.is_new) == (2, True)
    assert report.root_sha256 == fingerprint(site.releases / "metadata" / "1.root.json")
    second = site.releases / "metadata" / "2.root.json"
    second.write_bytes(second.read_bytes().replace(b'"sig":"', b'"sig":"0', 1))
    refused(match=r"2\.root\.json")


def test_removed_root_is_refused(site, refused):
    site.publish(site.bundle())
    site.pull()
    (site.releases / "metadata" / "1.root.json").unlink()
    refused(match=r"1\.root\.json")


# Rollback, freeze, expiry


def test_older_repository_is_refused(site, refused, tmp_path):
    site.publish(site.bundle())
    shutil.copytree(site.releases, tmp_path / "old")
    site.publish(site.bundle(bias=101))
    site.pull()
    shutil.rmtree(site.releases)
    shutil.copytree(tmp_path / "old", site.releases)
    refused(match="version")
    assert open_active(site.state).record.release == 2


def test_older_snapshot_under_a_new_timestamp_is_refused(site, refused, tmp_path):
    site.publish(site.bundle())
    old = (site.releases / "metadata" / "1.snapshot.json").read_bytes()
    site.publish(site.bundle(bias=101))
    (site.releases / "metadata" / "2.snapshot.json").write_bytes(old)
    refused()


@pytest.mark.parametrize(("days", "role"), [(31, "timestamp"), (91, "timestamp"), (5 * 365 + 1, "root")])
def test_expired_repository_is_refused_and_the_active_release_runs_on(site, refused, at_time, days, role):
    site.publish(site.bundle())
    site.pull()
    at_time(utc_now() + dt.timedelta(days=days))
    refused(match=f"{role}.json is expired.*clock")
    assert open_active(site.state).record.release == 1


def test_expired_targets_are_refused_even_under_a_fresh_timestamp(site, refused, at_time):
    site.publish(site.bundle())
    later = utc_now() + dt.timedelta(days=91)
    refresh_timestamp(site.releases, site.keys, now=later, lifetimes=Lifetimes())
    at_time(later)
    refused(match="expired")


def test_refreshed_timestamp_is_taken_over_without_a_new_release(site, at_time):
    site.publish(site.bundle())
    site.pull()
    later = utc_now() + dt.timedelta(days=40)
    refresh_timestamp(site.releases, site.keys, now=later, lifetimes=Lifetimes())
    at_time(later)
    report = site.pull()
    assert (report.release, report.is_new) == (1, False)
    kept = (site.state / "metadata" / "timestamp.json").read_bytes()
    assert kept == (site.releases / "metadata" / "timestamp.json").read_bytes()


# Content


def test_golden_mismatch_is_refused_and_the_old_release_stays(site, refused):
    site.publish(site.bundle())
    site.pull()
    site.publish(site.bundle(golden_error=0.5))
    refused(GoldenMismatch, match="rul-F1.*rul_cycles")
    assert open_active(site.state).record.release == 1
    site.publish(site.bundle(bias=101))
    assert site.pull().release == 3


def test_golden_mismatch_at_the_first_pull_pins_nothing(site, refused):
    site.publish(site.bundle(golden_error=0.5))
    refused(GoldenMismatch)
    assert not site.state.exists()


def test_target_without_a_runtime_is_said(site, refused):
    site.publish(site.bundle())
    refused(TargetUnavailable, match="cpu", target="tensorrt-rtx")


def test_folders_that_cannot_be_used(site, tmp_path):
    with pytest.raises(InputError, match="absent"):
        pull(tmp_path / "absent", site.state)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"1\.root\.json"):
        pull(tmp_path / "empty", site.state)
    site.publish(site.bundle())
    with pytest.raises(InputError, match="root"):
        site.pull(root=tmp_path / "absent.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        pull(site.releases, tmp_path / "file" / "state")


def test_another_pull_at_work_is_respected(site):
    fcntl = pytest.importorskip("fcntl")
    import os

    site.publish(site.bundle())
    site.state.mkdir()
    handle = os.open(site.state, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(InputError, match="another pull"):
            site.pull()
    finally:
        os.close(handle)
    assert site.pull().is_new


# The active release


def test_no_release_is_said(tmp_path):
    with pytest.raises(NoReleaseError, match="pull"):
        open_active(tmp_path)


def test_every_file_of_the_active_release_is_verified_at_start(site):
    site.publish(site.bundle())
    site.pull()
    folder = site.state / "releases" / "1"
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        good = path.read_bytes()
        damaged = bytearray(good)
        damaged[len(good) // 3] ^= 4
        for bad in (bytes(damaged), good[:-1], good + b" ", None):
            path.unlink()
            if bad is not None:
                path.write_bytes(bad)
            with pytest.raises(StateError, match=path.name):
                open_active(site.state)
            path.write_bytes(good)
    assert open_active(site.state).record.release == 1


def test_every_byte_of_the_active_record_counts(site):
    site.publish(site.bundle())
    site.pull()
    path = site.state / "active.json"
    good = path.read_bytes()
    for position in range(len(good)):
        damaged = bytearray(good)
        damaged[position] ^= 0x20
        path.write_bytes(damaged)
        with pytest.raises(StateError, match=r"active\.json"):
            open_active(site.state)
    path.write_bytes(good)
    assert open_active(site.state).record.release == 1


def test_damaged_active_release_is_mended_by_a_pull(site):
    site.publish(site.bundle())
    site.pull()
    model = next((site.state / "releases" / "1").rglob("model.onnx"))
    model.write_bytes(b"damaged")
    report = site.pull()
    assert (report.release, report.is_new) == (1, True)
    open_active(site.state)
    (site.state / "active.json").write_text("{}")
    assert site.pull().is_new
    assert open_active(site.state).record.release == 1


def test_what_an_unfinished_pull_left_does_no_harm(site):
    site.publish(site.bundle())
    for left in (site.state / ".staging-old" / "release", site.state / "releases" / "1"):
        left.mkdir(parents=True)
        (left / "half.bin").write_bytes(b"half")
    site.pull()
    assert not (site.state / ".staging-old").exists()
    assert not (site.state / "releases" / "1" / "half.bin").exists()
    open_active(site.state)


def test_manifest_is_what_the_publisher_released(site):
    bundle = site.bundle()
    site.publish(bundle)
    site.pull()
    active = open_active(site.state).bundles["rul-F1"]
    assert active.manifest.as_json() == json.loads((bundle / "manifest.json").read_text())


# A publisher that errs with true keys


def restore(site, copy) -> None:
    shutil.rmtree(site.releases)
    shutil.copytree(copy, site.releases)


def test_lower_number_under_newer_metadata_is_refused(site, refused, at_time, tmp_path):
    first = site.bundle()
    site.publish(first)
    shutil.copytree(site.releases, tmp_path / "backup")
    site.publish(site.bundle(bias=101))
    site.pull()
    restore(site, tmp_path / "backup")
    later = utc_now()
    for _ in range(3):
        later += dt.timedelta(days=50)
        site.publish(first, now=later)
    at_time(later)
    refused(match="offers release 1, release 2 is active")


def test_same_number_with_other_content_is_refused(site, refused, at_time, tmp_path):
    site.publish(site.bundle())
    shutil.copytree(site.releases, tmp_path / "backup")
    site.publish(site.bundle(bias=101))
    site.pull()
    restore(site, tmp_path / "backup")
    other = site.bundle(bias=102)
    later = utc_now()
    site.publish(other, now=later)
    refused()
    for _ in range(2):
        later += dt.timedelta(days=50)
        site.publish(other, now=later)
    at_time(later)
    refused(match="other content")


def test_signed_target_that_no_bundle_names_is_refused(site, refused, monkeypatch):
    facts = release._target_files

    def with_one_more(out, index, sources):
        sources["stray.bin"] = b"stray"
        return {**facts(out, index, sources), "stray.bin": TargetFile.from_data("stray.bin", b"stray")}

    monkeypatch.setattr(release, "_target_files", with_one_more)
    site.publish(site.bundle())
    refused(match=r"stray\.bin")
