"""The errors that a person at the edge can mend, with the exit code that the command line gives them."""

from __future__ import annotations

from typing import ClassVar


class EdgeError(Exception):
    """Base of all expected errors: what is wrong and where, and how to mend it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, mend: str) -> None:
        """Join both halves into the message `what / mend`."""
        super().__init__(f"{what} / {mend}")
        self.what = what
        self.mend = mend


class RefusedError(EdgeError):
    """Something is not trusted, not intact or not equal to what was promised."""


class TrustError(RefusedError):
    """The release repository does not verify against the pinned root."""


class BundleError(RefusedError):
    """A bundle's manifest or one of its files is not what it should be."""


class StateError(RefusedError):
    """The active release on this machine was changed or damaged after it was activated."""


class GoldenMismatch(RefusedError):  # noqa: N818 (the name says what happened)
    """The engine does not give the expected outputs for the golden samples on this machine."""


class CompilerUnavailable(EdgeError):  # noqa: N818 (the name says what happened)
    """TensorRT, or the GPU that it needs, is not on this machine."""


class GpuMissing(CompilerUnavailable):
    """There is no GPU, or no driver for it, on this machine."""


class CompileError(RefusedError):
    """TensorRT refuses a graph, or made an engine that is not what was asked for."""


class GpuError(EdgeError):
    """The GPU's driver refuses a call; the message names it and the driver's own code."""


class InputError(EdgeError):
    """What the person gave (a file, a folder, an option) cannot be used."""

    exit_code = 2


class TargetUnavailable(EdgeError):  # noqa: N818 (the name says what happened)
    """The bundle or this machine cannot run the target that was asked for."""

    exit_code = 2


class NoReleaseError(EdgeError):
    """No release is active on this machine."""

    exit_code = 2


class SpoolFull(EdgeError):  # noqa: N818 (the name says what happened)
    """A verdict cannot be kept: the disk is full, even without its reserve, or cannot be written."""


class SegmentConflict(RefusedError):  # noqa: N818 (the name says what happened)
    """The exchange holds other verdicts under the same numbers of the same station."""
