"""What doctor finds in the last look at a model's traffic: that it could not judge, and why."""

from collections.abc import Iterator
from typing import Any


def of_model(model: str, decisions: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield what was found and the command that shows more; nothing after a look that judged all.

    After several such looks people are told, and doctor tells of that incident as well.
    """
    looks = [each for each in decisions if each["kind"] == "monitor"]
    if not looks:
        return
    facts = looks[-1].get("facts") or {}
    blind, unjudged = facts.get("blind") or [], facts.get("judged") == 0
    silent = "silent_since" in facts
    if not (blind or unjudged or silent) or looks[-1]["go"]:
        return
    said = f"the last look, at {looks[-1]['time']}: {looks[-1]['reason']}"
    report = str(facts.get("findings_uri") or "").rpartition("/")[0]
    show = f"aws s3 cp {report}/report.html ." if report else f"everloop status {model}"
    yield said, show
