"""Rows of the first page, one model at a time: whoever asks for many asks side by side."""

from functools import cache

from everloop.aws import endpoints, ledger, monitoring, production, registry
from everloop.aws.settings import settings
from everloop.billing import estimates
from everloop.billing import prices as price_list
from everloop.billing.prices import Prices
from everloop.errors import BadInput
from everloop.reading import models
from everloop.spec.policy import Spec
from everloop.views import home
from everloop.views.home import Cost, Row
from everloop.views.look import looks
from everloop.views.run import runs

LOOPS = estimates.LOOPS  # as `everloop costs` assumes


def row(name: str) -> Row:
    """Return a model's row."""
    decided = list(models.decided(name))
    installed = ledger.find_installed(name)
    kept = ledger.runs(name)
    glance = models.glance_of(
        name,
        registry.packages(name),
        production.serving(installed) if installed else endpoints.serving(name),
        decided[-1] if decided else None,
        installed=installed,
        kept=kept,
    )
    spec = installed.spec if installed else None
    watched = monitoring.watch(name)
    return home.row(
        glance, spec, decided, looks(decided), runs(kept), watched.requested_at, cost(spec)
    )


def cost(spec: Spec | None) -> Cost | None:
    """Estimate what a model costs in a month; None where its region or machine has no price."""
    known = prices()
    if spec is None or known is None:
        return None
    try:
        made = estimates.estimate(spec, known, models=(1,), loops=LOOPS)
    except BadInput:
        return None
    month = made["months"][0]
    return Cost(
        currency=known.currency,
        prices_of=known.as_of,
        loops=LOOPS,
        endpoints=month["endpoints"],
        looks=month["looks"],
        versions=month["loops"],
    )


def prices() -> Prices | None:
    """Return the prices of the stack's region; None where the file has none."""
    return _prices(settings().region)


@cache
def _prices(region: str) -> Prices | None:
    try:
        return price_list.read(region)
    except BadInput:
        return None
