"""AWS's wire protocols, read and written from botocore's own service models.

A request becomes (operation, parameters); an answer or an AwsError becomes bytes. moto's parsers
and serializers do query, rest-json and rest-xml; JSON and CBOR, plain data, are done here.
"""

import copy
import json
import re
import urllib.parse
import uuid
from collections.abc import Set
from functools import cache, lru_cache
from typing import Any

import cbor2
from botocore.parsers import create_parser
from botocore.validate import ParamValidator
from moto.core.model import ServiceModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.serialize import get_serializer_class
from werkzeug.datastructures import MultiDict

from everloop_localcloud.kernel import (
    constraints,
    header_members,
    models,
    shapes,
    sqs_query,
    surrogates,
)
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.messages import Answer as Answer
from everloop_localcloud.kernel.messages import Request as Request


@cache
def service_model(service: str) -> ServiceModel:
    """Return moto's reading of botocore's model of a service, by boto3's name for it."""
    return ServiceModel(models.loader().load_service_model(service, "service-2"), service)


def protocol_of(service: str, request: Request) -> str:
    """Return the protocol of this request: a service may speak several."""
    model = service_model(service)
    known = model.metadata.get("protocols") or [model.metadata["protocol"]]
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor" and "smithy-rpc-v2-cbor" in known:
        return "cbor"
    if "X-Amz-Target" in request.headers and "json" in known:
        return "json"
    if "query" in known or service == "sqs":
        content = request.headers.get("Content-Type", "")
        if content.startswith("application/x-www-form-urlencoded"):
            return "query"
    return "cbor" if known[0] == "smithy-rpc-v2-cbor" else str(known[0])


def operation_of(service: str, protocol: str, request: Request) -> tuple[str, dict[str, str]]:
    """Return the operation's name and the parameters in its path.

    Raises AwsError UnknownOperationException for what the service's model does not have.
    """
    model = service_model(service)
    if protocol == "json":
        name = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    elif protocol == "query":
        form = urllib.parse.parse_qs(request.body.decode("utf-8", "replace"))
        name = (form.get("Action") or [request.query.get("Action", "")])[0]
    elif protocol == "cbor":
        name = request.path.rpartition("/")[2]
    else:
        return _routed(service, request)
    if name not in model.operation_names:
        raise AwsError("UnknownOperationException", f"{service} has no operation {name!r}", 400)
    return name, {}


@cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], dict[str, str | None], str]]:
    """Method, path pattern, required query and operation; the most specific first."""
    routes = []
    model = service_model(service)
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        pattern = ""
        for part in re.split(r"(\{[^}]+\})", path):
            if part.startswith("{") and part.endswith("+}"):
                pattern += f"(?P<{part[1:-2]}>.+)"
            elif part.startswith("{"):
                pattern += f"(?P<{part[1:-1]}>[^/]+)"
            else:
                pattern += re.escape(part)
        wanted = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        static = len(re.sub(r"\{[^}]+\}", "", path))
        routes.append((static, http["method"], re.compile(pattern + r"/?$"), wanted, name))
    routes.sort(key=lambda row: (-len(row[3]), -row[0]))
    return [(method, pattern, dict(wanted), name) for _, method, pattern, wanted, name in routes]


def _routed(service: str, request: Request) -> tuple[str, dict[str, str]]:
    for method, pattern, wanted, name in _routes(service):
        if method != request.method:
            continue
        found = pattern.match(request.raw_path)
        if found and all(
            key in request.query and (not value or request.query[key] == value)
            for key, value in wanted.items()
        ):
            params = {k: urllib.parse.unquote(v) for k, v in found.groupdict().items()}
            return name, params
    raise AwsError(
        "UnknownOperationException",
        f"{service} has no operation for {request.method} {request.path}",
        404,
    )


# Whatever reading a body may trip over. XML's ParseError is a SyntaxError.
_MALFORMED = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError),
    *(SyntaxError, RequestParserError, cbor2.CBORError),
)


def parse(
    service: str, operation: str, protocol: str, request: Request, url: dict[str, str]
) -> dict[str, Any]:
    """Return the operation's parameters; times are aware, blobs are bytes."""
    found = _parsed(service, operation, protocol, request, url)
    if protocol in ("json", "rest-json") and surrogates.may_be_in(request.body):
        try:
            surrogates.check(found)
        except ValueError as error:
            trouble = f"the request is malformed: {error}"
            raise AwsError("SerializationException", trouble) from error
    return found


def _parsed(
    service: str, operation: str, protocol: str, request: Request, url: dict[str, str]
) -> dict[str, Any]:
    model = service_model(service).operation_model(operation)
    if model.input_shape is None:
        return {}
    try:
        if protocol == "json":
            data = json.loads(request.body or b"{}")
            return shapes.from_data(model.input_shape, data, blobs_as_text=True) or {}
        if protocol == "cbor":
            data = cbor2.loads(request.body) if request.body else {}
            return shapes.from_data(model.input_shape, data, blobs_as_text=False) or {}
        if protocol.startswith("rest"):
            found = header_members.read(model.input_shape, request, url)
            if found is not None:
                return found
        values: MultiDict[str, str] = MultiDict(request.query.items(multi=True))
        if protocol == "query":
            form = urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True)
            for key, value in form:
                values.add(key, value)
        if service == "sqs":
            pairs = list(values.items(multi=True))
            return sqs_query.parse(operation, model.input_shape, pairs, request.path)
        given: Any = {
            "body": request.body,
            "headers": request.headers,
            "method": request.method,
            "url_params": url,
            "url_path": request.path,
            "values": values,
        }
        parser = PROTOCOL_PARSERS[protocol](model, timestamp_parser=shapes.aware)
        parsed: dict[str, Any] = parser.parse(given)
    except _MALFORMED as error:
        code = {"query": "MalformedInput", "rest-xml": "MalformedXML"}.get(protocol)
        trouble = f"the request is malformed: {type(error).__name__}: {error}"
        raise AwsError(code or "SerializationException", trouble) from error
    absent = [
        name
        for name, member in model.input_shape.members.items()
        # A list in the query that was not sent is parsed as an empty one.
        if member.serialization.get("location") == "querystring" and parsed.get(name) == []
    ]
    return {key: value for key, value in parsed.items() if value is not None and key not in absent}


# What a service calls a request that breaks its model, where not ValidationException.
_INVALID = {
    **dict.fromkeys(("sts", "iam", "cloudformation", "cloudwatch"), "ValidationError"),
    "sns": "InvalidParameter",
    "sqs": "InvalidParameterValue",
    "s3": "InvalidArgument",
}
# They check names and values on their own, with codes of their own. The model of the endpoints'
# runtime still has the old limit of a body; endpoints take 25 MB now.
_OWN_CHECKS = {"s3", "sns", "sqs", "sagemaker-runtime"}


def _cut(shape: Any, members: Set[str]) -> Any:
    """Return a structure without some of its members."""
    cut = copy.copy(shape)
    cut.members = {name: each for name, each in shape.members.items() if name not in members}
    return cut


@lru_cache(maxsize=1024)
def _given(service: str, operation: str, names: frozenset[str]) -> Any:
    shape = service_model(service).operation_model(operation).input_shape
    # With a name that is unknown, botocore tells all that there are.
    return _cut(shape, set(shape.members) - names) if names <= set(shape.members) else shape


def check_input(service: str, operation: str, params: dict[str, Any]) -> None:
    """Raise AwsError, ValidationException mostly, where the parameters break the model's shape."""
    shape = service_model(service).operation_model(operation).input_shape
    if shape is None:
        return
    code = _INVALID.get(service, "ValidationException")
    report = ParamValidator().validate(params, _given(service, operation, frozenset(params)))
    if report.has_errors():
        raise AwsError(code, report.generate_report())
    failures = [] if service in _OWN_CHECKS else constraints.broken(shape, params)
    if failures:
        raise AwsError(code, constraints.told(failures))


def encode(service: str, operation: str, protocol: str, result: dict[str, Any]) -> Answer:
    """Write an operation's result as its protocol wants it."""
    model = service_model(service).operation_model(operation)
    request_id = str(uuid.uuid4())
    if protocol in ("json", "cbor"):
        data = shapes.to_data(model.output_shape, result, protocol) if model.output_shape else {}
        return _data_answer(service, protocol, 200, data, request_id)
    if service == "sqs":
        headers = {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}
        return Answer(200, headers, sqs_query.encode(operation, result, request_id).encode())
    status = model.http.get("responseCode", 200)
    direct = None
    if model.output_shape is not None and protocol.startswith("rest"):
        direct = header_members.write(model.output_shape, result)
    if direct is not None:
        headers, body = direct
    else:
        written = _serializer(service, operation, protocol).serialize(result)
        headers, body, status = written["headers"], written["body"], written["status_code"]
    for name, value in result.items() if model.output_shape else ():
        member = model.output_shape.members.get(name)
        if member is None or value is None:
            continue
        if member.serialization.get("location") == "statusCode":
            status = value  # an answer may say itself what its status is
        if member.serialization.get("name", "").lower() == "content-type" and value:
            headers["Content-Type"] = str(value)  # and what its body is
    return Answer(
        status,
        {**headers, "x-amzn-RequestId": request_id},
        body.encode() if isinstance(body, str) else body,
    )


@cache
def _serializer(service: str, operation: str, protocol: str) -> Any:
    model = service_model(service).operation_model(operation)
    return get_serializer_class(service, protocol)(operation_model=model)


def encode_error(service: str, protocol: str, error: AwsError) -> Answer:
    """Write an error as its protocol wants it."""
    request_id = str(uuid.uuid4())
    if protocol in ("json", "cbor"):
        data = {"__type": error.code, "message": error.message, **error.fields}
        answer = _data_answer(service, protocol, error.status, data, request_id)
        if service_model(service).metadata.get("awsQueryCompatible") is not None:
            sender = "Receiver" if error.status >= 500 else "Sender"
            answer.headers["x-amzn-query-error"] = f"{query_code(service, error.code)};{sender}"
        return answer
    headers = {"x-amzn-RequestId": request_id, "x-amzn-ErrorType": error.code}
    if protocol == "rest-json":
        body = json.dumps({"message": error.message, "Message": error.message, **error.fields})
        return Answer(error.status, {**headers, "Content-Type": "application/json"}, body.encode())
    code = query_code(service, error.code) if protocol == "query" else error.code
    text = _xml({"Code": code, "Message": error.message, **error.fields})
    if protocol == "rest-xml":
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{text}</Error>'
    else:
        kind = "Receiver" if error.status >= 500 else "Sender"
        body = (
            f"<ErrorResponse><Error><Type>{kind}</Type>{text}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return Answer(error.status, {**headers, "Content-Type": "text/xml"}, body.encode())


# Codes that SQS had in the query protocol and that its model no longer tells.
_QUERY_CODES = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    **{
        name: f"AWS.SimpleQueueService.{name}"
        for name in (
            *("BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest"),
            *("InvalidBatchEntryId", "MessageNotInflight", "PurgeQueueInProgress"),
            *("QueueDeletedRecently", "TooManyEntriesInBatchRequest", "UnsupportedOperation"),
        )
    },
}


def query_code(service: str, code: str) -> str:
    """Return an error's code in the query protocol, which SDKs still show to their users."""
    if service == "sqs":
        return _QUERY_CODES.get(code, code)
    for shape in service_model(service).error_shapes:
        if shape.name == code:
            return str(shape.metadata.get("error", {}).get("code", code))
    return code


def _xml(members: dict[str, Any]) -> str:
    from xml.sax.saxutils import escape

    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in members.items())


def _data_answer(
    service: str, protocol: str, status: int, data: dict[str, Any], request_id: str
) -> Answer:
    headers = {"x-amzn-RequestId": request_id}
    if protocol == "cbor":
        headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return Answer(status, headers, cbor2.dumps(data))
    version = service_model(service).metadata.get("jsonVersion", "1.1")
    headers["Content-Type"] = f"application/x-amz-json-{version}"
    return Answer(status, headers, json.dumps(data).encode())


def check_output(
    service: str, operation: str, result: dict[str, Any], *, ranges: bool = True
) -> None:
    """Raise AssertionError where an answer breaks the model's output shape (strict clouds only).

    Without `ranges`, numbers may be any: AWS's own answers leave some of the models' ranges.
    """
    shape = service_model(service).operation_model(operation).output_shape
    plain = {key: value for key, value in result.items() if value is not None}
    if shape is None:
        assert not plain, f"{service}:{operation} has no output, got {sorted(plain)}"
        return
    streaming = shape.serialization.get("payload")
    if streaming:
        plain.pop(streaming, None)
    unknown = set(plain) - set(shape.members)
    assert not unknown, f"{service}:{operation} answers unknown members {sorted(unknown)}"
    report = ParamValidator().validate(plain, shape)
    excused = [
        error
        for error in report._errors
        if (streaming and streaming in str(error)) or (not ranges and error[0] == "invalid range")
    ]
    assert len(excused) == len(report._errors), f"{service}:{operation}: {report.generate_report()}"


def check_written(service: str, operation: str, answer: Answer) -> None:
    """Check a written answer as `check_output` checks a result: read back as a client would."""
    model = service_model(service).operation_model(operation)
    shape = model.output_shape
    if shape is None:
        return
    told = {"body": answer.body, "headers": answer.headers, "status_code": answer.status}
    parsed = create_parser(service_model(service).metadata["protocol"]).parse(told, shape)
    parsed.pop("ResponseMetadata", None)
    check_output(service, operation, parsed, ranges=False)
