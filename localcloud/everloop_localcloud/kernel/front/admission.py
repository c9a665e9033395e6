"""What may come in: requests for this host, of programs, and of pages that a bucket lets in."""

from typing import Any

from everloop_localcloud.kernel import gate
from everloop_localcloud.kernel.front.served import Served
from everloop_localcloud.kernel.messages import Request

OWN_PATH = "/_everloop/"


def admitted(cloud: Served, service: str, request: Request) -> dict[str, str] | None:
    """Return what a browser is told for its page; None for a program. No body is needed for it.

    Raises Refused where a request is for another host, or of a page that no bucket lets in.
    """
    cloud.gate.check_host(request.host)
    page = gate.page_of(request.headers, request.host)
    if page is None:
        return None
    api: Any = cloud.apis.get("s3")
    if service != "s3" or api is None or request.path.startswith(OWN_PATH):
        raise gate.foreign(page)
    told: dict[str, str] | None = api.told_to_page(request, page)
    if told is None:
        raise gate.foreign(page)
    return told
