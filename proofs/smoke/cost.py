"""What the run will cost at most, by the product's own estimate; nothing begins above the cap."""

from dataclasses import dataclass

from everloop.billing import usage
from everloop.billing.prices import Prices
from everloop.spec import policy

_LOOPS, _LOOKS = 2, 1
_HOURS = 3  # of the stack and of a model that serves: twice what a run takes


@dataclass(frozen=True)
class Estimate:
    lines: tuple[tuple[str, float], ...]

    @property
    def total(self) -> float:
        return sum(cost for _, cost in self.lines)


def estimate(spec: policy.Spec, prices: Prices) -> Estimate:
    """Raises BadInput where the region or an instance has no price."""
    month = usage.MONTH.total_seconds() / 3600
    share = _HOURS / month
    return Estimate(
        (
            (f"the stack, {_HOURS} hours", share * prices.cost(usage.idle())),
            (f"an endpoint, {_HOURS} hours", share * prices.cost(usage.served(spec))),
            (f"{_LOOPS} new versions", _LOOPS * prices.cost(usage.loop(spec))),
            (f"{_LOOKS} look", _LOOKS * prices.cost(usage.look(spec))),
        )
    )
