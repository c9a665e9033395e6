"""A model's data: the newest dataset, its objects, and what is in none, with the reason."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from everloop.records.object_state import PRESENT
from everloop.views.data import Object
from everloop_cli import data as reading
from everloop_cli.page import render

_MOST: Final = 200


def show(request: Request) -> Response:
    name = request.path_params["model"]
    view = reading.listed(name, everything=True)
    aside = [each for each in view.objects if each.state != PRESENT]
    present = [each for each in view.objects if each.state == PRESENT]
    windows: dict[int, list[Object]] = {}
    for each in present:
        windows.setdefault(each.window or 0, []).append(each)
    return render.page(
        request,
        "data.html",
        model=name,
        view=view,
        aside=aside[:_MOST],
        more=max(0, len(aside) - _MOST),
        present=len(present),
        windows=sorted(windows.items(), reverse=True)[:30],
        most=40,
    )
