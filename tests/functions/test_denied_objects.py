"""Whatever S3 answers for an object that is gone or not ours to read, the message names it."""

import pytest
from botocore.awsrequest import AWSResponse

from everloop.aws import clients, storage
from everloop.errors import EverloopError

KEY = "datasets/flight-delays/a digest.json"


@pytest.mark.parametrize(
    ("read", "operation"),
    [
        pytest.param(lambda b: storage.read(b, KEY), "GetObject", id="read"),
        pytest.param(lambda b: storage.read(b, KEY, "v1"), "GetObject", id="a version"),
        pytest.param(lambda b: storage.read_latest(b, KEY, 9), "GetObject", id="latest"),
        pytest.param(lambda b: storage.read_json(f"s3://{b}/{KEY}"), "GetObject", id="json"),
        pytest.param(lambda b: storage.find_json(f"s3://{b}/{KEY}"), "GetObject", id="find"),
        pytest.param(lambda b: storage.measured(f"s3://{b}/{KEY}"), "GetObject", id="measured"),
        pytest.param(lambda b: storage.write(b, KEY, b"", "x/y"), "PutObject", id="write"),
        pytest.param(
            lambda b: storage.versions_of(b, KEY), "ListObjectVersions", id="its versions"
        ),
    ],
)
def test_what_s3_denies_is_named(account, read, operation):
    told = {"Error": {"Code": "AccessDenied", "Message": "Access Denied"}, "ResponseMetadata": {}}
    denied = AWSResponse("", 403, {}, None)
    account._hook(clients.s3(), "before-call", operation, lambda **_: (denied, told))
    with pytest.raises(EverloopError, match=f"{KEY}: it may be gone, or this role"):
        read(account.artefacts)
