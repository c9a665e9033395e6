"""Why a version serves, or does not: its making, numbers, tests, and who decided."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from everloop.decisions.approvals import APPROVED, REJECTED
from everloop.reading import comparing
from everloop.reading import reports as reading
from everloop.reading.story import story
from everloop.views.version import Version
from everloop_cli import models, review
from everloop_cli.page import render
from everloop_cli.page.screens.model import metric_of
from everloop_cli.trouble import Trouble


def show(request: Request, said: str = "", words: str = "", status: int = 200) -> Response:
    """Show a version; `said` is what stood against a word on it, `words` the reason given."""
    name = models.known(request.path_params["model"], removed=True)
    number = request.path_params["number"]
    view = story(name, number)
    assert view.version is not None
    others, _ = comparing.versions(name, most=200)
    mine = next((each for each in others if each.version == number), None)
    before = next((each for each in others if each.version < number), None)
    after = [each.version for each in others if each.version > number]
    kinds = [*reading.reports(view.version), reading.CARD]
    own = [f"own/{page}" for page in reading.own(view.version)]
    chosen = request.query_params.get("report", "")
    return render.page(
        request,
        "version.html",
        status,
        model=name,
        view=view,
        version=view.version,
        serves=view.serving is not None and view.serving.version == number,
        detailed=mine,
        before=before,
        after=min(after, default=None),
        metric=metric_of(name),
        reports=kinds,
        own=own,
        chosen=chosen if chosen in (*kinds, *own) else kinds[0],
        plans=_plans(request, name, view.version),
        done=request.query_params.get("done", ""),
        said=said,
        words=words,
    )


def _plans(request: Request, name: str, version: Version) -> dict[str, Any]:
    """Return what a word on the version would do, where one may be said here."""
    if not render.site(request).allow_changes or not version.registered:
        return {}
    plans = {}
    for word, status in (("approve", APPROVED), ("reject", REJECTED)):
        if version.approval == status and not (
            status == APPROVED and review.waits_for_second(name, version.version)
        ):
            continue
        try:
            plans[word] = review.plan_word(name, version.version, status).will
        except Trouble as trouble:
            plans[word] = str(trouble)
    return plans
