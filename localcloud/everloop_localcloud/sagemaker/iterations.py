"""The child steps of an execution's ForEach steps: whose they are, and whether more of them run."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from everloop_localcloud.sagemaker import for_each

Json = dict[str, Any]


class Iterations:
    """Children by name. What became of them is in the execution's record."""

    def __init__(self) -> None:
        self._contexts: dict[str, Json] = {}

    def add(self, step: Json, items: list[Any]) -> Json:
        """Return the child steps of a ForEach step, by name. Raises Unresolvable."""
        children = for_each.expand(step, items)
        for name, (index, _) in children.items():
            item = items[index]
            self._contexts[name] = {
                "ParentStepName": step["Name"],
                "Index": index,
                "Item": item if isinstance(item, str) else json.dumps(item),
            }
        return {name: child for name, (_, child) in children.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._contexts

    def context(self, name: str) -> Json | None:
        """Return a child's IterationContext."""
        return self._contexts.get(name)

    def owner(self, name: str) -> str | None:
        """Return the ForEach step whose child a step is."""
        found = self._contexts.get(name)
        return found["ParentStepName"] if found else None

    def of(self, name: str) -> list[str]:
        return [each for each in self._contexts if self.owner(each) == name]

    def room(self, steps: Iterable[Json], active: Iterable[str]) -> dict[str, int]:
        """Return how many more children of each ForEach step may run now."""
        owners = [self.owner(each) for each in active]
        return {
            step["Name"]: step["Arguments"]["MaxConcurrency"] - owners.count(step["Name"])
            for step in steps
            if step["Type"] == "ForEach"
        }


def may_run(
    name: str,
    waiting: set[str],
    parents: Callable[[str], set[str]],
    fires: Callable[[str, str], bool],
) -> bool:
    """Whether a child that waits will run at all: what failed holds back what follows it.

    `fires(child, parent)` tells whether a step that has ended lets a child run.
    """
    return all(
        may_run(parent, waiting, parents, fires) if parent in waiting else fires(name, parent)
        for parent in parents(name)
    )
