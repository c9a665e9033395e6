"""The stack: what doctor finds, dead letters, schedules, and what it costs.

SQS shows a letter only to who receives it, and counts that: letters are read where somebody asks.
"""

import json
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from everloop.aws import schedules
from everloop.aws.clients import FAULTS
from everloop.errors import EverloopError
from everloop.views.home import Row
from everloop_cli import doctor, redrive
from everloop_cli.page import render
from everloop_cli.trouble import Trouble

_LONGEST: Final = 20_000  # of a body


def show(request: Request) -> Response:
    site = render.site(request)
    findings = list(doctor.of_stack(site.here))
    order = {doctor.BAD: 0, doctor.WARNING: 1, doctor.GOOD: 2}
    trouble, counts, letters = "", {}, []
    asked = request.query_params.get("letters", "")
    try:
        counts = {"arrivals": redrive.waiting("arrivals"), **redrive.counts()}
        if asked in redrive.QUEUES:
            letters = [(each, _body(each.payload)) for each in redrive.letters(asked)]
    except (*FAULTS, EverloopError, Trouble) as error:
        trouble = str(error)
    try:
        states = schedules.states()
    except (*FAULTS, EverloopError) as error:
        states, trouble = {}, trouble or str(error)
    names = site.board.names()[:_PRICED]
    rows = site.board.rows(names, 0.4)
    costs = {name: row.cost for name, row in rows.items() if isinstance(row, Row)}
    return render.page(
        request,
        "operate.html",
        findings=sorted(findings, key=lambda each: order.get(each.state, 1)),
        tones={doctor.BAD: "bad", doctor.WARNING: "waiting", doctor.GOOD: "good"},
        counts=counts,
        readable=[queue for queue in redrive.QUEUES if counts.get(queue)],
        asked=asked,
        letters=letters,
        schedules=sorted(states.items())[:200],
        trouble=trouble,
        costs={name: cost for name, cost in costs.items() if cost is not None},
    )


_PRICED: Final = 50


def _body(payload: str) -> str:
    """Write a letter's body with a line for each of its members, where it is JSON."""
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)[:_LONGEST]
    except (ValueError, RecursionError):
        return payload[:_LONGEST]
