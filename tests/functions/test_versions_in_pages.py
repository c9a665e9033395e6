"""S3's versions are read in pages, as it gives them: each wanted key whole, and few calls."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from functions.conftest import Account, new_clients

from everloop.aws import clients, settings, storage
from everloop.decisions import objects
from everloop_localcloud.cloud import started
from functions import conftest

KEYS = [f"data/m/{name}" for name in ("a", "b", "b+", "c/1", "c/2", "d", "é", "日本")]


class Pages:
    """Lets S3 give pages of so many, and counts them."""

    def __init__(self) -> None:
        self.calls, self.size = 0, 3

    def __call__(self, params, **_) -> None:
        params["MaxKeys"] = self.size
        self.calls += 1


@pytest.fixture
def pages(tmp_path) -> Iterator[tuple[Account, Pages]]:
    cloud, front = started(tmp_path / "cloud", strict=True)
    try:
        with (
            patch.dict(os.environ, {**conftest._NAMES, "AWS_ENDPOINT_URL": cloud.url}),
            new_clients(),
        ):
            settings.settings.cache_clear()
            account, counted = Account(tmp_path), Pages()
            event = "before-parameter-build.s3.ListObjectVersions"
            clients.s3().meta.events.register(event, counted)
            for key in KEYS:
                for _ in range(2):
                    account.client("s3").put_object(Bucket=account.data, Key=key, Body=b"x")
            for _ in range(5):
                account.client("s3").put_object(Bucket=account.data, Key=KEYS[1], Body=b"y")
            account.client("s3").delete_object(Bucket=account.data, Key=KEYS[3])
            yield account, counted
    finally:
        settings.settings.cache_clear()
        cloud.stop()
        front.stop()


def counts(found):
    return {key: len(listed) for key, listed in found.items()}


def test_every_version_of_each_wanted_key_is_there_and_nothing_else(pages):
    account, counted = pages
    whole = {key: 2 for key in KEYS} | {KEYS[1]: 7, KEYS[3]: 3}
    assert counts(storage.versions_among(account.data, "data/m/", KEYS)) == whole
    some = [KEYS[1], KEYS[3], KEYS[7], "data/m/not there"]
    found = storage.versions_among(account.data, "data/m/", some)
    assert counts(found) == {key: whole[key] for key in some[:3]}
    assert [each.marker for each in found[KEYS[3]]].count(True) == 1
    counted.calls = 0
    storage.versions_among(account.data, "data/m/", [KEYS[7]])
    assert counted.calls == 2  # the first page, and the one that begins before the key


def test_so_many_calls_read_some_keys_whole_and_name_the_others(pages):
    account, counted = pages
    whole = storage.versions_among(account.data, "data/m/", KEYS)
    done, left, rounds = dict[str, list[objects.ListedVersion]](), set(KEYS), 0
    while left:
        counted.calls, before = 0, left
        found, left = storage.versions_within(account.data, "data/m/", left, 4)
        assert counted.calls <= 4
        assert set(found) == before - left
        done |= found
        rounds += 1
    assert {key: {one.version_id for one in listed} for key, listed in done.items()} == {
        key: {one.version_id for one in listed} for key, listed in whole.items()
    }
    assert rounds > 1


def test_a_walk_shows_each_key_once_with_its_newest_version(pages):
    account, _ = pages
    after, seen = "", []
    for _ in range(50):
        page, after = storage.versions_after(account.data, "data/", after)
        seen += [each for each in page if each.latest]
        if not after:
            break
    assert [each.key for each in sorted(seen, key=lambda each: each.key)] == KEYS
    assert len(seen) == len(KEYS)


def test_keys_on_either_side_of_a_page_are_read_once_and_whole(pages):
    account, counted = pages
    s3, versions = account.client("s3"), dict[str, set[str]]()
    # Neighbours of each other's markers, and ends that have no character just before them.
    for name in ("a", "a~", "a~x", "a/", "b", "b!", "b! ", "b\uff21", "b\U0001f600", "b\u00e9"):
        key = f"data/m/{name}"
        for _ in range(2):
            put = s3.put_object(Bucket=account.data, Key=key, Body=b"x")
            versions.setdefault(key, set()).add(put["VersionId"])
        if len(versions) % 2:
            gone = s3.delete_object(Bucket=account.data, Key=key)
            versions[key].add(gone["VersionId"])
    for size, left_out in [(1, None), (1, "data/m/a~x"), (2, "data/m/b"), (5, None)]:
        wanted = versions.keys() - {left_out}
        counted.calls, counted.size = 0, size
        found = storage.versions_among(account.data, "data/m/", wanted)
        seen = {key: {one.version_id for one in found[key]} for key in wanted}
        assert {key: ids & versions[key] for key, ids in seen.items()} == {
            key: versions[key] for key in wanted
        }
        one_each = {key: {(one.version_id, one.marker) for one in found[key]} for key in wanted}
        assert sum(map(len, one_each.values())) == sum(len(found[key]) for key in wanted)
