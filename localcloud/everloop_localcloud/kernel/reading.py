"""Which parameters an operation's code looks for: what holds the declarations true.

A parameter is read where its name stands as a text in the code that an operation can reach. The
search follows names, so it may find too much, and never too little but for names that are put
together while running: a service names those (`Api.also_read`).
"""

import importlib.abc
import inspect
import types
from collections.abc import Iterator
from functools import cache
from typing import Any

# Reaching these would be reaching everything.
_ELSEWHERE = (
    "everloop_localcloud.cloud",
    "everloop_localcloud.kernel.store",
    "everloop_localcloud.kernel.wire",
    "everloop_localcloud.kernel.clock",
)
_DEPTH = 4  # tables of parameter names are no deeper


def texts_of(api: object, operation: types.MethodType) -> frozenset[str]:
    """Return every text in the code that an operation reaches, within its service."""
    found: set[str] = set()
    names: set[str] = {"__init__"}
    holders = {type(api), *(type(part) for part in vars(api).values() if _ours(type(part)))}
    functions: set[types.FunctionType] = set()
    fresh: set[types.FunctionType] = {operation.__func__}  # type: ignore[arg-type]
    while fresh:
        functions |= fresh
        for function in list(fresh):
            texts, called, classes, others = _read(function)
            found |= texts
            names |= called
            holders |= classes
            fresh |= others
        for holder in holders:
            methods = _methods(holder)  # type: ignore[arg-type,unused-ignore]
            fresh.update(methods[name] for name in names & methods.keys())
        fresh -= functions
    return frozenset(found)


@cache
def texts_in(module: str) -> frozenset[str]:
    """Return every text in the code of a module, whoever wrote it."""
    loader = importlib.import_module(module).__loader__
    assert isinstance(loader, importlib.abc.InspectLoader)
    whole = loader.get_code(module)
    found: set[str] = set()
    for code in _codes(whole) if whole is not None else ():
        _collect(code.co_consts, found)
    return frozenset(found)


@cache
def _read(
    function: types.FunctionType,
) -> tuple[set[str], set[str], set[type], set[types.FunctionType]]:
    """Return what a function's code holds: texts, names, and classes and functions of ours."""
    texts: set[str] = set()
    names: set[str] = set()
    classes: set[type] = set()
    functions: set[types.FunctionType] = set()
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    for code in _codes(function.__code__):
        names.update(code.co_names)
        _collect(code.co_consts, texts)
        for thing in [*_named(code, function.__globals__), *held]:
            if isinstance(thing, type):
                classes.add(thing)
            elif isinstance(thing, types.FunctionType):
                functions.add(thing)
            else:
                _collect(thing, texts)
    return texts, names, classes, functions


def _ours(thing: Any) -> bool:
    home = str(getattr(thing, "__module__", ""))
    return home.startswith("everloop_localcloud.") and home not in _ELSEWHERE


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _named(code: types.CodeType, known: dict[str, Any]) -> Iterator[Any]:
    """Yield what global names stand for: functions and classes of ours, and tables of texts."""
    for name in code.co_names:
        thing = known.get(name)
        if isinstance(thing, types.ModuleType) and thing.__name__.startswith(
            "everloop_localcloud."
        ):
            things = [getattr(thing, other, None) for other in code.co_names]
        else:
            things = [thing]
        for one in things:
            one = getattr(one, "__wrapped__", one)
            if isinstance(one, types.FunctionType | type):
                if _ours(one):
                    yield one
            elif isinstance(one, str | dict | tuple | set | frozenset | list):
                yield one


@cache
def _methods(holder: type) -> dict[str, types.FunctionType]:
    found = {}
    for name in dir(holder):
        method = inspect.getattr_static(holder, name)
        if isinstance(method, property):
            method = method.fget
        method = getattr(method, "__func__", method)
        method = getattr(method, "__wrapped__", method)
        # perform() stands before all operations, so what it reads tells nothing about one.
        if isinstance(method, types.FunctionType) and _ours(method) and name != "perform":
            found[name] = method
    return found


def _collect(value: Any, found: set[str], depth: int = 0) -> None:
    if isinstance(value, str):
        found.add(value)
    elif depth < _DEPTH and isinstance(value, dict | tuple | list | set | frozenset):
        items = [*value, *value.values()] if isinstance(value, dict) else list(value)
        for item in items:
            _collect(item, found, depth + 1)
