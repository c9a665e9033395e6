"""up, down, env and services: the laptop's cloud."""

import argparse
import shlex
import subprocess
import sys

from everloop_cli import laptop, show, states


def run(arguments: argparse.Namespace) -> int:
    if "state" in arguments and arguments.state is None:
        arguments.state = states.default(arguments.stack)
    if arguments.command == "up":
        return _up(arguments)
    if arguments.command == "down":
        laptop.down(arguments.state, wipe=arguments.wipe, say=show.err.print)
        return 0
    if arguments.command == "services":
        return _services(arguments)
    found = laptop.environment(arguments.state, arguments.stack)
    if arguments.json:
        show.emit_json(found)
    else:
        for name, value in found.items():
            print(f"export {name}={shlex.quote(value)}")
    return 0


def _up(arguments: argparse.Namespace) -> int:
    laptop.check_installed()
    from everloop_localcloud import options

    running = laptop.up(
        arguments.state,
        stack=arguments.stack,
        say=show.err.print,
        parameters=arguments.parameter,
        any_template=arguments.any_template,
        **options.given(arguments),
    )
    if arguments.json:
        show.emit_json(running)
    else:
        show.out.print("\nPoint your shell to it:  ", end="")
        env = laptop.command("env", arguments.state, arguments.stack)
        show.out.print(f'eval "$({env})"', style="bold", markup=False, soft_wrap=True)
    return 0


def _services(arguments: argparse.Namespace) -> int:
    laptop.check_installed()
    words = [arguments.service] if arguments.service else []
    words += [f"--{form}" for form in ("json", "markdown") if getattr(arguments, form)]
    command = [sys.executable, "-P", "-m", "everloop_localcloud.coverage", *words]
    return subprocess.run(command, check=False).returncode
