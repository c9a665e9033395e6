"""Signatures: any key is taken for its name; what AWS refuses for the signature's form is not."""

import http.client
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

SCOPE = "Credential=ana/20261120/us-east-1/{service}/aws4_request"
WHOLE = "AWS4-HMAC-SHA256 " + SCOPE + ", SignedHeaders=host, Signature=0"


@pytest.fixture
def post(cloud_with):
    """Send a call of EventBridge or S3 with these headers; gives status and body."""
    cloud, _ = cloud_with("events", "s3")

    def post(service="events", path="/", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if service == "events":
            named.setdefault("X-Amz-Target", "AWSEvents.ListRules")
        try:
            method, body = ("POST", "{}") if service == "events" else ("GET", None)
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    return post


def sent(headers, service):
    """Write headers as they are sent; a duration stands for the moment so long before that."""
    return {
        name: f"{datetime.now(UTC) - value:%Y%m%dT%H%M%SZ}"
        if isinstance(value, timedelta)
        else value.format(service=service)
        for name, value in headers.items()
    }


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ({}, 403, ("MissingAuthenticationTokenException", "not signed")),
        ({"Authorization": "Bearer x"}, 400, ("IncompleteSignatureException", "'Bearer'")),
        ({"Authorization": "AWS4-HMAC-SHA256 " + SCOPE}, 400, ("requires 'SignedHeaders'",)),
        ({"Authorization": f"{WHOLE}, {SCOPE}"}, 400, ("'Credential' more than once",)),
        ({"Authorization": WHOLE + ",Signature=1"}, 400, ("'Signature' more than once",)),
        (
            {"Authorization": "AWS4-HMAC-SHA256 Credential=ana, SignedHeaders=host, Signature=0"},
            400,
            ("Credential 'ana' must be key/date/region/service/aws4_request",),
        ),
        (
            {"Authorization": WHOLE.replace("us-east-1", "eu-west-1")},
            403,
            ("InvalidSignatureException", "valid region, not 'eu-west-1'", "us-east-1"),
        ),
        (
            {"Authorization": WHOLE, "X_Amz_Target": "AmazonSQS.ListQueues"},
            403,
            ("InvalidSignatureException", "correct service: 'sqs'"),
        ),
        ({"Authorization": WHOLE, "X_Amz_Date": "yesterday"}, 400, ("Got 'yesterday'",)),
        ({"Authorization": WHOLE, "X_Amz_Date": timedelta(hours=1)}, 403, ("Signature expired",)),
        ({"Authorization": WHOLE, "X_Amz_Date": timedelta(hours=-1)}, 403, ("not yet current",)),
        ({"Authorization": WHOLE, "X_Amz_Date": timedelta(minutes=4)}, 200, ("Rules",)),
    ],
    ids=lambda value: value[0][:30] if isinstance(value, tuple) else None,
)
def test_a_signature_that_cannot_be_right_is_refused(post, headers, status, told):
    answered, body = post(**sent(headers, "events"))
    assert answered == status, body
    for text in told:
        assert text in body


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 403, "AccessDenied"),
        ({"Authorization": "AWS4-HMAC-SHA256 nonsense"}, 400, "AuthorizationHeaderMalformed"),
        ({"Authorization": WHOLE, "X_Amz_Date": timedelta(hours=1)}, 403, "RequestTimeTooSkewed"),
        ({"Authorization": WHOLE, "X_Amz_Date": timedelta()}, 200, "<Buckets"),
    ],
)
def test_s3_has_codes_of_its_own(post, headers, status, code):
    answered, body = post("s3", **sent(headers, "s3"))
    assert (answered, code in body) == (status, True), body


def test_an_unsigned_client_is_told_so(cloud_with):
    cloud, _ = cloud_with("sns", "s3", "lambda")
    for service, code in (
        ("sns", "MissingAuthenticationToken"),
        ("lambda", "MissingAuthenticationTokenException"),
        ("dynamodb", "MissingAuthenticationTokenException"),
        ("s3", "AccessDenied"),
    ):
        client = boto3.client(
            service,
            endpoint_url=cloud.url,
            region_name="us-east-1",
            config=Config(signature_version=UNSIGNED, retries={"max_attempts": 1}),
        )
        calls = {
            "sns": "list_topics",
            "lambda": "list_functions",
            "dynamodb": "list_tables",
            "s3": "list_buckets",
        }
        with pytest.raises(ClientError) as error:
            getattr(client, calls[service])()
        assert error.value.response["Error"]["Code"] == code
