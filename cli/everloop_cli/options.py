"""What several subcommands take: the stack, JSON, the state's folder, and how words are read."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from everloop_cli import local_cloud

if TYPE_CHECKING:
    from everloop.aws.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

# Names that people choose freely are not made longer or shorter by a terminal's width.
SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
# Without the local cloud its options are not known; that it is missing is the message.
LENIENT: dict[str, Any] = {
    **SETTINGS,
    "ignore_unknown_options": not local_cloud.is_installed(),
    "allow_extra_args": not local_cloud.is_installed(),
}


class Read(click.ParamType[Any]):
    """A value that a function reads; its ValueError is the message."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if not isinstance(value, str):
            return value  # a default
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def as_json(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")(
        command
    )


def prices(command: F) -> F:
    """Add --prices."""
    return click.option(
        "--prices",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        metavar="FILE",
        help="Prices of your own, in the form of the product's prices.json.",
    )(command)


def local_stack(command: F) -> F:
    """Add --stack, and --json, which every command has."""
    option = click.option(
        "--stack", metavar="NAME", default="everloop", help="The stack's name (default: everloop)."
    )
    return as_json(option(command))


def stack(command: F) -> F:
    """Add what says which stack is meant, on AWS or on the laptop, and --json."""
    return local_stack(account(command))


def account(command: F) -> F:
    """Add --profile and --region, as the AWS CLI has them; `open_stack` heeds them."""

    def keep(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value:
            context.meta[f"everloop.{parameter.name}"] = value

    for name, help_ in (
        ("region", "AWS region (default: AWS_REGION, AWS_DEFAULT_REGION, the profile's)."),
        ("profile", "Profile of your AWS config (default: AWS_PROFILE, else default)."),
    ):
        add = click.option(
            f"--{name}", metavar="NAME", expose_value=False, callback=keep, help=help_
        )
        command = add(command)
    return command


def open_stack(name: str) -> "Settings":
    """Open the door to the stack that --stack, --profile and --region name."""
    from everloop_cli import door

    return door.open_stack(name, **place())


def place() -> dict[str, str]:
    """Return what --profile and --region say; "" for what was not given."""
    meta = click.get_current_context().meta
    return {word: meta.get(f"everloop.{word}") or "" for word in ("profile", "region")}


def reach_account() -> str:
    """Reach the account that --profile and --region name; return the region."""
    from everloop_cli import door

    return door.reach_account(**place())


def state(command: F) -> F:
    """Add --state: the folder where the laptop's cloud keeps what it holds."""
    return click.option(
        "--state",
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="Where the state lies (default: .everloop of the clone; installed: one per user and "
        "stack).",
    )(command)


def reason(command: F) -> F:
    return click.option(
        "--reason", default="", metavar="WORDS", help="Why; it goes into the ledger."
    )(command)


def of_the_cloud(command: F) -> F:
    """Add the options of a local cloud that starts; nothing where it is not installed."""
    if not local_cloud.is_installed():
        return command
    from everloop_localcloud.options import OPTIONS

    for each in reversed(OPTIONS):
        name, text = f"--{each.name.replace('_', '-')}", f"{each.help[:1].upper()}{each.help[1:]}."
        if each.flag:
            added = click.option(name, is_flag=True, default=None, help=text)
        elif each.choices:
            added = click.option(name, type=click.Choice(each.choices), help=text)
        else:
            assert each.read is not None
            kind = Read(each.name, each.read)
            many = bool(each.many)
            added = click.option(
                name,
                type=kind,
                multiple=many,
                metavar=each.many or each.name.upper(),
                help=text,
            )
        command = added(command)
    return command


def chosen(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were set, by name."""
    listed = {name: list(v) if isinstance(v, tuple) else v for name, v in options.items()}
    return {name: value for name, value in listed.items() if value not in (None, [])}
