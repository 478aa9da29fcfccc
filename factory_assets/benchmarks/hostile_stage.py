"""The stage of the hostile releases: a publisher, a foreigner, and an edge with a good release that must stay."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
from tuf.api.metadata import Signed

from edge_runtime.bundle import read_golden
from edge_runtime.bundle.pull import pull
from edge_runtime.bundle.state import open_active
from edge_runtime.engine import open_engine
from edge_runtime.errors import EdgeError
from factory_assets.benchmarks.forging import Forger
from factory_assets.benchmarks.tiny_release import TinySite, contents
from factory_assets.engines.keys import Keys, create_keys

ACTIVE_RELEASE = 2
OFFERED_RELEASE = 3


@dataclass(frozen=True)
class Mutation:
    """One hostile release.

    Attributes:
        kind: What sort of attack or damage it is.
        what: This one.
        spoil: Makes it of the good repository.
        days_later: By how much the edge's clock is ahead of the publisher's.
    """

    kind: str
    what: str
    spoil: Callable[[Stage], None]
    days_later: float = 0


@dataclass(frozen=True)
class Outcome:
    """What the edge made of a hostile release.

    Attributes:
        error: Name of the edge's own error that it was refused with; None if it was taken, or the edge crashed.
        message: What the error, or the crash, says.
        is_unchanged: Every file of the edge is as it was.
        still_predicts: The active release gives the outputs that it gave before.
    """

    error: str | None
    message: str
    is_unchanged: bool
    still_predicts: bool

    @property
    def is_refused(self) -> bool:
        """Whether it was refused by a named error."""
        return self.error is not None


class Stage:
    """A good repository that offers release 3 to an edge where release 2 is active.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.keys: Keys = create_keys(folder / "keys")
        publisher = TinySite(folder / "publisher", self.keys)
        for release in range(1, OFFERED_RELEASE + 1):
            publisher.publish(
                publisher.bundle(bias=100.0 + release),
                publisher.bundle(fleet="F2", channels=("a", "b"), bias=90.0 + release),
            )
            shutil.copytree(publisher.releases, self.release(release))
            if release == ACTIVE_RELEASE:
                publisher.pull()
        shutil.move(publisher.state, folder / "good_state")
        self.foreign_keys: Keys = create_keys(folder / "foreign_keys")
        foreigner = TinySite(folder / "foreigner", self.foreign_keys)
        for release in range(1, OFFERED_RELEASE + 1):
            foreigner.publish(foreigner.bundle(bias=1.0 + release))
        self.foreign_releases = foreigner.releases
        self._good = contents(folder / "good_state")
        self._reset_state()
        self._expected = self._outputs()

    @property
    def releases(self) -> Path:
        """The repository that the edge is shown, to be spoilt."""
        return self._folder / "releases"

    @property
    def state(self) -> Path:
        """The edge's own folder."""
        return self._folder / "state"

    def release(self, number: int) -> Path:
        """The good repository as it was when a release was the newest one; not to be changed."""
        return self._folder / "as_it_was" / str(number)

    def forger(self) -> Forger:
        """The repository's metadata, with the publisher's true keys."""
        return Forger(self.releases, self.keys)

    def show(self, releases: Path) -> None:
        """Show the edge a copy of another repository."""
        shutil.rmtree(self.releases, ignore_errors=True)
        shutil.copytree(releases, self.releases)

    def trusted_files(self) -> list[Path]:
        """The files that the newest release consists of: metadata first, then targets."""
        return trusted_files(self.releases)

    def attempt(self, mutation: Mutation) -> Outcome:
        """Spoil a good repository, let the edge pull, and look at what became of the edge."""
        self.show(self.release(OFFERED_RELEASE))
        mutation.spoil(self)
        error, message = None, ""
        with clock_ahead(mutation.days_later):
            try:
                pull(self.releases, self.state)
            except EdgeError as refusal:
                error, message = type(refusal).__name__, str(refusal)
            except Exception as crash:  # noqa: BLE001 (a crash is a finding, and the others are still to be tried)
                message = f"crashed with {crash!r}"
        outcome = Outcome(error, message, contents(self.state) == self._good, self._still_predicts())
        if not outcome.is_unchanged:
            self._reset_state()
        return outcome

    def accepts_the_good_one(self, spoil: Callable[[Stage], None] = lambda _: None) -> bool:
        """Whether the edge takes over the newest release: without this, refusing everything would look good."""
        self.show(self.release(OFFERED_RELEASE))
        spoil(self)
        try:
            report = pull(self.releases, self.state)
        except EdgeError:
            return False
        finally:
            self._reset_state()
        return report.release == OFFERED_RELEASE and report.is_new

    def _still_predicts(self) -> bool:
        try:
            found = self._outputs()
        except EdgeError:
            return False
        return found.keys() == self._expected.keys() and all(
            np.array_equal(found[name], self._expected[name]) for name in found
        )

    def _outputs(self) -> dict[str, np.ndarray]:
        """What the active release computes of its golden inputs, by bundle."""
        active = open_active(self.state)
        found = {}
        for name, bundle in active.bundles.items():
            inputs, _ = read_golden(bundle.folder / bundle.manifest.golden.path)
            engine = open_engine(bundle.folder, bundle.manifest, active.record.target)
            found[name] = engine.run(inputs)["rul_cycles"]
        return found

    def _reset_state(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(self._folder / "good_state", self.state)


def trusted_files(releases: Path) -> list[Path]:
    """Root, timestamp, snapshot, list of targets and all targets of the newest release of a repository."""
    metadata = releases / "metadata"
    timestamp = json.loads((metadata / "timestamp.json").read_text(encoding="utf-8"))
    of_snapshot = metadata / f"{timestamp['signed']['meta']['snapshot.json']['version']}.snapshot.json"
    snapshot = json.loads(of_snapshot.read_text(encoding="utf-8"))
    of_targets = metadata / f"{snapshot['signed']['meta']['targets.json']['version']}.targets.json"
    files = [metadata / "1.root.json", metadata / "timestamp.json", of_snapshot, of_targets]
    for path, facts in json.loads(of_targets.read_text(encoding="utf-8"))["signed"]["targets"].items():
        folder, _, name = path.rpartition("/")
        files.append(releases / "targets" / folder / f"{facts['hashes']['sha256']}.{name}")
    return files


@contextmanager
def clock_ahead(days: float) -> Iterator[None]:
    """Let the edge's clock be ahead, for everything that can expire."""
    now = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    is_expired = Signed.is_expired
    with mock.patch.object(Signed, "is_expired", lambda signed, _reference=None: is_expired(signed, now)):
        yield
