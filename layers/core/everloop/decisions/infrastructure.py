"""What AWS lacked when it refused something: no verdict on a model, and how long to try again.

The words are AWS's, as FailureReason of jobs, steps and endpoints and as codes of errors give them
(docs/contracts.md has the samples). What a script or a person says never counts: AWS puts it
behind `AlgorithmError`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from everloop.names import digest

QUOTA, CAPACITY, THROTTLING, SPOT, INTERNAL = (
    "quota",
    "capacity",
    "throttling",
    "spot",
    "internal",
)


@dataclass(frozen=True)
class Trouble:
    """What AWS lacked. `there` is what a quota allows, `wanted` what it would have to allow.

    `retry` is False where waiting cannot help: a quota of 0, or less than one request needs.
    """

    kind: str
    code: str  # AWS's error code
    quota: str = ""  # as Service Quotas names it
    there: int | None = None
    wanted: int | None = None
    retry: bool = True
    said: str = ""  # AWS's own words


# AWS's codes, as a client and as a state machine name them.
_CODES = {
    "ResourceLimitExceeded": QUOTA,
    "ServiceQuotaExceededException": QUOTA,
    "LimitExceededException": QUOTA,
    "CapacityError": CAPACITY,
    "InsufficientInstanceCapacity": CAPACITY,
    "InsufficientCapacityError": CAPACITY,
    "EC2InsufficientCapacityError": CAPACITY,
    "ThrottlingException": THROTTLING,
    "Throttling": THROTTLING,
    "TooManyRequestsException": THROTTLING,
    "RequestLimitExceeded": THROTTLING,
    "MaxWaitTimeExceeded": SPOT,
    "Interrupted": SPOT,
    "InternalServerError": INTERNAL,
    "InternalServerException": INTERNAL,
    "InternalServiceException": INTERNAL,
    "InternalFailure": INTERNAL,
    "ServiceUnavailable": INTERNAL,
    "ServiceUnavailableException": INTERNAL,
}
# How a reason tells its code: at its head; as botocore writes an error; as Step Functions does.
_HEADS = (
    re.compile(r"\s*(?P<code>[A-Za-z0-9]+)\s*(?::|$)"),
    re.compile(r"An error occurred \((?P<code>\w+)\) when calling the \w+ operation"),
    re.compile(r"\(Service: \w+[^()]*; (?:Error Code: (?P<code>\w+))"),
)
# What AWS says where it names no code, always from the beginning of its own sentence.
_SENTENCES = (
    (QUOTA, "ResourceLimitExceeded", r"The account-level service limit\b"),
    (QUOTA, "ResourceLimitExceeded", r"Resource limits? for this account"),
    (QUOTA, "ResourceLimitExceeded", r"The requested resource \S+ is not available in this region"),
    (
        CAPACITY,
        "InsufficientInstanceCapacity",
        r"Unable to provision requested ML compute capacity",
    ),
    (CAPACITY, "InsufficientInstanceCapacity", r"Insufficient capacity\b"),
    (SPOT, "MaxWaitTimeExceeded", r".*\bMax(?:imum allowed )?\W?wait ?time\b"),
    (SPOT, "MaxWaitTimeExceeded", r".*\bMaxWaitTime(?:InSeconds|Exceeded)\b"),
    (SPOT, "Interrupted", r".*\bspot\b.*\b(?:interrupt|reclaim|terminat)"),
    (THROTTLING, "ThrottlingException", r"Rate exceeded\b"),
    (INTERNAL, "InternalServerError", r"We encountered an internal error\b"),
    (INTERNAL, "InternalServerError", r"Request to service failed\. If failure persists"),
)
_LIMIT = re.compile(
    r"service limit (?:for )?['‘]?(?P<quota>[^'’]+?)['’]? is (?P<there>\d+)\b"
    r"(?:.*?current utilization of (?P<used>\d+))?(?:.*?request delta of (?P<delta>\d+))?",
    re.DOTALL,
)
_NOT_OFFERED = re.compile(r"The requested resource (?P<what>\S+) is not available in this region")
# A pipeline's step quotes what it called; the sentence of AWS comes behind.
_CALLED = re.compile(
    r"ClientError: Failed to invoke \w+:\w+\.? Error Details:\s*(?P<said>.*)", re.S
)
_BOTOCORE = "An error occurred ("  # how it begins what AWS answered


def trouble(reason: str, code: str = "") -> Trouble | None:
    """Return what AWS lacked, by its code and its words; None for anything that is no such thing.

    `reason` is a FailureReason, or the text of an error; `code` the error's code, where one came.
    """
    said = _plain(reason)
    if said.startswith("AlgorithmError"):
        return None
    called = _CALLED.match(said)
    sentence = called["said"] if called else said
    kind, named = _kind(sentence, code.rpartition(".")[2])
    if not kind:
        return None
    if kind == QUOTA:
        return _quota(named, said)
    return Trouble(kind, named, said=said[:600])


def trouble_of(caught: Mapping[str, Any]) -> Trouble | None:
    """Return what AWS lacked by an error that a state machine caught: {Error, Cause}.

    The cause of a job that failed is the job's description, that of a function its error.
    """
    name, cause = str(caught.get("Error") or ""), str(caught.get("Cause") or "")
    try:
        told = json.loads(cause)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return trouble(cause, name)
    if "errorMessage" in told:
        # The words of our own error, with what AWS said behind its subject.
        message = str(told.get("errorMessage") or "")
        return trouble(message[message.index(_BOTOCORE) :]) if _BOTOCORE in message else None
    secondary = str(told.get("SecondaryStatus") or "")
    return trouble(str(told.get("FailureReason") or ""), secondary if secondary in _CODES else "")


def _kind(sentence: str, code: str) -> tuple[str, str]:
    for pattern in _HEADS:
        found = pattern.match(sentence) if pattern is _HEADS[0] else pattern.search(sentence)
        named = (found["code"] or "") if found else ""
        named = named.removesuffix("Exception") if named not in _CODES else named
        if named in _CODES:
            return _CODES[named], named
    for kind, named, words in _SENTENCES:
        if re.match(words, sentence, re.IGNORECASE | re.DOTALL):
            return kind, named
    for named in (code, code.removesuffix("Exception")):
        if named in _CODES:
            return _CODES[named], named
    return "", ""


def _quota(code: str, said: str) -> Trouble:
    found = _LIMIT.search(said)
    if found:
        there = int(found["there"])
        used, delta = int(found["used"] or 0), int(found["delta"] or 1)
        wanted = max(used + delta, there + 1)
        return Trouble(QUOTA, code, found["quota"], there, wanted, there >= delta, said[:600])
    offered = _NOT_OFFERED.search(said)
    if offered:
        return Trouble(QUOTA, code, offered["what"], 0, 1, False, said[:600])
    return Trouble(QUOTA, code, said=said[:600])


def _plain(text: str) -> str:
    return text.replace("&#39;", "'").replace("&quot;", '"').strip()


# --- how long, and when to tell -------------------------------------------------------------------

# The first wait, and what waits grow to. Both are the middle of what they vary by.
_FIRST, _LONGEST = timedelta(minutes=2), timedelta(minutes=30)
# How long each is tried for; what begins its work anew each time is tried a few times only.
_PATIENCE = {
    QUOTA: timedelta(hours=24),
    CAPACITY: timedelta(hours=24),
    THROTTLING: timedelta(hours=24),
    SPOT: timedelta(hours=72),
    INTERNAL: timedelta(hours=24),
}
_MOST_TRIES = {INTERNAL: 5, SPOT: 12}
# Before that it is the normal life of an account with a few instances.
_MATTERS = timedelta(minutes=30)


@dataclass(frozen=True)
class Again:
    """What is done about trouble: wait so long and try again, or hold until something changes.

    `tell` says that it matters by now.
    """

    wait_seconds: int | None
    tell: bool
    reason: str

    @property
    def held(self) -> bool:
        return self.wait_seconds is None


def again(found: Trouble, *, since: datetime, tries: int, now: datetime, name: str) -> Again:
    """Decide what is done after `tries` tries that met trouble, the first of them at `since`.

    Waits double, and vary by `name` between half and one and a half, so that what was refused at
    once does not come back at once.
    """
    waited = now - since
    if not found.retry:
        return Again(None, True, f"waiting cannot help: {described(found)}")
    most = _MOST_TRIES.get(found.kind)
    if waited >= _PATIENCE[found.kind] or (most is not None and tries >= most):
        return Again(None, True, f"{described(found)}; tried {tries} times in {_hours(waited)}")
    middle = min(_FIRST * 2 ** min(tries - 1, 10), _LONGEST)
    share = int(digest([name, tries])[:8], 16) / 0xFFFFFFFF
    seconds = round(middle.total_seconds() * (0.5 + share))
    tell = waited >= _MATTERS or found.kind == SPOT
    return Again(seconds, tell, f"{described(found)}; tried again in {max(1, seconds // 60)} min")


def described(found: Trouble) -> str:
    """Say in one sentence what AWS lacked."""
    if found.kind == QUOTA and found.there is not None:
        return f"the quota '{found.quota}' is {found.there}, and {found.wanted} are needed"
    words = {
        QUOTA: "a quota of the account is used up",
        CAPACITY: "AWS has no instances of this type to give",
        THROTTLING: "AWS throttles the account's calls",
        SPOT: "AWS has no spot instances to give",
        INTERNAL: "AWS had an internal error",
    }
    return f"{words[found.kind]} ({found.code}: {found.said[:300]})"


def _hours(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
