"""What a model is going to cost, in the one line that push and check print."""

from collections.abc import Mapping
from typing import Any

from everloop.billing import estimates, prices
from everloop.errors import BadInput
from everloop_cli.show import Money


def of_document(document: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Estimate what a model will cost on AWS; where prices are missing `unknown` says which."""
    try:
        return estimates.of_model(document, prices.read(region))
    except BadInput as error:
        return {"unknown": str(error)}


def line(costs: Mapping[str, Any]) -> str:
    """Say what a model costs a month, and of what that is made."""
    if "unknown" in costs:
        return f"cost on AWS: {costs['unknown']} of everloop costs"
    month, endpoint, looks, version = (
        Money(costs[name]) for name in ("month", "endpoint", "looks", "new_version")
    )
    return (
        f"cost on AWS: about {month} {costs['currency']} a month (prices of {costs['prices_of']}), "
        f"of which {endpoint} for serving, {looks} for looks, and {version} for each of "
        f"{costs['new_versions']:g} new versions"
    )
