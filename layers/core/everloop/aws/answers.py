"""Answers to CloudFormation, which waits for one to each request of a custom resource."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from everloop.errors import BadInput, NotReady

_LONGEST: Final = 1000  # of a reason; an answer has 4 KB in all
_SECONDS: Final = 10
_OPEN: Final = (("http", "127.0.0.1"), ("http", "localhost"))  # never leaves the machine


def answer(request: Mapping[str, Any], *, ok: bool, reason: str) -> None:
    """Tell CloudFormation how a custom resource's request ended; it waits for that.

    Raises NotReady where its address cannot be reached now, BadInput where it is none.
    """
    url = str(request["ResponseURL"])
    address = urlsplit(url)
    if address.scheme != "https" and (address.scheme, address.hostname) not in _OPEN:
        raise BadInput(f"ResponseURL: {url.partition('?')[0]!r} is no address with https")
    document = {
        "Status": "SUCCESS" if ok else "FAILED",
        "Reason": reason[:_LONGEST],
        # The same for ever: another would have CloudFormation delete "the one before".
        "PhysicalResourceId": f"everloop-{request['LogicalResourceId']}",
        "StackId": request["StackId"],
        "RequestId": request["RequestId"],
        "LogicalResourceId": request["LogicalResourceId"],
    }
    # The address is signed for a request without a content type.
    put = Request(
        url, data=json.dumps(document).encode(), method="PUT", headers={"Content-Type": ""}
    )
    try:
        with urlopen(put, timeout=_SECONDS):
            return
    except (URLError, TimeoutError, OSError) as error:
        raise NotReady(f"CloudFormation's answer to {document['RequestId']}: {error}") from error
