"""Bills of materials: CycloneDX's own schema takes them, and they say what is not known."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from everloop.bom import Materials, bom, purl

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/loans/3"
LEAST = Materials("loans", 3, ARN, "", "", "", "", "", "", {})
MADE = Materials(
    model="loans",
    version=3,
    package=ARN,
    registered_at="2026-11-20T10:00:00.000Z",
    model_uri="s3://artefacts/models/loans/aa/model.tar.gz",
    model_digest="a" * 64,
    image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3",
    image_digest=f"sha256:{'c' * 64}",
    bundle_digest="b" * 64,
    metadata={"dataset-digest": "d" * 64, "dataset-uri": "s3://artefacts/d.json", "run": "r"},
    card={
        "intended_uses": {"purpose_of_model": "to lend", "intended_uses": "clerks"},
        "additional_information": {
            "caveats_and_recommendations": "few rows above 80",
            "ethical_considerations": "a refusal changes a life",
            "custom_details": {"licence": "MIT"},
        },
    },
    evaluation={
        "problem": "binary_classification",
        "metrics": {"auc": {"value": 0.71, "low": 0.7, "high": 0.72}, "f1": {"value": None}},
        "slices": [{"column": "region", "value": "a", "metrics": {"auc": {"value": 0.6}}}],
    },
    packages={
        "python": "3.12.1",
        "packages": [
            {"name": "Scikit_Learn", "version": "1.9.1", "licence": "BSD-3-Clause", "own": False},
            {"name": "odd", "version": "1", "licence": "", "own": True},
        ],
    },
    manifest={
        "objects": [{"key": "data/loans/a.csv", "version_id": "v1", "etag": "e", "size": 12}]
    },
)


def problems(found: dict[str, Any]) -> Any:
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(found))


def parts(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["bom-ref"]: each for each in found["components"]}


def properties(found: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in found["metadata"]["properties"]}


@pytest.mark.parametrize(
    "made",
    [
        MADE,
        LEAST,
        replace(MADE, image="image", image_digest="", card={}, manifest={}),
        replace(MADE, model_digest="short", evaluation={"metrics": {"auc": float("nan")}}),
    ],
    ids=["whole", "nothing known", "no digest", "no numbers"],
)
def test_cyclonedx_takes_a_bill_whatever_is_known(made: Materials) -> None:
    assert problems(bom(made)) is None


def test_the_schema_would_say_what_is_wrong() -> None:
    assert problems({**bom(MADE), "colour": "red"}) is not None


def test_a_bill_names_model_container_packages_code_and_data_by_digest() -> None:
    found = bom(MADE)
    model = found["metadata"]["component"]
    assert model["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert model["licenses"] == [{"license": {"name": "MIT"}}]
    container, code, data, python, *libraries = found["components"]
    assert container["version"] == "1.9-0-cpu-py3"
    assert container["hashes"][0]["content"] == "c" * 64
    assert code["hashes"][0]["content"] == "b" * 64
    assert data["components"][0]["name"] == "data/loans/a.csv"
    assert (python["name"], python["version"]) == ("Python", "3.12.1")
    assert [each["purl"] for each in libraries] == ["pkg:pypi/scikit-learn@1.9.1", "pkg:pypi/odd@1"]
    assert libraries[0]["licenses"] == [{"license": {"name": "BSD-3-Clause"}}]
    named = found["dependencies"][0]
    assert (named["ref"], set(named["dependsOn"])) == (ARN, set(parts(found)))


def test_its_model_card_has_the_metrics_with_intervals_and_slices() -> None:
    card = bom(MADE)["metadata"]["component"]["modelCard"]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [
        {
            "type": "auc",
            "value": "0.71",
            "confidenceInterval": {"lowerBound": "0.7", "upperBound": "0.72"},
        },
        {"type": "auc", "value": "0.6", "slice": "region=a"},
    ]
    assert card["considerations"]["technicalLimitations"] == ["few rows above 80"]
    assert card["modelParameters"]["datasets"] == [{"ref": f"data:{'d' * 64}"}]


def test_what_is_not_known_is_said_and_never_passes_for_clean() -> None:
    told = properties(bom(LEAST))
    assert told["everloop:vulnerabilities"].startswith("could not judge")
    assert told["everloop:packages"].startswith("not known")
    whole = properties(bom(MADE))
    assert whole["everloop:packages-of-the-training"].startswith("not kept")
    assert whole["everloop:packages-without-a-licence"] == "odd"
    tagged = parts(bom(replace(MADE, image_digest="")))[f"container:{MADE.image}"]
    assert "by its tag only" in tagged["description"]


def test_the_same_version_has_the_same_bill() -> None:
    assert bom(MADE) == bom(MADE)
    assert bom(MADE)["serialNumber"] != bom(replace(MADE, package=f"{ARN}0"))["serialNumber"]
    assert purl("Zope.Interface", "1") == "pkg:pypi/zope-interface@1"
