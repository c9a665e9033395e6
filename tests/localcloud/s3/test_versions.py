"""Versions, delete markers, and the events that tell of them."""

import pytest
from botocore.exceptions import ClientError


def test_every_write_is_a_version_that_can_be_read(versioned):
    s3 = versioned.s3
    first = s3.put_object(Bucket="data", Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket="data", Key="k", Body=b"2")["VersionId"]

    assert first != second
    assert s3.get_object(Bucket="data", Key="k")["VersionId"] == second
    old = s3.get_object(Bucket="data", Key="k", VersionId=first)
    assert old["Body"].read() == b"1"


def test_a_delete_marker_hides_an_object_until_it_is_deleted(versioned):
    s3 = versioned.s3
    kept = s3.put_object(Bucket="data", Key="k", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket="data", Key="k")

    assert marker["DeleteMarker"] is True
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="data", Key="k")
    assert error.value.response["Error"]["Code"] == "NoSuchKey"
    headers = error.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true"
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="data", Key="k", VersionId=marker["VersionId"])
    assert error.value.response["Error"]["Code"] == "MethodNotAllowed"

    s3.delete_object(Bucket="data", Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket="data", Key="k")["VersionId"] == kept


def test_versions_are_listed_newest_first(versioned):
    s3 = versioned.s3
    one = s3.put_object(Bucket="data", Key="a", Body=b"1")["VersionId"]
    two = s3.put_object(Bucket="data", Key="a", Body=b"22")["VersionId"]
    gone = s3.delete_object(Bucket="data", Key="a")["VersionId"]
    other = s3.put_object(Bucket="data", Key="b", Body=b"3")["VersionId"]

    listed = s3.list_object_versions(Bucket="data")

    versions = [(v["Key"], v["VersionId"], v["IsLatest"]) for v in listed["Versions"]]
    assert versions == [("a", two, False), ("a", one, False), ("b", other, True)]
    markers = [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]]
    assert markers == [(gone, True)]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_of_versions_hold_each_once(versioned, size):
    s3 = versioned.s3
    written = set()
    for key in ("a", "b/1", "b/2", "c"):
        for _ in range(3):
            written.add((key, s3.put_object(Bucket="data", Key=key, Body=b"x")["VersionId"]))
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket="data", PaginationConfig={"PageSize": size}
    )
    seen = [(v["Key"], v["VersionId"]) for page in pages for v in page.get("Versions", [])]
    assert len(seen) == 12
    assert set(seen) == written


def test_what_was_there_before_versioning_is_the_null_version(setting):
    s3 = setting.s3
    s3.put_object(Bucket="data", Key="k", Body=b"old")
    s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="data", Key="k", Body=b"new")

    assert s3.get_object(Bucket="data", Key="k", VersionId="null")["Body"].read() == b"old"
    s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket="data", Key="k", Body=b"newest")
    listed = s3.list_object_versions(Bucket="data")["Versions"]
    assert [v["VersionId"] == "null" for v in listed] == [True, False]


def test_a_copy_can_take_an_old_version(versioned):
    s3 = versioned.s3
    old = s3.put_object(Bucket="data", Key="k", Body=b"old")["VersionId"]
    s3.put_object(Bucket="data", Key="k", Body=b"new")
    answer = s3.copy_object(
        Bucket="data", Key="k", CopySource={"Bucket": "data", "Key": "k", "VersionId": old}
    )
    assert answer["CopySourceVersionId"] == old
    assert s3.get_object(Bucket="data", Key="k")["Body"].read() == b"old"


def test_an_unknown_version_is_named(versioned):
    versioned.s3.put_object(Bucket="data", Key="k", Body=b"x")
    with pytest.raises(ClientError) as error:
        versioned.s3.get_object(Bucket="data", Key="k", VersionId="0" * 32)
    assert error.value.response["Error"]["Code"] == "NoSuchVersion"
