"""Task tokens: whom to resume when what a machine waits for has happened."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from everloop.moments import epoch
from everloop.records.keys import EXPIRES, Item, Key
from everloop.records.writes import Delete, Put

_KEPT = timedelta(days=14)


@dataclass(frozen=True)
class Token:
    """A task token and what its machine waits for.

    `armed` says that the change was requested: before that, what the endpoint says is about
    something else.
    """

    subject: str
    token: str
    model: str
    execution: str
    config: str
    armed: bool


def key(subject: str) -> Key:
    return Key(f"RUN#{subject}", "TOKEN")


def put(token: Token, now: datetime) -> Put:
    return Put(
        key(token.subject),
        {
            "token": token.token,
            "model": token.model,
            "execution": token.execution,
            "wanted": token.config,
            "armed": token.armed,
            EXPIRES: epoch(now + _KEPT),
        },
    )


def of(subject: str, item: Item) -> Token:
    return Token(
        subject, item["token"], item["model"], item["execution"], item["wanted"], item["armed"]
    )


def drop(token: Token) -> Delete:
    """Return what forgets a token that was used, unless another has taken its place."""
    return Delete(key(token.subject), "#token = :token", {"token": token.token})
