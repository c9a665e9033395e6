"""What a form of serving says about itself."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Form:
    """A form of serving.

    `mistakes` says what of a spec it cannot have, one line each, which names key, value and repair.
    Without instances of its own AWS chooses what it runs on; what is not captured is not monitored.
    Without an endpoint a version serves by transform jobs, and the ledger points at it. `sections`
    are tables of [deploy] that belong to this form alone, and `implied` returns a [deploy] as given
    with what follows from it.
    """

    name: str
    mistakes: Callable[[Mapping[str, Any]], Iterable[str]]
    on_instances: bool = True
    captured: bool = True
    has_endpoint: bool = True
    sections: tuple[str, ...] = ()
    implied: Callable[[dict[str, Any]], dict[str, Any]] = dict
