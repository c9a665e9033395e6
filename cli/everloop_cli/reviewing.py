"""What a person reads of a version before deciding: numbers, the judge's reason, the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from everloop.aws import endpoints
from everloop.decisions.approvals import APPROVED, PENDING
from everloop.reading import comparing
from everloop.reading.story import story
from everloop.reading.versions import versions
from everloop.views.comparison import Comparison, Measured
from everloop.views.document import document
from everloop_cli import opening
from everloop_cli import review as words
from everloop_cli.trouble import Trouble


@dataclass(frozen=True)
class Review:
    """A version, what serves beside it, and what an approval will do.

    `comparison` is None where nothing else serves; `report` is a file of this machine, "" where
    there is no page.
    """

    model: str
    version: int
    approval: str
    against: int | None
    metrics: Mapping[str, Measured]
    comparison: Comparison | None
    judge: str
    will: str
    report: str

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = document(self)
        return found


def review(model: str, version: int | None, stack: str) -> Review:
    """Read all that there is to a version. Raises Trouble where none waits, and for no version."""
    packages = versions(model)
    waiting = [each.version for each in packages if each.approval == PENDING]
    if version is None and not waiting:
        raise Trouble(
            f"no version of {model!r} waits for approval. There are: everloop versions {model}; "
            "one of them: --version N"
        )
    number = max(waiting) if version is None else version
    view = story(model, number).version
    assert view is not None  # or story says which there are
    serving = endpoints.serving(model)
    champion = serving.version if serving and serving.version != number else None
    known = {each.version for each in packages}
    both = comparing.compare(model, champion, number) if champion in known and champion else None
    listed, _ = comparing.versions(model, most=len(packages))
    metrics = next((each.metrics for each in listed if each.version == number), {})
    judged = [each for each in view.decisions if each.kind == "judge"]
    return Review(
        model=model,
        version=number,
        approval=view.approval,
        against=champion,
        metrics=metrics,
        comparison=both,
        judge=judged[-1].reason if judged else "",
        will=_will(model, number),
        report=_report(model, number, stack),
    )


def _will(model: str, number: int) -> str:
    try:
        return words.plan_word(model, number, APPROVED).will
    except Trouble as trouble:
        return str(trouble)


def _report(model: str, number: int, stack: str) -> str:
    for kind in ("comparison", "evaluation"):
        try:
            return str(opening.bring(model, opening.find(model, kind, number), stack))
        except Trouble:
            continue
    return ""
