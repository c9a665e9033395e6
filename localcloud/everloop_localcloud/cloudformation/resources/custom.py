"""Custom resources: a function is asked to make, change or remove something, and answers.

As on AWS the function is invoked asynchronously and answers by putting JSON to an address that is
signed for it. Whether it ever does nobody knows: CloudFormation waits for an hour.
"""

import json
import secrets
import time
import uuid
from typing import Any

from everloop_localcloud.cloudformation.errors import invalid
from everloop_localcloud.cloudformation.resources.kind import Kind, Made, Site
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.front.admission import OWN_PATH

ANSWERS = "answers/"  # below OWN_PATH
ALIASES = "Custom::"
_LARGEST = 4096  # bytes of an answer
_LONGEST = 3600  # seconds of the cloud that an answer may take
_REAL = 60.0  # but that many real ones at least: a function starts in real time, however time runs
_POLL = 0.05  # real seconds
_NO_ANSWER = (
    "CloudFormation did not receive a response from your Custom Resource. Please check your logs "
    "for requestId [{}]."
)


class CustomResource(Kind):
    """A resource that a function of somebody's makes; all its properties are the function's."""

    type = "AWS::CloudFormation::CustomResource"
    properties = frozenset()
    required = frozenset({"ServiceToken"})
    fixed = frozenset({"ServiceToken"})

    def check(self, logical_id: str, given: Any) -> None:
        if "ServiceToken" not in given:
            raise invalid(f"{logical_id}: {self.type} needs ServiceToken")
        if "ServiceTimeout" in given:
            raise invalid(
                f"{logical_id}: the local cloud does not support property ServiceTimeout of "
                f"{self.type}"
            )

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        return self._made(site, self._ask(site, "Create", given))

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        more = {"PhysicalResourceId": ref, "OldResourceProperties": _texts(before)}
        return self._made(site, self._ask(site, "Update", given, **more))

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        self._ask(site, "Delete", given, PhysicalResourceId=ref)

    @staticmethod
    def _made(site: Site, answer: dict[str, Any]) -> Made:
        ref = answer.get("PhysicalResourceId")
        if not isinstance(ref, str) or not 0 < len(ref) <= 1024:
            raise invalid(f"{site.logical_id}: Invalid PhysicalResourceId")
        data = answer.get("Data") or {}
        return Made(ref, {name: value for name, value in data.items()})

    def _ask(self, site: Site, what: str, given: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Ask the function, and wait for its answer. Raises AwsError for a failure, or for none."""
        if ":lambda:" not in str(given["ServiceToken"]):
            raise invalid(
                f"{site.logical_id}: ServiceToken is {given['ServiceToken']!r}; the local cloud "
                "asks Lambda functions, and no topics"
            )
        api: Any = site.cloud.apis["cloudformation"]
        token, request_id = secrets.token_urlsafe(32), str(uuid.uuid4())
        request = {
            "RequestType": what,
            "ServiceToken": given["ServiceToken"],
            "ResponseURL": f"{site.cloud.url}{OWN_PATH}{ANSWERS}{token}",
            "StackId": api.stacks.find(site.stack)["Id"],
            "RequestId": request_id,
            "LogicalResourceId": site.logical_id,
            "ResourceType": self.type,
            "ResourceProperties": _texts(given),
            **more,
        }
        answers = site.cloud.store.table("cloudformation.answers")
        answers[token] = {}
        try:
            site.call(
                "lambda",
                "Invoke",
                {
                    "FunctionName": given["ServiceToken"],
                    "InvocationType": "Event",
                    "Payload": json.dumps(request).encode(),
                },
            )
            answer = _awaited(site, answers, token, request_id)
        finally:
            del answers[token]
        for name in ("StackId", "RequestId", "LogicalResourceId"):
            if answer.get(name) != request[name]:
                raise invalid(f"{site.logical_id}: the answer's {name} is {answer.get(name)!r}")
        if answer.get("Status") != "SUCCESS":
            reason = answer.get("Reason") or "the answer gives no reason"
            raise invalid(f"Received response status [{answer.get('Status')}]. Reason: {reason}")
        return answer


def kind_called(name: str) -> CustomResource:
    """Return the kind of a resource type of somebody's own: `Custom::…`."""
    kind = CustomResource()
    kind.type = name  # type: ignore[misc]  # of this one alone: the name is its template's own
    return kind


def put(cloud: Any, token: str, body: bytes, content_type: str) -> None:
    """Take an answer. Raises AwsError for an address that nobody waits at, or a wrong signature."""
    answers = cloud.store.table("cloudformation.answers")
    if token not in answers:
        raise AwsError("AccessDenied", "Request has expired", 403)
    if content_type:
        # What boto and urllib add by themselves is the mistake that everybody makes once.
        told = "The request signature we calculated does not match: it was signed without a type"
        raise AwsError("SignatureDoesNotMatch", told, 403)
    try:
        answer = json.loads(body) if len(body) <= _LARGEST else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        answer = {"Status": "FAILED", "Reason": "Response is not JSON, or has more than 4096 bytes"}
    answers[token] = answer


def _awaited(site: Site, answers: Any, token: str, request_id: str) -> dict[str, Any]:
    clock = site.cloud.clock
    until = time.monotonic() + max(_REAL, clock.real(_LONGEST))
    while time.monotonic() < until:
        if answers[token]:
            return dict(answers[token])
        time.sleep(_POLL)
    raise invalid(_NO_ANSWER.format(request_id))


def _texts(value: Any) -> Any:
    """Return properties as a function gets them: every number and truth is text."""
    if isinstance(value, dict):
        return {name: _texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)


KINDS: tuple[Kind, ...] = (CustomResource(),)
