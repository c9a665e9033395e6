"""What versions were made of and how they did: read from packages, and objects that they name."""

from collections.abc import Iterable
from typing import Any

from everloop.aws import journal, production, registry, storage
from everloop.errors import BadInput, EverloopError
from everloop.views import comparison as comparisons
from everloop.views.comparison import Comparison, Detailed, Made
from everloop.views.timeline import timeline
from everloop.views.version import listed


def versions(model: str, *, most: int) -> tuple[list[Detailed], int]:
    """Return the newest versions with how they did, and how many there are."""
    packages = registry.packages(model)
    entries = listed(packages, production.of_model(model))
    shown = entries[:most]
    made = {each.version: _made(each.version, each.package) for each in shown}
    decided = timeline(list(journal.decisions(model)))
    return comparisons.detailed(shown, made, decided), len(entries)


def compare(model: str, first: int, second: int) -> Comparison:
    """Compare two versions. Raises BadInput for one that the registry does not have."""
    arns = {package.version: package.arn for package in registry.packages(model)}
    for number in (first, second):
        if number not in arns:
            raise BadInput(f"{model!r} has no version {number}; it has {sorted(arns) or 'none'}")
    decided = timeline(list(journal.decisions(model)))
    made = [_made(number, arns[number], whole=True) for number in (first, second)]
    return comparisons.comparison(model, made[0], made[1], decided)


def _made(number: int, arn: str, *, whole: bool = False) -> Made:
    """Read what a version was made of; `whole` reads its spec and its data as well."""
    described = registry.find(arn)  # it may have been deleted a moment ago
    metadata = dict(described.metadata) if described else {}
    evaluation = _document(metadata.get("evaluation-uri"))
    rows = evaluation.get("rows") if evaluation else None
    folder = str(metadata.get("bundle-uri") or "").rpartition("/")[0]
    spec = _document(f"{folder}/spec.json" if folder else None) if whole else None
    manifest = _document(metadata.get("dataset-uri")) if whole else None
    return Made(
        version=number,
        cause=metadata.get("cause", ""),
        dataset=metadata.get("dataset-digest", ""),
        code=metadata.get("bundle-digest", ""),
        run=metadata.get("run", ""),
        rows=rows if isinstance(rows, int) else None,
        metrics=comparisons.measured(evaluation),
        keys=comparisons.flat(spec or {}),
        objects=dict(_objects((manifest or {}).get("objects") or ())),
    )


def _document(uri: str | None) -> dict[str, Any] | None:
    """Read a document; None where it is gone, or is none: it is then shown as not known."""
    try:
        return storage.find_json(uri) if uri else None
    except EverloopError:
        return None


def _objects(entries: Iterable[Any]) -> Iterable[tuple[str, str]]:
    for each in entries:
        if isinstance(each, dict) and "key" in each:
            yield str(each["key"]), str(each.get("etag"))
