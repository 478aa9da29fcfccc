"""The tiny bundle with its publisher and edge; it lives where the benchmarks can use it too."""

from factory_assets.benchmarks.tiny_release import (
    CHANNELS,
    WINDOW_CYCLES,
    contents,
    known_rul,
    make_bundle,
    tiny_draft,
    tiny_graph,
)
from factory_assets.benchmarks.tiny_release import TinySite as Site

__all__ = [
    "CHANNELS",
    "WINDOW_CYCLES",
    "Site",
    "contents",
    "known_rul",
    "make_bundle",
    "tiny_draft",
    "tiny_graph",
]
