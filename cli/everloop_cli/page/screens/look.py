"""A look of the monitor: what it found, and its report."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from everloop.reading import models as reading
from everloop.views.look import Look, looks
from everloop_cli import models
from everloop_cli.page import render
from everloop_cli.page.screens.reports import framed


def show(request: Request) -> Response:
    name, look, older, newer = _look(request)
    return render.page(request, "look.html", model=name, look=look, older=older, newer=newer)


def report(request: Request) -> Response:
    _, look, _, _ = _look(request)
    if not look.report:
        raise HTTPException(404)
    return framed(look.report)


def _look(request: Request) -> tuple[str, Look, Look | None, Look | None]:
    """Return the look whose decision has this number, and its neighbours."""
    name = models.known(request.path_params["model"], removed=True)
    found = looks(reading.decided(name))
    number = request.path_params["seq"]
    place = next((at for at, each in enumerate(found) if each.seq == number), None)
    if place is None:
        raise HTTPException(404)
    older = found[place + 1] if place + 1 < len(found) else None
    return name, found[place], older, found[place - 1] if place else None
