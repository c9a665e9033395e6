"""everloop costs: what the stack and its models cost in a month."""

from pathlib import Path
from typing import Any

import click

from everloop_cli import options, show


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--models",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="N",
    default=(1, 100, 1000),
    help="So many models like this one; may be given again (default: 1, 100, 1000).",
)
@click.option(
    "--loops",
    type=click.FloatRange(min=0),
    default=4.0,
    metavar="N",
    help="New versions of each model in a month (default: 4).",
)
@options.prices
@options.account
@options.as_json
def costs(
    folder: Path | None,
    models: tuple[int, ...],
    loops: float,
    prices: Path | None,
    as_json: bool,
) -> None:
    """Estimate what a stack and its models cost in a month.

    FOLDER is a model's, e.g. models/flight-delays; without one a model with all defaults is meant.
    Asks AWS nothing: the prices are those of a file, with its date; of us-east-1 unless --region
    names another.
    """
    from everloop.billing import estimates
    from everloop.billing import prices as price_list
    from everloop.errors import BadInput
    from everloop_cli.trouble import Trouble

    spec, region = _spec(folder), _region()
    try:
        table = price_list.read(region, prices or price_list.FILE)
        made = estimates.estimate(spec, table, models=models, loops=loops)
    except BadInput as error:
        raise Trouble(str(error)) from error
    if as_json:
        show.emit_json(made)
        return
    show.table(
        f"{table.currency} in {table.region}, prices of {table.as_of}",
        ("what it costs", "without free tier"),
        [(row["what"], show.Money(row["cost"])) for row in made["each"]],
    )
    show.out.print()
    show.table(
        f"A month with {made['looks']:g} looks and {loops:g} new versions of each model",
        ("models", "stack", "endpoints", "looks", "new versions", "together"),
        [
            (
                row["models"],
                *(show.Money(row[name]) for name in estimates.SHARES),
                show.Money(row["all"]),
            )
            for row in made["months"]
        ],
    )


def _region() -> str:
    return options.reach_account() if any(options.place().values()) else "us-east-1"


def _spec(folder: Path | None) -> Any:
    from everloop.billing import estimates
    from everloop.spec import policy
    from everloop.spec.model_spec import load_spec
    from everloop_cli.trouble import Trouble

    if folder is None:
        return estimates.default_spec()
    path = folder / "model.toml"
    if not path.is_file():
        raise Trouble(f"{path} is not there: name the folder of a model")
    return policy.document(load_spec(path.read_text("utf-8"), name=folder.name, source=str(path)))
