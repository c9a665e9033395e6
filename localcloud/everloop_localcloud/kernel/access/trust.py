"""Whether a role that a call hands to a service of AWS lets that service assume it.

AWS asks when the call is made, in each service's own words; of a new role services learn seconds
later. A role that IAM does not have is not
judged, nor is one for a rule of EventBridge, which finds out when it delivers.
"""

import json
import urllib.parse
from typing import Any

from everloop_localcloud.kernel.access.demands import demands, passed
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.policies import allows

# Code and words of the error, by service.
_REFUSALS = {
    "lambda": (
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    ),
    "stepfunctions": (
        "AccessDeniedException",
        "Neither the global service principal states.amazonaws.com, nor the regional one is"
        " authorized to assume the provided role.",
    ),
    "scheduler": (
        "ValidationException",
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
    ),
    "sagemaker": (
        "ValidationException",
        "Could not assume role {role}. Please ensure that the role exists and allows principal"
        " 'sagemaker.amazonaws.com' to assume the role.",
    ),
}
_PRINCIPALS = {"stepfunctions": "states.amazonaws.com"}


def check(cloud: Account, service: str, operation: str, params: dict[str, Any]) -> None:
    """Raise AwsError where the service could not assume a role that the call gives it."""
    refusal = _REFUSALS.get(service)
    if refusal is None:
        return
    for role in passed(service, params):
        trust = _trust(cloud, role)
        principal = _PRINCIPALS.get(service, f"{service}.amazonaws.com")
        source = _source(cloud, service, operation, params)
        if trust is None:
            continue
        unknown = cloud.propagation.misses("role", role.rpartition("/")[2])
        if unknown or not allows(trust, principal, "sts:AssumeRole", role, source):
            code, words = refusal
            raise AwsError(code, words.format(role=role))


def _source(cloud: Account, service: str, operation: str, params: dict[str, Any]) -> str:
    """Return aws:SourceArn, the resource on whose behalf the service assumes the role."""
    if service == "stepfunctions":
        named = f"stateMachine:{params.get('name')}"
        return str(params.get("stateMachineArn") or cloud.arn("states", named))
    if service == "scheduler":  # of a schedule it is its group
        return cloud.arn("scheduler", f"schedule-group/{params.get('GroupName') or 'default'}")
    found = demands(service, operation, params, cloud.roles.place)
    return found[0].resource or ""


def _trust(cloud: Account, role_arn: str) -> str | None:
    request = {"RoleName": role_arn.rpartition("/")[2]}
    try:
        role = cloud.call("iam", "GetRole", request)["Role"]
    except AwsError as error:
        if error.code == "NoSuchEntity":
            return None
        raise
    document = role["AssumeRolePolicyDocument"]
    if isinstance(document, str):
        return urllib.parse.unquote(document)
    return json.dumps(document)
