"""The bill of materials of a version: model, container, packages, code and data, in CycloneDX 1.6.

Pure. The same version gives the same text: its number is derived from the package's name, and its
time is when the version was registered.
"""

import math
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Json = Mapping[str, Any]
_MOST_OBJECTS: Final = 1000  # of a dataset; the manifest has all
_SHA256 = "SHA-256"


@dataclass(frozen=True)
class Materials:
    """What a version was made of, as it is kept; what is not known is empty."""

    model: str
    version: int
    package: str
    registered_at: str
    model_uri: str
    model_digest: str
    image: str
    image_digest: str
    bundle_digest: str
    metadata: Mapping[str, str]
    card: Json = field(default_factory=dict)
    evaluation: Json = field(default_factory=dict)
    packages: Json = field(default_factory=dict)
    manifest: Json = field(default_factory=dict)


def bom(made: Materials, vulnerabilities: Json | None = None) -> dict[str, Any]:
    """Return a version's bill of materials; `vulnerabilities` is what a source said of it."""
    refs = _Refs(made)
    parts = [*_container(made, refs), *_code(made, refs), *_data(made, refs), *_libraries(made)]
    judged = vulnerabilities or {}
    found = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, made.package)}",
        "version": 1,
        "metadata": {
            **({"timestamp": made.registered_at} if made.registered_at else {}),
            "lifecycles": [{"phase": "post-build"}],
            "tools": {"components": [{"type": "application", "name": "everloop"}]},
            "component": _model(made, refs),
            "properties": list(_known(made, judged)),
        },
        "components": parts,
        "dependencies": [
            {"ref": refs.model, "dependsOn": [each["bom-ref"] for each in parts]},
        ],
    }
    if judged.get("found"):
        found["vulnerabilities"] = list(judged["found"])
    return found


class _Refs:
    """By which names the parts of a bill refer to each other."""

    def __init__(self, made: Materials) -> None:
        self.model = made.package
        self.container = f"container:{made.image}"
        self.code = f"code:{made.bundle_digest}"
        self.data = f"data:{made.metadata.get('dataset-digest', '')}"


def purl(name: str, version: str) -> str:
    """Return a Python package's URL, its name in the one form that PyPI has."""
    plain = name.lower().replace("_", "-").replace(".", "-")
    return f"pkg:pypi/{plain}@{version}"


def _model(made: Materials, refs: _Refs) -> dict[str, Any]:
    licence = (_details(made.card)).get("licence")
    return _given(
        {
            "type": "machine-learning-model",
            "bom-ref": refs.model,
            "name": made.model,
            "version": str(made.version),
            "description": (made.card.get("intended_uses") or {}).get("purpose_of_model"),
            "hashes": _hashes(made.model_digest),
            "licenses": [{"license": {"name": licence}}] if licence else None,
            "externalReferences": [{"type": "distribution", "url": made.model_uri}]
            if made.model_uri
            else None,
            "modelCard": _model_card(made, refs),
            "properties": list(
                _properties(
                    {name: made.metadata.get(name) for name in ("run", "cause", "evaluation-uri")}
                )
            ),
        }
    )


def _model_card(made: Materials, refs: _Refs) -> dict[str, Any]:
    uses = made.card.get("intended_uses") or {}
    more = made.card.get("additional_information") or {}
    problem = str(made.evaluation.get("problem") or "")
    considered = _given(
        {
            "useCases": [uses["intended_uses"]] if uses.get("intended_uses") else None,
            "technicalLimitations": [more["caveats_and_recommendations"]]
            if more.get("caveats_and_recommendations")
            else None,
            "ethicalConsiderations": [{"name": more["ethical_considerations"]}]
            if more.get("ethical_considerations")
            else None,
        }
    )
    return _given(
        {
            "modelParameters": _given(
                {
                    "task": problem.replace("_", " ") or None,
                    "datasets": [{"ref": refs.data}] if made.metadata.get("dataset-digest") else [],
                }
            ),
            "quantitativeAnalysis": _given({"performanceMetrics": list(_metrics(made))}),
            "considerations": considered,
        }
    )


def _metrics(made: Materials) -> Iterator[dict[str, Any]]:
    for name, each in (made.evaluation.get("metrics") or {}).items():
        yield from _metric(name, each)
    for part in made.evaluation.get("slices") or ():
        for name, each in (part.get("metrics") or {}).items():
            for measured in _metric(name, each):
                yield {**measured, "slice": f"{part.get('column')}={part.get('value')}"}


def _metric(name: str, measured: Any) -> Iterator[dict[str, Any]]:
    value = measured.get("value") if isinstance(measured, Mapping) else measured
    if not _number(value):
        return
    found: dict[str, Any] = {"type": name, "value": repr(value)}
    if isinstance(measured, Mapping) and _number(measured.get("low")):
        ends = {"lowerBound": repr(measured["low"]), "upperBound": repr(measured.get("high"))}
        found["confidenceInterval"] = ends
    yield found


def _container(made: Materials, refs: _Refs) -> Iterator[dict[str, Any]]:
    if not made.image:
        return
    name, _, tag = made.image.rpartition(":")
    digest = made.image_digest.removeprefix("sha256:")
    yield _given(
        {
            "type": "container",
            "bom-ref": refs.container,
            "name": name or tag,
            "version": tag if name else None,
            "hashes": _hashes(digest),
            "description": None if digest else "by its tag only: the registry gave no digest",
        }
    )


def _code(made: Materials, refs: _Refs) -> Iterator[dict[str, Any]]:
    if made.bundle_digest:
        yield {
            "type": "application",
            "bom-ref": refs.code,
            "name": f"{made.model} (code)",
            "version": made.bundle_digest[:12],
            "hashes": _hashes(made.bundle_digest),
        }


def _data(made: Materials, refs: _Refs) -> Iterator[dict[str, Any]]:
    digest = made.metadata.get("dataset-digest")
    if not digest:
        return
    objects = list(made.manifest.get("objects") or ())
    parts = [
        {
            "type": "data",
            "bom-ref": f"object:{each.get('key')}@{each.get('version_id')}",
            "name": str(each.get("key")),
            "version": str(each.get("version_id")),
            "properties": list(_properties({"etag": each.get("etag"), "size": each.get("size")})),
        }
        for each in objects[:_MOST_OBJECTS]
    ]
    uri = made.metadata.get("dataset-uri")
    contents = {"contents": {"url": uri}} if uri else {}
    yield _given(
        {
            "type": "data",
            "bom-ref": refs.data,
            "name": f"{made.model} (dataset)",
            "version": digest[:12],
            "data": [{"type": "dataset", **contents}],
            "properties": list(_properties({"dataset-digest": digest, "objects": len(objects)})),
            "components": parts,
        }
    )


def _libraries(made: Materials) -> Iterator[dict[str, Any]]:
    python = made.packages.get("python")
    if python:
        yield {"type": "platform", "bom-ref": "python", "name": "Python", "version": str(python)}
    for each in made.packages.get("packages") or ():
        name, version = str(each["name"]), str(each["version"])
        licence = each.get("licence")
        yield _given(
            {
                "type": "library",
                "bom-ref": purl(name, version),
                "name": name,
                "version": version,
                "purl": purl(name, version),
                "licenses": [{"license": {"name": licence}}] if licence else None,
                "scope": "required" if each.get("own") else None,
            }
        )


def _known(made: Materials, judged: Json) -> Iterator[dict[str, str]]:
    """Yield what is known, and what is not, so that nobody takes a gap for a clean bill."""
    packages = made.packages.get("packages") or ()
    unlicensed = [str(each["name"]) for each in packages if not each.get("licence")]
    told = judged.get("verdict") or "could not judge: no source of advisories was given"
    yield from _properties(
        {
            "packages": f"{len(packages)} of the container that evaluated it"
            if packages
            else "not known: the version is from before, or its evaluation kept none",
            "packages-of-the-training": "not kept: those of another image are not in this bill",
            "packages-without-a-licence": ", ".join(unlicensed[:50]) or None,
            "vulnerabilities": told,
            "objects-left-out": str(len(made.manifest.get("objects") or ()) - _MOST_OBJECTS)
            if len(made.manifest.get("objects") or ()) > _MOST_OBJECTS
            else None,
        }
    )


def _details(card: Json) -> Json:
    found = (card.get("additional_information") or {}).get("custom_details") or {}
    return found if isinstance(found, Mapping) else {}


def _hashes(digest: str) -> list[dict[str, str]] | None:
    return [{"alg": _SHA256, "content": digest}] if len(digest) == 64 else None


def _properties(values: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for name, value in values.items():
        if value not in (None, ""):
            yield {"name": f"everloop:{name}", "value": str(value)}


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and value is not True and math.isfinite(value)
