"""Objects as boto3 puts, gets, copies and deletes them."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

KEYS = [
    pytest.param("a b+c%20d.csv", id="space, plus, percent"),
    pytest.param("année/größe/数据.csv", id="unicode"),
    pytest.param("folder/", id="trailing slash"),
    pytest.param("a//b///c", id="empty segments"),
    pytest.param("../../etc/./passwd", id="dot segments"),
    pytest.param("/leading", id="leading slash"),
    pytest.param("?&=#;'\"<>\\|", id="reserved characters"),
    pytest.param("k" * 1024, id="1024 bytes"),
]


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize("key", KEYS)
def test_any_key_comes_back_as_it_was(setting, key):
    setting.s3.put_object(Bucket="data", Key=key, Body=b"rows")

    assert setting.s3.get_object(Bucket="data", Key=key)["Body"].read() == b"rows"
    assert [item["Key"] for item in setting.s3.list_objects_v2(Bucket="data")["Contents"]] == [key]
    assert setting.events[-1]["detail"]["object"]["key"] == key
    setting.s3.delete_object(Bucket="data", Key=key)
    assert "Contents" not in setting.s3.list_objects_v2(Bucket="data")


def test_a_key_never_becomes_a_path(setting):
    setting.s3.put_object(Bucket="data", Key="../../../escaped", Body=b"x")

    assert not list(setting.cloud.folder.parent.glob("**/escaped"))


def test_a_key_of_1025_bytes_is_refused(setting):
    with pytest.raises(ClientError) as error:
        setting.s3.put_object(Bucket="data", Key="é" * 512 + "x", Body=b"")
    assert code_of(error) == "KeyTooLongError"


def test_what_is_said_about_an_object_is_given_back(setting):
    said = {
        "ContentType": "text/csv",
        "CacheControl": "no-store",
        "ContentDisposition": 'attachment; filename="x.csv"',
        "ContentEncoding": "identity",
        "ContentLanguage": "pt",
        "Expires": datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
        "StorageClass": "STANDARD_IA",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": "arn:aws:kms:us-east-1:123456789012:key/k",
    }
    setting.s3.put_object(
        Bucket="data", Key="k", Body=b"abc", Metadata={"under_score": "1", "Upper": "x"}, **said
    )

    head = setting.s3.head_object(Bucket="data", Key="k")

    assert {name: head[name] for name in said} == said
    assert head["Metadata"] == {"under_score": "1", "upper": "x"}
    assert head["ContentLength"] == 3
    assert head["ETag"] == '"900150983cd24fb0d6963f7d28e17f72"'


def test_the_default_type_is_binary(setting):
    setting.s3.put_object(Bucket="data", Key="k", Body=b"")
    assert setting.s3.head_object(Bucket="data", Key="k")["ContentType"] == "binary/octet-stream"


@pytest.mark.parametrize(
    ("header", "body", "told"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=5-100", b"56789", "bytes 5-9/10"),
        ("bytes=-100", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_answers_those_bytes(setting, header, body, told):
    setting.s3.put_object(Bucket="data", Key="k", Body=b"0123456789")

    answer = setting.s3.get_object(Bucket="data", Key="k", Range=header)

    assert answer["Body"].read() == body
    assert answer["ContentRange"] == told
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_a_range_past_the_end_is_refused(setting):
    setting.s3.put_object(Bucket="data", Key="k", Body=b"0123456789")
    with pytest.raises(ClientError) as error:
        setting.s3.get_object(Bucket="data", Key="k", Range="bytes=10-12")
    assert code_of(error) == "InvalidRange"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 416


def test_conditions_on_reading_are_judged(setting):
    etag = setting.s3.put_object(Bucket="data", Key="k", Body=b"x")["ETag"]
    stamp = setting.s3.head_object(Bucket="data", Key="k")["LastModified"]
    read = {"Bucket": "data", "Key": "k"}

    assert setting.s3.get_object(**read, IfMatch=etag)["Body"].read() == b"x"
    assert setting.s3.get_object(**read, IfUnmodifiedSince=stamp)["Body"].read() == b"x"
    for wrong, status in (
        ({"IfMatch": '"no"'}, 412),
        ({"IfUnmodifiedSince": stamp - timedelta(seconds=1)}, 412),
        ({"IfNoneMatch": etag}, 304),
        ({"IfModifiedSince": stamp}, 304),
    ):
        with pytest.raises(ClientError) as error:
            setting.s3.get_object(**read, **wrong)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_only_one_of_many_creates_a_key_that_must_not_exist(setting):
    outcomes = []

    def create(number: int) -> None:
        s3 = setting.client("s3")
        try:
            s3.put_object(Bucket="data", Key="once", Body=str(number), IfNoneMatch="*")
            outcomes.append(number)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed"

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(outcomes) == 1
    body = setting.s3.get_object(Bucket="data", Key="once")["Body"].read()
    assert body == str(outcomes[0]).encode()
    assert len(setting.events) == 1


def test_a_write_with_a_stale_etag_is_refused(setting):
    first = setting.s3.put_object(Bucket="data", Key="k", Body=b"1")["ETag"]
    setting.s3.put_object(Bucket="data", Key="k", Body=b"2", IfMatch=first)
    with pytest.raises(ClientError) as error:
        setting.s3.put_object(Bucket="data", Key="k", Body=b"3", IfMatch=first)
    assert code_of(error) == "PreconditionFailed"
    with pytest.raises(ClientError) as error:
        setting.s3.put_object(Bucket="data", Key="absent", Body=b"3", IfMatch=first)
    assert code_of(error) == "NoSuchKey"


def test_readers_never_see_half_of_a_write(setting):
    sizes = (300_000, 3_000_000)  # one is answered from memory, one is streamed
    setting.s3.put_object(Bucket="data", Key="k", Body=b"a" * sizes[0])
    done = threading.Event()
    torn = []

    def read() -> None:
        s3 = setting.client("s3")
        while not done.is_set():
            body = s3.get_object(Bucket="data", Key="k")["Body"].read()
            if len(set(body)) != 1 or len(body) not in sizes:
                torn.append(body[:10])

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    for number in range(20):
        letter = b"ab"[number % 2 : number % 2 + 1]
        setting.s3.put_object(Bucket="data", Key="k", Body=letter * sizes[number % 2])
    done.set()
    for thread in readers:
        thread.join()

    assert not torn


def test_a_missing_object_is_named(setting):
    with pytest.raises(ClientError) as error:
        setting.s3.get_object(Bucket="data", Key="nope")
    assert code_of(error) == "NoSuchKey"
    assert error.value.response["Error"]["Key"] == "nope"
    with pytest.raises(ClientError) as error:
        setting.s3.head_object(Bucket="data", Key="nope")
    assert code_of(error) == "404"
    with pytest.raises(ClientError) as error:
        setting.s3.get_object(Bucket="absent", Key="nope")
    assert code_of(error) == "NoSuchBucket"


def test_deleting_many_says_what_went(setting):
    for key in ("a", "b&c", "d"):
        setting.s3.put_object(Bucket="data", Key=key, Body=b"x")
    answer = setting.s3.delete_objects(
        Bucket="data", Delete={"Objects": [{"Key": "a"}, {"Key": "b&c"}, {"Key": "never was"}]}
    )
    assert [item["Key"] for item in answer["Deleted"]] == ["a", "b&c", "never was"]
    assert [item["Key"] for item in setting.s3.list_objects_v2(Bucket="data")["Contents"]] == ["d"]


def test_a_copy_keeps_or_replaces_what_is_said(setting):
    setting.s3.put_object(
        Bucket="data", Key="a b/ü+", Body=b"x", ContentType="text/csv", Metadata={"m": "1"},
        Tagging="t=1",
    )  # fmt: skip
    source = {"Bucket": "data", "Key": "a b/ü+"}

    kept = setting.s3.copy_object(Bucket="data", Key="kept", CopySource=source)
    setting.s3.copy_object(
        Bucket="data", Key="new", CopySource=source, MetadataDirective="REPLACE",
        Metadata={"n": "2"}, TaggingDirective="REPLACE", Tagging="u=2",
    )  # fmt: skip
    setting.s3.delete_object(**source)

    head = setting.s3.head_object(Bucket="data", Key="kept")
    assert (head["ContentType"], head["Metadata"]) == ("text/csv", {"m": "1"})
    assert kept["CopyObjectResult"]["ETag"] == head["ETag"]
    assert setting.s3.get_object(Bucket="data", Key="kept")["Body"].read() == b"x"
    head = setting.s3.head_object(Bucket="data", Key="new")
    assert (head["ContentType"], head["Metadata"]) == ("binary/octet-stream", {"n": "2"})
    tags = setting.s3.get_object_tagging(Bucket="data", Key="new")["TagSet"]
    assert tags == [{"Key": "u", "Value": "2"}]


def test_a_copy_onto_itself_must_change_something(setting):
    setting.s3.put_object(Bucket="data", Key="k", Body=b"x")
    with pytest.raises(ClientError) as error:
        setting.s3.copy_object(Bucket="data", Key="k", CopySource="data/k")
    assert code_of(error) == "InvalidRequest"
    setting.s3.copy_object(
        Bucket="data",
        Key="k",
        CopySource="data/k",
        MetadataDirective="REPLACE",
        Metadata={"a": "b"},
    )
    assert setting.s3.head_object(Bucket="data", Key="k")["Metadata"] == {"a": "b"}


def test_tags_are_kept_and_counted(setting):
    setting.s3.put_object(Bucket="data", Key="k", Body=b"x", Tagging="a=1&b=zwei%20drei")
    assert setting.s3.get_object(Bucket="data", Key="k")["TagCount"] == 2
    tags = [{"Key": "c", "Value": "3"}]
    setting.s3.put_object_tagging(Bucket="data", Key="k", Tagging={"TagSet": tags})
    assert setting.s3.get_object_tagging(Bucket="data", Key="k")["TagSet"] == tags
    setting.s3.delete_object_tagging(Bucket="data", Key="k")
    assert setting.s3.get_object_tagging(Bucket="data", Key="k")["TagSet"] == []


def test_attributes_are_told_on_their_own(setting):
    setting.s3.put_object(Bucket="data", Key="k", Body=b"abc")
    answer = setting.s3.get_object_attributes(
        Bucket="data", Key="k", ObjectAttributes=["ETag", "ObjectSize", "Checksum", "StorageClass"]
    )
    assert answer["ETag"] == "900150983cd24fb0d6963f7d28e17f72"
    assert (answer["ObjectSize"], answer["StorageClass"]) == (3, "STANDARD")
    assert "ChecksumCRC32" in answer["Checksum"]


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        ({"ObjectLockLegalHoldStatus": "ON"}, "ObjectLockLegalHoldStatus"),
        ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}, "SSECustomer"),
        ({"GrantRead": "uri=x"}, "GrantRead"),
    ],
)
def test_what_is_not_honoured_is_refused_by_name(setting, extra, name):
    with pytest.raises(ClientError) as error:
        setting.s3.put_object(Bucket="data", Key="k", Body=b"", **extra)
    assert code_of(error) == "NotImplemented"
    assert name in str(error.value)


def test_an_operation_that_is_not_there_is_refused_by_name(setting):
    with pytest.raises(ClientError) as error:
        setting.s3.put_bucket_website(Bucket="data", WebsiteConfiguration={})
    assert code_of(error) == "NotImplemented"
    assert "PutBucketWebsite" in str(error.value)


def test_other_parts_of_the_cloud_have_quick_ways_in(setting, tmp_path):
    storage = setting.cloud.apis["s3"]
    (tmp_path / "in").write_bytes(b"z" * 5_000_000)

    storage.write("data", "a/one", b"1", content_type="text/plain")
    storage.upload(tmp_path / "in", "data", "a/two")
    storage.download("data", "a/two", tmp_path / "deep" / "out")

    assert storage.read("data", "a/one") == b"1"
    assert (tmp_path / "deep" / "out").read_bytes() == b"z" * 5_000_000
    assert storage.keys("data", "a/") == ["a/one", "a/two"]
    assert [event["detail"]["object"]["key"] for event in setting.events] == ["a/one", "a/two"]
    request = {"Bucket": "data", "Key": "a/one"}
    body = setting.cloud.call("s3", "GetObject", request)["Body"]
    assert body.read() == b"1"
