"""A model's ledger, to scroll and to search."""

import json
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from everloop.reading import models as reading
from everloop.reading.story import chain
from everloop.views.timeline import TimelineEntry
from everloop_cli import models
from everloop_cli.page import render

_PAGE: Final = 100


def show(request: Request) -> Response:
    name = models.known(request.path_params["model"], removed=True)
    wanted = request.query_params.get("q", "").strip()
    before = request.query_params.get("before", "")
    verified = chain(name)
    decided = list(reversed(list(reading.decided(name))))
    found = [each for each in decided if _matches(each, wanted)]
    if before.isdecimal() and len(before) < 12:
        found = [each for each in found if each.seq < int(before)]
    shown = found[:_PAGE]
    return render.page(
        request,
        "ledger.html",
        model=name,
        chain=verified,
        events=shown,
        facts={each.seq: json.dumps(each.facts, indent=1, ensure_ascii=False) for each in shown},
        there=len(decided),
        older=shown[-1].seq if len(found) > _PAGE else None,
        wanted=wanted,
    )


def _matches(decision: TimelineEntry, wanted: str) -> bool:
    """Whether every word is somewhere in a decision."""
    if not wanted:
        return True
    text = " ".join(
        (
            *(decision.kind, decision.reason, decision.actor, decision.subject, decision.time),
            f"v{decision.version}",
            json.dumps(decision.facts, ensure_ascii=False),
        )
    ).lower()
    return all(word in text for word in wanted.lower().split())
