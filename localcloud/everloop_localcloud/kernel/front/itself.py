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


def answer_about_itself(cloud: Served, request: Request) -> Answer:
    """Answer what is no call of AWS's: how the cloud is, and who called what."""
    if request.method not in ("GET", "HEAD"):
        told = f"{request.path} takes GET, not {request.method}"
        raise AwsError("MethodNotAllowed", told, 405)
    name = request.path.removeprefix(OWN_PATH)
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
