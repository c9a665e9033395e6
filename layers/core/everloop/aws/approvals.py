"""The ledger's records of approvals, of what our judge said, and of the pin that was seen last."""

from collections.abc import Mapping
from typing import Any

from everloop.aws import table
from everloop.aws.table import model_key
from everloop.decisions.approvals import Approval, Verdict
from everloop.moments import moment, text


def put(model: str, approval: Approval) -> None:
    """Write down the last word on a version; the words before it stay in the chain."""
    table.put(
        {
            **model_key(model, f"APPROVAL#{approval.version:08d}"),
            "version": approval.version,
            "status": approval.status,
            "at": text(approval.at),
            "by": approval.by,
            "words": approval.words,
            "description": approval.description,
        }
    )


def all_of(model: str) -> dict[int, Approval]:
    """Return the last word on each version that anybody spoke on."""
    words = (approval_of(item) for item in table.query(f"MODEL#{model}", "APPROVAL#"))
    return {word.version: word for word in words}


def approval_of(item: Mapping[str, Any]) -> Approval:
    return Approval(
        version=int(item["version"]),
        status=item["status"],
        at=moment(item["at"]),
        by=item["by"],
        words=item["words"],
        description=item["description"],
    )


def put_verdict(model: str, verdict: Verdict) -> None:
    """Write down what the judge is about to say in the registry."""
    table.put(
        {
            **model_key(model, f"VERDICT#{verdict.version:08d}"),
            "version": verdict.version,
            "status": verdict.status,
            "description": verdict.description,
        }
    )


def verdict(model: str, version: int) -> Verdict | None:
    item = table.get(model_key(model, f"VERDICT#{version:08d}"))
    if item is None:
        return None
    return Verdict(int(item["version"]), item["status"], item["description"])


def put_pin(model: str, version: int | None, stamp: str) -> None:
    """Write down which version's stamp was seen last: a hint where to look, never the truth."""
    table.put({**model_key(model, "PIN"), "version": version, "stamp": stamp})


def pin(model: str) -> tuple[int, str] | None:
    item = table.get(model_key(model, "PIN"))
    if item is None or item.get("version") is None:
        return None
    return int(item["version"]), str(item["stamp"])
