"""What is known of each source file: saves reading files again, and may be lost without harm."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.foundation.lake import replacing
from factory_assets.historian.reading import Candidate
from factory_assets.historian.schema import SegmentManifest

FILE = "index.json"


@dataclass
class Index:
    """Which file, as it was, became which segment, or why it was refused.

    Attributes:
        path: Where it is kept.
        reading: Digest of the reader and of the plant file: a refusal holds for these only.
        settings: Digest of what the plant file says of reading: a segment holds for these only.
        entries: By the name of the file.
    """

    path: Path
    reading: str
    settings: str
    entries: dict[str, dict[str, str]] = field(default_factory=dict)
    is_changed: bool = False

    @staticmethod
    def load(segments: Path, *, reading: str, settings: str) -> Index:
        """The index as it was left; an empty one if there is none, or if it was cut off."""
        path = segments / FILE
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            entries = {}
        return Index(path, reading, settings, entries)

    def is_collected(self, candidate: Candidate) -> bool:
        """Whether the file, as it is now, is a segment already, read as the plant file says now."""
        entry = self.entries.get(candidate.name, {})
        is_same = entry.get("stamp") == candidate.stamp and entry.get("settings") == self.settings
        return is_same and "segment_id" in entry

    def in_order_of_receipt(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Files that came in before, as they did, then the new ones: read again, the later one must still win."""
        never = dt.datetime.max.replace(tzinfo=dt.UTC).isoformat()
        return sorted(candidates, key=lambda candidate: self.entries.get(candidate.name, {}).get("received", never))

    def refusal(self, candidate: Candidate) -> str | None:
        """Why the file, as it is now, was refused, or None."""
        entry = self.entries.get(candidate.name, {})
        is_same = entry.get("stamp") == candidate.stamp and entry.get("reading") == self.reading
        return entry.get("refused") if is_same else None

    def note_segment(self, candidate: Candidate, manifest: SegmentManifest) -> None:
        """Remember that a file became a segment."""
        entry = {
            "stamp": candidate.stamp,
            "settings": self.settings,
            "segment_id": manifest.segment_id,
            "received": manifest.received_ts_utc.isoformat(),
        }
        self._note(candidate.name, entry)

    def note_refusal(self, candidate: Candidate, reason: str) -> None:
        """Remember why a file was refused."""
        self._note(candidate.name, {"stamp": candidate.stamp, "reading": self.reading, "refused": reason})

    def _note(self, name: str, entry: dict[str, str]) -> None:
        self.is_changed = self.is_changed or self.entries.get(name) != entry
        self.entries[name] = entry

    def save(self) -> None:
        """Write what was noted, if anything was."""
        if not self.is_changed:
            return
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps(self.entries, indent=1, sort_keys=True), encoding="utf-8")
        self.is_changed = False
