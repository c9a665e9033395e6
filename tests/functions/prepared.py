"""What a step did to an account is done once in a process, and brought back wherever a test begins
with the same steps: its calls, judged against roles as any others, are made the first time only."""

import copyreg
import hashlib
import io
import os
import pickle
import threading
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from botocore.handlers import BUILTIN_HANDLERS
from moto.backends import get_backend
from moto.core.base_backend import BackendDict, BaseBackend

P = ParamSpec("P")
R = TypeVar("R")
_LARGE = 1000  # bytes; what is larger is kept once, whatever holds it

_calls = 0
_contents: dict[str, bytes] = {}
_kept: dict[Hashable, tuple[bytes, bytes]] = {}  # by a history: the account's state, the answer

copyreg.pickle(type(threading.RLock()), lambda _: (threading.RLock, ()))


def _counted(**_: Any) -> None:
    global _calls
    _calls += 1


# Of every client that is made from here on, and before moto's own, which answers.
BUILTIN_HANDLERS.insert(0, ("before-send", _counted))


class History:
    """The steps that made an account what it is, as long as nothing else touched it."""

    def __init__(self) -> None:
        self._steps: tuple[Hashable, ...] | None = ()
        self._until = _calls

    def touched(self) -> None:
        """Say that the account is changed in a way that no call shows."""
        self._steps = None

    def take(self, name: str, given: Hashable, make: Callable[[], R]) -> R:
        """Do a step, or bring back what it did; returns its answer."""
        if self._steps is None or self._until != _calls:
            return make()
        environment = frozenset(
            (name, value) for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"
        )
        steps = (*self._steps, (name, given, environment))
        self._steps = None  # steps within this one are parts of it
        if steps not in _kept:
            answer = make()
            _kept[steps] = _state(), pickle.dumps(answer)
        else:
            state, told = _kept[steps]
            _restore(state)
            answer = pickle.loads(told)
        self._steps, self._until = steps, _calls
        return answer


class _Account(Protocol):
    history: History


A = TypeVar("A", bound=_Account)


def step(make: Callable[Concatenate[A, P], R]) -> Callable[Concatenate[A, P], R]:
    """Do once what this method does to an account, with the same values after the same steps."""

    @wraps(make)
    def taken(account: A, *args: P.args, **named: P.kwargs) -> R:
        given = hashlib.sha256(repr((args, sorted(named.items()))).encode()).digest()
        return account.history.take(make.__qualname__, given, lambda: make(account, *args, **named))

    return taken


class _Writer(pickle.Pickler):
    def persistent_id(self, found: Any) -> Any:
        if isinstance(found, BaseBackend):
            return "backend", _service(found), found.account_id, found.region_name
        if isinstance(found, bytes) and len(found) > _LARGE:
            digest = hashlib.sha256(found).hexdigest()
            _contents[digest] = found
            return "bytes", digest
        return None

    def reducer_override(self, found: Any) -> Any:
        own = type(found).__module__.startswith("moto.") and isinstance(found, dict)
        if not own:
            return NotImplemented
        # A dictionary with a __setitem__ of its own would take what it held for something new.
        state = dict(found), vars(found)
        return copyreg.__newobj__, (type(found),), state, None, None, _filled  # type: ignore[attr-defined]


class _Reader(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> Any:
        kind, *where = pid
        if kind == "bytes":
            return _contents[where[0]]
        service, account, region = where
        return get_backend(service)[account][region]


def _filled(made: dict[Any, Any], state: tuple[dict[Any, Any], dict[str, Any]]) -> None:
    dict.update(made, state[0])
    vars(made).update(state[1])


def _service(backend: BaseBackend) -> str:
    return type(backend).__module__.split(".")[1]


def _state() -> bytes:
    held = {
        (_service(backend), account, region): vars(backend)
        for every in BackendDict._instances
        for account, region, backend in every.iter_backends()
    }
    target = io.BytesIO()
    _Writer(target, pickle.HIGHEST_PROTOCOL).dump(held)
    return target.getvalue()


def _restore(state: bytes) -> None:
    for (service, account, region), values in _Reader(io.BytesIO(state)).load().items():
        held = vars(get_backend(service)[account][region])
        held.clear()
        held.update(values)
