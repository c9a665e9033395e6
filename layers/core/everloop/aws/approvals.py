"""The ledger's records of approvals, of our judge's verdicts, and of the pin that was seen last."""

from everloop.aws import table
from everloop.records import approval as words
from everloop.records import endorsement as endorsements
from everloop.records import pin as pins
from everloop.records import verdict as verdicts
from everloop.records.approval import Approval
from everloop.records.endorsement import Endorsement
from everloop.records.verdict import Verdict


def put(model: str, approval: Approval) -> None:
    """Write down the last word on a version; the words before it stay in the chain."""
    table.write(words.put(model, approval))


def all_of(model: str) -> dict[int, Approval]:
    """Return the last word on each version that anybody spoke on."""
    approvals = map(words.of, table.query(words.all_of(model)))
    return {word.version: word for word in approvals}


def put_endorsement(model: str, endorsement: Endorsement) -> None:
    table.write(endorsements.put(model, endorsement))


def endorsement(model: str, version: int) -> Endorsement | None:
    item = table.get(endorsements.key(model, version))
    return endorsements.of(item) if item else None


def endorsements_of(model: str) -> dict[int, Endorsement]:
    """Return the yes of each version that its lifecycle stage is, as far as one was seen."""
    found = map(endorsements.of, table.query(endorsements.all_of(model)))
    return {each.version: each for each in found}


def put_verdict(model: str, verdict: Verdict) -> None:
    """Write down what the judge is about to say in the registry."""
    table.write(verdicts.put(model, verdict))


def verdict(model: str, version: int) -> Verdict | None:
    item = table.get(verdicts.key(model, version))
    return verdicts.of(item) if item else None


def verdicts_of(model: str) -> dict[int, Verdict]:
    """Return what our judge set in the registry, by version."""
    return {each.version: each for each in map(verdicts.of, table.query(verdicts.all_of(model)))}


def put_pin(model: str, version: int | None, stamp: str) -> None:
    """Write down which version's stamp was seen last: a hint where to look, never the truth."""
    table.write(pins.put(model, version, stamp))


def pin(model: str) -> tuple[int, str] | None:
    item = table.get(pins.key(model))
    return pins.of(item) if item else None
