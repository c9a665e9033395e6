"""What stands in heads alone is read as botocore wrote it, and written as botocore reads it."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from werkzeug.datastructures import MultiDict

from everloop_localcloud.kernel import header_members, wire
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.heads import Headers

_EXAMPLES = {
    "string": "a-name-that-is-as-long-as-identifiers-are",
    "boolean": True,
    "integer": 77,
    "long": 7_000_000_000,
    "timestamp": datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC),
    "blob": b"a,b\n1,2\n",
    "map": {"owner": "flights"},
}


def _example(shape: Any) -> Any:
    if shape.type_name == "list":
        return ["ETag", "Checksum"]
    if shape.enum if hasattr(shape, "enum") else ():
        return shape.enum[0]
    return _EXAMPLES[shape.type_name]


def _in_heads(side: str) -> list[tuple[str, str]]:
    """Return the operations, with their services, whose input or output stands in heads."""
    found = []
    for service in ("s3", "lambda", "sagemaker-runtime", "scheduler"):
        model = wire.service_model(service)
        for name in model.operation_names:
            shape = getattr(model.operation_model(name), side)
            if shape is None or not shape.members:
                continue
            if side == "input_shape":
                request = wire.Request("GET", "/", "/", MultiDict(), Headers(), b"")
                known = header_members.read(shape, request, {})
            else:
                known = header_members.write(shape, {})
            if known is not None:
                found.append((service, name))
    return found


@pytest.mark.parametrize(("service", "operation"), _in_heads("input_shape"))
def test_every_member_is_read_as_botocore_wrote_it(service: str, operation: str) -> None:
    model = wire.service_model(service).operation_model(operation)
    params = {name: _example(member) for name, member in model.input_shape.members.items()}
    protocol = wire.service_model(service).metadata["protocol"]
    sent = create_serializer(protocol).serialize_to_request(params, model)
    url = {
        member.serialization["name"]: str(params[name])
        for name, member in model.input_shape.members.items()
        if member.serialization.get("location") == "uri"
    }
    path = urlsplit(sent["url_path"])
    query: MultiDict[str, str] = MultiDict()
    for key, value in sent["query_string"].items():
        for each in value if isinstance(value, list) else [value]:
            query.add(key, str(each))
    request = wire.Request(
        sent["method"],
        unquote(path.path),
        path.path,
        query,
        Headers((name, str(value)) for name, value in sent["headers"].items()),
        sent["body"] or b"",
    )

    assert wire.parse(service, operation, protocol, request, url) == params


@pytest.mark.parametrize(("service", "operation"), _in_heads("output_shape"))
def test_every_member_is_written_as_botocore_reads_it(service: str, operation: str) -> None:
    model = wire.service_model(service).operation_model(operation)
    result = {name: _example(member) for name, member in model.output_shape.members.items()}
    status = [
        name
        for name, member in model.output_shape.members.items()
        if member.serialization.get("location") == "statusCode"
    ]
    result |= dict.fromkeys(status, 202)
    protocol = wire.service_model(service).metadata["protocol"]

    answer = wire.encode(service, operation, protocol, result)
    told = {"body": answer.body, "headers": answer.headers, "status_code": answer.status}
    read = create_parser(protocol).parse(told, model.output_shape)

    read.pop("ResponseMetadata")
    for name, value in read.items():
        if isinstance(result[name], bytes) and isinstance(value, str):
            read[name] = value.encode()
    assert read == result


def test_a_number_that_is_none_is_malformed() -> None:
    request = wire.Request("GET", "/", "/", MultiDict({"partNumber": "two"}), Headers(), b"")
    with pytest.raises(AwsError, match="two"):
        wire.parse("s3", "GetObject", "rest-xml", request, {"Bucket": "b", "Key": "k"})
