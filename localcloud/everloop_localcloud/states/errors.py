"""How a state fails, and how an execution is ended from outside."""

from typing import Any

RUNTIME = "States.Runtime"
QUERY_EVALUATION = "States.QueryEvaluationError"
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
TASK_FAILED = "States.TaskFailed"
DATA_LIMIT = "States.DataLimitExceeded"
INTRINSIC_FAILURE = "States.IntrinsicFailure"
THRESHOLD = "States.ExceedToleratedFailureThreshold"
LARGEST_PAYLOAD = 262_144  # bytes of UTF-8, for the input or output of a state or task


class StateError(Exception):
    """A state failed with an error name that Retry and Catch may match.

    `located` errors tell in their cause which state they are of; `terminal` ones end the
    execution whatever Catch says. `location` is the field whose evaluation failed, if one did.
    """

    def __init__(
        self,
        error: str | None,
        cause: str | None = None,
        *,
        located: bool = False,
        terminal: bool = False,
        location: str | None = None,
    ) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause
        self.located = located
        self.terminal = terminal
        self.location = location

    def output(self) -> dict[str, Any]:
        """Return what Catch hands on: Error and Cause."""
        found: dict[str, Any] = {"Error": self.error}
        if self.cause is not None:
            found["Cause"] = self.cause
        return found


class Stopped(Exception):
    """The execution, or the branch, was ended from outside; nothing may go on."""


def runtime(cause: str) -> StateError:
    """Return the error of a path that leads nowhere: it can be neither retried nor caught."""
    return StateError(RUNTIME, cause, located=True, terminal=True)


def evaluation(cause: str, location: str) -> StateError:
    """Return the error of a JSONata field that could not be evaluated."""
    return StateError(QUERY_EVALUATION, cause, located=True, location=location)


def too_large(subject: str) -> str:
    """Return the cause of States.DataLimitExceeded."""
    return (
        f"The state/task '{subject}' returned a result with a size exceeding the maximum number"
        " of bytes service limit."
    )
