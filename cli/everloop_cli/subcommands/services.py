"""everloop services: what the laptop's cloud answers."""

import subprocess
import sys

import click

from everloop_cli import local_cloud, options


@click.command()
@click.argument("service", required=False)
@click.option("--markdown", is_flag=True, help="Print docs/services.md.")
@options.local_stack
def services(service: str | None, markdown: bool, stack: str, as_json: bool) -> int:
    """List what the laptop's cloud answers, per service and operation.

    With SERVICE, e.g. sqs, each of its operations.
    """
    local_cloud.check_installed()
    words = [service] if service else []
    words += ["--json"] if as_json else []
    words += ["--markdown"] if markdown else []
    command = [sys.executable, "-P", "-m", "everloop_localcloud.coverage", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="")  # not by the child: whoever reads may close the pipe
    return done.returncode
