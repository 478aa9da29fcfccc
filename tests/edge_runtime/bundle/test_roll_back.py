from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_runtime.bundle import state as state_module
from edge_runtime.bundle.state import (
    open_active,
    open_kept,
    read_active,
    read_fallback,
    read_rolled_back,
    roll_back,
    settle,
)
from edge_runtime.errors import NoReleaseError, RefusedError, StateError
from tests.tiny_bundle import Site


def number(site: Site) -> int:
    return open_active(site.state).record.release


@pytest.fixture
def two(site: Site) -> Site:
    """Release 2 is active, release 1 was before."""
    for bias in (100, 101):
        site.publish(site.bundle(bias=bias))
        site.pull()
    return site


def test_the_release_before_is_the_fallback_until_the_active_one_has_proven_itself(two: Site) -> None:
    fallback = read_fallback(two.state)
    assert fallback is not None
    assert fallback.release == 1
    assert open_kept(two.state, 1).record == fallback
    assert open_kept(two.state, 2).record.release == 2
    settle(two.state)
    assert read_fallback(two.state) is None
    with pytest.raises(NoReleaseError, match="release 1 is not kept"):
        open_kept(two.state, 1)
    with pytest.raises(NoReleaseError, match="no release to go back to"):
        roll_back(two.state, "hangs")
    assert number(two) == 2


def test_rolling_back_keeps_the_trusted_metadata(two: Site, tree: Callable[[Path], dict[str, bytes]]) -> None:
    before = tree(two.state / "metadata")
    assert roll_back(two.state, "hangs").release == 1
    assert number(two) == 1
    assert tree(two.state / "metadata") == before
    note = read_rolled_back(two.state)
    assert note is not None
    assert (note.release, note.reason) == (2, "hangs")
    assert read_fallback(two.state) is None


def test_what_was_rolled_back_is_not_pulled_again_and_a_newer_one_is(two: Site) -> None:
    roll_back(two.state, "hangs")
    with pytest.raises(RefusedError, match="release 2 was rolled back on this machine: hangs"):
        two.pull()
    assert number(two) == 1
    two.publish(two.bundle(bias=102))
    assert two.pull().release == 3
    assert read_rolled_back(two.state) is None
    # The release between failed here: it is neither kept nor gone back to.
    assert [path.name for path in sorted((two.state / "releases").iterdir())] == ["1", "3"]
    assert roll_back(two.state, "hangs too").release == 1


def test_a_damaged_fallback_is_not_gone_back_to(two: Site) -> None:
    model = next((two.state / "releases" / "1").rglob("model.onnx"))
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(StateError, match="was changed"):
        roll_back(two.state, "hangs")
    assert number(two) == 2
    assert read_rolled_back(two.state) is None


def test_a_power_cut_at_any_moment_leaves_a_whole_release_and_the_work_can_be_ended(
    two: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCutError(Exception):
        pass

    written = []
    write = state_module.write_atomic

    for last in range(3):

        def cut(path: Path, data: bytes, most: int = last) -> None:
            if len(written) == most:
                raise PowerCutError
            written.append(path.name)
            write(path, data)

        written.clear()
        monkeypatch.setattr(state_module, "write_atomic", cut)
        if last < 2:
            with pytest.raises(PowerCutError):
                roll_back(two.state, "hangs")
            assert number(two) == 2
            assert read_fallback(two.state) is not None
        else:
            roll_back(two.state, "hangs")
            assert number(two) == 1
    assert written == ["rolled_back.json", "active.json"]


def test_a_power_cut_while_a_release_is_activated_leaves_the_one_before(
    two: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.publish(two.bundle(bias=102))
    write = state_module.write_atomic

    def cut(path: Path, data: bytes) -> None:
        if path.name == "active.json":
            raise InterruptedError
        write(path, data)

    monkeypatch.setattr(state_module, "write_atomic", cut)
    with pytest.raises(InterruptedError):
        two.pull()
    monkeypatch.undo()
    assert number(two) == 2
    assert read_fallback(two.state) is None
    assert two.pull().release == 3
    fallback = read_fallback(two.state)
    assert fallback is not None
    assert fallback.release == 2


def test_a_damaged_note_or_fallback_is_told(two: Site) -> None:
    (two.state / "fallback.json").write_text("{}")
    with pytest.raises(StateError, match=r"fallback\.json is damaged"):
        read_fallback(two.state)
    (two.state / "rolled_back.json").write_text("{}")
    with pytest.raises(StateError, match=r"rolled_back\.json is damaged"):
        read_rolled_back(two.state)
    active = read_active(two.state)
    assert active is not None
    assert active.release == 2
