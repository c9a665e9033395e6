"""A seal holds while every byte, and the container in the registry, is what it was."""

from dataclasses import replace

import pytest

from everloop.decisions.seals import Contents, broken, container_digest, expected, gone
from everloop.errors import message_of
from everloop.records.seal import Seal

RUN = "s3://a/runs/m/1/model.tar.gz"
ENVIRONMENT = {"SAGEMAKER_PROGRAM": "inference.py"}
SEAL = Seal(
    version=3,
    package_arn="arn:p",
    container_digest=container_digest("image:1", RUN, ENVIRONMENT),
    source_uri=RUN,
    model_uri="s3://a/models/m/aa/model.tar.gz",
    model_digest="aa",
    bundle_uri="s3://a/bundles/m/bb/bundle.tar.gz",
    bundle_digest="bb",
    bundle_copy_uri="s3://a/models/m/bb/bundle.tar.gz",
)
INTACT = Contents(SEAL.container_digest, expected(SEAL))


def test_what_is_as_it_was_is_not_broken():
    assert broken(SEAL, INTACT) == []


@pytest.mark.parametrize("uri", expected(SEAL))
def test_another_digest_is_named_with_the_one_that_was(uri):
    (told,) = broken(SEAL, replace(INTACT, digests={**INTACT.digests, uri: "cc"}))
    assert told == f"{uri} was changed: its sha256 is cc, and was {expected(SEAL)[uri]}"


@pytest.mark.parametrize("uri", expected(SEAL))
def test_what_is_gone_from_all_its_places_is_named(uri):
    digest = expected(SEAL)[uri]
    left = {each: found for each, found in INTACT.digests.items() if found != digest}
    (told,) = broken(SEAL, replace(INTACT, digests=left))
    assert uri in told and "is gone" in told


@pytest.mark.parametrize(
    ("uri", "made_of"),
    [
        pytest.param(SEAL.model_uri, SEAL.source_uri, id="the sealed model"),
        pytest.param(SEAL.bundle_uri, SEAL.bundle_copy_uri, id="the bundle"),
        pytest.param(SEAL.bundle_copy_uri, SEAL.bundle_uri, id="its copy"),
    ],
)
def test_what_lies_in_its_other_place_is_not_broken_and_made_again(uri, made_of):
    found = replace(INTACT, digests={**INTACT.digests, uri: None})
    assert broken(SEAL, found) == []
    assert gone(SEAL, found) == [(uri, made_of)]


def test_a_seal_of_before_has_no_copy_of_its_bundle():
    old = replace(SEAL, bundle_copy_uri="")
    assert SEAL.bundle_copy_uri not in expected(old)
    (told,) = broken(old, Contents(old.container_digest, {**expected(old), old.bundle_uri: None}))
    assert told.startswith(f"{old.bundle_uri} is gone")


@pytest.mark.parametrize(
    ("image", "data", "environment"),
    [
        pytest.param("image:2", RUN, ENVIRONMENT, id="image"),
        pytest.param("image:1", "s3://a/runs/m/2/model.tar.gz", ENVIRONMENT, id="model data"),
        pytest.param("image:1", RUN, {**ENVIRONMENT, "LD_PRELOAD": "x.so"}, id="environment"),
    ],
)
def test_another_container_in_the_registry_breaks_the_seal(image, data, environment):
    found = replace(INTACT, container_digest=container_digest(image, data, environment))
    assert broken(SEAL, found) == [
        "the package's image, model data or environment was changed in the registry"
    ]


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        pytest.param('{"errorMessage": "no", "errorType": "E", "stackTrace": []}', "no"),
        pytest.param("plain words", "plain words"),
        pytest.param('["a"]', '["a"]'),
        pytest.param('{"errorMessage": 1}', '{"errorMessage": 1}'),
        pytest.param("[" * 100_000, "[" * 100_000),
        pytest.param(None, ""),
    ],
)
def test_of_an_error_of_lambda_its_message_is_told(cause, text):
    assert message_of({"Error": "E", "Cause": cause}) == text
