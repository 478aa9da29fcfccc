"""A graph's own inputs and outputs are held to the manifest, whatever runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_runtime.bundle.manifest import Graph, InputSpec, Manifest, OutputSpec
from edge_runtime.bundle.values import Precision, Shape
from edge_runtime.errors import BundleError, TargetUnavailable

MOST_EXACT_FIRST: tuple[Precision, ...] = ("fp32", "fp16", "int8")
MEND = "make the bundle again on the platform"


@dataclass(frozen=True)
class Port:
    """An input or output as a runtime tells it; `shape` has None for a free dimension."""

    dtype: str
    shape: tuple[int | None, ...]


def graph_for(manifest: Manifest, target: str, precision: str | None) -> Graph:
    """The graph that a target runs.

    Args:
        manifest: Of the bundle.
        target: Such as `cpu`.
        precision: Only this one; the most exact that the bundle has for the target if not given.

    Raises:
        TargetUnavailable: There is none.
    """
    for wanted in MOST_EXACT_FIRST:
        graph = manifest.graph(target, wanted) if precision in (None, wanted) else None
        if graph is not None:
            return graph
    offered = [f"{graph.computes_in} for {', '.join(graph.targets)}" for graph in manifest.graphs]
    raise TargetUnavailable(
        f"bundle {manifest.bundle} {manifest.version} has no {precision or 'fp32'} graph for target {target}",
        f"use what it has ({'; '.join(offered) or 'no graph'}), or release one for this target",
    )


def compare(where: str, kind: str, declared: Sequence[InputSpec | OutputSpec], found: dict[str, Port]) -> None:
    """Hold what a runtime found in a graph to what the manifest declares.

    Args:
        where: Bundle and file, for the message.
        kind: `input` or `output`.
        declared: By the manifest.
        found: By name.

    Raises:
        BundleError: A name, type or shape differs.
    """
    names = [spec.name for spec in declared]
    if set(found) != set(names):
        raise BundleError(f"{where}: {kind}s are {sorted(found)}, the manifest says {sorted(names)}", MEND)
    for spec in declared:
        port = found[spec.name]
        if port.dtype != spec.dtype:
            raise BundleError(f"{where}: {kind} {spec.name} is {port.dtype}, the manifest says {spec.dtype}", MEND)
        if not _same_dimensions(spec.shape, port.shape):
            shape = ["free" if length is None else length for length in port.shape]
            raise BundleError(
                f"{where}: {kind} {spec.name} has shape {shape}, the manifest says {list(spec.shape)}", MEND
            )


def _same_dimensions(declared: Shape, found: Sequence[int | None]) -> bool:
    """A number must be the same number; a free dimension must be free, under any name."""
    if len(declared) != len(found):
        return False
    return all(
        have == want if isinstance(want, int) else have is None for want, have in zip(declared, found, strict=True)
    )
