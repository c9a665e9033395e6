"""Values that a spec's keys take: their limits, and what a wrong one is answered with."""

import codecs
import json
import math
import re
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
)

from everloop.decisions import deploy_windows
from everloop.spec import images, instances

_RATE = re.compile(r"rate\((1 (minute|hour|day)|(?!1 )[1-9]\d* (minutes|hours|days))\)")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
_WITHIN = re.compile(r"([1-9][0-9]{0,4})([hd])")
_PRINTED = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,99}")
_FUNCTION = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CRON = re.compile(r"cron\((\S+ ){5}\S+\)")


def _spot(value: Any) -> Any:
    if not isinstance(value, bool) and value != instances.FALLBACK:
        raise ValueError(f"give true, false or {instances.FALLBACK!r}")
    return value


def _own_image(value: str) -> str:
    if problem := images.uri_problem(value):
        raise ValueError(problem)
    return value


def _schedule(value: str) -> str:
    if not (_RATE.fullmatch(value) or _CRON.fullmatch(value)):
        raise ValueError("write e.g. rate(1 hour), rate(6 hours) or cron(0 6 * * ? *)")
    return value


def _deploy_window(value: str) -> str:
    deploy_windows.parsed(value)
    return value


def _topic(value: str) -> str:
    match = _TOPIC.fullmatch(value)
    if not match:
        raise ValueError("give an SNS topic's ARN, arn:aws:sns:<region>:<account>:<name>")
    if match[1]:
        raise ValueError("a FIFO topic sends no mail; give a standard one")
    return value


def _within(value: str) -> str:
    match = _WITHIN.fullmatch(value)
    if not match or not 1 <= int(match[1]) * (24 if match[2] == "d" else 1) <= 365 * 24:
        raise ValueError("write hours or days, from 1h to 365d, e.g. '30d'")
    return value


def _last_part(value: str) -> str:
    if "/" in value:
        raise ValueError("give the last part of the marker's key, without a slash")
    return value


def _encoding(value: str) -> str:
    try:
        "".encode(value)  # also refuses what is a codec and no text encoding, such as base64
        codecs.lookup(value)
    except (LookupError, ValueError, TypeError):
        raise ValueError("give an encoding that Python knows: utf-8, cp1252, utf-16, …") from None
    return value


def _mark(value: str) -> str:
    if len(value) != 1 or value.isalnum() or value in "\r\n\0":
        raise ValueError("one character belongs here, and no letter, digit or line break")
    return value


def _range(value: list[Any]) -> list[Any]:
    if value and all(isinstance(each, str) for each in value):
        if len(set(value)) < len(value) or len(value) > 30:
            raise ValueError("list at most 30 words, each once")
        return value
    numbers = [each for each in value if isinstance(each, int | float) and each is not True]
    if len(value) != 2 or len(numbers) != 2 or not all(map(math.isfinite, numbers)):
        raise ValueError("give [lowest, highest] as numbers, or a list of words")
    if not numbers[0] < numbers[1]:
        raise ValueError("the lowest comes first, and is below the highest")
    return value


def _line(value: str) -> str:
    if "\n" in value or len(value) > 1024:
        raise ValueError("one line of at most 1024 characters belongs here")
    return value


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("it may not be empty")
    return value


def _hyperparameter(value: Any) -> Any:
    finite = not isinstance(value, float) or math.isfinite(value)
    if not (isinstance(value, str | int | float) and finite):
        raise ValueError("a text, a finite number, true or false belongs here")
    if len(json.dumps(value)) > 2500:
        raise ValueError("SageMaker takes at most 2500 characters")
    return value


# What a threshold can be chosen by: the names of jobs/everloop_jobs/curves.py.
BEST: Final = ("f1", "youden", "accuracy", "balanced_accuracy", "mcc")


def _class(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise ValueError("the name of a class belongs here, a text or a whole number")
    return value


def _classes(value: list[Any]) -> list[Any]:
    names = [str(name) for name in value]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{twice[0]} is there twice; name each class once")
    if len(value) == 1:
        raise ValueError("name two classes at least")
    return value


def _threshold(value: Any) -> Any:
    known = isinstance(value, str) and _FUNCTION.fullmatch(value)  # one of BEST, or evaluate.own's
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1
    if not (known or number):
        raise ValueError(f"give a number between 0 and 1, or one of {', '.join(BEST)}")
    return value


def _printed(value: str) -> str:
    if not _PRINTED.fullmatch(value):
        raise ValueError("give what train.py prints before  =0.5 : letters, digits and _.:-/")
    return value


def _server(value: str) -> str:
    if value.startswith("arn:"):
        raise ValueError(
            "SageMaker's MLflow servers and apps take requests signed with SigV4 only, which jobs "
            "do not do yet; give the http(s) URL of a tracking server"
        )
    try:
        parts = urlsplit(value)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known, parts = False, urlsplit("")
    if not known or parts.query or parts.fragment or any(c.isspace() for c in value):
        raise ValueError("give the URL of an MLflow tracking server, https://mlflow.example.com")
    if "@" in parts.netloc:
        raise ValueError("it holds a password, which the ledger would keep; leave it out")
    return value.rstrip("/")


def _quantiles(value: list[float]) -> list[float]:
    if value and (len(value) < 2 or 0.5 not in value or sorted(set(value)) != value):
        raise ValueError("give several in rising order, 0.5 among them, e.g. [0.1, 0.5, 0.9]")
    return value


def functions(value: dict[str, Any]) -> dict[str, Any]:
    for name in value:
        if not _FUNCTION.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a function; use letters, digits and _")
    return value


Line = Annotated[str, AfterValidator(_line)]
Mark = Annotated[str, AfterValidator(_mark)]
Column = Annotated[str, AfterValidator(_filled)]
Instance = Annotated[
    instances.Instances, PlainValidator(instances.checked), PlainSerializer(instances.plain)
]
OwnImage = Annotated[str, AfterValidator(_own_image)]
Spot = Annotated[bool | str, PlainValidator(_spot)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Part = Annotated[float, Field(gt=0, lt=1)]
ShareOrNone = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Quantile = Annotated[float, Field(gt=0, lt=1)]
Class = Annotated[Any, AfterValidator(_class)]
Schedule = Annotated[str, AfterValidator(_schedule)]
DeployWindow = Annotated[str, AfterValidator(_deploy_window)]
Topic = Annotated[str, AfterValidator(_topic)]
Within = Annotated[str, AfterValidator(_within)]
LastPart = Annotated[str, AfterValidator(_last_part)]
Encoding = Annotated[str, AfterValidator(_encoding)]
Range = Annotated[list[Any], AfterValidator(_range)]
Hyperparameter = Annotated[Any, AfterValidator(_hyperparameter)]
Threshold = Annotated[Any, AfterValidator(_threshold)]
Printed = Annotated[str, AfterValidator(_printed)]
Server = Annotated[str, AfterValidator(_server)]
Quantiles = Annotated[list[Quantile], AfterValidator(_quantiles)]
Classes = Annotated[list[Class], AfterValidator(_classes)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
