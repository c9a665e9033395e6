"""S3 as other clients than boto3 speak it: presigned, chunked, by host name, with checksums."""

import base64
import hashlib
import http.client
import zlib
from urllib.parse import urlsplit

import pytest

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=tester/20261120/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


@pytest.fixture
def send(setting):
    """Send a raw request, signed unless its URL is; gives status, headers and body."""

    def send(method, target, body=b"", **headers):
        if "X-Amz-Signature" not in target:
            headers = {"Authorization": SIGNED, **headers}
        connection = http.client.HTTPConnection("127.0.0.1", setting.cloud.port, timeout=10)
        try:
            connection.request(
                method, target, body, {k.replace("_", "-"): v for k, v in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    return send


def target_of(url):
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_a_presigned_url_gets_and_puts(setting, send):
    params = {"Bucket": "data", "Key": "a b/ü+"}
    put = setting.s3.generate_presigned_url("put_object", params)
    get = setting.s3.generate_presigned_url(
        "get_object", {**params, "ResponseContentType": "text/x"}
    )

    assert send("PUT", target_of(put), b"signed")[0] == 200
    status, headers, body = send("GET", target_of(get))

    assert (status, body, headers["Content-Type"]) == (200, b"signed", "text/x")


def test_an_expired_url_is_refused(setting, send):
    url = setting.s3.generate_presigned_url(
        "get_object", {"Bucket": "data", "Key": "k"}, ExpiresIn=-5
    )
    status, _, body = send("GET", target_of(url))
    assert status == 403
    assert b"<Code>AccessDenied</Code><Message>Request has expired</Message>" in body


def test_a_bucket_may_stand_in_the_host_name(setting, send):
    host = f"data.localhost:{setting.cloud.port}"
    assert send("PUT", "/a%20b/c", b"x", Host=host)[0] == 200
    assert setting.s3.get_object(Bucket="data", Key="a b/c")["Body"].read() == b"x"
    assert send("PUT", "//leading", b"y", Host=host)[0] == 200
    assert setting.s3.get_object(Bucket="data", Key="/leading")["Body"].read() == b"y"


def test_a_chunked_body_is_unwrapped(setting, send):
    signed = b";chunk-signature=0\r\n"
    body = b"4" + signed + b"rows\r\n5" + signed + b" more\r\n0" + signed + b"\r\n"
    status, _, _ = send(
        "PUT", "/data/k", body,
        x_amz_content_sha256="STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        x_amz_decoded_content_length="9",
        Content_Encoding="aws-chunked",
    )  # fmt: skip
    assert status == 200
    got = setting.s3.get_object(Bucket="data", Key="k")
    assert got["Body"].read() == b"rows more"
    assert "ContentEncoding" not in got


def crc_of(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@pytest.mark.parametrize(("data", "status"), [(b"rows", 200), (b"rows, torn", 400)])
def test_a_checksum_in_the_trailer_is_verified(setting, send, data, status):
    trailer = f"x-amz-checksum-crc32:{crc_of(b'rows')}\r\n".encode()
    body = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(data), data, trailer)
    answer = send(
        "PUT", "/data/k", body,
        x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        x_amz_trailer="x-amz-checksum-crc32",
        Content_Encoding="aws-chunked",
    )  # fmt: skip
    assert answer[0] == status
    if status == 200:
        assert answer[1]["x-amz-checksum-crc32"] == crc_of(b"rows")
    else:
        assert b"BadDigest" in answer[2]
        assert setting.events == []


# The check values of the algorithms' own definitions: what they make of "123456789".
CHECKS = {
    "crc32": 0xCBF43926.to_bytes(4, "big"),
    "crc32c": 0xE3069283.to_bytes(4, "big"),
    "crc64nvme": 0xAE8B14860A799888.to_bytes(8, "big"),
    "sha1": hashlib.sha1(b"123456789").digest(),
    "sha256": hashlib.sha256(b"123456789").digest(),
}


@pytest.mark.parametrize("name", CHECKS)
def test_every_checksum_is_verified_and_given_back(setting, send, name):
    header = f"x_amz_checksum_{name}"
    value = base64.b64encode(CHECKS[name]).decode()
    assert send("PUT", "/data/k", b"123456789", **{header: value})[0] == 200
    _, headers, _ = send("HEAD", "/data/k", x_amz_checksum_mode="ENABLED")
    assert headers[header.replace("_", "-")] == value
    status, _, body = send("PUT", "/data/k", b"12345678", **{header: value})
    assert (status, b"BadDigest" in body) == (400, True)


def test_content_md5_is_verified(send):
    good = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    assert send("PUT", "/data/k", b"x", Content_MD5=good)[0] == 200
    assert b"BadDigest" in send("PUT", "/data/k", b"y", Content_MD5=good)[2]
    assert b"InvalidDigest" in send("PUT", "/data/k", b"y", Content_MD5="nonsense")[2]


def test_a_body_that_is_not_what_was_signed_is_refused(send):
    wrong = hashlib.sha256(b"other").hexdigest()
    assert (
        b"XAmzContentSHA256Mismatch" in send("PUT", "/data/k", b"x", x_amz_content_sha256=wrong)[2]
    )


def test_an_upload_that_breaks_off_makes_no_object(setting):
    connection = http.client.HTTPConnection("127.0.0.1", setting.cloud.port, timeout=10)
    connection.putrequest("PUT", "/data/k")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"only this")
    connection.close()
    assert "Contents" not in setting.s3.list_objects_v2(Bucket="data")
    assert setting.events == []


def test_an_error_is_xml_with_what_it_is_about(send):
    status, headers, body = send("GET", "/data/n%20o")
    assert (status, headers["Content-Type"]) == (404, "text/xml")
    assert b"<Key>n o</Key>" in body
    assert b"<Resource>/data/n o</Resource>" in body
    assert headers["x-amz-request-id"].encode() in body


def test_a_head_has_no_body_but_its_length(setting, send):
    setting.s3.put_object(Bucket="data", Key="k", Body=b"12345")
    status, headers, body = send("HEAD", "/data/k")
    assert (status, headers["Content-Length"], body) == (200, "5", b"")


def test_a_method_that_s3_has_not_is_refused(send):
    assert send("PATCH", "/data/k")[0] == 405


def test_metadata_may_be_unicode_on_the_way_out(setting, send):
    setting.cloud.call(
        "s3", "PutObject", {"Bucket": "data", "Key": "k", "Body": b"", "Metadata": {"m": "größe"}}
    )
    _, headers, _ = send("HEAD", "/data/k")
    assert headers["x-amz-meta-m"] == "=?utf-8?b?Z3LDtsOfZQ==?="


def test_a_wrong_count_of_buckets_is_refused(send):
    status, _, body = send("GET", "/?max-buckets=-3&prefix=true")
    assert (status, b"<Code>InvalidArgument</Code>" in body) == (400, True)
