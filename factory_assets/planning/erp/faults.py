"""Rows that no schedule can be made of: said all at once, or left out and said."""

from __future__ import annotations

from dataclasses import dataclass, field

from factory_assets.planning.erp.errors import ErpInputError

SHOWN = 10


@dataclass(frozen=True)
class Fault:
    """A row that cannot be used.

    Attributes:
        kind: What the error is called.
        row: Which table and key.
        words: What is wrong and how to mend it.
    """

    kind: type[ErpInputError]
    row: str
    words: str

    def __str__(self) -> str:
        """Row and words."""
        return f"{self.row}: {self.words}"


@dataclass
class Faults:
    """All faults that were found, in order."""

    found: list[Fault] = field(default_factory=list)

    def add(self, kind: type[ErpInputError], row: str, words: str) -> None:
        """Remember one."""
        self.found.append(Fault(kind, row, words))

    def raise_if_any(self) -> None:
        """Raise the first fault's error with all faults in its message.

        Raises:
            ErpInputError: One of its kinds.
        """
        if self.found:
            lines = [f"  {fault}" for fault in self.found[:SHOWN]]
            if len(self.found) > SHOWN:
                lines.append(f"  and {len(self.found) - SHOWN} more")
            msg = f"the ERP hands over {len(self.found)} row(s) that cannot be planned:\n" + "\n".join(lines)
            raise self.found[0].kind(msg)
