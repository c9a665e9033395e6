"""The Runtime API, as any runtime client may speak to it."""

import http.client
import json

import pytest

from everloop_localcloud.functions.runtime import Invocation, RuntimeApi

BASE = "/2018-06-01/runtime"


@pytest.fixture
def api():
    api = RuntimeApi(largest_answer=1000)
    yield api
    api.close()


@pytest.fixture
def client(api):
    connection = http.client.HTTPConnection(api.address, timeout=20)
    yield connection
    connection.close()


def _post(client, path, body, **more):
    client.request("POST", BASE + path, body, **more)
    answer = client.getresponse()
    answer.read()
    return answer.status


def test_the_next_invocation_comes_with_its_headers(api, client):
    api.inbox.put((Invocation("id-1", b'{"x": 1}', "arn:f", "Root=1"), 1234))
    client.request("GET", f"{BASE}/invocation/next")
    answer = client.getresponse()
    assert json.loads(answer.read()) == {"x": 1}
    assert answer.headers["Lambda-Runtime-Aws-Request-Id"] == "id-1"
    assert answer.headers["Lambda-Runtime-Deadline-Ms"] == "1234"
    assert answer.headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:f"
    assert answer.headers["Lambda-Runtime-Trace-Id"] == "Root=1"
    assert api.outbox.get(timeout=5).kind == "ready"


def test_answers_errors_and_failed_starts_are_told_apart(api, client):
    assert _post(client, "/invocation/a/response", b"1") == 202
    assert _post(client, "/invocation/b/error", b"2") == 202
    assert _post(client, "/init/error", b"3") == 202
    heard = [api.outbox.get(timeout=5) for _ in range(3)]
    assert [(one.kind, one.request_id, one.body) for one in heard] == [
        ("response", "a", b"1"),
        ("error", "b", b"2"),
        ("init-error", "", b"3"),
    ]


def test_a_body_in_chunks_is_put_together(api, client):
    chunks = iter([b'{"a":', b" 1}"])
    assert _post(client, "/invocation/a/response", chunks, encode_chunked=True) == 202
    assert api.outbox.get(timeout=5).body == b'{"a": 1}'


def test_an_answer_that_is_too_large_is_refused_and_told(api, client):
    assert _post(client, "/invocation/a/response", b"x" * 1001) == 413
    assert api.outbox.get(timeout=5).kind == "too-large"


def test_what_the_runtime_api_does_not_have_is_not_found(client):
    assert _post(client, "/restore/error", b"") == 404
