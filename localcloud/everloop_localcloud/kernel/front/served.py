"""What the front needs of the account that it answers for, beside what services need."""

from typing import Any, Protocol

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.gate import Gate
from everloop_localcloud.kernel.messages import Answer, Request


class Elsewhere(Protocol):
    """Answers for the services that have no Api of ours."""

    def respond(self, service: str, request: Request) -> Answer: ...


class Served(Account, Protocol):
    """An account behind a port. `secret` is what users sign with, where that is verified."""

    gate: Gate
    secret: str | None

    @property
    def behind(self) -> Elsewhere: ...

    def counted(self) -> list[dict[str, Any]]:
        """Return who called what, and how often."""
        ...
