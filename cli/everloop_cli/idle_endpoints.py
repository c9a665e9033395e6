"""Endpoints that keep instances for requests that do not come: the largest part of a bill."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from everloop.aws import endpoint_metrics
from everloop.billing import usage
from everloop.errors import BadInput
from everloop.moments import moment
from everloop.reading import home
from everloop.spec import forms
from everloop.spec.policy import Spec
from everloop.views.attention import Attention
from everloop.views.timeline import TimelineEntry

DAYS: Final = 7  # a model that is asked once a week is asked within them


def find(
    model: str, spec: Spec, decided: Sequence[TimelineEntry], now: datetime
) -> Iterator[Attention]:
    """Tell of an endpoint on instances that nobody asked anything for a week, and what it costs."""
    form = forms.of(spec)
    if not (form.has_endpoint and form.on_instances):
        return
    since = now - timedelta(days=DAYS)
    began = _began(decided, form.name)
    if began is None or began > since:
        return  # whoever is to ask it may be about to
    if endpoint_metrics.requests(model, since, now):
        return
    yield Attention(
        "waiting",
        f"nobody asked its endpoint anything for {DAYS} days{_cost(spec)}; a model that is scored "
        'now and then needs no instances: [deploy] serve = "batch"',
        f"everloop costs models/{model}",
    )


def _began(decided: Sequence[TimelineEntry], form: str) -> datetime | None:
    """Return since when the model has been served in this form, without a pause between."""
    began = None
    for each in decided:
        if each.kind == "remove" and each.go:
            began = None
        elif each.kind == "serve" and each.go:
            mine = each.facts.get("form") in (None, form)  # the ledger of 0.1 knew one form
            began = (began or moment(each.time)) if mine else None
    return began


def _cost(spec: Spec) -> str:
    """Say what the instances cost in a month, where they have a price."""
    prices = home.prices()
    if prices is None:
        return ""
    try:
        cost = prices.cost(usage.served(spec, most=False))
    except BadInput:
        return ""
    return f", and it costs about {cost:,.2f} {prices.currency} a month"
