"""Questions about a graph of nodes."""

from collections.abc import Hashable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def find_cycle(inputs: Mapping[T, Iterable[T]]) -> tuple[T, ...]:
    """One cycle, each node before the one that it feeds, first and last the same; empty when there is none."""
    sorter = TopologicalSorter(inputs)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle: list[T] = error.args[1]
        return tuple(cycle)
    return ()


def in_order(inputs: Mapping[T, Iterable[T]]) -> tuple[T, ...]:
    """Nodes with every input before those that need it. The graph must have no cycle."""
    return tuple(TopologicalSorter(inputs).static_order())


def successors_of(inputs: Mapping[T, Iterable[T]]) -> dict[T, tuple[T, ...]]:
    """For each node those that it feeds, each once, in the order of the mapping."""
    found: dict[T, dict[T, None]] = {node: {} for node in inputs}
    for node, sources in inputs.items():
        for source in sources:
            found.setdefault(source, {})[node] = None
    return {node: tuple(fed) for node, fed in found.items()}


def descendants(start: T, successors: Mapping[T, Iterable[T]]) -> tuple[T, ...]:
    """Every node below `start`, each once, nearer ones first."""
    seen: dict[T, None] = {}
    front = [start]
    while front:
        front = [fed for node in front for fed in successors.get(node, ()) if fed not in seen]
        seen.update(dict.fromkeys(front))
        front = list(dict.fromkeys(front))
    return tuple(seen)
