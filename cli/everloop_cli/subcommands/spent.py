"""everloop spent: what models cost, by what SageMaker said of each job and endpoint."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from everloop_cli import options, show
from everloop_cli.trouble import Trouble

if TYPE_CHECKING:
    from everloop.views.spent import Spent


@click.command()
@click.argument("model", required=False)
@click.option("--month", "name", metavar="YYYY-MM", help="A month of UTC (default: this one).")
@options.prices
@options.stack
def spent(
    model: str | None, name: str | None, prices: Path | None, stack: str, as_json: bool
) -> None:
    """Show what models cost in a month so far, from what the ledger says was used.

    Instance hours of trainings, comparisons, looks and batches are SageMaker's own; those of
    endpoints are from release to release. Times list prices: a bill has discounts, taxes, and the
    stack besides. `everloop costs` estimates a month that is to come.
    """
    from everloop.billing import prices as price_list
    from everloop.billing.months import month
    from everloop.errors import BadInput
    from everloop.reading import models as reading
    from everloop.reading import spent as reading_spent
    from everloop.views.document import document
    from everloop_cli import clock, models

    region = options.open_stack(stack).region
    now = clock.now()
    name = name or f"{now:%Y-%m}"
    try:
        table = price_list.read(region, prices or price_list.FILE)
        when = month(name, now)
    except BadInput as error:
        raise Trouble(str(error)) from error
    except ValueError as error:
        raise Trouble(f"--month {name!r} is no month: 2026-11 is one") from error
    names = [models.known(model, removed=True)] if model else reading.names()
    found = reading_spent.of_models(names, when, table)
    if as_json:
        about = {"month": name, "until": when.end, "currency": table.currency}
        priced = {"region": region, "prices_of": table.as_of, "models": found}
        show.emit_json(document({**about, **priced}))
        return
    _print(f"Spent in {name}, {table.currency} in {region} at prices of {table.as_of}", found)


def _print(title: str, found: "Sequence[Spent]") -> None:
    from everloop.views.spent import SHARES

    rows = [[getattr(each, name) for name in (*SHARES, "together")] for each in found]
    table = [
        (each.model, *map(show.Money, row), each.versions, _each(each.each))
        for each, row in zip(found, rows, strict=True)
    ]
    if len(found) > 1:
        sums = [show.Money(sum(column)) for column in zip(*rows, strict=True)]
        table.append(("all", *sums, sum(each.versions for each in found), None))
    columns = ("model", *SHARES, "together", "versions", "a version")
    show.table(title, columns, table)
    for each in found:
        for line in each.unpriced:
            show.out.print(f"not in it: {each.model}: {line}", style=show.WAIT, soft_wrap=True)


def _each(cost: float | None) -> show.Money | None:
    return None if cost is None else show.Money(cost)
