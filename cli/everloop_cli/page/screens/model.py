"""All about one model: what serves, how it does over time, versions, trainings, what happened."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from everloop.aws import ledger, people
from everloop.reading import comparing
from everloop.reading import models as reading
from everloop.spec import policy
from everloop.views import home
from everloop.views.comparison import Detailed
from everloop_cli import model_findings, models
from everloop_cli.page import render
from everloop_cli.page.drawing import Mark

_VERSIONS: Final = 10
_EVENTS: Final = 60
_MESSAGES: Final = 20
# What decisions are about, for who wants to see some of them only.
KINDS: Final = {
    "data": ("collect", "freeze", "withdraw", "restore", "data"),
    "training": ("train", "train-end", "retrain", "instance", "wait", "request", "reproduce"),
    "judgement": ("judge", "approve", "seal"),
    "release": ("release", "test", "serve", "rollback"),
    "looks": ("monitor", "violation"),
}


def show(request: Request) -> Response:
    name = models.known(request.path_params["model"])
    page = reading.overview(name)
    versions, there = comparing.versions(name, most=_VERSIONS)
    wanted = request.query_params.get("show", "")
    kinds = KINDS.get(wanted)
    events = [each for each in reversed(page.decisions) if kinds is None or each.kind in kinds]
    metric = metric_of(name)
    marks = [Mark(point.at, f"v{point.version}") for point in home.releases(page.decisions)]
    needs = model_findings.of(render.site(request).here.stack, name).troubles
    return render.page(
        request,
        "model.html",
        page=page,
        model=name,
        since=home.serving_since(page.model.serves, page.decisions),
        versions=versions,
        there=there,
        metric=metric,
        metrics=shown_metrics(metric, versions),
        quality=home.quality(metric, page.looks, page.runs),
        drift=home.drift(page.looks),
        marks=marks,
        needs=needs,
        events=events[:_EVENTS],
        more=max(0, len(events) - _EVENTS),
        wanted=wanted if kinds else "",
        kinds=list(KINDS),
        messages=people.notified(name)[:_MESSAGES],
    )


def metric_of(name: str) -> str:
    """Return the metric that a model's versions are compared by."""
    installed = ledger.find_installed(name)
    return policy.judgement(installed.spec).metric if installed else ""


def shown_metrics(first: str, versions: Sequence[Detailed], most: int = 4) -> list[str]:
    """Return the metrics of a table: the one that counts first, then as evaluations have them."""
    names = {metric: None for each in versions for metric in each.metrics}
    ordered = [*([first] if first in names else []), *(name for name in names if name != first)]
    return ordered[:most]
