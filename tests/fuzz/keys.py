"""S3 keys: what was put is what is frozen, to the character, through S3's own event."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote_plus

from botocore.exceptions import ClientError
from functions.conftest import Account, new_clients
from fuzz.target import Check, Target
from hypothesis import assume
from hypothesis import strategies as st

import collect_data
import freeze_dataset
from everloop.aws import ledger, settings
from everloop.moments import moment
from everloop.records.installation import Installation
from everloop.spec import policy
from everloop.spec.model_spec import load_spec
from everloop_localcloud.cloud import started
from functions import conftest

_PARTS = st.one_of(
    st.sampled_from(
        [
            *("a b", "a+b", "a%20b", "a%2Bb", "100%", "%", "+", " ", "é", "e\u0301", "\U0001f600"),
            *("..", ".", "~", "&=?#", "'\"", "<a>", "\\", ":", ";", "\t", "\n", "\x01", "%00", "ß"),
            *(
                "a" * 300,
                "é" * 100,
                "日本語",
                "\u202e",
                "\ufeff",
                "{}",
                "$(id)",
                "*",
                "|",
                "`",
                "^",
            ),
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
)


@st.composite
def keys(draw: Any) -> tuple[list[str], bool]:
    """Return one to four keys below a model's folder; whether S3 names them URL-encoded."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        key = "/".join(draw(st.lists(_PARTS, min_size=1, max_size=3)))
        key += draw(st.sampled_from(["", "", ".csv", "/"]))
        if draw(st.integers(0, 9)) == 0:  # up to S3's limit, to the byte
            key += "x" * max(0, 1024 - len(f"data/k000000/{key}".encode()))
        assume(key and len(f"data/k000000/{key}".encode()) <= 1024)
        found.append(key)
    encoded = draw(st.booleans()) and len(found) == 1  # with more, one may be the other's code
    return list(dict.fromkeys(found)), encoded


@contextmanager
def _frozen(folder: Path) -> Iterator[Check]:
    cloud, front = started(folder / "cloud", strict=True)
    told: list[dict[str, Any]] = []
    end = cloud.on_event(told.append)
    environment = {**conftest._NAMES, "AWS_ENDPOINT_URL": cloud.url}
    try:
        with patch.dict(os.environ, environment), new_clients():
            settings.settings.cache_clear()
            account = Account(folder)
            account.client("s3").put_bucket_notification_configuration(
                Bucket=account.data, NotificationConfiguration={"EventBridgeConfiguration": {}}
            )
            text = conftest.SPEC.replace("[data]", "[data]\nkeep = 1")
            spec = policy.document(load_spec(text, name="k"))
            yield _checker(account, spec, told)
    finally:
        settings.settings.cache_clear()
        end()
        cloud.stop()
        front.stop()


def _checker(account: Account, spec: dict[str, Any], told: list[dict[str, Any]]) -> Check:
    number = 0

    def check(case: tuple[list[str], bool]) -> None:
        nonlocal number
        number += 1
        names, encoded = case
        model = f"k{number:06d}"
        wanted = []
        told.clear()
        for name in names:
            key = f"data/{model}/{name}"
            try:
                account.client("s3").put_object(Bucket=account.data, Key=key, Body=b"x")
            except ClientError as refused:  # a name that S3 takes of nobody
                assert refused.response["ResponseMetadata"]["HTTPStatusCode"] == 400
                continue
            if not key.endswith("/_SUCCESS"):
                wanted.append(key)
        events = [json.loads(json.dumps(event, default=str)) for event in told]
        created = [event for event in events if event["detail-type"] == "Object Created"]
        for event in created:
            if encoded:
                found = event["detail"]["object"]
                found["key"] = quote_plus(found["key"], safe="/")
        records = [{"messageId": str(i), "body": json.dumps(e)} for i, e in enumerate(created)]
        answer = collect_data.handler({"Records": records}, account.context)
        assert answer == {"batchItemFailures": []}
        if wanted:
            assert _manifest(account, spec, model) == sorted(wanted)

    return check


def _manifest(account: Account, spec: dict[str, Any], model: str) -> list[str]:
    """Freeze a model's window, and return the keys of its manifest."""
    uri, when = "s3://artefacts/bundle.tar.gz", moment("2026-11-20T10:00:00Z")
    ledger.install(Installation(model, spec, "0" * 64, uri, "s3://artefacts/jobs", "arn:p", when))
    request = {"model": model, "window": 1, "cause": "data", "time": "2126-11-20T10:00:00Z"}
    frozen = freeze_dataset.handler(request, account.context)
    bucket, _, key = frozen["dataset_uri"].removeprefix("s3://").partition("/")
    body = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return sorted(entry["key"] for entry in json.loads(body)["objects"])


TARGETS = [Target("S3 keys", keys(), _frozen, share=8)]
