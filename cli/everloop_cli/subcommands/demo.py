"""everloop demo: the whole loop, on real flights."""

from pathlib import Path

import click

from everloop_cli import local_cloud, options

_SPEED, _PORT = 120.0, 4566


def _port(text: str) -> int:
    from everloop_localcloud.options import port

    return port(text)


def _speed(text: str) -> float:
    from everloop_localcloud.options import speed

    return speed(text)


@click.command(context_settings=options.LENIENT)
@click.option("--ask", is_flag=True, help="Stop for your approval of version 1.")
@click.option("--keep", is_flag=True, help="Leave the cloud running at the end.")
@click.option(
    "--open/--no-open",
    "open_page",
    default=True,
    help="At the end, show it all in a browser until Ctrl-C, where there is one (default).",
)
@click.option(
    "--speed",
    type=options.Read("speed", _speed),
    default=_SPEED,
    metavar="SPEED",
    help="How many times real time its clock runs (default: 120).",
)
@click.option(
    "--port",
    type=options.Read("port", _port),
    default=_PORT,
    metavar="PORT",
    help="Port on 127.0.0.1, or any free one (default: 4566).",
)
@click.option(
    "--quotas",
    type=click.Choice(["aws", "new-account"]),
    help="Keep AWS's default quotas, or those of a new account (default: none).",
)
@options.state
@options.local_stack
def demo(
    ask: bool,
    keep: bool,
    open_page: bool,
    speed: float,
    port: int,
    quotas: str | None,
    state: Path | None,
    stack: str,
    as_json: bool,
) -> None:
    """Watch the whole loop turn on real flights: about three minutes."""
    local_cloud.check_installed()
    from everloop_cli import states
    from everloop_cli.demo import story

    home = state or states.default(stack)
    cloud = {"speed": speed, "port": port, "quotas": quotas}
    story.run(home, cloud, stack=stack, ask=ask, keep=keep, open_page=open_page, as_json=as_json)
