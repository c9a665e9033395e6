"""Errors, sorted by what the caller should do about them.

    EverloopError
    + BadInput   the event, spec, data or report is wrong; retrying cannot help  -> catch, notify
    + NotReady   AWS has not caught up with us yet                               -> retry later
    + Conflict   somebody already did it                                         -> treat as done

The class names are public: state machines match them in `Retry` and `Catch`.
"""


class EverloopError(Exception):
    """Any error that Everloop raises on purpose."""


class BadInput(EverloopError):
    """The input is wrong: names the field, the value seen and the fix; retrying cannot help."""


class NotReady(EverloopError):
    """AWS has not caught up yet; the same call is right a little later."""


class Conflict(EverloopError):
    """Somebody already did it, or is doing it; treat it as done after reading it back."""
