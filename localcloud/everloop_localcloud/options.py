"""What a cloud can be told when it is started: the options of both programs that start one."""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from everloop_localcloud.kernel.gate import host_name


def port(text: str) -> int:
    """Read a port. Raises ValueError."""
    if not (text.isascii() and text.isdigit()) or int(text[:9]) > 65535:
        raise ValueError(f"{text!r} is no port: 0 to 65535")
    return int(text)


def speed(text: str) -> float:
    """Read how many times real time a clock runs. Raises ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 100_000:
        raise ValueError(f"{text!r} is no speed: above 0, at most 100000")
    return value


def instance(text: str) -> str:
    """Read an instance type. Raises ValueError."""
    if not re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9]+", text):
        raise ValueError(f"{text!r} is no instance type: ml.m5.large is one")
    return text


@dataclass(frozen=True)
class Option:
    """One option. `read` raises ValueError; without it, and without choices, it is a flag."""

    name: str
    default: Any
    help: str
    read: Callable[[str], Any] | None = None
    choices: tuple[str, ...] = ()
    many: str = ""  # it may come often; how one value is called

    @property
    def flag(self) -> bool:
        return self.read is None and not self.choices


OPTIONS = (
    Option("port", 4566, "port on 127.0.0.1; 0 is any free one (default: 4566)", port),
    Option("speed", 1.0, "how many times real time its clock runs (default: 1)", speed),
    Option(
        "quotas",
        None,
        "keep AWS's default quotas and throttles, or a new account's (default: none)",
        choices=("aws", "new-account"),
    ),
    Option(
        "no_capacity",
        [],
        "an instance type that AWS has no capacity of (ml.m5.large); may come often",
        instance,
        many="TYPE",
    ),
    Option(
        "starts",
        "prompt",
        "aws: jobs and endpoints take as long as AWS's to begin, in its own time (default: prompt)",
        choices=("prompt", "aws"),
    ),
    Option(
        "events",
        "prompt",
        "rough: late, out of order, and some twice, as AWS may (default: prompt)",
        choices=("prompt", "rough"),
    ),
    Option(
        "consistency",
        "prompt",
        "eventual: what was just made may not be found yet, as on AWS (default: prompt)",
        choices=("prompt", "eventual"),
    ),
    Option(
        "jobs",
        "process",
        "where SageMaker's jobs run: docker runs their own images (default: process)",
        choices=("process", "docker"),
    ),
    Option(
        "images",
        "near",
        "exact: jobs and endpoints get the package versions of AWS's image (default: near)",
        choices=("near", "exact"),
    ),
    Option(
        "allow_host",
        [],
        "a name or an address beside localhost's by which clients call it; may come often",
        host_name,
        many="NAME",
    ),
    Option(
        "verify_secrets",
        False,
        "refuse a signature that was not made with its key's secret (default: any is taken)",
    ),
)
DEFAULTS: dict[str, Any] = {option.name: option.default for option in OPTIONS}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser. What is not given is None: see `chosen`."""
    for option in OPTIONS:
        name = f"--{option.name.replace('_', '-')}"
        if option.flag:
            parser.add_argument(name, action="store_true", default=None, help=option.help)
        elif option.choices:
            parser.add_argument(name, choices=option.choices, help=option.help)
        elif option.read is not None:
            how: dict[str, Any] = {"type": _typed(option.read), "help": option.help}
            if option.many:
                how |= {"action": "append", "metavar": option.many}
            parser.add_argument(name, **how)


def given(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options that were given, by name."""
    found = {name: getattr(options, name, None) for name in DEFAULTS}
    return {name: value for name, value in found.items() if value is not None}


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """Return every option: what was given, and the default of what was not."""
    return {**DEFAULTS, **given(options)}


def words(values: dict[str, Any]) -> list[str]:
    """Return options as they stand on a command line."""
    found = []
    for name, value in values.items():
        option = f"--{name.replace('_', '-')}"
        for each in value if isinstance(value, list) else [value]:
            if each is True:
                found.append(option)
            elif each is not None and each is not False:
                found += [option, f"{each:g}" if isinstance(each, float) else str(each)]
    return found


def _typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def typed(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed
