"""Reports, as they lie in S3: shown in a frame that may run nothing and ask nobody."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from everloop.aws import storage
from everloop.reading import reports as reading
from everloop.reading.evidence import evidence
from everloop.reading.story import story
from everloop_cli import card as cards
from everloop_cli import frames, models

# No script, no other origin, no way out of the frame.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        "frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}

# What a page of theirs may do, such as Evidently's, which draw by script: run its own, in an origin
# of nobody's, and ask no one. It sees nothing of the page around it, and sends nothing.
OWN: Final = f"sandbox allow-scripts; {frames.POLICY}; frame-ancestors 'self'"


def report(request: Request) -> Response:
    """Return a version's report of a kind."""
    name = models.known(request.path_params["model"], removed=True)
    if request.path_params["kind"] == reading.CARD:
        found = evidence(name, request.path_params["number"])
        return _answer(cards.written(found).encode())
    view = story(name, request.path_params["number"])
    assert view.version is not None
    uri = reading.reports(view.version).get(request.path_params["kind"])
    if uri is None:
        raise HTTPException(404)
    return framed(uri)


def own(request: Request) -> Response:
    """Return a page that the folder's own evaluation wrote."""
    name = models.known(request.path_params["model"], removed=True)
    view = story(name, request.path_params["number"])
    assert view.version is not None
    uri = reading.own(view.version).get(request.path_params["page"])
    if uri is None:
        raise HTTPException(404)
    answer = framed(uri)
    answer.headers["Content-Security-Policy"] = OWN
    return answer


def framed(uri: str) -> Response:
    """Return a page that lies in S3."""
    return _answer(storage.read(*storage.split(uri)))


def _answer(data: bytes) -> Response:
    return Response(data, media_type="text/html; charset=utf-8", headers=_HEADERS)
