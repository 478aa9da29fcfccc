"""Store and forward: verdicts and images are kept here until they lie in the exchange, each exactly once."""

from edge_runtime.errors import SegmentConflict, SpoolFull
from edge_runtime.spool.spool import Limits, Spool

__all__ = ["Limits", "SegmentConflict", "Spool", "SpoolFull"]
