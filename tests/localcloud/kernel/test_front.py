"""The front: which service a request is for, and what it does with requests that are none."""

import http.client
import json
import socket
import sys

import pytest
from botocore.exceptions import ClientError
from werkzeug.datastructures import MultiDict

from everloop_localcloud.kernel import wire
from everloop_localcloud.kernel.front.routing import service_of
from everloop_localcloud.kernel.heads import Headers


def request(path="/", query=None, body=b"", method="POST", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.Request(method, path, path, MultiDict(query or {}), Headers(named.items()), body)


def signed(scope, region="us-east-1"):
    credential = f"Credential=AKIA/20300101/{region}/{scope}/aws4_request"
    return f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"


SAGEMAKER = signed("sagemaker")


@pytest.mark.parametrize(
    ("sent", "service"),
    [
        (request(Authorization=signed("states")), "stepfunctions"),
        (request(Authorization=signed("monitoring")), "cloudwatch"),
        (request(Authorization=signed("dynamodb")), "dynamodb"),
        (request(Authorization=SAGEMAKER, X_Amz_Target="SageMaker.ListModels"), "sagemaker"),
        (request("/endpoints/e/invocations", Authorization=SAGEMAKER), "sagemaker-runtime"),
        (request("/BatchPutMetrics", Authorization=signed("sagemaker")), "sagemaker-metrics"),
        (request("/b/k", {"X-Amz-Credential": "AKIA/20300101/us-east-1/s3/aws4_request"}), "s3"),
        (request("/b/k", {"AWSAccessKeyId": "a", "Signature": "x"}), "s3"),
        (request("/b/k", Authorization="AWS key:signature"), "s3"),
        (request("/b/k", method="GET"), "s3"),
        (request(X_Amz_Target="DynamoDB_20120810.Scan"), "dynamodb"),
        (request(body=b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15"), "sts"),
        (request("/2015-03-31/functions/f/invocations"), "lambda"),
        (request("/endpoints/e/invocations"), "sagemaker-runtime"),
    ],
)  # fmt: skip
def test_a_request_is_for_the_service_that_it_is_signed_for(sent, service):
    assert service_of(sent)[0] == service


def test_region_and_key_come_from_the_signature():
    assert service_of(request(Authorization=signed("sqs", "eu-west-1"))) == (
        "sqs",
        "eu-west-1",
        "AKIA",
    )


def test_an_operation_that_nobody_answers_is_refused_by_name(cloud_with):
    _, client = cloud_with("sts")
    with pytest.raises(ClientError, match="sts:GetSessionToken") as error:
        client("sts").get_session_token()
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_callers_are_who_their_keys_say(cloud_with):
    _, client = cloud_with("sts")
    assert client("sts").get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/tester"
    role = "arn:aws:iam::123456789012:role/worker"
    keys = client("sts").assume_role(RoleArn=role, RoleSessionName="once")["Credentials"]
    assumed = client("sts", key=keys["AccessKeyId"]).get_caller_identity()["Arn"]
    assert assumed == "arn:aws:sts::123456789012:assumed-role/worker/once"


def test_health_needs_no_signature(cloud_with):
    cloud, _ = cloud_with("sts")
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    connection.request("GET", "/_everloop/health")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"ok\n")
    connection.close()


def test_one_connection_takes_many_requests(cloud_with):
    cloud, _ = cloud_with("sts")
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    headers = {
        "Authorization": signed("sts"),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    for _ in range(3):
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        assert (answer.status, b"AKIA" in answer.read()) == (200, True)
    connection.close()


def test_a_malformed_body_is_an_aws_error(cloud_with):
    cloud, _ = cloud_with("events")
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    headers = {"Authorization": signed("events"), "X-Amz-Target": "AWSEvents.PutRule"}
    connection.request("POST", "/", "{no json", headers)
    answer = connection.getresponse()
    assert answer.status == 400
    assert json.loads(answer.read())["__type"] == "SerializationException"
    connection.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("PUT /b/k HTTP/1.1\r\nContent-Length: nonsense\r\n\r\n", 400),
        ("PUT /b/k HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        ("PUT /b/k HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (f"PUT /b/k HTTP/1.1\r\nContent-Length: {6 * 1024**3}\r\n\r\n", 413),
        ("PUT /b/k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfew\r\n", 400),
        ("PUT /b/k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", 413),
        ("GET /b/k\r\n\r\n", 400),
        ("GET /b/k HTTP/2.0\r\n\r\n", 400),
        ("\x16\x03\x01 hello over TLS\r\n", 400),
        (f"GET /{'k' * 70_000} HTTP/1.1\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (f"GET / HTTP/1.1\r\nx: {'y' * 70_000}\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\n" + "x: y\r\n" * 300 + "\r\n", 431),
        ("TRACE / HTTP/1.1\r\n\r\n", 501),
    ],
)
def test_what_is_no_http_is_refused_and_the_next_client_is_answered(cloud_with, head, status):
    cloud, _ = cloud_with("sts")
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as raw:
        raw.sendall(head.encode("latin-1"))
        assert raw.recv(100).startswith(f"HTTP/1.1 {status} ".encode())
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as raw:
        raw.sendall(b"GET /_everloop/health HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: raw.recv(1000), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\nok\n")


@pytest.mark.parametrize("long", [True, False])
def test_a_form_in_chunks_or_of_many_bytes_is_read_whole(cloud_with, long):
    cloud, _ = cloud_with("sts")
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    form = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = {
        "Authorization": signed("sts"),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    for sent, status in ((headers, 200), ({"Content-Type": headers["Content-Type"]}, 403)):
        body = form + b"&" * 2_000_000 if long else iter([form[:9], form[9:]])
        connection.request("POST", "/", body, sent, encode_chunked=not long)
        answer = connection.getresponse()
        text = answer.read()
        assert (answer.status, b"<Account>" in text) == (status, status == 200), text
        assert status == 200 or b"MissingAuthenticationToken" in text
    connection.request("GET", "/_everloop/health")  # the next is read when the last is put away
    connection.getresponse().read()
    connection.close()
    assert list((cloud.folder / "incoming").iterdir()) == []


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(cloud_with):
    cloud, client = cloud_with("s3")
    client("s3").create_bucket(Bucket="data")
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as raw:
        head = (
            "PUT /data/k HTTP/1.1\r\nEXPECT: 100-continue\r\ncontent-length: 5\r\n"
            f"authorization: {signed('s3')}\r\n\r\n"
        )
        raw.sendall(head.encode())
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"hello")
        assert raw.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
    assert cloud.apis["s3"].read("data", "k") == b"hello"


def test_headers_are_found_in_any_case_and_joined_where_they_came_twice():
    headers = Headers([("X-Amz-Meta-A", "1"), ("x-amz-meta-a", "2"), ("Host", "h")])
    assert headers["x-AMZ-meta-A"] == "1,2"
    assert dict(headers) == {"X-Amz-Meta-A": "1,2", "Host": "h"}
    changed = headers.copy()
    del changed["HOST"]
    assert ("host" in headers, "host" in changed) == (True, False)


@pytest.mark.parametrize(
    ("head", "body", "status", "told"),
    [
        ("Content-Length: 10", b"half", 400, b"after 4 of 10 bytes"),
        ("Transfer-Encoding: gzip", b"", 501, b"'gzip' is not known"),
        ("Transfer-Encoding: chunked", b"3\r\nabcdef\r\n", 400, b"does not end where"),
        ("Transfer-Encoding: chunked", b"5\r\nab", 400, b"after 2 of 5 bytes"),
    ],
)
def test_half_a_body_is_refused(cloud_with, head, body, status, told):
    cloud, client = cloud_with("sts")
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as raw:
        raw.sendall(f"PUT /b/k HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode() + body)
        raw.shutdown(socket.SHUT_WR)
        answer = raw.makefile("rb").read()
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert told in answer
    assert client("sts").get_caller_identity()["Account"] == "123456789012"


def test_a_chunked_body_is_read_whole(cloud_with):
    cloud, client = cloud_with("s3")
    client("s3").create_bucket(Bucket="data")
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    headers = {"Authorization": signed("s3"), "Transfer-Encoding": "chunked"}
    connection.request("PUT", "/data/k", iter([b"one ", b"two"]), headers, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert cloud.apis["s3"].read("data", "k") == b"one two"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no address 127.0.0.2")
def test_only_this_machine_can_reach_it(cloud_with):
    cloud, _ = cloud_with("sts")
    listening = socket.create_connection(("127.0.0.1", cloud.port), timeout=10)
    assert listening.getpeername()[0] == "127.0.0.1"
    listening.close()
    outside = socket.socket()
    outside.bind(("127.0.0.2", cloud.port))  # taken, if the front listened on all addresses
    outside.close()
