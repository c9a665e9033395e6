"""Roles' calls, judged by the policies that IAM holds for them; what was used is remembered."""

import json
import logging
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable
from typing import Any

from everloop_localcloud.kernel.access.demands import Demand, Place, demands
from everloop_localcloud.kernel.access.evaluation import Statement, evaluate, listed, statements_of
from everloop_localcloud.kernel.access.record import wanted
from everloop_localcloud.kernel.errors import AwsError

log = logging.getLogger(__name__)

Iam = Callable[[str, dict[str, Any]], dict[str, Any]]  # calls an operation of IAM

_REST = {"s3", "lambda", "sns", "scheduler", "sagemaker-runtime", "cloudformation", "iam", "sts"}
_CODES = dict.fromkeys(("s3", "iam", "sts", "sns"), "AccessDenied")


class Roles:
    """Judges what roles do. People (any access key that no role has) may do everything.

    A role that IAM does not have, as tests and sketches name some, is not judged.
    """

    def __init__(self, account: str, region: str, iam: Iam) -> None:
        self._iam = iam
        self.place = Place(account, region)
        self._statements: dict[str, list[Statement] | None] = {}
        self._changes: Counter[str | None] = Counter()  # by role; None: of what any may
        self._record = wanted("localcloud")
        self._lock = threading.Lock()
        self._used: Counter[tuple[str, str, int, str]] = Counter()
        self._denied: Counter[tuple[str, str, str]] = Counter()

    def check(self, principal: str, service: str, operation: str, params: dict[str, Any]) -> None:
        """Raise AwsError AccessDenied(Exception) unless the principal's policies allow the call."""
        role = _role_name(principal)
        if role is None or service == "iam":
            return
        statements = self._of(role)
        if statements is None:
            return
        known = self._known(role)
        for demand in demands(service, operation, params, self.place):
            verdict = evaluate(statements, demand, known)
            if self._record is not None:
                self._record.note(role, demand, allowed=verdict.allowed)
            if not verdict.allowed:
                with self._lock:
                    self._denied[role, demand.action, demand.resource or "*"] += 1
                raise _denied(principal, service, demand, explicit=verdict.statement is not None)
            assert verdict.statement is not None
            place = verdict.statement
            with self._lock:
                self._used[role, place.policy, place.index, demand.action] += 1

    def permits(self, principal: str, service: str, operation: str, **params: Any) -> bool:
        """Judge what AWS leaves out where the role may not, and tells nobody: logs, traces."""
        try:
            self.check(principal, service, operation, params)
        except AwsError as error:
            log.warning("left out: %s", error.message)
            return False
        return True

    def may(self, principal: str, service: str, operation: str, params: dict[str, Any]) -> bool:
        """Tell whether a call would be allowed, without counting it."""
        role = _role_name(principal)
        statements = self._of(role) if role else None
        if statements is None:
            return True
        return all(
            evaluate(statements, demand, self._known(str(role))).allowed
            for demand in demands(service, operation, params, self.place)
        )

    def grants(self, principal: str, service: str, operation: str, params: dict[str, Any]) -> bool:
        """Tell whether a role that IAM has may make a call; one that was deleted may nothing."""
        role = _role_name(principal)
        known = role is not None and self._of(role) is not None
        return known and self.may(principal, service, operation, params)

    def decision(self, principal: str, action: str, resource: str) -> str:
        """Return the decision that SimulatePrincipalPolicy tells of an action on a resource."""
        role = _role_name(principal)
        statements = self._of(role) if role else None
        if role is None or statements is None:
            return "allowed"
        verdict = evaluate(statements, Demand(action, resource), self._known(role))
        if verdict.allowed:
            return "allowed"
        return "explicitDeny" if verdict.statement else "implicitDeny"

    def forget(self, role: str | None = None) -> None:
        """Read a role's policies anew, or all: some have changed."""
        with self._lock:
            if role is None:
                self._statements.clear()
            else:
                self._statements.pop(role, None)
            self._changes[role] += 1

    def report(self) -> dict[str, Any]:
        """Return each judged role's grants with how often each was used, and what was denied."""
        with self._lock:
            judged = {role: list(found) for role, found in self._statements.items() if found}
            used, denied = dict(self._used), dict(self._denied)
        return {
            "roles": {
                role: [
                    {
                        "policy": statement.policy,
                        "action": action,
                        "resource": statement.content.get("Resource"),
                        "effect": statement.content.get("Effect"),
                        "used": used.get((role, statement.policy, statement.index, action), 0),
                    }
                    for statement in statements
                    for action in listed(statement.content.get("Action") or [])
                ]
                for role, statements in sorted(judged.items())
            },
            "denied": [
                {"role": role, "action": action, "resource": resource, "calls": count}
                for (role, action, resource), count in sorted(denied.items())
            ],
        }

    def _known(self, role: str) -> dict[str, str]:
        return {
            "aws:securetransport": "true",  # a laptop's loopback stands for TLS
            "aws:principalarn": f"arn:aws:iam::{self.place.account}:role/{role}",
            "aws:principalaccount": self.place.account,
            "aws:requestedregion": self.place.region,
        }

    def _of(self, role: str) -> list[Statement] | None:
        with self._lock:
            if role in self._statements:
                return self._statements[role]
            before = self._changes[role], self._changes[None]
        found = self._read(role)
        with self._lock:
            # Else policies changed while they were read.
            if before == (self._changes[role], self._changes[None]):
                self._statements[role] = found
        return found

    def _read(self, role: str) -> list[Statement] | None:
        def call(operation: str, **params: str) -> dict[str, Any]:
            return self._iam(operation, params)

        try:
            call("GetRole", RoleName=role)
        except AwsError as error:
            if error.code == "NoSuchEntity":
                return None
            raise
        found: list[Statement] = []
        for name in call("ListRolePolicies", RoleName=role)["PolicyNames"]:
            inline = call("GetRolePolicy", RoleName=role, PolicyName=name)["PolicyDocument"]
            found += statements_of(name, _document(inline))
        for attached in call("ListAttachedRolePolicies", RoleName=role)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = call("GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
            told = call("GetPolicyVersion", PolicyArn=arn, VersionId=version)["PolicyVersion"]
            found += statements_of(attached["PolicyName"], _document(told["Document"]))
        return found


def _role_name(principal: str) -> str | None:
    """Return the role behind `…:assumed-role/NAME/SESSION` or `…:role/PATH/NAME`, else None."""
    kind, _, rest = principal.rpartition(":")[2].partition("/")
    if kind == "assumed-role":
        return rest.partition("/")[0]
    return rest.rpartition("/")[2] if kind == "role" else None


def _document(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = (
        value if isinstance(value, dict) else json.loads(urllib.parse.unquote(value))
    )
    return found


def _denied(principal: str, service: str, demand: Demand, *, explicit: bool) -> AwsError:
    on = f" on resource: {demand.resource}" if demand.resource else ""
    why = (
        "with an explicit deny in an identity-based policy"
        if explicit
        else f"because no identity-based policy allows the {demand.action} action"
    )
    message = f"User: {principal} is not authorized to perform: {demand.action}{on} {why}"
    status = 403 if service in _REST else 400
    return AwsError(_CODES.get(service, "AccessDeniedException"), message, status)
