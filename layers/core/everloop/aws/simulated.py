"""What whoever asks may do, as IAM simulates it: nothing is called."""

import re
from collections.abc import Mapping, Sequence

from everloop.aws.clients import translated
from everloop.aws.outside import iam
from everloop.errors import BadInput

_SESSION = re.compile(
    r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/"
)


def source(caller: str) -> str:
    """Return whose policies are simulated: a session's role, as far as its ARN tells it.

    Raises BadInput for who has no policies to simulate. A session does not tell its role's path.
    """
    if caller.endswith(":root"):
        raise BadInput("the account's root has no policies to simulate; work as somebody else")
    session = _SESSION.match(caller)
    if session is None:
        return caller
    return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"


def refused(caller: str, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """Return which actions on which resources somebody may not, in words."""
    found = []
    for resource, actions in wanted.items():
        with translated(f"what {caller} may do"):
            answer = iam().simulate_principal_policy(
                PolicySourceArn=source(caller), ActionNames=list(actions), ResourceArns=[resource]
            )
        found += [
            f"{each['EvalActionName']} on {resource}"
            for each in answer["EvaluationResults"]
            if each["EvalDecision"] != "allowed"
        ]
    return found
