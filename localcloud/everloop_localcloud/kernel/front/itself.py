"""What the cloud tells of itself, by paths that no service of AWS has."""

import json
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from everloop_localcloud.kernel import memory
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.front.admission import OWN_PATH
from everloop_localcloud.kernel.front.served import Served
from everloop_localcloud.kernel.messages import Answer, Request

_ANSWERS = "answers/"  # where functions put what CloudFormation waits for


def answer_about_itself(cloud: Served, request: Request) -> Answer:
    """Answer what is no call of AWS's: how the cloud is, and who called what."""
    name = request.path.removeprefix(OWN_PATH)
    if request.method == "PUT" and name.startswith(_ANSWERS):
        return _taken(cloud, name.removeprefix(_ANSWERS), request)
    if request.method not in ("GET", "HEAD"):
        told = f"{request.path} takes GET, not {request.method}"
        raise AwsError("MethodNotAllowed", told, 405)
    if name == "health":
        pid = str(os.getpid())  # by which a client knows that this is no other server
        return Answer(200, {"Content-Type": "text/plain", "X-Everloop-Pid": pid}, b"ok\n")
    known: dict[str, Callable[[], Any]] = {
        "access": cloud.roles.report,
        "calls": cloud.counted,
        "memory": partial(memory.report, cloud.store),
    }
    if name not in known:
        raise AwsError("NoSuchKey", f"there is no {OWN_PATH}{name}", 404)
    content = json.dumps(known[name]()).encode()
    return Answer(200, {"Content-Type": "application/json"}, content)


def _taken(cloud: Served, token: str, request: Request) -> Answer:
    """Take a function's answer to CloudFormation; on AWS its address is one of S3."""
    body = request.long.read() if request.long is not None else request.body
    api: Any = cloud.apis["cloudformation"]
    api.answered(token, body, request.headers.get("Content-Type", ""))
    return Answer(200, {}, b"")
