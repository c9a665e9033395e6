"""Verify an audit pack of Everloop. It needs nothing but Python 3.8 or later, and no network.

    python verify.py            in the folder of the unpacked pack
    python verify.py FOLDER

Ends with 1 and a line for each thing that is wrong, else with 0. What it shows:

- each file has the bytes that it had when the pack was made, and none is missing or was added;
- the decisions of the model are a chain: none was changed, left out or put in between, up to the
  head of the ledger, and they are those that were anchored;
- the code and the data that the version was made of have the digests that the ledger has sealed;
- the numbers that the judge decided upon are those of the evaluation.

What it cannot show without AWS: that the anchors are those of the stack's anchor bucket, where
nobody can delete them. Whoever may read that bucket compares ledger/anchors.json with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import Any, Callable, Collection  # noqa: UP035 # Python 3.8 has none to subscript

Read = Callable[[str], bytes]
MANIFEST = "manifest.json"
GENESIS = "0" * 64


def canonical(value: Any) -> bytes:
    """Write JSON in the one form that digests are taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def sealed(manifest: dict[str, Any]) -> str:
    """Return a manifest's own digest: of all of it but that."""
    return digest({key: value for key, value in manifest.items() if key != "digest"})


def problems_of(read: Read, there: Collection[str]) -> list[str]:
    """Return what is wrong with a pack.

    `read` returns the bytes of a path, and `there` are the paths of all of its files.
    """
    if MANIFEST not in there:
        return [f"{MANIFEST} is missing"]
    data = read(MANIFEST)
    try:
        manifest = json.loads(data.decode())
        listed = manifest["files"]
        whole = canonical(manifest) + b"\n" == data and manifest["digest"] == sealed(manifest)
    except (ValueError, KeyError, TypeError):
        return [f"{MANIFEST} was changed: it is no manifest of a pack any more"]
    problems = [] if whole else [f"{MANIFEST} was changed"]
    for path in sorted(set(listed) | (set(there) - {MANIFEST})):
        if path not in listed:
            problems.append(f"{path} was added: {MANIFEST} does not name it")
        elif path not in there:
            problems.append(f"{path} is missing")
        elif hashlib.sha256(read(path)).hexdigest() != listed[path]:
            problems.append(f"{path} was changed")
    if problems:
        return problems
    return _chain(read) + _made_of(read, there) + _judged(read, there, manifest["version"])


def _chain(read: Read) -> list[str]:
    problems: list[str] = []
    previous = GENESIS
    hashes: dict[int, str] = {}
    for line in read("ledger/decisions.jsonl").decode().splitlines():
        decision = json.loads(line)
        seq = decision["seq"]
        if seq != len(hashes) + 1:
            problems.append(f"decision {len(hashes) + 1} is missing: found {seq}")
        if decision["previous"] != previous:
            problems.append(f"decision {seq} does not follow the one before it")
        rest = {key: value for key, value in decision.items() if key != "hash"}
        if decision["hash"] != digest(rest):
            problems.append(f"decision {seq} was changed after it was written")
        previous = hashes[seq] = decision["hash"]
    head = json.loads(read("ledger/head.json").decode())
    heads = [(head, "the ledger's head")] if head else []
    anchors = json.loads(read("ledger/anchors.json").decode())
    heads += [(each, f"the anchor of {each['time'] or 'before'}") for each in anchors]
    for each, whose in heads:
        if hashes.get(each["seq"]) != each["hash"]:
            problems.append(f"decision {each['seq']} is not the one that {whose} names")
    return problems


def _decisions(read: Read, kind: str) -> list[dict[str, Any]]:
    lines = read("ledger/decisions.jsonl").decode().splitlines()
    return [each for each in map(json.loads, lines) if each["kind"] == kind]


def _made_of(read: Read, there: Collection[str]) -> list[str]:
    """Compare code and data with what the ledger has sealed."""
    problems: list[str] = []
    if "version/seal.json" not in there:
        return problems
    seal = json.loads(read("version/seal.json").decode())
    facts = [
        each["facts"]
        for each in _decisions(read, "seal")
        if each["facts"].get("version") == seal["version"]
    ]
    for name in ("model_digest", "bundle_digest", "container_digest"):
        if facts and facts[-1].get(name) not in (None, seal[name]):
            problems.append(f"version/seal.json: {name} is not what the ledger's decision says")
    bundle = "code/bundle.tar.gz"
    if bundle in there and hashlib.sha256(read(bundle)).hexdigest() != seal["bundle_digest"]:
        problems.append(f"{bundle} is not the code that was sealed")
    path, wanted = "data/manifest.json", seal["metadata"].get("dataset-digest")
    if path in there and wanted:
        objects = json.loads(read(path).decode())["objects"]
        if digest(sorted([each["key"], each["etag"], each["size"]] for each in objects)) != wanted:
            problems.append(f"{path} is not the data that the version was trained on")
    return problems


def _judged(read: Read, there: Collection[str], version: int) -> list[str]:
    """Compare the numbers of the verdict with those of the evaluation."""
    path = "evaluation/evaluation.json"
    if path not in there:
        return []
    metrics = json.loads(read(path).decode())["metrics"]
    verdicts = [
        each["facts"]
        for each in _decisions(read, "judge")
        if each["facts"].get("version") == version
    ]
    problems = []
    for name, bar in (verdicts[-1].get("bars") or {}).items() if verdicts else ():
        value = (metrics.get(name) or {}).get("value")
        if value != bar["value"]:
            problems.append(f"{path}: {name} is {value}, and the judge decided upon {bar['value']}")
    return problems


def notes_of(read: Read, there: Collection[str]) -> list[str]:
    """Return what is not wrong, and worth knowing: data that was withdrawn since."""
    if "data/withdrawn.json" not in there:
        return []
    days: dict[str, int] = {}
    for each in json.loads(read("data/withdrawn.json").decode()):
        days[each["at"][:10]] = days.get(each["at"][:10], 0) + 1
    return [
        f"data/manifest.json: {count} of its objects withdrawn on {day}, after the version was "
        "trained; their digests hold"
        for day, count in sorted(days.items())
    ]


def main(arguments: list[str]) -> int:
    folder = arguments[0] if arguments else os.path.dirname(os.path.abspath(__file__))

    def read(path: str) -> bytes:
        with open(os.path.join(folder, *path.split("/")), "rb") as file:
            return file.read()

    there: list[str] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = os.path.relpath(os.path.join(place, name), folder)
            there.append(path.replace(os.sep, "/"))
    problems = problems_of(read, there)
    for problem in problems:
        print(problem)
    if not problems:
        for note in notes_of(read, there):
            print(note)
        count = len(read("ledger/decisions.jsonl").splitlines())
        manifest = json.loads(read(MANIFEST).decode())
        print(f"{len(there)} files and {count} decisions hold")
        print(f"pack {manifest['digest']}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
