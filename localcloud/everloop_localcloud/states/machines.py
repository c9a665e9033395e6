"""Operations on state machines: create, update, describe, list, judge, test, tag."""

import re
import threading
import uuid
from typing import Any, NoReturn

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.states import role
from everloop_localcloud.states.executions import Executions
from everloop_localcloud.states.state_test import StateTest, judged
from everloop_localcloud.states.validation import validate

_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
_MACHINE = re.compile(r"arn:aws[\w-]*:states:[\w-]+:\d{12}:stateMachine:[^:]+(:[^:]+)?")
_ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/.+")
_LONGEST_NAME = 80
_MOST_TAGS = 50
Row = dict[str, Any]


def check_name(name: str) -> None:
    """Refuse a name that AWS refuses. Raises AwsError InvalidName."""
    if not 1 <= len(name) <= _LONGEST_NAME or _FORBIDDEN.search(name):
        raise AwsError("InvalidName", f"Invalid Name: '{name}'")


def paged(
    rows: list[Any], request: Row, *, most: int = 1000, usual: int = 100
) -> tuple[list[Any], Row]:
    """Return one page of rows, and the member that leads to the next. Raises InvalidToken."""
    token = request.get("nextToken")
    try:
        start = int(token, 16) if token else 0
    except ValueError:
        raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'") from None
    size = min(request.get("maxResults") or usual, most)
    end = start + size
    return rows[start:end], {"nextToken": f"{end:08x}"} if end < len(rows) else {}


class MachineOperations(Api):
    """What can be done with a state machine but running it."""

    lock: threading.Lock
    machines: Any
    executions: Executions

    def machine(self, arn: str) -> Row:
        """Return a machine's row. Raises AwsError StateMachineDoesNotExist."""
        if not _MACHINE.fullmatch(arn):
            raise AwsError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'")
        row: Row | None = self.machines.get(arn)
        if row is None:
            self._gone(arn)
        return row

    def _gone(self, arn: str) -> NoReturn:
        told = f"State Machine Does Not Exist: '{arn}'"
        raise AwsError("StateMachineDoesNotExist", told)

    @staticmethod
    def _refuse(request: Row) -> None:
        """Refuse by name what the local cloud does not honour."""
        if request.get("publish"):
            raise validation("the local cloud keeps no versions: publish must be false")
        encryption = (request.get("encryptionConfiguration") or {}).get("type", "AWS_OWNED_KEY")
        if encryption != "AWS_OWNED_KEY":
            raise validation(f"the local cloud does not encrypt: encryptionConfiguration.type is "
                             f"{encryption}, use AWS_OWNED_KEY")  # fmt: skip

    @operation
    def create_state_machine(self, call: Call, request: Row) -> Row:
        name, kind = request["name"], request.get("type", "STANDARD")
        check_name(name)
        self._refuse(request)
        _check_role(request["roleArn"])
        judged(request["definition"], kind)
        arn = self.cloud.arn("states", f"stateMachine:{name}")
        with self.lock:
            known = self.machines.get(arn)
            if known is not None:
                same = (
                    known["definition"] == request["definition"]
                    and known["roleArn"] == request["roleArn"]
                    and known["type"] == kind
                )
                if not same:
                    told = f"State Machine Already Exists: '{arn}'"
                    raise AwsError("StateMachineAlreadyExists", told)
                return {"stateMachineArn": arn, "creationDate": known["created"]}
            row = {
                "arn": arn,
                "name": name,
                "type": kind,
                "definition": request["definition"],
                "roleArn": request["roleArn"],
                "created": call.time,
                "updated": call.time,
                "revision": str(uuid.uuid4()),
                "logging": request.get("loggingConfiguration") or _OFF,
                "tracing": request.get("tracingConfiguration") or {"enabled": False},
                "tags": {tag["key"]: tag["value"] for tag in request.get("tags") or []},
            }
            role.check(self.cloud, row)
            self._keep(row)
        return {"stateMachineArn": arn, "creationDate": call.time}

    def _keep(self, row: Row) -> None:
        revised = {key: row[key] for key in ("definition", "roleArn", "updated")}
        self.executions.revisions[f"{row['arn']}#{row['revision']}"] = revised
        self.machines[row["arn"]] = row

    @operation
    def update_state_machine(self, call: Call, request: Row) -> Row:
        self._refuse(request)
        changes = {
            "definition": request.get("definition"),
            "roleArn": request.get("roleArn"),
            "logging": request.get("loggingConfiguration"),
            "tracing": request.get("tracingConfiguration"),
        }
        given = {key: value for key, value in changes.items() if value is not None}
        if not given:
            raise AwsError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, the"
                " TracingConfiguration or the EncryptionConfiguration must be specified",
            )
        _check_role(given.get("roleArn"))
        with self.lock:
            row = self.machine(request["stateMachineArn"])
            if "definition" in given:
                judged(given["definition"], row["type"])
            role.check(self.cloud, {**row, **given})
            revision = str(uuid.uuid4())
            self._keep({**row, **given, "updated": call.time, "revision": revision})
        return {"updateDate": call.time, "revisionId": revision}

    @operation
    def delete_state_machine(self, call: Call, request: Row) -> None:
        """Delete at once; executions that run go on with the definition they have."""
        with self.lock:
            self.machines.pop(request["stateMachineArn"], None)

    @operation
    def describe_state_machine(self, call: Call, request: Row) -> Row:
        row = self.machine(request["stateMachineArn"])
        return {
            "stateMachineArn": row["arn"],
            "name": row["name"],
            "status": "ACTIVE",
            "definition": row["definition"],
            "roleArn": row["roleArn"],
            "type": row["type"],
            "creationDate": row["created"],
            "loggingConfiguration": row["logging"],
            "tracingConfiguration": row["tracing"],
            "revisionId": row["revision"],
        }

    @operation
    def list_state_machines(self, call: Call, request: Row) -> Row:
        rows = sorted(self.machines.values(), key=lambda row: row["name"])
        page, more = paged(rows, request)
        listed = [
            {
                "stateMachineArn": row["arn"],
                "name": row["name"],
                "type": row["type"],
                "creationDate": row["created"],
            }
            for row in page
        ]
        return {"stateMachines": listed, **more}

    @operation
    def validate_state_machine_definition(self, call: Call, request: Row) -> Row:
        found = validate(request["definition"], request.get("type", "STANDARD"))
        most = request.get("maxResults") or 100
        told = [
            {
                "severity": "ERROR",
                "code": one.code,
                "message": one.message,
                "location": one.location,
            }
            for one in found[:most]
        ]
        result = "FAIL" if found else "OK"
        return {"result": result, "diagnostics": told, "truncated": len(found) > most}

    @operation
    def test_state(self, call: Call, request: Row) -> Row:
        test = StateTest(request, self.executions.world, self.cloud.account, self.cloud.region)
        return test.answer()

    def _tagged(self, arn: str) -> Row:
        row: Row | None = self.machines.get(arn)
        if row is None:
            raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'")
        return row

    @operation
    def tag_resource(self, call: Call, request: Row) -> None:
        with self.lock:
            row = self._tagged(request["resourceArn"])
            tags = {**row["tags"], **{tag["key"]: tag["value"] for tag in request["tags"]}}
            if len(tags) > _MOST_TAGS:
                told = f"A resource has at most {_MOST_TAGS} tags"
                raise AwsError("TooManyTags", told, resourceName=request["resourceArn"])
            self.machines[row["arn"]] = {**row, "tags": tags}

    @operation
    def untag_resource(self, call: Call, request: Row) -> None:
        with self.lock:
            row = self._tagged(request["resourceArn"])
            gone = set(request["tagKeys"])
            tags = {key: value for key, value in row["tags"].items() if key not in gone}
            self.machines[row["arn"]] = {**row, "tags": tags}

    @operation
    def list_tags_for_resource(self, call: Call, request: Row) -> Row:
        tags = self._tagged(request["resourceArn"])["tags"]
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def _check_role(arn: str | None) -> None:
    if arn is not None and not _ROLE.fullmatch(arn):
        raise AwsError("InvalidArn", f"Invalid Role Arn: '{arn}'")


_OFF = {"level": "OFF", "includeExecutionData": False}
