"""Requests that nobody would send on purpose, made from AWS's own models: for every service."""

import base64
import http.client
import importlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import cbor2
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from everloop_localcloud.behind import moto_calls
from everloop_localcloud.behind.api import SERVICES as BEHIND
from everloop_localcloud.cloud import SERVICES, started
from everloop_localcloud.kernel import wire

# Starting jobs, functions and copies of big files takes time, and is not what is looked for here.
SLOW = {"CreateTrainingJob", "CreateProcessingJob", "CreateTransformJob", "StartPipelineExecution"}
_DEEP = 4
_SCOPES = {
    "stepfunctions": "states",
    "cloudwatch": "monitoring",
    "sagemaker-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "sagemaker-featurestore-runtime": "sagemaker",
}

TEXTS = st.one_of(
    st.sampled_from(
        [
            *("", "x", "a" * 300, "../../etc", "%00", "\u0000", "ü€\U0001f600", "null", "-1"),
            *("arn:aws:iam::123456789012:role/r", "arn:aws:sqs:us-east-1:123456789012:q", "arn:::"),
            *("arn:aws:lambda:us-east-1:123456789012:function:f", "s3://b/k", "rate(5 minutes)"),
            *("{}", "[]", "{", '{"a": [1, {"b": null}]}', '{"source": [{"prefix": 1}]}', "<a/>"),
            *('{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}', "{% $x( %}"),
            *('{"Version": "2012-10-17", "Statement": {}}', '{"Resources": {"A": {"Type": "X"}}}'),
            *("2020-01-01T00:00:00Z", "{{}}", "${A}", "true", "[" * 500, "0" * 5000, "1e999"),
        ]
    ),
    st.text(max_size=40),
)
WRONG = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.just([]), st.just({}),
    st.just([None]), st.just({"x": [1]}), st.just([[[]]]),
)  # fmt: skip


_KNOWN: dict[tuple[str, str, int], st.SearchStrategy[Any]] = {}


def values(service: str, shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values as the shape has them mostly, and sometimes of quite another type."""
    key = (service, shape.name, depth)
    if key not in _KNOWN:
        right = st.deferred(lambda: _right(service, shape, depth))
        _KNOWN[key] = right if depth == 0 else st.one_of(right, right, right, WRONG)
    return _KNOWN[key]


def _right(service: str, shape: Any, depth: int) -> st.SearchStrategy[Any]:
    kind = shape.type_name
    if kind == "structure":
        if depth > _DEEP:
            return st.just({})
        every = {name: values(service, each, depth + 1) for name, each in shape.members.items()}
        few = st.fixed_dictionaries({name: every[name] for name in shape.required_members})
        others = {name: each for name, each in every.items() if name not in shape.required_members}
        if not others:
            return few
        names = st.lists(st.sampled_from(sorted(others)), max_size=3, unique=True)
        some = names.flatmap(lambda chosen: st.fixed_dictionaries({n: others[n] for n in chosen}))
        return st.builds(lambda a, b: {**a, **b}, few, some)
    if kind in ("list", "map") and depth > _DEEP:
        return st.just([] if kind == "list" else {})
    if kind == "list":
        return st.lists(values(service, shape.member, depth + 1), max_size=2)
    if kind == "map":
        return st.dictionaries(TEXTS, values(service, shape.value, depth + 1), max_size=2)
    if kind == "string":
        allowed = shape.metadata.get("enum")
        return st.one_of(st.sampled_from(allowed), TEXTS) if allowed else TEXTS
    if kind in ("integer", "long"):
        return st.one_of(st.integers(-2, 20), st.sampled_from([2**31, 2**63, -(2**63)]))
    if kind in ("float", "double"):
        return st.floats()
    if kind == "boolean":
        return st.booleans()
    if kind == "timestamp":
        return st.one_of(st.integers(-(10**12), 10**13), st.floats(), TEXTS)
    return st.binary(max_size=20)


@cache
def answered(service: str) -> list[str]:
    """Return the operations of a service that the cloud has."""
    if service in BEHIND:
        return sorted(moto_calls.answers(service))
    module, _, name = SERVICES[service].partition(":")
    has = getattr(importlib.import_module(module), name)
    names = wire.service_model(service).operation_names
    return [each for each in names if each in has.reads and each not in SLOW]


BODIES = st.sampled_from(
    [
        *(b"", b"{", b"[]", b"null", b"\x00\xff", b'"x"', b"<a", b"<a></b>", b"\xbf\x61"),
        *(b"a=b&&&=", b"[" * 20_000),
    ]
)


@st.composite
def requests(draw: Any, services: tuple[str, ...] = ()) -> tuple[str, str, dict[str, str], bytes]:
    """Method, target, headers and body of a signed request to one of the services."""
    service = draw(st.sampled_from(sorted(services or {*SERVICES, *BEHIND})))
    model = wire.service_model(service)
    names = answered(service)
    if draw(st.integers(0, 19)) == 0:
        names = [name for name in model.operation_names if name not in SLOW]
    operation = model.operation_model(draw(st.sampled_from(names)))
    given = draw(values(service, operation.input_shape)) if operation.input_shape else {}
    protocol = (model.metadata.get("protocols") or [model.metadata["protocol"]])[0]
    method, target, headers, body = _written(draw, service, operation, protocol, given)
    if draw(st.integers(0, 9)) == 0:
        body = draw(BODIES)
    scope = _SCOPES.get(service, service)
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential=fuzz/20300101/us-east-1/{scope}/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )
    return method, target, headers, body


def _written(
    draw: Any, service: str, operation: Any, protocol: str, given: dict[str, Any]
) -> tuple[str, str, dict[str, str], bytes]:
    if protocol == "json":
        headers = {
            "X-Amz-Target": f"{operation.service_model.metadata['targetPrefix']}.{operation.name}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        return "POST", "/", headers, _json(given)
    if protocol == "smithy-rpc-v2-cbor":
        headers = {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
        return "POST", f"/service/X/operation/{operation.name}", headers, cbor2.dumps(given)
    if protocol == "query":
        version = operation.service_model.metadata["apiVersion"]
        form = [("Action", operation.name), ("Version", version), *_pairs(given)]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return "POST", "/", headers, urlencode(form, errors="replace").encode()
    path, _, query = operation.http["requestUri"].partition("?")
    headers, rest = {}, {}
    asked = [query] if query else []
    for name, value in given.items():
        serialization = operation.input_shape.members[name].serialization
        told, place = serialization.get("name", name), serialization.get("location")
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        if place == "uri":
            for form in (f"{{{told}}}", f"{{{told}+}}"):
                path = path.replace(form, quote(text.encode("utf-8", "replace"), safe="") or "x")
        elif place == "querystring":
            asked.append(urlencode({told: text}, errors="replace"))
        elif place == "header":
            headers[told] = "".join(c for c in text if c.isascii() and c.isprintable())[:500]
        else:
            rest[told] = value
    if protocol == "rest-xml":
        end = draw(st.sampled_from(["</X>", "</X>", "</Y>", ""]))
        data = f"<X>{_xml(rest)}{end}".encode("utf-8", "replace") if rest else b""
    else:
        data = _json(rest)
    return operation.http["method"], path + ("?" + "&".join(asked) if asked else ""), headers, data


def _json(value: Any) -> bytes:
    return json.dumps(value, default=_blob).encode("utf-8", "replace")


def _blob(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _pairs(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _pairs(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _pairs(item, f"{name}.member.{number}")
    elif value is not None:
        yield name, str(value)


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{k}>{_xml(v)}</{k}>" for k, v in value.items() if str(k).isalnum())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(item)}</member>" for item in value)
    return str(value).replace("&", "&amp;").replace("<", "&lt;")


def send(port: int, sent: tuple[str, str, dict[str, str], bytes]) -> tuple[int, bytes]:
    """Send a request as it is; returns status and body."""
    method, target, headers, body = sent
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def main() -> None:
    """Send as many as the first argument says to a strict cloud, and print what failed in it."""
    count = int(sys.argv[1])
    failures: Counter[str] = Counter()
    statuses: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        cloud, front = started(Path(folder), strict=True)

        @seed(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
        @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(requests())
        def one(sent: tuple[str, str, dict[str, str], bytes]) -> None:
            try:
                status, told = send(cloud.port, sent)
            except OSError as error:
                status, told = 0, repr(error).encode()
            statuses[status] += 1
            if status == 0 or status in (500, 502, 503):
                named = sent[2].get("X-Amz-Target") or f"{sent[0]} {sent[1][:80]} {sent[3][:60]!r}"
                key = f"{status} {named} {told.decode(errors='replace')[:300]}"
                failures[key] += 1
                if failures[key] == 1:
                    print(key, flush=True)

        one()
        cloud.stop()
        front.stop()
    print(sum(statuses.values()), "requests:", dict(sorted(statuses.items())))
    print(sum(failures.values()), "failures,", len(failures), "of a kind")


if __name__ == "__main__":
    main()
