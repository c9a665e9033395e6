"""Walks through lineage: which entities lead to, or come from, an entity. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple


class Edge(NamedTuple):
    """An association, from what was first to what came of it."""

    source: str
    destination: str


def walk(
    edges: Iterable[Edge], start: str, direction: str, depth: int
) -> tuple[dict[str, int], set[Edge]]:
    """Return what is reached from `start`, with its distance, and the edges that led there.

    `direction` is Ascendants, Descendants or, from each entity both ways, Both.
    """
    around: dict[str, list[tuple[str, Edge]]] = defaultdict(list)
    for edge in edges:
        if direction in ("Descendants", "Both"):
            around[edge.source].append((edge.destination, edge))
        if direction in ("Ascendants", "Both"):
            around[edge.destination].append((edge.source, edge))
    distance = {start: 0}
    led: set[Edge] = set()
    frontier = [start]
    while frontier:
        following = []
        for arn in frontier:
            if distance[arn] == depth:
                continue
            for neighbour, edge in around[arn]:
                led.add(edge)
                if neighbour not in distance:
                    distance[neighbour] = distance[arn] + 1
                    following.append(neighbour)
        frontier = following
    return distance, led


def on_the_way(
    distance: dict[str, int], led: set[Edge], wanted: Callable[[str], bool]
) -> tuple[set[str], set[Edge]]:
    """Return the wanted entities, those between them and the start, and the edges between."""
    inward: dict[str, list[tuple[str, Edge]]] = defaultdict(list)
    for edge in led:
        for near, far in ((edge.source, edge.destination), (edge.destination, edge.source)):
            if distance[near] < distance[far]:
                inward[far].append((near, edge))
    kept = {arn for arn in distance if wanted(arn)}
    path: set[Edge] = set()
    frontier = list(kept)
    while frontier:
        for near, edge in inward[frontier.pop()]:
            path.add(edge)
            if near not in kept:
                kept.add(near)
                frontier.append(near)
    return kept, path
