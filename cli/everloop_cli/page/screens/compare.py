"""Two versions side by side, or two trainings."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from everloop.aws import registry
from everloop.reading import comparing
from everloop.reading import models as models_read
from everloop.views.run import Run
from everloop_cli import models
from everloop_cli.page import render
from everloop_cli.page.screens.model import metric_of

_MOST: Final = 100  # trainings to choose among


def show(request: Request) -> Response:
    name = models.known(request.path_params["model"])
    numbers = sorted((each.version for each in registry.packages(name)), reverse=True)
    asked = request.query_params
    second = _number(asked.get("second"), numbers, 0)
    first = _number(asked.get("first"), numbers, 1)
    found = comparing.compare(name, first, second) if first and second else None
    trainings = models_read.trainings(name)
    chosen = [_run(trainings, asked.get(word), place) for word, place in (("old", 1), ("new", 0))]
    return render.page(
        request,
        "compare.html",
        model=name,
        numbers=numbers,
        first=first,
        second=second,
        found=found,
        metric=metric_of(name),
        trainings=trainings[:_MOST],
        runs=chosen if all(chosen) else [],
        run_metrics=list({metric: None for run in chosen if run for metric in run.metrics}),
    )


def _run(trainings: list[Run], name: str | None, place: int) -> Run | None:
    """Return the training of a name, else the one at a place of the newest."""
    named = next((each for each in trainings if each.name == name), None)
    return named or (trainings[place] if len(trainings) > place else None)


def _number(text: str | None, numbers: list[int], place: int) -> int | None:
    """Return the version that is asked for, else the one at a place of the newest."""
    if text and text.isdecimal() and len(text) < 10:
        return int(text)
    return numbers[place] if len(numbers) > place else None
