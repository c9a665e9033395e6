"""Listings: order, prefixes, delimiters, pages."""

import pytest
from botocore.exceptions import ClientError

KEYS = ["a", "a/1", "a/2", "a/b/3", "b//x", "b/y", "ä", "z z+%"]


@pytest.fixture
def filled(setting):
    for key in reversed(KEYS):
        setting.s3.put_object(Bucket="data", Key=key, Body=b"x")
    return setting.s3


def keys_of(answer):
    return [item["Key"] for item in answer.get("Contents", [])]


def prefixes_of(answer):
    return [item["Prefix"] for item in answer.get("CommonPrefixes", [])]


def test_keys_come_in_the_order_of_their_bytes(filled):
    expected = sorted(KEYS, key=str.encode)
    assert keys_of(filled.list_objects_v2(Bucket="data")) == expected
    assert keys_of(filled.list_objects(Bucket="data")) == expected


@pytest.mark.parametrize(
    ("prefix", "delimiter", "keys", "prefixes"),
    [
        ("", "/", ["a", "z z+%", "ä"], ["a/", "b/"]),
        ("a/", "/", ["a/1", "a/2"], ["a/b/"]),
        ("b/", "/", ["b/y"], ["b//"]),
        ("a", "", ["a", "a/1", "a/2", "a/b/3"], []),
        ("", "/b", ["a", "a/1", "a/2", "b//x", "b/y", "z z+%", "ä"], ["a/b"]),
        ("nothing", "/", [], []),
    ],
)
def test_a_delimiter_folds_what_is_below_it(filled, prefix, delimiter, keys, prefixes):
    answer = filled.list_objects_v2(Bucket="data", Prefix=prefix, Delimiter=delimiter)
    assert (keys_of(answer), prefixes_of(answer)) == (keys, prefixes)
    assert answer["KeyCount"] == len(keys) + len(prefixes)


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_pages_hold_everything_once(filled, operation, size, delimiter):
    whole = getattr(filled, operation)(Bucket="data", Delimiter=delimiter)
    pages = list(
        filled.get_paginator(operation).paginate(
            Bucket="data", Delimiter=delimiter, PaginationConfig={"PageSize": size}
        )
    )
    assert [key for page in pages for key in keys_of(page)] == keys_of(whole)
    assert [prefix for page in pages for prefix in prefixes_of(page)] == prefixes_of(whole)
    assert all(len(keys_of(page)) + len(prefixes_of(page)) == size for page in pages[:-1])


def test_listing_starts_after_a_key(filled):
    answer = filled.list_objects_v2(Bucket="data", StartAfter="a/2")
    assert keys_of(answer)[0] == "a/b/3"
    answer = filled.list_objects_v2(Bucket="data", StartAfter="a/1", Delimiter="/")
    assert prefixes_of(answer) == ["a/", "b/"]  # a/2 is after, and folds into a/


def test_deleted_keys_of_a_versioned_bucket_are_not_listed(versioned):
    s3 = versioned.s3
    for key in ("a/1", "b"):
        s3.put_object(Bucket="data", Key=key, Body=b"x")
    s3.delete_object(Bucket="data", Key="a/1")
    answer = s3.list_objects_v2(Bucket="data", Delimiter="/")
    assert (keys_of(answer), prefixes_of(answer)) == (["b"], [])


def test_no_keys_at_all_is_no_error(filled):
    answer = filled.list_objects_v2(Bucket="data", MaxKeys=0)
    assert (keys_of(answer), answer["IsTruncated"]) == ([], False)


def test_a_token_that_is_none_is_refused(filled):
    with pytest.raises(ClientError) as error:
        filled.list_objects_v2(Bucket="data", ContinuationToken="\N{SNOWMAN}")
    assert error.value.response["Error"]["Code"] == "InvalidArgument"


def test_2500_keys_take_three_pages(setting):
    storage = setting.cloud.apis["s3"]
    for number in range(2500):
        storage.write("data", f"{number:05d}", b"")
    pages = list(setting.s3.get_paginator("list_objects_v2").paginate(Bucket="data"))
    assert [page["KeyCount"] for page in pages] == [1000, 1000, 500]
    assert len(storage.keys("data")) == 2500
