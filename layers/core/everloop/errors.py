"""Errors, sorted by what the caller should do about them.

    EverloopError
    + BadInput   the event, spec, data or report is wrong; retrying cannot help  -> catch, notify
      + Tampered something is not what it was when it was registered           -> release nothing
    + NotReady   AWS has not caught up with us yet                               -> retry later
    + NoCapacity AWS has no quota or no instances for it                         -> wait for hours
    + Conflict   somebody already did it                                         -> treat as done

The class names are public: state machines match them in `Retry` and `Catch`.
"""

import json
from collections.abc import Mapping
from typing import Any


def message_of(caught: Mapping[str, Any]) -> str:
    """Return what the error says that a state machine caught, without Lambda's stack trace."""
    cause = str(caught.get("Cause") or "")
    try:
        document = json.loads(cause)
    except (ValueError, RecursionError):
        return cause
    message = document.get("errorMessage") if isinstance(document, dict) else None
    return message if isinstance(message, str) else cause


def shown(value: object) -> str:
    """Return a value as an error shows it: not all of it, where somebody sent a book."""
    try:
        text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except RecursionError:
        return f"a {type(value).__name__} that is nested too deeply to be shown"
    return text if len(text) <= 200 else f"{text[:200]}…"


class EverloopError(Exception):
    """Any error that Everloop raises on purpose."""


class BadInput(EverloopError):
    """The input is wrong: names the field, the value seen and the fix; retrying cannot help."""


class Tampered(BadInput):
    """What was registered and what lies there differ: nothing of it may be released."""


class NotReady(EverloopError):
    """AWS has not caught up yet; the same call is right a little later."""


class NoCapacity(EverloopError):
    """AWS has no quota or no instances: "subject: AWS's own words"; seconds change nothing."""


class Conflict(EverloopError):
    """Somebody already did it, or is doing it; treat it as done after reading it back."""
