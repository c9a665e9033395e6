"""What a stack with models costs in a month, from a model's spec and a region's prices. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from everloop.billing import usage
from everloop.billing.prices import Prices
from everloop.spec import forms, policy

SHARES: Final = ("stack", "endpoints", "looks", "loops")
LOOPS: Final = 4.0  # new versions of a model in a month
BATCH: Final = "a batch that is scored, in no month below"


def default_spec() -> dict[str, Any]:
    """Return the spec of a model.toml that says nothing but what it must."""
    from everloop.spec.metrics import METRICS
    from everloop.spec.model_spec import load_spec

    text = f'problem = "{next(iter(METRICS))}"\n[data]\ntarget = "target"\n'
    return policy.document(load_spec(text, name="model", source="model.toml"))


def of_model(spec: Mapping[str, Any], prices: Prices) -> dict[str, Any]:
    """Return what a model costs: in a month of serving, with all its looks, and each new version.

    `month` has all of it, with so many `new_versions`.

    Raises BadInput for an instance without a price.
    """
    endpoint, version = prices.cost(usage.served(spec)), prices.cost(usage.loop(spec))
    looks = usage.looks_a_month(spec) * prices.cost(usage.look(spec))
    return {
        "currency": prices.currency,
        "prices_of": prices.as_of,
        "month": endpoint + looks + LOOPS * version,
        "endpoint": endpoint,
        "looks": looks,
        "new_version": version,
        "new_versions": LOOPS,
    }


def estimate(
    spec: Mapping[str, Any], prices: Prices, *, models: Sequence[int], loops: float
) -> dict[str, Any]:
    """Return costs of each thing, and of months with so many models and loops of each.

    Raises BadInput for an instance without a price.
    """
    idle, served = prices.cost(usage.idle()), prices.cost(usage.served(spec))
    look, loop = prices.cost(usage.look(spec)), prices.cost(usage.loop(spec))
    looks = usage.looks_a_month(spec)
    each = [
        {"what": "a stack without a model, a month", "cost": idle},
        *_served(spec, prices, served),
        {"what": "a look of its monitor", "cost": look},
        {"what": "a new version, from a drop to production", "cost": loop},
    ]
    months = []
    for count in models:
        shares = {
            "stack": idle,
            "endpoints": count * served,
            "looks": count * looks * look,
            "loops": count * loops * loop,
        }
        months.append({"models": count, **shares, "all": sum(shares.values())})
    return {
        "region": prices.region,
        "currency": prices.currency,
        "prices_of": prices.as_of,
        "looks": looks,
        "loops": loops,
        "each": each,
        "months": months,
    }


def _served(spec: Mapping[str, Any], prices: Prices, most: float) -> list[dict[str, Any]]:
    """Return what a model costs that serves: where load decides, its least and its most."""
    scale = policy.deploy(spec).scale
    what = "a model that serves, a month"
    if not forms.of(spec).has_endpoint:
        batch = prices.cost(usage.batch(spec))
        return [
            {"what": f"{what}, without what it scores", "cost": most},
            {"what": BATCH, "cost": batch},
        ]
    if scale is None:
        return [{"what": what, "cost": most}]
    least = prices.cost(usage.served(spec, most=False))
    return [
        {"what": f"{what}, at {scale.least} of its instances", "cost": least},
        {"what": f"{what}, at all {scale.most}", "cost": most},
    ]
