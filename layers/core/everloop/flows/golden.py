"""Golden rows: rows of a version's holdout as clients send them, with what it answered offline."""

from collections.abc import Mapping
from typing import Any

from everloop.aws import storage
from everloop.decisions import endpoint_tests
from everloop.decisions.endpoint_tests import Golden
from everloop.decisions.seals import uri
from everloop.flows import sealing
from everloop.records.installation import Installation
from everloop.spec import policy
from everloop.spec.metrics import sends_some

_READ_BYTES = 1_000_000  # of the holdout and of its predictions: enough for the rows of a test


def rows(installed: Installation, version: int, arn: str) -> Golden:
    """Read a version's golden rows, as many as its spec asks for."""
    metadata = sealing.metadata(installed.model, version, arn)
    data = policy.data(installed.spec)
    return endpoint_tests.golden_rows(
        storage.read_range(_file(uri(metadata, "holdout-uri", arn), "data.csv"), _READ_BYTES),
        storage.read_range(
            _file(uri(metadata, "predictions-uri", arn), "predictions.csv"), _READ_BYTES
        ),
        without=tuple(name for name in (data.key, data.target) if name),
        most=policy.deploy(installed.spec).tests.rows,
        only=features(installed.spec, metadata, arn),
        classes=tuple(installed.spec["data"].get("classes") or ()),
        bare=bool(installed.spec["train"].get("algorithm")),
    )


def features(
    spec: Mapping[str, Any], metadata: Mapping[str, str], arn: str
) -> tuple[str, ...] | None:
    """Return what the model is sent, in its order; None where that is every column."""
    if not (spec["train"].get("algorithm") or sends_some(spec["problem"])):
        return None
    place = uri(metadata, "evaluation-uri", arn)
    place = place if place.endswith(".json") else f"{place.rstrip('/')}/evaluation.json"
    names = storage.read_json(place).get("features")
    return tuple(names) if names else None  # what evaluate.py of a model wrote may name none


def _file(uri: str, name: str) -> str:
    return uri if uri.endswith(".csv") else f"{uri.rstrip('/')}/{name}"
