"""Messages to people: what each may be about, and how it is written as a mail.

A message has the same id for the same fact, so that it is sent once however often a step is tried.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote

Kind = Literal[
    "push-refused",
    "model-installed",
    "model-removed",
    "data-waits",
    "files-set-aside",
    "bad-files",
    "data-withdrawn",
    "waits-for-capacity",
    "training-failed",
    "below-bars",
    "version-registered",
    "approval-needed",
    "approved",
    "rejected",
    "approved-in-vain",
    "judgement-failed",
    "emergency",
    "released",
    "rolled-back",
    "release-failed",
    "release-withdrawn",
    "scored",
    "scoring-failed",
    "violation",
    "could-not-judge",
    "labels-refused",
    "monitor-failed",
    "endpoint-alarm",
    "ok-again",
    "stands-still",
    "made-again",
    "test",
]

# Which kinds there are, whether they are sent unless model.toml says otherwise, and when.
KINDS: Final[dict[Kind, tuple[bool, str]]] = {
    "push-refused": (True, "a push was not installed"),
    "model-installed": (False, "a push was installed"),
    "model-removed": (True, "a model was removed, and serves no more"),
    "data-waits": (True, "data came for a model that is not installed, or that nobody trains on"),
    "files-set-aside": (True, "files of a drop were set aside"),
    "bad-files": (True, "a dataset had nothing but bad files, or too many of them"),
    "data-withdrawn": (False, "data was deleted, and is in no later dataset"),
    "waits-for-capacity": (True, "AWS has no quota or no capacity; it is tried again"),
    "training-failed": (True, "a training failed, or was stopped"),
    "below-bars": (True, "a training brought a candidate that misses its bars"),
    "version-registered": (False, "a training registered a version"),
    "approval-needed": (True, "a version waits for a person's approval"),
    "approved": (True, "policy approved a version"),
    "rejected": (True, "policy rejected a version"),
    "approved-in-vain": (True, "a person's approval changes nothing; with what would"),
    "judgement-failed": (True, "a version could not be judged"),
    "emergency": (True, "a version is released outside of its deploy windows, or in a freeze"),
    "released": (True, "a version came into service"),
    "rolled-back": (True, "production went back to a version before"),
    "release-failed": (True, "a release failed its tests, or on the way"),
    "release-withdrawn": (True, "a release was ended: its approval was withdrawn"),
    "scored": (True, "objects were scored; with where their scores lie"),
    "scoring-failed": (True, "objects could not be scored"),
    "violation": (True, "a monitor found a violation; with what it was answered with"),
    "could-not-judge": (True, "a monitor looked and could not judge"),
    "labels-refused": (True, "files of labels cannot be used"),
    "monitor-failed": (True, "a monitor could not look"),
    "endpoint-alarm": (True, "an endpoint answers errors, or too slowly"),
    "ok-again": (True, "what was reported as wrong is over"),
    "stands-still": (True, "something does not go on, and a person must look"),
    "made-again": (True, "something that was deleted on AWS was made again"),
    "test": (True, "somebody tries whether messages arrive"),
}

_SUBJECT = 99  # SNS takes fewer than 100 characters
_BODY = 100_000  # bytes; SNS takes 256 KB of all forms together, written as JSON
_NUMBER_DIGITS = 4
_DOMAINS: Final = {"cn-": "amazonaws.cn", "us-gov-": "amazonaws-us-gov.com"}


@dataclass(frozen=True)
class Message:
    """What happened to a model, for a person.

    `happened` is one line, and begins where the model's name ends ("was not installed"). `id` is
    derived from the fact. `to_do` are commands, or sentences. `links` are web or S3 addresses.
    """

    kind: Kind
    model: str
    happened: str
    why: str
    id: str
    version: int | None = None
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)
    to_do: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)


def subject(message: Message) -> str:
    """Return a mail's subject: one line of fewer than 100 ASCII characters."""
    line = _ascii(" ".join(f"{whose(message)}: {message.happened}".split()))
    return line if len(line) <= _SUBJECT else f"{line[: _SUBJECT - 3].rstrip()}..."


def body(message: Message, region: str) -> str:
    """Return a mail's text; what lies in S3 is linked to the AWS console of this region."""
    parts = [f"{whose(message)}: {message.happened}", f"Why\n{_indented(message.why.strip())}"]
    if message.numbers:
        parts.append(f"Numbers\n{_indented(_table(message.numbers))}")
    if message.to_do:
        parts.append("What to do\n" + _indented("\n".join(message.to_do)))
    links = "\n".join(
        f"{name}: {address}" for name, address in addresses(message, region) if address
    )
    if links:
        parts.append(f"Links\n{_indented(links)}")
    off = f'[notify] off = ["{message.kind}"] in model.toml'
    parts.append(f"--\nkind {message.kind}; {off} keeps this kind from you\nid {message.id}")
    text = "\n\n".join(part for part in parts if part.strip()) + "\n"
    return text.encode("utf-8", "replace")[:_BODY].decode("utf-8", "ignore")


def whose(message: Message) -> str:
    """Return the model that a message is about, and its version where it is about one."""
    return message.model if message.version is None else f"{message.model} v{message.version}"


def _ascii(line: str) -> str:
    plain = unicodedata.normalize("NFKD", line)
    kept = "".join(each for each in plain if not unicodedata.combining(each))
    return "".join(each if " " <= each <= "~" else "?" for each in kept)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def _table(numbers: Mapping[str, float | int | str]) -> str:
    """Write names and values in two columns; the values end at the same place."""
    shown = shown_numbers(numbers)
    left = max(len(name) for name in shown)
    right = max(len(value) for value in shown.values())
    return "\n".join(f"{name:<{left}}  {value:>{right}}" for name, value in shown.items())


def shown_numbers(numbers: Mapping[str, float | int | str]) -> dict[str, str]:
    """Return numbers as people read them."""
    return {name: _shown(value) for name, value in numbers.items()}


def _shown(value: float | int | str) -> str:
    if isinstance(value, float):
        return f"{value:.{_NUMBER_DIGITS}g}"
    return " ".join(str(value).split())


def addresses(message: Message, region: str) -> Iterator[tuple[str, str]]:
    """Yield a message's links; what lies in S3 has its page in the AWS console beside it."""
    for name, address in message.links.items():
        yield name, address
        if address.startswith("s3://"):
            yield f"{name} in the console", _object_page(address, region)


def _object_page(uri: str, region: str) -> str:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    kind = "buckets" if key.endswith("/") or not key else "object"
    query = f"region={region}&prefix={quote(key)}"
    return f"{console(region)}/s3/{kind}/{bucket}?{query}"


def endpoint_page(endpoint: str, region: str) -> str:
    """Return the address of an endpoint's page in the AWS console."""
    return f"{console(region)}/sagemaker/home?region={region}#/endpoints/{quote(endpoint)}"


def console(region: str) -> str:
    """Return the address of the AWS console of a region."""
    domain = next((d for start, d in _DOMAINS.items() if region.startswith(start)), "")
    return f"https://{region}.console.{domain or 'aws.amazon.com'}"
