"""What a cloud can be told when it is started: the options of both programs that start one."""

import argparse
from collections.abc import Callable
from typing import Any

from everloop_localcloud.kernel.gate import host_name

DEFAULTS: dict[str, Any] = {
    "port": 4566,
    "speed": 1.0,
    "quotas": None,
    "events": "prompt",
    "jobs": "process",
    "allow_host": [],
    "verify_secrets": False,
}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser. What is not given is None: see `chosen`."""
    parser.add_argument(
        "--port", type=port, help="port on 127.0.0.1; 0 is any free one (default: 4566)"
    )
    parser.add_argument(
        "--speed", type=speed, help="how many times real time its clock runs (default: 1)"
    )
    parser.add_argument(
        "--quotas", choices=["aws"], help="keep AWS's default quotas and throttles (default: none)"
    )
    parser.add_argument(
        "--events",
        choices=["prompt", "rough"],
        help="rough: late, out of order, and some twice, as AWS may (default: prompt)",
    )
    parser.add_argument(
        "--jobs",
        choices=["process", "docker"],
        help="where SageMaker's jobs run: docker runs their own images (default: process)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        type=_typed(host_name),
        metavar="NAME",
        help="a name or an address beside localhost's by which clients call it; may come often",
    )
    parser.add_argument(
        "--verify-secrets",
        action="store_true",
        default=None,
        help="refuse a signature that was not made with its key's secret (default: any is taken)",
    )


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


@_typed
def port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:9]) > 65535:
        raise ValueError(f"{text!r} is no port: 0 to 65535")
    return int(text)


@_typed
def speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 100_000:
        raise ValueError(f"{text!r} is no speed: above 0, at most 100000")
    return value
