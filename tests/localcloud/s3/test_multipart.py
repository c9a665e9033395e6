"""Multipart uploads, by hand and through boto3's transfers."""

import hashlib
import io

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1024 * 1024


def begun(s3, **options):
    return s3.create_multipart_upload(Bucket="data", Key="big", **options)["UploadId"]


def put(s3, upload, number, body):
    answer = s3.upload_part(Bucket="data", Key="big", UploadId=upload, PartNumber=number, Body=body)
    return {"PartNumber": number, "ETag": answer["ETag"]}


def completed(s3, upload, parts, **options):
    return s3.complete_multipart_upload(
        Bucket="data", Key="big", UploadId=upload, MultipartUpload={"Parts": parts}, **options
    )


def code_of(error):
    return error.value.response["Error"]["Code"]


def test_parts_become_one_object_and_one_event(setting):
    s3 = setting.s3
    upload = begun(s3, ContentType="text/csv", Metadata={"m": "1"}, Tagging="t=1")
    one, two = b"a" * 5 * MIB, b"b" * 10
    parts = [put(s3, upload, 1, one), put(s3, upload, 7, two)]

    answer = completed(s3, upload, parts)

    digests = hashlib.md5(one).digest() + hashlib.md5(two).digest()
    assert answer["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    got = s3.get_object(Bucket="data", Key="big")
    assert got["Body"].read() == one + two
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/csv", {"m": "1"}, 1)
    assert [event["detail"]["reason"] for event in setting.events] == ["CompleteMultipartUpload"]
    assert setting.events[0]["detail"]["object"]["size"] == 5 * MIB + 10
    assert s3.get_object(Bucket="data", Key="big", PartNumber=2)["Body"].read() == two
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="data")


def test_a_part_put_again_replaces_itself(setting):
    upload = begun(setting.s3)
    put(setting.s3, upload, 1, b"old")
    completed(setting.s3, upload, [put(setting.s3, upload, 1, b"new")])
    assert setting.s3.get_object(Bucket="data", Key="big")["Body"].read() == b"new"


def test_uploads_and_parts_are_listed(setting):
    s3 = setting.s3
    upload = begun(s3)
    put(s3, upload, 2, b"22")
    put(s3, upload, 1, b"1")
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket="data")["Uploads"]] == ["big"]
    parts = s3.list_parts(Bucket="data", Key="big", UploadId=upload, MaxParts=1)
    assert [(p["PartNumber"], p["Size"]) for p in parts["Parts"]] == [(1, 1)]
    assert parts["IsTruncated"]
    rest = s3.list_parts(
        Bucket="data", Key="big", UploadId=upload, PartNumberMarker=parts["NextPartNumberMarker"]
    )
    assert [p["PartNumber"] for p in rest["Parts"]] == [2]


def test_keys_of_uploads_are_encoded_where_that_is_asked_for(setting):
    setting.s3.create_multipart_upload(Bucket="data", Key="a b/é")
    told = setting.s3.list_multipart_uploads(Bucket="data", EncodingType="url", Prefix="a ")
    assert (told["EncodingType"], told["Prefix"]) == ("url", "a%20")
    assert [upload["Key"] for upload in told["Uploads"]] == ["a%20b/%C3%A9"]


def test_an_aborted_upload_is_gone_with_its_bytes(setting):
    s3 = setting.s3
    upload = begun(s3)
    put(s3, upload, 1, b"x" * 1000)
    s3.abort_multipart_upload(Bucket="data", Key="big", UploadId=upload)

    with pytest.raises(ClientError) as error:
        put(s3, upload, 2, b"x")
    assert code_of(error) == "NoSuchUpload"
    assert setting.cloud.apis["s3"].storage.blobs.names() == []
    assert setting.events == []


def test_wrong_completions_are_refused(setting):
    s3 = setting.s3
    upload = begun(s3)
    one, two = put(s3, upload, 1, b"small"), put(s3, upload, 2, b"last")
    for parts, code in (
        ([two, one], "InvalidPartOrder"),
        ([{**one, "ETag": '"0"'}], "InvalidPart"),
        ([one, {"PartNumber": 3, "ETag": one["ETag"]}], "InvalidPart"),
        ([one, two], "EntityTooSmall"),
    ):
        with pytest.raises(ClientError) as error:
            completed(s3, upload, parts)
        assert code_of(error) == code
    with pytest.raises(ClientError) as error:
        completed(s3, "0" * 64, [one])
    assert code_of(error) == "NoSuchUpload"
    with pytest.raises(ClientError) as error:
        put(s3, upload, 10_001, b"")
    assert code_of(error) == "InvalidArgument"


def test_a_completion_can_insist_that_the_key_is_new(setting):
    s3 = setting.s3
    s3.put_object(Bucket="data", Key="big", Body=b"first")
    upload = begun(s3)
    with pytest.raises(ClientError) as error:
        completed(s3, upload, [put(s3, upload, 1, b"x")], IfNoneMatch="*")
    assert code_of(error) == "PreconditionFailed"
    assert s3.get_object(Bucket="data", Key="big")["Body"].read() == b"first"


def test_parts_can_be_copied_from_ranges(setting):
    s3 = setting.s3
    s3.put_object(Bucket="data", Key="src", Body=b"0123456789")
    upload = begun(s3)
    answer = s3.upload_part_copy(
        Bucket="data", Key="big", UploadId=upload, PartNumber=1,
        CopySource="data/src", CopySourceRange="bytes=2-5",
    )  # fmt: skip
    completed(s3, upload, [{"PartNumber": 1, "ETag": answer["CopyPartResult"]["ETag"]}])
    assert s3.get_object(Bucket="data", Key="big")["Body"].read() == b"2345"
    with pytest.raises(ClientError) as error:
        s3.upload_part_copy(
            Bucket="data", Key="big", UploadId=begun(s3), PartNumber=1,
            CopySource="data/src", CopySourceRange="bytes=2-50",
        )  # fmt: skip
    assert code_of(error) == "InvalidArgument"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256", "CRC64NVME"])
def test_transfers_verify_their_checksums(setting, algorithm):
    body = bytes(range(256)) * 25_000 if algorithm != "CRC64NVME" else b"x" * 1000
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    extra = {"ChecksumAlgorithm": algorithm} if algorithm != "CRC64NVME" else {}

    setting.s3.upload_fileobj(io.BytesIO(body), "data", "big", ExtraArgs=extra, Config=config)
    sink = io.BytesIO()
    setting.s3.download_fileobj("data", "big", sink, Config=config)

    assert sink.getvalue() == body
    assert len(setting.events) == 1
