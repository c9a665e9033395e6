"""What an auditor needs of a version: documents as they lie in ledger, S3 and registry."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from everloop import names
from everloop.aws import ledger, production, registry, storage
from everloop.aws.settings import settings
from everloop.bom import Materials, bom
from everloop.errors import BadInput, EverloopError
from everloop.names import canonical
from everloop.reading import taken_back
from everloop.reading.materials import CARD, PACKAGES, materials
from everloop.reading.story import story
from everloop.records.release import RELEASED, ROLLED_BACK, TESTS_FAILED
from everloop.records.seal import Seal
from everloop.views.document import document
from everloop.views.story import Story
from everloop.views.version import Listed, listed

BOM: Final = "supply-chain/bom.json"
_TESTED = (RELEASED, TESTS_FAILED, ROLLED_BACK)  # how a release ends that came to its tests


@dataclass(frozen=True)
class Evidence:
    """Documents by their path in a pack; `missing` says of each that is not there why.

    `versions` are all of the model, the newest first; `materials` is what it was made of.
    """

    story: Story
    files: Mapping[str, bytes]
    missing: Mapping[str, str] = field(default_factory=dict)
    versions: Sequence[Listed] = ()
    materials: Materials | None = None


def evidence(model: str, number: int | None = None) -> Evidence:
    """Read all that is kept of a version, or of what serves.

    Raises BadInput for a version that nobody knows, and where nothing serves.
    """
    view = story(model, number)
    if view.version is None:
        raise BadInput(f"nothing of {model!r} serves; say which version")
    number = view.version.version
    seal = ledger.seal(model, number)
    files = {
        "ledger/decisions.jsonl": b"".join(canonical(each) + b"\n" for each in view.chain.all),
        "ledger/head.json": _json(view.chain.head),
        "ledger/anchors.json": _json(list(view.chain.anchors)),
        "version/story.json": _json(document(view)),
    }
    missing = {}
    if seal is not None:
        files["version/seal.json"] = _json(asdict(seal))
    else:
        missing["version/seal.json"] = "the version was never sealed"
    described = None
    if view.version.registered:
        described = registry.find(view.version.package)
        files["version/package.json"] = _json(document(described) if described else None)
        if described and described.card:
            files[CARD] = described.card.encode()
    if CARD not in files:
        missing[CARD] = "the package has no model card: it is from before, or AWS refused it"
    for path, uri in _documents(model, number, view, seal):
        try:
            files[path] = _read(uri, seal)
        except EverloopError as error:
            missing[path] = str(error)
    gone = taken_back.of_manifest(model, files.get("data/manifest.json", b"{}"))
    if gone:
        files["data/withdrawn.json"] = _json(gone)
    there = listed(registry.packages(model), production.of_model(model))
    made = materials(view.version, described, seal, there, files)
    files[BOM] = _json(bom(made))
    return Evidence(view, files, missing, there, made)


def _documents(
    model: str, number: int, view: Story, seal: Seal | None
) -> Iterator[tuple[str, str]]:
    """Yield the path in a pack, and the URI, of each document that is named."""
    made_of: Mapping[str, Any] = view.version.made_of if view.version else {}
    named = {
        "evaluation/evaluation.json": made_of.get("evaluation-uri"),
        "data/manifest.json": made_of.get("dataset-uri"),
        "data/report.html": made_of.get("data-report-uri"),
        "code/bundle.tar.gz": _bundle(seal) or made_of.get("bundle-uri"),
    }
    evaluation = str(named["evaluation/evaluation.json"] or "")
    if evaluation:
        named[PACKAGES] = f"{evaluation.rpartition('/')[0]}/packages.json"
        named["evaluation/report.html"] = f"{evaluation.rpartition('/')[0]}/report.html"
    code = str(made_of.get("bundle-uri") or "")
    if code:
        named["code/spec.json"] = f"{code.rpartition('/')[0]}/spec.json"
    comparison = _comparison(number, view)
    if comparison:
        named["comparison/comparison.json"] = comparison
        named["comparison/report.html"] = f"{comparison.rpartition('/')[0]}/report.html"
    for epoch in _tested(number, view):
        key = names.endpoint_tests(model, epoch)
        named[f"tests/release-{epoch}.json"] = f"s3://{settings().artefact_bucket}/{key}"
    yield from ((path, str(uri)) for path, uri in named.items() if uri)


def _bundle(seal: Seal | None) -> str:
    return (seal.bundle_copy_uri or seal.bundle_uri) if seal else ""


def _tested(number: int, view: Story) -> list[int]:
    """Return the epochs of the version's releases that came to their tests."""
    ends = [each["facts"] for each in view.chain.all if each["kind"] in ("serve", "rollback")]
    return [
        int(facts["epoch"])
        for facts in ends
        if facts.get("version") == number and facts.get("outcome") in _TESTED and facts.get("epoch")
    ]


def _comparison(number: int, view: Story) -> str:
    judged = [
        each["facts"]
        for each in view.chain.all
        if each["kind"] == "judge" and each["facts"].get("version") == number
    ]
    return str((judged[-1].get("comparison_uri") if judged else "") or "")


def _read(uri: str, seal: Seal | None) -> bytes:
    """Read an object, in the version that the seal found where it says one."""
    bucket, key = storage.split(uri)
    return storage.read(bucket, key, seal.versions.get(uri) if seal else None)


def _json(value: Any) -> bytes:
    return canonical(value) + b"\n"
