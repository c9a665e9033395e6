"""Now, as the cloud has it: the laptop's may run many times faster than this machine's."""

from datetime import UTC, datetime

from everloop.aws import account
from everloop.aws.clients import FAULTS
from everloop.errors import EverloopError


def now() -> datetime:
    """Return the cloud's time, by its own answer; this machine's where it says none."""
    try:
        return account.caller().at or datetime.now(UTC)
    except (EverloopError, *FAULTS):
        return datetime.now(UTC)  # only how long ago something was hangs on it
