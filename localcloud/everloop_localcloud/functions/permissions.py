"""A function's own policy: who else may invoke it."""

import json
import uuid
from typing import Any

from everloop_localcloud.functions import records
from everloop_localcloud.functions.part import Part
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError

_REFUSED = ("FunctionUrlAuthType", "InvokedViaFunctionUrl", "EventSourceToken")


class Permissions(Part):
    """AddPermission and its kin."""

    @operation
    def add_permission(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        for name in _REFUSED:
            if name in request:
                raise records.invalid(f"the local cloud does not support {name} of AddPermission")
        with self.state.lock:
            record = self.state.record(request["FunctionName"], request.get("Qualifier"))
            sid = request["StatementId"]
            records.check_revision(record.get("PolicyRevision"), request, "GetPolicy")
            policy = list(record.get("Policy", []))
            if any(statement["Sid"] == sid for statement in policy):
                raise AwsError(
                    "ResourceConflictException",
                    f"The statement id ({sid}) provided already exists. Please provide a new "
                    "statement id, or remove the existing statement.",
                    409,
                    Type="User",
                )
            statement = _statement(request, record["FunctionArn"])
            record["Policy"] = [*policy, statement]
            self._save_policy(record)
        return {"Statement": json.dumps(statement)}

    @operation
    def remove_permission(self, call: Call, request: dict[str, Any]) -> None:
        with self.state.lock:
            record = self.state.record(request["FunctionName"], request.get("Qualifier"))
            records.check_revision(record.get("PolicyRevision"), request, "GetPolicy")
            policy = record.get("Policy", [])
            left = [one for one in policy if one["Sid"] != request["StatementId"]]
            if len(left) == len(policy):
                raise _absent(
                    f"Statement {request['StatementId']} is not found in resource policy."
                )
            record["Policy"] = left
            self._save_policy(record)

    @operation
    def get_policy(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        record = self.state.record(request["FunctionName"], request.get("Qualifier"))
        if not record.get("Policy"):
            raise _absent("The resource you requested does not exist.")
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": record["Policy"]}
        return {"Policy": json.dumps(policy), "RevisionId": record["PolicyRevision"]}

    def _save_policy(self, record: dict[str, Any]) -> None:
        record["PolicyRevision"] = str(uuid.uuid4())
        self.state.records.save(record["FunctionName"])


def _statement(request: dict[str, Any], function_arn: str) -> dict[str, Any]:
    principal = request["Principal"]
    who: Any = {"AWS": principal}
    if principal == "*":
        who = "*"
    elif principal.endswith(".amazonaws.com"):
        who = {"Service": principal}
    elif principal.isdigit():
        who = {"AWS": f"arn:aws:iam::{principal}:root"}
    statement = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": who,
        "Action": request["Action"],
        "Resource": function_arn,
    }
    condition: dict[str, Any] = {}
    if "SourceArn" in request:
        condition["ArnLike"] = {"AWS:SourceArn": request["SourceArn"]}
    if "SourceAccount" in request:
        condition.setdefault("StringEquals", {})["AWS:SourceAccount"] = request["SourceAccount"]
    if "PrincipalOrgID" in request:
        condition.setdefault("StringEquals", {})["aws:PrincipalOrgID"] = request["PrincipalOrgID"]
    if condition:
        statement["Condition"] = condition
    return statement


def _absent(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, 404, Type="User")
