"""Parallel and Map states: walks side by side, of which the first that fails ends the others."""

import threading
from collections.abc import Callable
from typing import Any

from everloop_localcloud.states import errors, json_text
from everloop_localcloud.states.errors import StateError, Stopped, runtime
from everloop_localcloud.states.history import History
from everloop_localcloud.states.query import Query
from everloop_localcloud.states.scope import Scope
from everloop_localcloud.states.walk import Visit, Walk

_INLINE_AT_ONCE = 40
_DISTRIBUTED_AT_ONCE = 100  # AWS runs up to 10,000; this machine has fewer cores
Work = Callable[[Scope], Any]


def parallel(branch: Walk, visit: Visit, query: Query) -> list[Any]:
    """Run the branches of a Parallel state; return their outputs, in the branches' order."""
    value = query.arguments()
    started = branch.record("ParallelStateStarted")

    def walk(definition: dict[str, Any]) -> Work:
        def work(scope: Scope) -> Any:
            inner = branch.inner(scope, definition["States"], _inside(visit, {}), started)
            return inner.execute(definition["StartAt"], json_text.copied(value))

        return work

    works = [walk(definition) for definition in visit.definition["Branches"]]
    try:
        results = _together(branch, works, len(works))
    except StateError:
        branch.previous = branch.history.last
        branch.record("ParallelStateFailed")
        raise
    branch.previous = branch.history.last
    branch.record("ParallelStateSucceeded")
    return results


def over_items(branch: Walk, visit: Visit, query: Query) -> list[Any]:
    """Run a Map state; return the outputs of its iterations, in the items' order."""
    definition = visit.definition
    processor = definition.get("ItemProcessor") or definition["Iterator"]
    for field in ("ItemReader", "ItemBatcher", "ResultWriter"):
        if field in definition:
            raise runtime(f"The local cloud does not run a Map state with {field}")
    items = query.items()
    limit = query.limit("MaxConcurrency")
    tolerated = (query.limit("ToleratedFailureCount"), query.limit("ToleratedFailurePercentage"))
    started = branch.record("MapStateStarted", {"length": len(items)})
    distributed = processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED"
    most = _DISTRIBUTED_AT_ONCE if distributed else _INLINE_AT_ONCE
    at_once = int(limit) if limit else most
    map_run = _Distributed(branch, visit, tolerated, len(items)) if distributed else None

    def iterate(index: int, item: Any) -> Work:
        def work(scope: Scope) -> Any:
            extra = {"Map": {"Item": {"Index": index, "Value": item}}}
            value = query.item({**visit.context, **extra}, item)
            if map_run is not None:
                return map_run.child(scope, processor, index, value)
            return _iteration(branch, visit, scope, processor, started, extra, value)

        return work

    works = [iterate(index, item) for index, item in enumerate(items)]
    try:
        results = _together(branch, works, min(at_once, most))
    except StateError:
        branch.previous = branch.history.last
        branch.record("MapStateFailed")
        raise
    branch.previous = branch.history.last
    branch.record("MapStateSucceeded")
    return [result for result in results if result is not _FAILED]


_FAILED: Any = object()


def _iteration(
    branch: Walk,
    visit: Visit,
    scope: Scope,
    processor: dict[str, Any],
    started: int,
    extra: dict[str, Any],
    value: Any,
) -> Any:
    named = {"name": visit.name, "index": extra["Map"]["Item"]["Index"]}
    inner = branch.inner(scope, processor["States"], _inside(visit, extra), started)
    inner.record("MapIterationStarted", named)
    try:
        output = inner.execute(processor["StartAt"], value)
    except StateError:
        inner.record("MapIterationFailed", named)
        raise
    except Stopped:
        if not branch.run.scope.cancelled:
            branch.history.record("MapIterationAborted", inner.previous, named)
        raise
    inner.record("MapIterationSucceeded", named)
    return output


def _inside(visit: Visit, extra: dict[str, Any]) -> dict[str, Any]:
    """Return the context of a walk inside a state: the execution's, not this state's."""
    shared = {key: value for key, value in visit.context.items() if key not in ("State", "Task")}
    return {**shared, **extra}


class _Distributed:
    """A distributed Map: each iteration is an execution of its own, and some may fail.

    The children have no history that could be asked for: the local cloud keeps no map runs.
    """

    def __init__(
        self,
        branch: Walk,
        visit: Visit,
        tolerated: tuple[float | None, float | None],
        length: int,
    ) -> None:
        self._branch = branch
        self._visit = visit
        self._tolerated = tolerated
        self._length = length
        self._failed = 0
        self._lock = threading.Lock()

    def child(self, scope: Scope, processor: dict[str, Any], index: int, value: Any) -> Any:
        run = self._branch.run
        name = run.world.uuid()
        label = self._visit.definition.get("Label", self._visit.name)
        arn = run.machine.arn.replace(":stateMachine:", ":execution:", 1)
        context = run.context()
        context["Execution"] |= {"Id": f"{arn}/{label}:{name}", "Input": value, "Name": name}
        silent = History(run.world.now, lambda event: None)
        inner = self._branch.inner(
            scope, processor["States"], context, 0, history=silent, variables={}
        )
        try:
            return inner.execute(processor["StartAt"], value)
        except StateError as error:
            with self._lock:
                self._failed += 1
                exceeded = self._exceeded()
            if exceeded:
                cause = "The specified tolerated failure threshold was exceeded"
                raise StateError(errors.THRESHOLD, cause) from error
            return _FAILED

    def _exceeded(self) -> bool:
        count, percentage = self._tolerated
        if count is None and percentage is None:
            return True
        by_count = count is not None and self._failed > count
        share = 100 * self._failed / self._length
        return by_count or (percentage is not None and share > percentage)


def _together(branch: Walk, works: list[Work], at_once: int) -> list[Any]:
    """Do works side by side, at most so many at once; the first failure ends all the others."""
    results: list[Any] = [None] * len(works)
    scope = Scope(branch.run.world, branch.scope)
    try:
        if min(at_once, len(works)) <= 1:
            for index, work in enumerate(works):
                results[index] = work(scope)
            return results
        _Crew(branch, scope, works, results, at_once).work()
        return results
    finally:
        branch.scope.leave(scope)


class _Crew:
    def __init__(
        self, branch: Walk, scope: Scope, works: list[Work], results: list[Any], at_once: int
    ) -> None:
        self._branch = branch
        self._scope = scope
        self._works = works
        self._results = results
        self._lock = threading.Lock()
        self._next = 0
        self._busy = min(at_once, len(works))
        self._error: Exception | None = None
        self._done = branch.run.world.signal()

    def work(self) -> None:
        for _ in range(self._busy):
            self._branch.run.world.spawn(self._worker)
        self._branch.scope.wait(self._done)
        if self._error is not None:
            raise self._error

    def _worker(self) -> None:
        try:
            while (index := self._take()) is not None:
                self._results[index] = self._works[index](self._scope)
        except Stopped:
            pass  # a sibling failed, or the execution was stopped: whoever did that tells
        except Exception as error:
            with self._lock:
                self._error = self._error or error
            self._scope.cancel()
        finally:
            with self._lock:
                self._busy -= 1
                last = self._busy == 0
            if last:
                self._done.set()

    def _take(self) -> int | None:
        with self._lock:
            if self._scope.cancelled or self._next >= len(self._works):
                return None
            self._next += 1
            return self._next - 1
