"""A training run: its steps in time, what they print, and why it ended."""

from starlette.requests import Request
from starlette.responses import Response

from everloop.reading import runs as reading
from everloop.records.run import RUNNING, WAITING
from everloop_cli import models
from everloop_cli.page import render
from everloop_cli.page.drawing import Bar, bars
from everloop_cli.page.words import translator


def show(request: Request) -> Response:
    name = models.known(request.path_params["model"])
    detail = reading.detail(name, request.path_params["run"], request.query_params.get("step", ""))
    now = render.site(request).clock.now()
    drawn = [
        Bar(each.step, each.began, max(each.ended or now, each.began), each.outcome)
        for each in detail.steps
    ]
    return render.page(
        request,
        "run.html",
        model=name,
        detail=detail,
        run=detail.run,
        bars=bars(drawn, translator(render.language(request))),
        going=detail.run.status in (RUNNING, WAITING),
    )
