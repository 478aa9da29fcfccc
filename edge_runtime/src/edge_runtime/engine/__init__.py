"""Running a bundle's graph on this machine: engines by target, and the check against golden samples."""

from edge_runtime.engine.base import Engine, open_engine
from edge_runtime.engine.golden import golden_check
from edge_runtime.errors import GoldenMismatch, TargetUnavailable

__all__ = ["Engine", "GoldenMismatch", "TargetUnavailable", "golden_check", "open_engine"]
