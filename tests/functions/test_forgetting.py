"""Of a person who is forgotten nothing is left in what was made of their rows."""

from datetime import UTC, datetime, timedelta

import pytest
from functions.test_commands import MODEL, said, stack

from everloop.aws import ledger
from everloop.errors import BadInput
from everloop.flows import forgetting
from everloop.records.lease import MONITOR, RELEASE, SCORING, TRAINING
from everloop_cli.forgetting import objects
from everloop_cli.forgetting.subject import Subject
from everloop_jobs.privacy.masking import Masking

__all__ = ["stack"]
SPEC = {"data": {"key": "id", "columns": {}}}


def versions(account, prefix):
    listed = account.client("s3").list_object_versions(Bucket=account.artefacts, Prefix=prefix)
    return sorted(each["Key"] for each in listed.get("Versions", []))


def test_scores_of_batches_lose_the_row_and_what_they_were_made_with_goes_whole(account):
    batch, other = "scores/m/2026-11-20T100000-w1", "scores/m/2026-11-21T100000-w2"
    for place, key in ((batch, "7000"), (other, "8000")):
        for name, body in (
            ("may.csv", f"id,score\n{key},0.5\n7001,0.6\n"),
            ("manifest.json", '{"rows": 2}'),
            ("work/files/names.csv", f"id\n{key}\n7001\n"),
            ("work/requests/part-00000.csv", "1,2\n3,4\n"),
            ("work/answers/part-00000.csv.out", "0.5\n0.6\n"),
        ):
            account.put(f"s3://{account.artefacts}/{place}/{name}", body.encode())
    subject = Subject("id", "7000", False, Masking(SPEC, [], b"k"))
    objects.end(objects.made(account.artefacts, "m", subject).affected)
    assert versions(account, f"{batch}/") == [f"{batch}/manifest.json", f"{batch}/may.csv"]
    s3 = account.client("s3")
    left = s3.get_object(Bucket=account.artefacts, Key=f"{batch}/may.csv")["Body"].read()
    assert left == b"id,score\n7001,0.6\n"
    assert len(versions(account, f"{other}/")) == 5
    assert objects.made(account.artefacts, "m", subject).affected == []


@pytest.mark.parametrize("kind", [TRAINING, RELEASE, MONITOR, SCORING])
def test_what_has_read_rows_and_writes_them_yet_is_waited_for(account, kind):
    account.push()
    now = datetime.now(UTC)
    ledger.take_lease(MODEL, kind, "arn:it", None, now, now + timedelta(hours=1))
    with pytest.raises(BadInput, match=f"of {MODEL} is under way"):
        forgetting.note(MODEL, {}, "0" * 32, 1, "asked for", "somebody", now)
    assert not [each for each in account.decisions() if each["kind"] == "forget"]


@pytest.mark.parametrize("words", [(), ("--json",), ("--key", "-")])
def test_where_nobody_can_be_asked_nothing_is_deleted_without_a_yes(stack, capsys, words):
    stack.push()
    assert "say --yes" in said(capsys, "forget", MODEL, "--key", "7000", *words, code=2)
