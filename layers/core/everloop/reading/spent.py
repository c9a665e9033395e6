"""What models cost in a month: read from their runs and decisions, with a region's prices."""

from collections.abc import Sequence

from everloop.aws import ledger
from everloop.billing.months import Month
from everloop.billing.prices import Prices
from everloop.reading import models
from everloop.views.spent import Spent, spent


def of_models(names: Sequence[str], when: Month, prices: Prices) -> list[Spent]:
    """Return what each of these models cost."""
    return [spent(each, models.decided(each), ledger.runs(each), when, prices) for each in names]
