"""Calling a function of the stack on a person's word: who it is, and when, by AWS's own clock."""

from datetime import UTC, datetime
from typing import Any

from everloop.aws import account, lambdas
from everloop.aws.clients import FAULTS
from everloop.errors import EverloopError
from everloop.moments import text
from everloop_cli.trouble import Trouble


def call(function: str, request: dict[str, Any]) -> Any:
    """Call a function with the request, its actor and its time; return the answer."""
    try:
        who = account.caller()
        now = who.at or datetime.now(UTC)
        return lambdas.call(function, {**request, "actor": who.arn, "time": text(now)})
    except (EverloopError, *FAULTS) as error:
        raise Trouble(str(error)) from error
