"""The gate: clients of this machine come in, web pages do not, whatever they send."""

import gzip
import http.client
import json
import socket
import urllib.parse

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from everloop_localcloud.functions.runtime import RuntimeApi
from everloop_localcloud.kernel.gate import Gate, Refused, host_name
from everloop_localcloud.s3 import cors

EVIL = "https://evil.example"
SCOPE = "Credential=ana/20261120/us-east-1/{service}/aws4_request"
FORM = "Action=CreateQueue&QueueName=q&Version=2012-11-05"


def signed(service):
    return f"AWS4-HMAC-SHA256 {SCOPE.format(service=service)}, SignedHeaders=host, Signature=0"


def send(cloud, method="GET", path="/", body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def cloud(cloud_with):
    started, client = cloud_with("s3", "sqs", "sts", "lambda")
    client("s3").create_bucket(Bucket="data")
    client("s3").put_object(Bucket="data", Key="k", Body=b"rows")
    return started


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LocalHost:4566", "localhost.", "127.0.0.1:1", "127.8.9.10", "[::1]:4566"),
        *("[::ffff:127.0.0.1]", "s3.localhost:4566", "data.localhost", "data.s3.localhost:1"),
        *("sync-localhost:4566", "sync-127.0.0.1:4566", "stream-localhost", ""),
        *("host.docker.internal:4566", "data.host.docker.internal", "172.17.0.1:4566"),
    ],
)
def test_names_of_this_machine_are_taken(host):
    Gate(["host.docker.internal", "172.17.0.1"]).check_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evillocalhost"),
        *("127.0.0.1.nip.io:4566", "0.0.0.0:4566", "10.0.0.1", "[::]:4566", "[::1].evil.example"),
        *("localhost@evil.example", "localhost,evil.example", "127.1", "2130706433", "0177.0.0.1"),
        *("data.s3.amazonaws.com", "sync-evil.example", "data.127.0.0.1", "[::1", "localhost:x"),
        *("host.docker.internal", "172.17.0.1", "x.172.17.0.1"),
    ],
)
def test_any_other_host_is_refused(host):
    with pytest.raises(Refused, match="--allow-host"):
        Gate().check_host(host)


@pytest.mark.parametrize("text", ["http://x", "x:80", "*", "*.x", "", "a b", "x/y", "-x"])
def test_an_allowed_host_is_a_name_or_an_address(text):
    with pytest.raises(ValueError, match="without scheme, port"):
        host_name(text)


@pytest.mark.parametrize("path", ["/", "/data/k", "/_everloop/health", "/_everloop/access"])
def test_a_rebound_name_reads_nothing(cloud, path):
    headers = {"Authorization": signed("s3")}
    status, _, body = send(cloud, "GET", path, Host="evil.example:4566", **headers)
    assert (status, "This cloud is not 'evil.example:4566'" in body) == (403, True), body


def test_an_address_in_the_request_line_outranks_the_header(cloud):
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as raw:
        raw.sendall(b"GET http://evil.example/_everloop/access HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 403 ")


PAGES = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": ""},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: " ".join(page.values()))
def test_a_web_page_is_refused_everywhere(cloud, page):
    target = urllib.parse.quote("https://sqs/?" + FORM, safe="")
    for method, path, service in (
        ("GET", "/_everloop/health", "s3"),
        ("GET", "/_everloop/calls", "s3"),
        ("GET", "/data/k", "s3"),
        ("PUT", "/data/k", "s3"),
        ("POST", "/", "sqs"),
        ("POST", "/2015-03-31/functions", "lambda"),
        ("OPTIONS", "/2015-03-31/functions", "lambda"),
        ("OPTIONS", "/", "sqs"),
        ("GET", f"/{target}", "sqs"),
    ):
        status, headers, body = send(
            cloud, method, path, FORM if method == "POST" else None,
            Authorization=signed(service), Content_Type="text/plain", **page,
        )  # fmt: skip
        assert (status, "web page" in body) == (403, True), (method, path, body)
        assert "Access-Control-Allow-Origin" not in headers


def test_a_page_of_the_cloud_itself_is_no_stranger(cloud):
    own = {"Origin": cloud.url, "Sec_Fetch_Site": "same-origin"}
    assert send(cloud, path="/data/k", Authorization=signed("s3"), **own)[0] == 200
    typed = {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate"}
    status, headers, _ = send(cloud, path="/data/k", Authorization=signed("s3"), **typed)
    # What a browser shows has no more rights than a page from elsewhere.
    assert (status, headers["Content-Security-Policy"]) == (200, "sandbox allow-scripts")


def presigned(cloud, service, method, path, query=""):
    request = AWSRequest(method, f"{cloud.url}{path}{query}")
    SigV4QueryAuth(Credentials("ana", "x"), service, "us-east-1").add_auth(request)
    parts = urllib.parse.urlsplit(request.prepare().url)
    return f"{parts.path}?{parts.query}"


@pytest.mark.parametrize(
    ("service", "method", "path", "query", "status"),
    [
        ("s3", "GET", "/data/k", "", 200),
        ("s3", "HEAD", "/data/k", "", 200),
        ("s3", "PUT", "/data/new", "", 200),
        ("s3", "GET", "/data", "?list-type=2", 200),
        ("s3", "PUT", "/bucket", "", 403),
        ("s3", "PUT", "/data", "?policy=", 403),
        ("s3", "DELETE", "/data/k", "", 403),
        ("s3", "POST", "/data", "?delete=", 403),
        ("sqs", "GET", "/", f"?{FORM}", 403),
        ("sqs", "POST", "/", f"?{FORM}", 403),
        ("lambda", "GET", "/2015-03-31/functions", "", 403),
        ("sts", "GET", "/", "?Action=GetCallerIdentity&Version=2011-06-15", 200),
        ("sts", "POST", "/", "?Action=GetCallerIdentity&Version=2011-06-15", 403),
    ],
)
def test_a_signature_in_the_query_gets_and_puts_objects_only(
    cloud, service, method, path, query, status
):
    target = presigned(cloud, service, method, path, query)
    answered, _, body = send(cloud, method, target, b"" if method in ("PUT", "POST") else None)
    assert answered == status, body
    if status == 403:
        assert "Authorization header" in body


def test_the_old_signature_in_the_query_deletes_nothing(cloud):
    target = "/data/k?AWSAccessKeyId=ana&Signature=x&Expires=4000000000"
    assert send(cloud, "DELETE", target)[0] == 403
    assert send(cloud, "GET", target)[2] == "rows"


RULES = [
    {
        "AllowedOrigins": ["https://*.example.org"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["content-*", "Authorization"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 60,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]


@pytest.mark.parametrize(
    ("origin", "method", "headers", "taken"),
    [
        ("https://app.example.org", "GET", (), True),
        ("https://app.example.org", "PUT", ("content-type", "authorization"), True),
        ("https://app.example.org", "PUT", ("x-amz-acl",), False),
        ("https://app.example.org", "DELETE", (), False),
        ("https://app.example.org.evil.example", "GET", (), False),
        ("http://app.example.org", "GET", (), False),
        ("", "GET", (), False),
        ("", "HEAD", (), True),
        ("null", "HEAD", (), True),
    ],
)
def test_cors_rules_name_origins_methods_and_headers(origin, method, headers, taken):
    assert (cors.rule_for(RULES, origin, method, headers) is not None) == taken


def test_a_page_that_a_bucket_lets_in_reads_and_writes_it(cloud):
    cloud.call("s3", "PutBucketCors", {"Bucket": "data", "CORSConfiguration": {"CORSRules": RULES}})
    page = {"Origin": "https://app.example.org", "Sec_Fetch_Site": "cross-site"}
    status, headers, _ = send(
        cloud, "OPTIONS", "/data/new", **page,
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="content-type,authorization",
    )  # fmt: skip
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, page["Origin"])
    assert headers["Access-Control-Allow-Headers"] == "content-type, authorization"
    assert headers["Access-Control-Max-Age"] == "60"
    assert send(cloud, "PUT", "/data/new", b"x", Authorization=signed("s3"), **page)[0] == 200
    status, headers, body = send(cloud, "GET", "/data/none", Authorization=signed("s3"), **page)
    assert (status, headers["Access-Control-Allow-Origin"]) == (404, page["Origin"])
    assert headers["Access-Control-Expose-Headers"] == "ETag"
    assert "NoSuchKey" in body
    # Of a bucket that a page may use, it may still not take the way to another service.
    status, _, body = send(cloud, "GET", "/data/k", Authorization=signed("lambda"), **page)
    assert (status, "web page" in body) == (403, True)
    # A signature is asked of a page, too.
    assert send(cloud, "GET", "/data/k", **page)[0] == 403


@pytest.mark.parametrize("part", ["", "?uploadId={}&partNumber=1"])
@pytest.mark.parametrize("source", ["/secret/k", "secret/k", "%73ecret/k?versionId=null"])
def test_a_page_copies_only_from_buckets_that_let_it_in(cloud, source, part):
    def let_in(bucket, rules):
        given = {"Bucket": bucket, "CORSConfiguration": {"CORSRules": rules}}
        cloud.call("s3", "PutBucketCors", given)

    cloud.call("s3", "CreateBucket", {"Bucket": "secret"})
    cloud.call("s3", "PutObject", {"Bucket": "secret", "Key": "k", "Body": b"hidden"})
    upload = cloud.call("s3", "CreateMultipartUpload", {"Bucket": "data", "Key": "copy"})
    target = "/data/copy" + part.format(upload["UploadId"])
    let_in("data", RULES)
    ask = {
        "Origin": "https://app.example.org",
        "Authorization": signed("s3"),
        "x-amz-copy-source": source,
    }
    status, _, body = send(cloud, "PUT", target, b"", **ask)
    assert (status, "web page" in body) == (403, True), body
    let_in("secret", [{**RULES[0], "AllowedMethods": ["PUT"]}])
    assert send(cloud, "PUT", target, b"", **ask)[0] == 403
    let_in("secret", RULES)
    status, _, body = send(cloud, "PUT", target, b"", **ask)
    assert (status, "ETag" in body) == (200, True), body


@pytest.mark.parametrize("length", ["Content-Length: 5000000000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("mark", ["Host: evil.example", f"Host: localhost\r\nOrigin: {EVIL}"])
def test_who_may_not_come_in_is_refused_before_the_body(cloud, method, mark, length):
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as raw:
        head = f"{method} /data/k HTTP/1.1\r\n{mark}\r\n{length}\r\n"
        raw.sendall(f"{head}Authorization: {signed('s3')}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(1000), b""))
    assert answer.startswith(b"HTTP/1.1 403 ") and b"Connection: close" in answer


def test_no_header_of_an_answer_can_begin_another(cloud, cloud_with):
    for name in ("content-disposition", "content-type", "cache-control", "content-language"):
        target = presigned(cloud, "s3", "GET", "/data/k", f"?response-{name}=a%0d%0aX-Evil:%201")
        status, headers, body = send(cloud, "GET", target)
        assert (status, "X-Evil" in headers, "InvalidArgument" in body) == (400, False, True)
    for member, value in (
        ("Metadata", {"a": "b\r\nX-Evil: 1"}),
        ("Metadata", {"a\nX-Evil: 1": "b"}),
        ("ContentType", "text/plain\nX-Evil: 1"),
        ("WebsiteRedirectLocation", "/x\rX-Evil: 1"),
    ):
        with pytest.raises(Exception, match="line ends"):
            cloud.call(
                "s3", "PutObject", {"Bucket": "data", "Key": "e", "Body": b"", member: value}
            )


def test_a_bare_carriage_return_in_a_head_is_refused(cloud):
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nx-amz-meta-a: b\rX-Evil: 1\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("mark", [{"Host": "evil.example"}, {"Origin": EVIL}])
def test_a_web_page_takes_no_function_its_events(mark):
    api = RuntimeApi(1000)
    connection = http.client.HTTPConnection(api.address, timeout=10)
    try:
        connection.request("GET", "/2018-06-01/runtime/invocation/next", headers=mark)
        assert connection.getresponse().status == 403
        assert api.outbox.empty()
    finally:
        connection.close()
        api.close()


# Secrets


@pytest.fixture
def verifying(cloud_with):
    cloud, _ = cloud_with("s3", "sqs", "sts", "lambda", verify_secrets=True)
    secret = (cloud.folder / "secret").read_text()

    def client(service, secret=secret, key="ana", token=None, **config):
        return boto3.client(
            service,
            endpoint_url=cloud.url,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 1}, **config),
        )

    return cloud, client


def test_with_secrets_verified_the_right_one_opens_everything(verifying):
    cloud, client = verifying
    assert (cloud.folder / "secret").stat().st_mode & 0o77 == 0
    s3 = client("s3")
    s3.create_bucket(Bucket="data")
    key = "a b/ü+(1)=~*.csv"
    s3.put_object(Bucket="data", Key=key, Body=b"rows", Metadata={"a": "b  c"})
    assert s3.get_object(Bucket="data", Key=key)["Body"].read() == b"rows"
    assert s3.list_objects_v2(Bucket="data", Prefix="a b/", Delimiter="/")["KeyCount"] == 1
    assert client("lambda").list_functions(MaxItems=5)["Functions"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client("lambda").get_function(
            FunctionName="arn:aws:lambda:us-east-1:123456789012:function:f"
        )
    assert "QueueUrl" in client("sqs").create_queue(QueueName="q")
    role = "arn:aws:iam::123456789012:role/worker"
    keys = client("sts").assume_role(RoleArn=role, RoleSessionName="once")["Credentials"]
    worker = client("sts", keys["SecretAccessKey"], keys["AccessKeyId"], keys["SessionToken"])
    assert worker.get_caller_identity()["Arn"].endswith(":assumed-role/worker/once")
    url = client("s3", signature_version="s3v4").generate_presigned_url(
        "get_object", {"Bucket": "data", "Key": key}
    )
    parts = urllib.parse.urlsplit(url)
    assert send(cloud, "GET", f"{parts.path}?{parts.query}")[2] == "rows"


@pytest.mark.parametrize("service", ["s3", "sqs", "sts", "lambda", "dynamodb"])
def test_with_secrets_verified_a_wrong_one_opens_nothing(verifying, service):
    _, client = verifying
    ask = {
        "s3": "list_buckets",
        "sqs": "list_queues",
        "sts": "get_caller_identity",
        "lambda": "list_functions",
        "dynamodb": "list_tables",
    }
    for secret, key in (("wrong", "ana"), ("wrong", "ASIAUNKNOWN")):
        with pytest.raises(ClientError) as error:
            getattr(client(service, secret, key), ask[service])()
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_with_secrets_verified_a_changed_request_is_refused(verifying):
    cloud, client = verifying
    client("s3").create_bucket(Bucket="data")
    client("s3").put_object(Bucket="data", Key="k", Body=b"rows")
    url = client("s3", signature_version="s3v4").generate_presigned_url(
        "get_object", {"Bucket": "data", "Key": "other"}
    )
    parts = urllib.parse.urlsplit(url)
    status, _, body = send(cloud, "GET", f"/data/k?{parts.query}")
    assert (status, "SignatureDoesNotMatch" in body) == (403, True)
    old = "/data/k?AWSAccessKeyId=ana&Signature=x&Expires=4000000000"
    assert send(cloud, "GET", old)[0] == 403
    assert send(cloud, "GET", "/data/k", Authorization=signed("s3"))[0] == 403
    assert send(cloud, "GET", "/data/k", Authorization="AWS ana:x")[0] == 403


ROLE = "RoleArn=arn:aws:iam::123456789012:role/worker&RoleSessionName=once"
ASSUME = f"Version=2011-06-15&Action=AssumeRole&{ROLE}"


def _packed_under_a_name(form):
    """Gzip a form under a file's name that reads as another form."""
    packed = gzip.compress(form.encode())
    name = b"&Version=2011-06-15&Action=AssumeRoleWithSAML&\0"
    return packed[:3] + b"\x08" + packed[4:10] + name + packed[10:]


@pytest.mark.parametrize(
    ("body", "query", "headers"),
    [
        (f"{ASSUME}&Foo=Action=AssumeRoleWithSAML", "", {}),
        (f"{ASSUME}&Action=AssumeRoleWithSAML", "", {}),
        (f"Action=AssumeRoleWithSAML&{ASSUME}", "", {}),
        (f"{ASSUME}&XAction=AssumeRoleWithWebIdentity", "", {}),
        (f"Version=2011-06-15&Action=&{ROLE}", "?Action=AssumeRoleWithSAML", {}),
        (_packed_under_a_name(ASSUME), "", {"Content_Encoding": "gzip"}),
    ],
)
def test_with_secrets_verified_no_key_comes_unsigned(verifying, body, query, headers):
    form = {"Content_Type": "application/x-www-form-urlencoded", **headers}
    status, _, answer = send(verifying[0], "POST", f"/{query}", body, **form)
    assert (status, "AccessKeyId" in answer) == (403, False), answer


def test_who_has_no_key_yet_needs_no_signature(verifying):
    body = f"Action=AssumeRoleWithSAML&Version=2011-06-15&{ROLE}"
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    status, _, answer = send(verifying[0], "POST", "/", body, **form)
    assert (status, "AssumeRoleWithSAML" in answer) == (501, True), answer


@pytest.mark.parametrize("other", ["Credential={}", "XCredential={}", "x=Credential={}"])
def test_with_secrets_verified_who_signed_is_who_acts(verifying, other):
    cloud, client = verifying
    role = "arn:aws:iam::123456789012:role/worker"
    keys = client("sts").assume_role(RoleArn=role, RoleSessionName="once")["Credentials"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    for query in ("", "?AWSAccessKeyId=admin"):
        request = AWSRequest("POST", f"{cloud.url}/{query}", headers=form, data=body)
        worker = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"])
        SigV4Auth(worker, "sts", "us-east-1").add_auth(request)
        headers = dict(request.headers)
        status, _, answer = send(cloud, "POST", f"/{query}", body, **headers)
        assert (status, "assumed-role/worker/once" in answer) == (200, True), answer
        algorithm, _, rest = headers["Authorization"].partition(" ")
        scope = rest.partition("Credential=")[2].partition(",")[0].partition("/")[2]
        headers["Authorization"] = f"{algorithm} {other.format(f'admin/{scope}')}, {rest}"
        status, _, answer = send(cloud, "POST", f"/{query}", body, **headers)
        assert "admin" not in answer, answer
        assert status == (400 if other.startswith("C") else 200)


def test_health_is_told_to_programs_only(cloud):
    assert send(cloud, "GET", "/_everloop/health")[::2] == (200, "ok\n")
    assert json.loads(send(cloud, "GET", "/_everloop/calls")[2]) != []
    assert send(cloud, "POST", "/_everloop/health")[0] == 405
    assert send(cloud, "GET", "/_everloop/other")[0] == 404
