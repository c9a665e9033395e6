"""The head of a report: of which model, data, code and run it tells, when it was, and what to open
beside it."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

Facts = list[tuple[str, str]]
_DIGITS = 12  # of a digest: enough to find it


def evaluation(spec: Mapping[str, Any], result: Mapping[str, Any]) -> Facts:
    """Return what an evaluation's page says of itself."""
    compared = str(spec["evaluate"]["compare"]["metric"])
    threshold = (result.get("detail") or {}).get("threshold")
    return [
        ("Model", f"{spec['name']}, {spec['problem'].replace('_', ' ')}, compared by {compared}"),
        *_of_run(),
        *([("Threshold", f"{threshold:.4g}")] if threshold is not None else []),
        ("Beside it", _open(spec["name"], "data", "comparison", "look")),
    ]


def comparison(spec: Mapping[str, Any]) -> Facts:
    """Return what a comparison's page says of itself."""
    candidate, champion = _told("VERSION"), _told("CHAMPION")
    code = _told("CHAMPION_BUNDLE_DIGEST")[:_DIGITS]
    return [
        ("Model", str(spec["name"])),
        *(
            [("Versions", f"candidate: version {candidate}; champion: version {champion}")]
            if candidate and champion
            else []
        ),
        *_of_run("the candidate's "),
        *([("Champion's code", code)] if code else []),
        ("Beside it", _open(spec["name"], candidate, champion, "data", "look")),
    ]


def look(findings: Mapping[str, Any], spec: Mapping[str, Any]) -> Facts:
    """Return what a look's page says of itself."""
    name, version = str(findings["model"]), str(findings["serving_version"])
    rules = spec["monitor"]
    bars = (("data", "data"), ("predictions", "prediction"))
    thresholds = [
        f"{word} {rules[key]['threshold']:g}"
        for word, key in bars
        if "threshold" in (rules.get(key) or {})
    ]
    return [
        ("Model", f"{name}, version {version} on {findings['endpoint']}"),
        ("Span", f"{moment(findings['from'])} to {moment(findings['to'])}"),
        *([("Threshold", ", ".join(thresholds))] if thresholds else []),
        ("Beside it", _open(name, version, "data")),
    ]


def data(name: str, digest: str) -> Facts:
    """Return what a data report says of itself."""
    told = [each for each in _of_run() if each[0] != "Data"]
    mine = [("Data", digest[:_DIGITS])] if digest else []
    return [("Model", name), *mine, *told, ("Beside it", _open(name, "", "look"))]


def moment(text: str) -> str:
    """Return a time as people read it, with its zone; another text as it is."""
    day, _, time = text.partition("T")
    utc = time.endswith(("Z", "+00:00"))
    return f"{day} {time[:5]} UTC" if utc and len(time) > 5 else text


def _of_run(whose: str = "") -> Facts:
    """Return what the job was told of its run; nothing where it was told nothing, as by check."""
    run, at = _told("RUN").rpartition("/")[2], _told("STARTED")
    found = [
        ("Data", whose, _told("DATASET_DIGEST").strip("0") and _told("DATASET_DIGEST")[:_DIGITS]),
        ("Code", whose, _told("BUNDLE_DIGEST")[:_DIGITS]),
        ("Run", "", run),
        ("Time", "", moment(at)),
    ]
    return [(name, of + each) for name, of, each in found if each]


def _open(model: str, *what: str) -> str:
    words: Sequence[str] = list(dict.fromkeys(what))
    return " · ".join(f"everloop open {model} {word}".rstrip() for word in words)


def _told(name: str) -> str:
    return os.environ.get(f"EVERLOOP_{name}", "")
