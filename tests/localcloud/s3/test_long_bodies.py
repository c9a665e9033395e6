"""Long bodies lie in files from their first byte on: whatever their form, none is held whole."""

import hashlib
import http.client
import socket
import time
import tracemalloc

import pytest

from everloop_localcloud.kernel.bodies import LONG, PIECE, Lying, Spool, pieces
from everloop_localcloud.s3 import checksums

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=tester/20261120/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
LENGTH = 40 * LONG + 7
ROW = b"1,2,3\n"


def rows():
    """Yield a body by pieces, as a client that does not hold it, either."""
    left = LENGTH
    piece = ROW * (PIECE // len(ROW))
    while left:
        yield piece[:left]
        left -= len(piece[:left])


DIGEST = hashlib.md5(b"".join(rows())).hexdigest()


def wrapped():
    for piece in rows():
        yield b"%x;chunk-signature=0\r\n%s\r\n" % (len(piece), piece)
    yield b"0;chunk-signature=0\r\n\r\n"


def put(cloud, body, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    chunked = "Transfer_Encoding" in headers
    try:
        connection.request(
            "PUT", "/data/k", body, {"Authorization": SIGNED, **named}, encode_chunked=chunked
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def nothing_is_left(cloud):
    deadline = time.monotonic() + 10  # the answer comes before the file goes
    while left := list((cloud.folder / "incoming").iterdir()):
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


@pytest.mark.parametrize("form", ["plain", "chunked", "aws-chunked"])
def test_a_long_object_is_never_held_whole(setting, form):
    given = {
        "plain": (rows(), {"Content_Length": str(LENGTH)}),
        "chunked": (rows(), {"Transfer_Encoding": "chunked"}),
        "aws-chunked": (
            wrapped(),
            {
                "Content_Length": str(sum(len(piece) for piece in wrapped())),
                "x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                "x_amz_decoded_content_length": str(LENGTH),
                "Content_Encoding": "aws-chunked",
            },
        ),
    }
    body, headers = given[form]
    tracemalloc.start()
    try:
        assert put(setting.cloud, body, **headers)[0] == 200
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 10 * PIECE
    head = setting.s3.head_object(Bucket="data", Key="k")
    assert (head["ContentLength"], head["ETag"]) == (LENGTH, f'"{DIGEST}"')
    nothing_is_left(setting.cloud)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content_MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, b"BadDigest"),
        ({"x_amz_content_sha256": "0" * 64}, b"XAmzContentSHA256Mismatch"),
        ({"x_amz_checksum_crc32": "AAAAAA=="}, b"BadDigest"),
        ({"Content_Encoding": "aws-chunked"}, b"Inco"),
        ({"If_Match": '"0"'}, b"NoSuchKey"),
    ],
)
def test_a_long_body_that_is_refused_leaves_no_file(setting, headers, code):
    status, told = put(setting.cloud, rows(), Content_Length=str(LENGTH), **headers)
    assert (status >= 400, code in told or b"InvalidRequest" in told) == (True, True), told
    nothing_is_left(setting.cloud)


def test_a_client_that_leaves_in_the_middle_leaves_no_file(setting):
    with socket.create_connection(("127.0.0.1", setting.cloud.port), timeout=10) as raw:
        head = (
            f"PUT /data/k HTTP/1.1\r\nContent-Length: {LENGTH}\r\nAuthorization: {SIGNED}\r\n\r\n"
        )
        raw.sendall(head.encode() + ROW)
        raw.shutdown(socket.SHUT_WR)
        assert b"400" in raw.recv(100)
    nothing_is_left(setting.cloud)


def test_long_bodies_for_other_services_and_operations_are_read(setting, cloud_with):
    tags = b"<Tagging><TagSet>" + b" " * (2 * LONG) + b"</TagSet></Tagging>"
    setting.s3.put_object(Bucket="data", Key="k", Body=b"")
    connection = http.client.HTTPConnection("127.0.0.1", setting.cloud.port, timeout=60)
    connection.request("PUT", "/data/k?tagging", tags, {"Authorization": SIGNED})
    assert connection.getresponse().status == 200
    connection.close()


def test_a_long_part_is_copied_and_summed_by_pieces(setting):
    s3 = setting.s3
    put(setting.cloud, rows(), Content_Length=str(LENGTH))
    upload = s3.create_multipart_upload(
        Bucket="data", Key="whole", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
    )["UploadId"]
    names = {"Bucket": "data", "Key": "whole", "UploadId": upload}
    source = {"Bucket": "data", "Key": "k"}
    tracemalloc.start()
    try:
        part = s3.upload_part_copy(**names, PartNumber=1, CopySource=source)["CopyPartResult"]
        parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]
        s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
        s3.copy_object(Bucket="data", Key="again", CopySource={"Bucket": "data", "Key": "whole"})
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 12 * PIECE
    assert s3.head_object(Bucket="data", Key="again")["ETag"] == f'"{DIGEST}"'


@pytest.mark.parametrize("algorithm", checksums.ALGORITHMS)
def test_a_checksum_by_pieces_is_that_of_the_whole(tmp_path, algorithm):
    with Spool(tmp_path) as spool:
        spool.write(b"123456789" * 3)
        assert b"".join(pieces(spool)) == spool.read() == b"123456789" * 3
        assert len(spool) == 27
        assert checksums.checksum(algorithm, spool) == checksums.checksum(
            algorithm, b"123456789" * 3
        )
        assert isinstance(spool, Lying)
    assert list(tmp_path.iterdir()) == []
